import { AppError, type ErrorKind } from "@sinter/kit/errors";

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

/**
 * Codes by which the contract says "there is no such thing" and "right request, wrong moment". It sends both with
 * status 400, because some clients drop the body of a 404, so that the status alone does not tell them apart.
 */
const NOT_FOUND = codes(`
  10000008 10000020 10100306 10100307 10100502 10200116 10200120 10200258 10300001 10300011 10300027
  10300028 10300078 10300109 10300341 10300621 10410006 10410013 10420004 10430010 10430051 10500001
  10512003 10540010 10800110
`);
const CONFLICT = codes(`
  10000009 10100305 10100312 10100314 10100501 10100503 10200104 10200108 10200122 10200124 10200125
  10200133 10200155 10200156 10200157 10200302 10200304 10200305 10200308 10200315 10300015 10300021
  10300029 10300030 10300037 10300045 10300057 10300074 10300076 10300091 10300092 10300093 10300094
  10300097 10300098 10300101 10300112 10300114 10300162 10300165 10300318 10300320 10300415 10300421
  10300451 10300470 10410052 10410154 10420005 10420009 10420124 10420138 10420141 10540109 10800001
  10800002 10800003 10800004 10800119 10800122
`);
const LOGIN_REFUSED = codes(`
  10000002 10100103 10100108 10100109 10100112 10100113 10100116 10100117 10100118 10100353 10100354
`);
const AWAY = codes(`
  10000005 10000006 10000007 10200159 10200300
`);

function kindOf(status: number, errorCode: string): ErrorKind {
  if (status === 401 || LOGIN_REFUSED.has(errorCode)) return "unauthenticated";
  if (status === 403 || errorCode === "10000003") return "forbidden";
  if (errorCode === "10800006") return "cancelled";
  if (AWAY.has(errorCode) || status === 502 || status === 503 || status === 504) return "unavailable";
  if (NOT_FOUND.has(errorCode)) return "notFound";
  if (CONFLICT.has(errorCode)) return "conflict";
  if (status === 404) return "notFound";
  return status >= 500 ? "internal" : "invalid";
}

function codes(list: string): ReadonlySet<string> {
  return new Set(list.trim().split(/\s+/));
}
