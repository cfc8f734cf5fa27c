import { AppError } from "@sinter/kit";
import { runProgram } from "../programs.ts";

/** A row of Open vSwitch's database, with sets and maps as arrays and objects. */
export type OvsRow = Readonly<Record<string, OvsValue>>;
export type OvsValue = string | number | boolean | readonly OvsValue[] | { readonly [key: string]: OvsValue };

const TIMEOUT_S = 10;

/**
 * Open vSwitch through ovs-vsctl. One `transact` is one transaction: all of its commands happen or none, and it
 * returns when the datapath has followed.
 */
export class OvsVsctl {
  readonly #base: readonly string[];

  /** `database` as `unix:/path`; default ovs-vsctl's own. */
  constructor(database: string | undefined) {
    this.#base = [`--timeout=${TIMEOUT_S}`, ...(database === undefined ? [] : [`--db=${database}`])];
  }

  async transact(...commands: readonly (readonly string[])[]): Promise<string> {
    return await this.#run(
      commands.flatMap((command, index) => (index === 0 ? command : ["--", ...command])),
    );
  }

  /** All rows of each table, these columns; read in one transaction, so that references between them hold. */
  async list<T extends string>(tables: Readonly<Record<T, readonly string[]>>): Promise<Record<T, OvsRow[]>> {
    const names = Object.keys(tables) as T[]; // Object.keys forgets the key type
    const commands = names.map((table) => [`--columns=${tables[table].join(",")}`, "list", table]);
    const text = await this.#run(["--format=json", ...joined(commands)]);
    const answers = text.split("\n").filter((line) => line !== "");
    return Object.fromEntries(
      names.map((table, index) => [table, parseRows(answers[index] ?? "")]),
    ) as Record<T, OvsRow[]>; // one line a table, in their order
  }

  /** The version of the tools, such as "3.1.0". */
  async version(): Promise<string> {
    const { stdout } = await runProgram("ovs-vsctl", ["--version"]);
    return /Open vSwitch\) (\S+)/.exec(stdout)?.[1] ?? "unknown";
  }

  async #run(args: readonly string[]): Promise<string> {
    try {
      const { stdout } = await runProgram("ovs-vsctl", [...this.#base, ...args], {
        timeoutMs: (TIMEOUT_S + 5) * 1000,
      });
      return stdout;
    } catch (error) {
      if (
        error instanceof AppError &&
        /database connection failed|signal 14|Alarm clock/.test(error.message)
      ) {
        throw new AppError(
          "unavailable",
          "OPEN_VSWITCH_AWAY",
          "Open vSwitch on this host does not answer. Check ovsdb-server and ovs-vswitchd.",
          { cause: error },
        );
      }
      throw error;
    }
  }
}

function joined(commands: readonly (readonly string[])[]): string[] {
  return commands.flatMap((command, index) => (index === 0 ? [...command] : ["--", ...command]));
}

/** A value as ovs-vsctl wants it, whatever characters are in it. */
export function quoted(value: string): string {
  return JSON.stringify(value);
}

export function parseRows(text: string): OvsRow[] {
  // The shape is RFC 7047's.
  if (text.trim() === "") return [];
  const { headings, data } = JSON.parse(text) as { headings: string[]; data: unknown[][] };
  return data.map((row) =>
    Object.fromEntries(headings.map((heading, index) => [heading, plain(row[index])])),
  );
}

/** RFC 7047 writes sets as ["set", […]] (one element stands bare), maps as ["map", [[k, v], …]], ids as ["uuid", "…"]. */
function plain(value: unknown): OvsValue {
  if (!Array.isArray(value)) return value as OvsValue; // a string, number or boolean
  const [kind, content] = value as [string, unknown];
  if (kind === "set") return (content as unknown[]).map(plain);
  if (kind === "map") {
    return Object.fromEntries((content as [string, unknown][]).map(([key, one]) => [key, plain(one)]));
  }
  return String(content);
}

/** A column that holds a string or nothing. */
export function textOf(value: OvsValue | undefined): string {
  return typeof value === "string" ? value : "";
}

/** A column that may hold any number of values, as an array. */
export function listOf(value: OvsValue | undefined): readonly OvsValue[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}

/** A column of key and value pairs. */
export function mapOf(value: OvsValue | undefined): Readonly<Record<string, OvsValue>> {
  return typeof value === "object" && !Array.isArray(value) ? (value as Record<string, OvsValue>) : {};
}
