import { AppError } from "@sinter/kit/errors";
import { kindOf } from "./error-kinds.ts";

/**
 * A refusal by the manager, or a task that failed. `errorCode` is the contract's number, `message` its text in the
 * client's language; `kind` and `retryable` say what a caller can do about it.
 */
export class ApiError extends AppError {
  /** HTTP status; 200 for the failure of a task, which is told in its body. */
  readonly status: number;
  /** Eight digits of the contract's table; `""` when the answer carried none. */
  readonly errorCode: string;

  constructor(status: number, errorCode: string, message: string, details: ApiErrorDetails = {}) {
    super(kindOf(status, errorCode), errorCode === "" ? `HTTP_${status}` : errorCode, message, details);
    this.name = "ApiError";
    this.status = status;
    this.errorCode = errorCode;
  }
}

interface ApiErrorDetails {
  readonly params?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

export const clientErrors = {
  unreachable: (url: string, why: string, cause: unknown) =>
    new AppError("unavailable", "MANAGER_UNREACHABLE", `The manager at ${url} does not answer: ${why}.`, {
      params: { url },
      cause,
    }),
  tooSlow: (url: string, timeoutMs: number, cause: unknown) =>
    new AppError(
      "unavailable",
      "MANAGER_TOO_SLOW",
      `The manager at ${url} did not answer within ${timeoutMs / 1000} s.`,
      { params: { url, timeoutMs }, cause },
    ),
  untrusted: (url: string, why: string, cause?: unknown) =>
    new AppError("forbidden", "MANAGER_UNTRUSTED", `The certificate of ${url} is not trusted: ${why}.`, {
      params: { url },
      cause,
    }),
  notAManager: (url: string, what: string) =>
    new AppError("internal", "NOT_A_MANAGER", `What answers at ${url} is not a Sinter manager: ${what}.`, {
      params: { url },
    }),
  notLoggedIn: () =>
    new AppError("unauthenticated", "NOT_LOGGED_IN", "There is no session and no password to begin one."),
  referenceInvalid: (text: string) =>
    new AppError("invalid", "REFERENCE_INVALID", `"${text.slice(0, 96)}" is neither a URN nor a URI.`),
  consoleLost: (why: string) =>
    new AppError("unavailable", "CONSOLE_LOST", `The console was cut off: ${why}.`),
  waitedTooLong: (taskUri: string, timeoutMs: number) =>
    new AppError(
      "unavailable",
      "TASK_TIMEOUT",
      `The task ${taskUri} did not end within ${timeoutMs / 1000} s; it goes on.`,
      { params: { taskUri, timeoutMs } },
    ),
};
