import Table from "cli-table3";
import type { Paint } from "./paint.ts";
import { clean, fit, padEnd, padStart, widthOf } from "./text.ts";

export interface Column<T> {
  readonly head: string;
  readonly value: (item: T) => string | number | null | undefined;
  /** Numbers stand at the right. */
  readonly isNumber?: boolean;
  /** Colour by content, on a terminal. */
  readonly style?: (text: string, paint: Paint) => string;
}

export interface TableLook {
  /** A frame-free cli-table3 cut to `columns`; otherwise plain aligned text of any width, for other programs. */
  readonly isTerminal: boolean;
  readonly columns: number;
  readonly paint: Paint;
}

const GAP = 2;
/** A column is never cut below this: an id must stay readable. */
const COLUMN_WIDTH_MIN = 10;

/** Lines without the last line break. */
export function renderTable<T>(items: readonly T[], columns: readonly Column<T>[], look: TableLook): string {
  const cells = items.map((item) => columns.map((column) => cellText(column.value(item))));
  return look.isTerminal ? onTerminal(cells, columns, look) : plain(cells, columns);
}

function cellText(value: string | number | null | undefined): string {
  return value === null || value === undefined || value === "" ? "-" : clean(String(value));
}

function plain(cells: readonly string[][], columns: readonly Column<never>[]): string {
  const rows = [columns.map((column) => column.head), ...cells];
  const widths = columns.map((_, index) => Math.max(...rows.map((row) => widthOf(row[index] ?? ""))));
  return rows
    .map((row) =>
      row
        .map((cell, index) => (columns[index]?.isNumber ? padStart : padEnd)(cell, widths[index] ?? 0))
        .join(" ".repeat(GAP))
        .trimEnd(),
    )
    .join("\n");
}

function onTerminal(cells: readonly string[][], columns: readonly Column<never>[], look: TableLook): string {
  const natural = columns.map((column, index) =>
    Math.max(widthOf(column.head), ...cells.map((row) => widthOf(row[index] ?? ""))),
  );
  const widths = narrow(natural, look.columns - GAP * (columns.length - 1));
  const table = new Table({
    chars: NO_FRAME,
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0, compact: true },
    colAligns: columns.map((column) => (column.isNumber ? "right" : "left")),
  });
  table.push(columns.map((column, index) => look.paint.bold(fit(column.head, widths[index] ?? 0))));
  for (const row of cells) {
    table.push(
      row.map((cell, index) => {
        const text = fit(cell, widths[index] ?? 0);
        return columns[index]?.style?.(text, look.paint) ?? text;
      }),
    );
  }
  return table
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
}

/** Takes from the widest column again and again until all fit, or none may be cut further. */
function narrow(natural: readonly number[], room: number): number[] {
  const widths = [...natural];
  const total = () => widths.reduce((sum, width) => sum + width, 0);
  while (total() > room) {
    const widest = Math.max(...widths);
    if (widest <= COLUMN_WIDTH_MIN) break;
    widths[widths.indexOf(widest)] = widest - 1;
  }
  return widths;
}

const NO_FRAME = {
  top: "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  bottom: "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  left: "",
  "left-mid": "",
  mid: "",
  "mid-mid": "",
  right: "",
  "right-mid": "",
  middle: " ".repeat(GAP),
} as const;
