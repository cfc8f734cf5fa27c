import { type Clock, systemClock } from "./clock.ts";
import { AppError } from "./errors.ts";

export interface RetryOptions {
  /** Attempts in all, first one included; default 5. */
  readonly attempts?: number;
  /** Pause before the second attempt; doubles each time, with jitter; default 100 ms. */
  readonly firstDelayMs?: number;
  /** Longest pause; default 5,000 ms. */
  readonly delayMsMax?: number;
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
  /** Default: an AppError that says so of itself. */
  readonly isRetryable?: (error: unknown) => boolean;
}

/** Runs `work` again while it fails with something retryable, within a bound; then throws the last failure. */
export async function retry<T>(work: () => Promise<T>, options: RetryOptions = {}): Promise<T> {
  const clock = options.clock ?? systemClock;
  const attempts = options.attempts ?? 5;
  const isRetryable = options.isRetryable ?? ((error) => error instanceof AppError && error.retryable);
  let delayMs = options.firstDelayMs ?? 100;
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (attempt >= attempts || !isRetryable(error)) throw error;
      await clock.sleep(delayMs * (0.75 + Math.random() / 2), options.signal);
      delayMs = Math.min(delayMs * 2, options.delayMsMax ?? 5_000);
    }
  }
}

/** Polls `probe` until it gives a value, or throws `unavailable` naming what was awaited. */
export async function waitFor<T>(
  what: string,
  probe: () => Promise<T | undefined> | T | undefined,
  options: { timeoutMs: number; intervalMs?: number; signal?: AbortSignal; clock?: Clock },
): Promise<T> {
  const clock = options.clock ?? systemClock;
  const deadline = clock.now() + options.timeoutMs;
  for (;;) {
    const value = await probe();
    if (value !== undefined) return value;
    if (clock.now() >= deadline) {
      throw new AppError(
        "unavailable",
        "WAITED_IN_VAIN",
        `${what} did not happen within ${options.timeoutMs} ms.`,
      );
    }
    await clock.sleep(options.intervalMs ?? 100, options.signal);
  }
}
