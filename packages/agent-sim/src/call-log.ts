import type { CallName } from "@sinter/southbound";

/** One call as an agent received it. */
export interface CallRecord {
  readonly name: CallName;
  readonly input: Readonly<Record<string, unknown>>;
  readonly operationId: string | undefined;
  /** Epoch milliseconds on the host's clock. */
  readonly at: number;
  /** `pending` until it is answered, then `ok` or the code of its failure. */
  outcome: string;
}

/** The latest calls, for assertions; older ones are forgotten so that a long run does not fill the memory. */
export class CallLog {
  readonly #limit: number;
  #records: CallRecord[] = [];
  /** All calls ever, also those forgotten. */
  total = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(record: CallRecord): void {
    this.total++;
    if (this.#limit === 0) return;
    this.#records.push(record);
    // Cut now and then, and not at each call.
    if (this.#records.length > 2 * this.#limit) this.#records = this.#records.slice(-this.#limit);
  }

  /** Oldest first; those of one name, or all. */
  list(name?: CallName): CallRecord[] {
    const recent = this.#records.slice(-this.#limit);
    return name === undefined ? recent : recent.filter((record) => record.name === name);
  }

  clear(): void {
    this.#records = [];
  }
}
