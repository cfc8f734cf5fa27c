import type { Clock, Log } from "@sinter/kit";

interface Window {
  readonly startedAt: number;
  admitted: number;
  left: number;
}

const WINDOW_MS = 60_000;
/** Records of refused calls of nobody, per address and minute. */
const ADMITTED_MAX = 60;
const CLIENTS_MAX = 10_000;

/**
 * Keeps clients who are not logged in from filling the disk with records of what they were refused. What is left out
 * is counted in the log. Calls of users, and calls that succeeded, are always recorded.
 */
export class RefusalLimit {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #windows = new Map<string, Window>();

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  admits(clientAddress: string): boolean {
    const now = this.#clock.now();
    let window = this.#windows.get(clientAddress);
    if (!window || now - window.startedAt >= WINDOW_MS) {
      if (window && window.left > 0) this.#report(clientAddress, window);
      window = { startedAt: now, admitted: 0, left: 0 };
      this.#windows.delete(clientAddress);
      this.#windows.set(clientAddress, window);
      this.#forgetOldest();
    }
    if (window.admitted >= ADMITTED_MAX) {
      if (window.left === 0)
        this.#log.warn({ clientAddress }, "refused calls of a client are no longer recorded one by one");
      window.left++;
      return false;
    }
    window.admitted++;
    return true;
  }

  #forgetOldest(): void {
    if (this.#windows.size <= CLIENTS_MAX) return;
    for (const [clientAddress, window] of this.#windows) {
      if (window.left > 0) this.#report(clientAddress, window);
      this.#windows.delete(clientAddress);
      return;
    }
  }

  #report(clientAddress: string, window: Window): void {
    this.#log.warn({ clientAddress, calls: window.left }, "refused calls were left out of the audit records");
  }
}
