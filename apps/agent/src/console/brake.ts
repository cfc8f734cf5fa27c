import { type Clock, KeyedQueue } from "@sinter/kit";

const FIRST_WAIT_MS = 500;
const WAIT_MS_MAX = 8_000;
/** Failures are forgotten after this. */
const MEMORY_MS = 10 * 60_000;
const PEERS_MAX = 1_000;

interface Record {
  failures: number;
  lastAt: number;
}

/**
 * Slows down who tries passwords: the answers of one peer are looked at one after the other, and each wrong one doubles
 * the wait for the next, whatever number of connections they come on. Who was never wrong does not wait.
 */
export class Brake {
  readonly #clock: Clock;
  readonly #turns = new KeyedQueue();
  readonly #records = new Map<string, Record>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  judge(peer: string, isRight: () => boolean): Promise<boolean> {
    return this.#turns.run(peer, async () => {
      const waitMs = this.#waitOf(peer);
      if (waitMs > 0) await this.#clock.sleep(waitMs);
      const result = isRight();
      if (result) this.#records.delete(peer);
      else this.#count(peer);
      return result;
    });
  }

  #waitOf(peer: string): number {
    const record = this.#records.get(peer);
    if (record === undefined) return 0;
    const wait = Math.min(FIRST_WAIT_MS * 2 ** (record.failures - 1), WAIT_MS_MAX);
    return Math.max(record.lastAt + wait - this.#clock.now(), 0);
  }

  #count(peer: string): void {
    const now = this.#clock.now();
    const failures = (this.#records.get(peer)?.failures ?? 0) + 1;
    // Last of the map: the oldest are forgotten first.
    this.#records.delete(peer);
    this.#records.set(peer, { failures, lastAt: now });
    for (const [other, { lastAt }] of this.#records) {
      if (this.#records.size <= PEERS_MAX && now - lastAt < MEMORY_MS) break;
      this.#records.delete(other);
    }
  }
}
