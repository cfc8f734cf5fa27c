import { AppError, type ErrorKind, toAppError } from "@sinter/kit";
import { BodyError, COMMON_ERRORS, type WireError } from "@sinter/northbound";
import { pgCode } from "../database/database.ts";

/** How a domain's error codes read on the wire; each domain brings its own table. */
export type WireErrorTable = Readonly<Record<string, WireError>>;

/** For codes without a number of their own. */
const BY_KIND = {
  invalid: COMMON_ERRORS.formatInvalid,
  unauthenticated: COMMON_ERRORS.notLoggedIn,
  forbidden: COMMON_ERRORS.noPermission,
  notFound: COMMON_ERRORS.objectMissing,
  conflict: COMMON_ERRORS.objectConflict,
  exhausted: { code: "10300016", http: 400 },
  unavailable: COMMON_ERRORS.systemBusy,
  cancelled: { code: "10800006", http: 400 },
  internal: COMMON_ERRORS.operationFailed,
} as const satisfies Record<ErrorKind, WireError>;

const GENERAL: WireErrorTable = {
  LIMIT_INVALID: COMMON_ERRORS.limitInvalid,
  OFFSET_INVALID: COMMON_ERRORS.offsetInvalid,
  SITE_UNKNOWN: COMMON_ERRORS.siteUnknown,
  PATH_UNKNOWN: COMMON_ERRORS.pathUnknown,
  DATABASE_AWAY: COMMON_ERRORS.recovering,
};

export interface WireFailure {
  readonly http: number;
  readonly errorCode: string;
  readonly errorDes: string;
  /** Whether the log must hold the whole of it, since it is our fault. */
  readonly isOurFault: boolean;
}

export interface WireErrors {
  /** What a client is told of a failure; never a cause, a stack or a query. */
  describe(thrown: unknown): WireFailure;
  /** The eight digits of a stored failure, for a task's `reason`. */
  codeOf(kind: ErrorKind, code: string): string;
}

/** Joins the domains' tables; two tables claiming one code is a mistake found at start. */
export function createWireErrors(tables: readonly WireErrorTable[]): WireErrors {
  const all = new Map<string, WireError>();
  for (const table of [GENERAL, ...tables]) {
    for (const [code, wire] of Object.entries(table)) {
      const there = all.get(code);
      if (there && there.code !== wire.code)
        throw new Error(`Two wire codes for ${code}: ${there.code} and ${wire.code}.`);
      all.set(code, wire);
    }
  }
  const find = (kind: ErrorKind, code: string): WireError => all.get(code) ?? BY_KIND[kind];
  return {
    codeOf: (kind, code) => find(kind, code).code,
    describe: (thrown) => {
      if (thrown instanceof BodyError) {
        return { http: 400, errorCode: thrown.errorCode, errorDes: thrown.message, isOurFault: false };
      }
      if (thrown instanceof SyntaxError) {
        const errorDes = "The request body is not valid JSON.";
        return { http: 400, errorCode: COMMON_ERRORS.formatInvalid.code, errorDes, isOurFault: false };
      }
      const early = fastifyRefusal(thrown) ?? databaseAway(thrown);
      if (early) return early;
      const error = toAppError(thrown);
      const wire = find(error.kind, error.code);
      const isOurFault = !(thrown instanceof AppError) || error.kind === "internal";
      return {
        http: wire.http,
        errorCode: wire.code,
        errorDes:
          isOurFault && !(thrown instanceof AppError)
            ? "The operation failed inside the manager."
            : error.message,
        isOurFault,
      };
    },
  };
}

/** Refusals that the HTTP library makes before a handler runs: body too large, bad length, bad URL. */
function fastifyRefusal(thrown: unknown): WireFailure | undefined {
  if (typeof thrown !== "object" || thrown === null) return undefined;
  const { code, statusCode } = thrown as { code?: unknown; statusCode?: unknown };
  if (
    typeof code !== "string" ||
    !code.startsWith("FST_ERR") ||
    typeof statusCode !== "number" ||
    statusCode >= 500
  ) {
    return undefined;
  }
  const errorDes =
    code === "FST_ERR_CTP_BODY_TOO_LARGE" ? "The request body is too large." : "The request is malformed.";
  return { http: 400, errorCode: COMMON_ERRORS.formatInvalid.code, errorDes, isOurFault: false };
}

/** PostgreSQL restarting is "the service is recovering", which clients know to repeat. */
function databaseAway(thrown: unknown): WireFailure | undefined {
  const code = pgCode(thrown);
  const message = rootMessage(thrown);
  const isAway =
    code?.startsWith("57P") === true ||
    code?.startsWith("08") === true ||
    /ECONNREFUSED|ENOENT.*PGSQL|Connection terminated|timeout exceeded when trying to connect/.test(message);
  if (!isAway) return undefined;
  const errorDes = "The database does not answer; the service is recovering. Try again in a few seconds.";
  return { http: 503, errorCode: COMMON_ERRORS.recovering.code, errorDes, isOurFault: true };
}

function rootMessage(thrown: unknown): string {
  let message = "";
  for (
    let inner = thrown;
    typeof inner === "object" && inner !== null;
    inner = (inner as { cause?: unknown }).cause
  ) {
    const { message: text } = inner as { message?: unknown };
    if (typeof text === "string") message = text;
  }
  return message;
}
