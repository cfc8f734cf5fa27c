import type { Terminal } from "../terminal.ts";
import { createPaint, type Paint, wantsColour } from "./paint.ts";
import { type Column, renderTable } from "./table.ts";
import { clean, cleanLines, padEnd, widthOf } from "./text.ts";

/** A fact of an object's sheet: label and value; an empty value shows as `-`. */
export type Fact = readonly [label: string, value: string | number | null | undefined];

/**
 * Answers go to standard output, everything said about them to standard error. With `--json` standard output holds one
 * JSON document of wire objects, and nothing is said.
 */
export interface Printer {
  readonly isJson: boolean;
  readonly paint: Paint;
  list<T>(items: readonly T[], columns: readonly Column<T>[], wire?: unknown): void;
  /** One object as a sheet of facts, with tables below. */
  sheet(wire: unknown, facts: readonly Fact[], tables?: readonly Section[]): void;
  /** The end of an operation: a sentence for a person, the wire's object for a program. */
  done(sentence: string, wire: unknown): void;
  /** Text as it is, for instance a command to paste. */
  raw(text: string, wire: unknown): void;
  note(text: string): void;
  warn(text: string): void;
}

export interface Section {
  readonly title: string;
  /** The table, or `""` to leave the section out. */
  readonly text: string;
}

const COLUMNS_WITHOUT_TERMINAL = 80;

export function createPrinter(terminal: Terminal, isJson: boolean): Printer {
  const { stdout, stderr } = terminal;
  const paint = createPaint(!isJson && wantsColour(stdout, terminal.env));
  const errorPaint = createPaint(wantsColour(stderr, terminal.env));
  const say = (text: string) => stdout.write(`${text}\n`);
  const json = (value: unknown) => say(jsonText(value));
  const look = {
    isTerminal: stdout.isTTY === true,
    columns: stdout.columns ?? COLUMNS_WITHOUT_TERMINAL,
    paint,
  };
  return {
    isJson,
    paint,
    list(items, columns, wire = items) {
      if (isJson) json(wire);
      else say(renderTable(items, columns, look));
    },
    sheet(wire, facts, tables = []) {
      if (isJson) {
        json(wire);
        return;
      }
      const width = Math.max(...facts.map(([label]) => widthOf(label))) + 2;
      for (const [label, value] of facts) {
        const text = value === null || value === undefined || value === "" ? "-" : clean(String(value));
        say(`${paint.bold(padEnd(label, width))}${text}`);
      }
      for (const { title, text } of tables) if (text !== "") say(`\n${paint.bold(title)}\n${text}`);
    },
    done(sentence, wire) {
      if (isJson) json(wire);
      else say(clean(sentence));
    },
    raw(text, wire) {
      if (isJson) json(wire);
      else say(text);
    },
    note(text) {
      if (!isJson) stderr.write(`${cleanLines(text)}\n`);
    },
    warn(text) {
      stderr.write(`${errorPaint.yellow("Warning:")} ${cleanLines(text)}\n`);
    },
  };
}

/** For `sheet`: a table below the facts. */
export function section<T>(
  printer: Printer,
  title: string,
  items: readonly T[],
  columns: readonly Column<T>[],
): Section {
  const look = { isTerminal: false, columns: COLUMNS_WITHOUT_TERMINAL, paint: printer.paint };
  return { title, text: items.length === 0 ? "" : renderTable(items, columns, look) };
}

/** JSON escapes control characters below 0x20 alone; the others could still reach a terminal's parser. */
function jsonText(value: unknown): string {
  return JSON.stringify(value, null, 2).replace(
    // oxlint-disable-next-line no-control-regex
    /[\u007f-\u009f]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
