import { AppError } from "@sinter/kit";
import { isDatabaseAway, isSerializationFailure } from "./database-errors.ts";

/** How often and how patiently a step is tried again. */
export interface RetryPolicy {
  /** Attempts in all, the first included. */
  readonly attempts: number;
  /** Pause before the second attempt; doubles each time. */
  readonly firstDelayMs: number;
  /** Longest pause. */
  readonly delayMsMax: number;
}

export interface RetryPolicies {
  /** A step that failed with something retryable, before it is taken back: 6 attempts in some 30 s. */
  readonly run: RetryPolicy;
  /** An undo that failed with anything, before the task is stuck: 12 attempts in some 6 minutes. */
  readonly undo: RetryPolicy;
  /** A step after the point of no return that failed with anything, before the task is stuck: some 15 minutes. */
  readonly noReturn: RetryPolicy;
}

export const DEFAULT_RETRY_POLICIES: RetryPolicies = {
  run: { attempts: 6, firstDelayMs: 1_000, delayMsMax: 15_000 },
  undo: { attempts: 12, firstDelayMs: 1_000, delayMsMax: 60_000 },
  noReturn: { attempts: 20, firstDelayMs: 1_000, delayMsMax: 60_000 },
};

/** Pause after the given number of failures; up to a fifth shorter, so that what failed together does not return together. */
export function delayAfter(failures: number, policy: RetryPolicy): number {
  const fullMs = Math.min(policy.firstDelayMs * 2 ** (failures - 1), policy.delayMsMax);
  return fullMs * (1 - Math.random() / 5);
}

/** Whether the same step may succeed later: what says so of itself, and our own database being away. */
export function isRetryable(error: unknown): boolean {
  if (error instanceof AppError) return error.retryable;
  return isDatabaseAway(error) || isSerializationFailure(error);
}
