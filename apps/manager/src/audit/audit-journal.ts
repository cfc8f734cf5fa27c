import { createHash, randomUUID } from "node:crypto";
import { open, rm } from "node:fs/promises";
import { readIfThere, writeFileAtomic } from "@sinter/kit";
import type { AuditEntry } from "./audit.ts";

/** Entries that the database could not take, with a name by which they are known as taken over. */
export interface JournalContent {
  readonly id: string;
  readonly entries: readonly AuditEntry[];
}

const NEW_LINE = 0x0a;

/**
 * A file for the time in which the database is away: one JSON line per entry, the first line names the journal. Kept
 * by one writer at a time.
 */
export class AuditJournal {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** Resolves when the entries are on the disk. */
  async append(entries: readonly AuditEntry[]): Promise<void> {
    const lines = entries.map((entry) => `${JSON.stringify(entry)}\n`).join("");
    if ((await readIfThere(this.#path)) === undefined) {
      await writeFileAtomic(this.#path, `${JSON.stringify({ journal: randomUUID() })}\n`);
    }
    const file = await open(this.#path, "a+", 0o600);
    try {
      // A line that a crash cut off must not swallow the next one.
      const { size } = await file.stat();
      const { buffer } = await file.read(Buffer.alloc(1), 0, 1, Math.max(0, size - 1));
      await file.appendFile(buffer[0] === NEW_LINE ? lines : `\n${lines}`);
      await file.sync();
    } finally {
      await file.close();
    }
  }

  /** Undefined when there is none. A line that a crash cut off was never answered to anybody, and falls away. */
  async read(): Promise<JournalContent | undefined> {
    const text = await readIfThere(this.#path);
    if (text === undefined) return undefined;
    const [head, ...lines] = text.split("\n").map(parseLine);
    const id = (head as { journal?: unknown } | undefined)?.journal;
    return {
      id: typeof id === "string" ? id : createHash("sha256").update(text).digest("base64url"),
      entries: lines.flatMap((line) => (isEntry(line) ? [{ ...line, at: new Date(line.at) }] : [])),
    };
  }

  async remove(): Promise<void> {
    await rm(this.#path, { force: true });
  }
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch {
    // Cut off in the middle: not an entry.
    return undefined;
  }
}

function isEntry(value: unknown): value is Omit<AuditEntry, "at"> & { at: string } {
  return typeof value === "object" && value !== null && "at" in value && "path" in value;
}
