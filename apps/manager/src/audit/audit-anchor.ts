import { readIfThere, writeFileAtomic } from "@sinter/kit";
import { type AuditHead, CHAIN_START } from "./audit.ts";

/**
 * A note, outside the database, of a record that once was: whoever empties the tables, or puts an older state of
 * them back, would otherwise leave a shorter chain that is whole.
 */
export class AuditAnchor {
  readonly #path: string;
  #written = CHAIN_START.sequence;

  constructor(path: string) {
    this.#path = path;
  }

  /** Never goes back to a shorter chain. */
  async write(head: AuditHead): Promise<void> {
    const noted = Math.max(this.#written, (await this.read())?.sequence ?? 0);
    if (head.sequence <= noted) return;
    await writeFileAtomic(this.#path, `${JSON.stringify({ sequence: head.sequence, hash: head.hash })}\n`);
    this.#written = head.sequence;
  }

  async read(): Promise<AuditHead | undefined> {
    const text = await readIfThere(this.#path);
    if (text === undefined) return undefined;
    const { sequence, hash } = JSON.parse(text) as Partial<AuditHead>; // written by us
    return typeof sequence === "number" && typeof hash === "string" ? { sequence, hash } : undefined;
  }
}
