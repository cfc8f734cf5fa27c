/**
 * Failures, named by what the caller can do about them. Codes are part of each area's interface and live beside
 * the code that throws them; the mapping to a wire (HTTP status, numeric code) is made at that wire's edge.
 */
export const ERROR_KINDS = {
  /** The request itself is wrong; sending it again will not help. */
  invalid: { http: 400, retry: false },
  unauthenticated: { http: 401, retry: false },
  forbidden: { http: 403, retry: false },
  notFound: { http: 404, retry: false },
  /** Right request, wrong moment: the object is busy or in another state. */
  conflict: { http: 409, retry: false },
  /** No room, no address, no host. */
  exhausted: { http: 507, retry: false },
  /** A part is away; the same request may succeed later. */
  unavailable: { http: 503, retry: true },
  cancelled: { http: 499, retry: false },
  /** Our fault. */
  internal: { http: 500, retry: false },
} as const satisfies Record<string, { http: number; retry: boolean }>;

export type ErrorKind = keyof typeof ERROR_KINDS;

export interface ErrorDetails {
  readonly params?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/** The one error type that crosses module borders. `message` names the object and what is needed, for a person. */
export class AppError extends Error {
  readonly kind: ErrorKind;
  readonly code: string;
  readonly params: Readonly<Record<string, unknown>>;

  constructor(kind: ErrorKind, code: string, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = "AppError";
    this.kind = kind;
    this.code = code;
    this.params = details.params ?? {};
  }

  get retryable(): boolean {
    return ERROR_KINDS[this.kind].retry;
  }

  /** What may cross a process border: no cause, no stack. */
  toJSON(): SerializedError {
    return { kind: this.kind, code: this.code, message: this.message, params: { ...this.params } };
  }
}

export interface SerializedError {
  kind: ErrorKind;
  code: string;
  message: string;
  params: Record<string, unknown>;
}

/** Rebuilds an error that came over a wire; anything malformed becomes `internal`. */
export function reviveError(value: unknown): AppError {
  if (typeof value === "object" && value !== null) {
    const { kind, code, message, params } = value as Partial<SerializedError>;
    if (
      kind !== undefined &&
      kind in ERROR_KINDS &&
      typeof code === "string" &&
      typeof message === "string"
    ) {
      return new AppError(kind, code, message, { params: params ?? {} });
    }
  }
  return new AppError("internal", "MALFORMED_ERROR", "The other side failed without saying how.");
}

/** Turns whatever was thrown into an AppError, keeping the original as cause. */
export function toAppError(thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown;
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  return new AppError("internal", "INTERNAL", text, { cause: thrown });
}

/** A state that cannot be. Unlike an AppError it is never an answer to a caller's mistake. */
export function assert(condition: unknown, claim: string): asserts condition {
  if (!condition) throw new Error(`Broken assumption: ${claim}`);
}
