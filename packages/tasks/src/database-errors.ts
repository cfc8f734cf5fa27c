/** Socket errors of a server that is down, restarting or cut off. */
const AWAY_SYSTEM_CODES = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ENOENT",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
]);

/** https://www.postgresql.org/docs/15/errcodes-appendix.html: shutting down, crashed, starting up, too many clients. */
const AWAY_SQL_STATES = new Set(["57P01", "57P02", "57P03", "53300"]);

/** The pg library's own failures carry no code. */
const AWAY_MESSAGES = [
  "Connection terminated",
  "Client has encountered a connection error",
  "timeout exceeded when trying to connect",
  "timeout expired",
  "Client was closed and is not queryable",
];

/** Whether a failure says that PostgreSQL could not be reached, so that the outcome of the query is unknown. */
export function isDatabaseAway(error: unknown): boolean {
  for (const cause of causes(error)) {
    const code = cause.code ?? "";
    // A file that is missing is also ENOENT; only the socket's says which system call failed.
    if (AWAY_SYSTEM_CODES.has(code)) return ["connect", "read", "write"].includes(cause.syscall ?? "");
    if (AWAY_SQL_STATES.has(code) || code.startsWith("08")) return true;
    if (AWAY_MESSAGES.some((text) => cause.message?.startsWith(text))) return true;
  }
  return false;
}

/** Whether PostgreSQL gave up a transaction in favour of another one: nothing happened, and it may be tried again. */
export function isSerializationFailure(error: unknown): boolean {
  return causes(error).some(({ code }) => code === "40001" || code === "40P01");
}

interface Cause {
  readonly code?: string;
  readonly syscall?: string;
  readonly message?: string;
  readonly cause?: unknown;
}

/** Enough for any wrapping, and an end for a chain that bites its tail. */
const CAUSES_MAX = 8;

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;

/** The error and what caused it, since query builders wrap what pg throws. */
function causes(error: unknown): Cause[] {
  const found: Cause[] = [];
  let inner: Cause | undefined = isObject(error) ? error : undefined;
  while (inner !== undefined && found.length < CAUSES_MAX) {
    found.push(inner);
    inner = isObject(inner.cause) ? inner.cause : undefined;
  }
  return found;
}
