import type { Log } from "@sinter/kit";
import type { Database } from "../database/database.ts";
import { type AuditEntry, type AuditHead, CHAIN_START, sealEntry, sealHead } from "./audit.ts";
import { AuditJournal } from "./audit-journal.ts";
import { auditStore, type StoredHead } from "./audit.store.ts";

/*
 * Writing the chain.
 *
 * | at the same time                         | what makes it safe                                                     |
 * |------------------------------------------|------------------------------------------------------------------------|
 * | many calls of one manager                | one writer; what arrives while it commits goes into its next commit     |
 * | two managers                             | the row of the head is held while records are appended                 |
 * | an answer and a crash after it           | `record` resolves only when the entry is committed or in the journal    |
 * | a commit and a crash before the journal  | the head remembers the journal it took over                            |
 * | is deleted                               |                                                                        |
 */

/** Records per commit: bounds the length of one statement. */
const BATCH_MAX = 500;

export class AuditWriter implements AsyncDisposable {
  readonly #database: Database;
  readonly #key: Buffer;
  readonly #journal: AuditJournal;
  readonly #log: Log;
  readonly #waiting: { entry: AuditEntry; done: () => void; failed: (error: unknown) => void }[] = [];
  #running: Promise<void> | undefined;
  /** Whether the journal may hold something. */
  #mayHaveJournal = true;

  constructor(options: { database: Database; key: Buffer; journalFile: string; log: Log }) {
    this.#database = options.database;
    this.#key = options.key;
    this.#journal = new AuditJournal(options.journalFile);
    this.#log = options.log;
  }

  /** Resolves when the entry will outlive this process. Rejects only when neither database nor disk takes it. */
  record(entry: AuditEntry): Promise<void> {
    return new Promise((done, failed) => {
      this.#waiting.push({ entry, done, failed });
      this.#running ??= this.#drain();
    });
  }

  /** Takes over what a journal holds, when the database is back. Gives whether none is left. */
  async takeOverJournal(): Promise<boolean> {
    while (this.#running) await this.#running;
    this.#running = this.#commit([])
      .catch((error: unknown) => this.#log.warn({ err: error }, "audit records still wait in the journal"))
      .finally(() => {
        this.#running = this.#waiting.length > 0 ? this.#drain() : undefined;
      });
    await this.#running;
    return !this.#mayHaveJournal;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    while (this.#running) await this.#running;
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, BATCH_MAX);
      const entries = batch.map(({ entry }) => entry);
      try {
        await this.#commit(entries).catch((error: unknown) => this.#writeJournal(entries, error));
        for (const { done } of batch) done();
      } catch (error) {
        for (const { failed } of batch) failed(error);
      }
    }
    this.#running = undefined;
  }

  async #commit(entries: readonly AuditEntry[]): Promise<void> {
    const journal = this.#mayHaveJournal ? await this.#journal.read() : undefined;
    if (entries.length > 0 || journal) {
      await this.#database.transaction(async ({ db }) => {
        const store = auditStore(db);
        const head = await store.lockHead(sealHead(this.#key, CHAIN_START));
        const isNew = journal !== undefined && journal.id !== head.lastJournal;
        const all = isNew ? [...journal.entries, ...entries] : entries;
        const { records, end } = this.#seal(head, all);
        for (let from = 0; from < records.length || from === 0; from += BATCH_MAX) {
          await store.append(records.slice(from, from + BATCH_MAX), {
            ...end,
            seal: sealHead(this.#key, end),
            lastJournal: isNew ? journal.id : head.lastJournal,
          });
        }
      });
    }
    if (journal) await this.#journal.remove();
    this.#mayHaveJournal = false;
  }

  #seal(head: StoredHead, entries: readonly AuditEntry[]) {
    let end: AuditHead = { sequence: head.sequence, hash: head.hash };
    if (head.seal !== sealHead(this.#key, end)) {
      this.#log.error({ sequence: head.sequence }, "the end of the audit chain was changed by somebody else");
      // Follows nothing, so that checking the chain finds this place for ever.
      end = { sequence: head.sequence, hash: "broken" };
    }
    const records = entries.map((entry) => {
      const record = sealEntry(this.#key, end, entry);
      end = { sequence: record.sequence, hash: record.hash };
      return record;
    });
    return { records, end };
  }

  async #writeJournal(entries: readonly AuditEntry[], cause: unknown): Promise<void> {
    this.#log.warn({ err: cause, entries: entries.length }, "audit records go to the journal");
    this.#mayHaveJournal = true;
    await this.#journal.append(entries);
  }
}
