import type { Clock } from "@sinter/kit";

const WRITE_INTERVAL_MS = 250;

/** Turns fractions of weighted steps into the task's percentage. */
export class ProgressScale {
  readonly #weights: readonly number[];
  readonly #total: number;

  constructor(weights: readonly number[]) {
    this.#weights = weights;
    this.#total = weights.reduce((sum, weight) => sum + weight, 0);
  }

  /** 0 to 99; 100 is kept for the end. `fraction` is that of the step at `position`, all before it being done. */
  percent(position: number, fraction: number): number {
    if (this.#total === 0) return 0;
    const before = this.#weights.slice(0, position).reduce((sum, weight) => sum + weight, 0);
    const within = (this.#weights[position] ?? 0) * Math.min(Math.max(fraction, 0), 1);
    return Math.min(Math.floor((100 * (before + within)) / this.#total), 99);
  }
}

/** Lets work through at once and then at most every quarter of a second; the last request is never lost. */
export class Throttle {
  readonly #clock: Clock;
  readonly #work: () => Promise<void>;
  #isWanted = false;
  #lastAt = Number.NEGATIVE_INFINITY;
  #waiting: AbortController | undefined;
  #round: Promise<void> | undefined;

  constructor(clock: Clock, work: () => Promise<void>) {
    this.#clock = clock;
    this.#work = work;
  }

  request(): void {
    this.#isWanted = true;
    this.#round ??= this.#run();
  }

  /** Drops what has not begun, because something newer is about to be written; resolves when nothing is under way. */
  async quiet(): Promise<void> {
    this.#isWanted = false;
    this.#waiting?.abort();
    await this.#round;
  }

  async #run(): Promise<void> {
    // Nothing may happen before `#round` is set by the caller.
    await Promise.resolve();
    while (this.#isWanted) {
      await this.#pause(this.#lastAt + WRITE_INTERVAL_MS - this.#clock.now());
      if (!this.#isWanted) break;
      this.#isWanted = false;
      this.#lastAt = this.#clock.now();
      await this.#work();
    }
    this.#round = undefined;
  }

  async #pause(ms: number): Promise<void> {
    if (ms <= 0) return;
    this.#waiting = new AbortController();
    // Rejects only when `quiet` has ended it.
    await this.#clock.sleep(ms, this.#waiting.signal).catch(() => {});
    this.#waiting = undefined;
  }
}
