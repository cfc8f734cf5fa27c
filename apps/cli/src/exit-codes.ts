import { AppError, type ErrorKind } from "@sinter/kit/errors";
import { ApiError, TaskFailure } from "@sinter/client";

/** What a script can tell from how `sinter` ended. The table in README.md says the same. */
export const EXIT = {
  ok: 0,
  /** The operation was tried and failed. */
  failed: 1,
  /** The command line is wrong; nothing was tried. */
  usage: 2,
  /** Nobody is logged in, or the session has ended. */
  notLoggedIn: 3,
  /** What was named does not exist. */
  notFound: 4,
  /** The object is in another state, or busy. */
  conflict: 5,
  /** The manager does not answer, or is not trusted. */
  unreachable: 6,
  /** Ctrl-C. */
  interrupted: 130,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

const UNREACHABLE_CODES = new Set([
  "MANAGER_UNREACHABLE",
  "MANAGER_TOO_SLOW",
  "MANAGER_UNTRUSTED",
  "NOT_A_MANAGER",
]);
/** Statuses of a manager that is there and cannot work yet, or of a proxy before it. */
const AWAY_STATUSES = new Set([502, 503, 504]);

export function exitCodeOf(error: unknown): ExitCode {
  if (!(error instanceof AppError)) return EXIT.failed;
  if (error.code === "INTERRUPTED") return EXIT.interrupted;
  // A task that was begun and failed is a failed operation, whatever its reason.
  if (error instanceof TaskFailure) return EXIT.failed;
  if (UNREACHABLE_CODES.has(error.code)) return EXIT.unreachable;
  if (error instanceof ApiError && AWAY_STATUSES.has(error.status)) return EXIT.unreachable;
  // The manager's "invalid" is about values that only it can judge; ours is about the command line.
  if (error.kind === "invalid") return error instanceof ApiError ? EXIT.failed : EXIT.usage;
  return BY_KIND[error.kind];
}

const BY_KIND: Readonly<Record<Exclude<ErrorKind, "invalid">, ExitCode>> = {
  unauthenticated: EXIT.notLoggedIn,
  forbidden: EXIT.failed,
  notFound: EXIT.notFound,
  conflict: EXIT.conflict,
  exhausted: EXIT.failed,
  unavailable: EXIT.failed,
  cancelled: EXIT.failed,
  internal: EXIT.failed,
};
