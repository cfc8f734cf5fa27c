import { AppError } from "@sinter/kit/errors";
import { ApiError, clientErrors } from "./wire-error.ts";

/** The part of `fetch` that we use, so that a browser's, undici's and a test's all fit. */
export type Fetch = (
  url: string,
  init: {
    method: string;
    headers: Record<string, string>;
    body?: string | Uint8Array<ArrayBuffer>;
    signal: AbortSignal;
  },
) => Promise<{ status: number; headers: { get(name: string): string | null }; text(): Promise<string> }>;

export type QueryValue = string | number | boolean | readonly string[] | undefined;
export type Query = Readonly<Record<string, QueryValue>>;

export interface HttpRequest {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** Path from the root, e.g. `/service/sites`. */
  readonly path: string;
  readonly query?: Query;
  readonly headers?: Readonly<Record<string, string>>;
  /** Bytes go as they are, anything else as JSON. */
  readonly body?: unknown;
  readonly signal?: AbortSignal;
  /** Default that of the client. */
  readonly timeoutMs?: number;
}

export interface HttpAnswer {
  readonly status: number;
  readonly body: unknown;
  header(name: string): string | undefined;
}

export interface Http {
  /** Sends one request. Throws ApiError for a refusal and AppError `unavailable` when nothing answers. */
  send(request: HttpRequest): Promise<HttpAnswer>;
}

export interface HttpOptions {
  /** Origin of the manager, e.g. `https://vrm.example:7443`. */
  readonly url: string;
  readonly fetch: Fetch;
  /** Of texts in answers: `en_US` (default) or `zh_CN`. */
  readonly language?: string;
  /** Default 60,000. The manager answers within a few seconds; whatever takes longer is a task. */
  readonly timeoutMs?: number;
}

/** The contract's transport: JSON both ways, `errorCode` and `errorDes` in refusals. */
export function createHttp(options: HttpOptions): Http {
  const timeoutMs = options.timeoutMs ?? 60_000;
  const origin = options.url.replace(/\/+$/, "");
  return {
    async send(request) {
      const timeout = AbortSignal.timeout(request.timeoutMs ?? timeoutMs);
      const { body: content } = request;
      const isBytes = content instanceof Uint8Array;
      const signal = request.signal ? AbortSignal.any([request.signal, timeout]) : timeout;
      let status: number;
      let text: string;
      let header: HttpAnswer["header"];
      try {
        const reply = await options.fetch(origin + request.path + queryText(request.query), {
          method: request.method,
          headers: {
            accept: "application/json;version=8.0;charset=UTF-8",
            "accept-language": options.language ?? "en_US",
            ...(content === undefined
              ? {}
              : { "content-type": isBytes ? "application/octet-stream" : "application/json;charset=UTF-8" }),
            ...request.headers,
          },
          ...(content === undefined
            ? {}
            : { body: isBytes ? (content as Uint8Array<ArrayBuffer>) : JSON.stringify(content) }),
          signal,
        });
        status = reply.status;
        header = (name) => reply.headers.get(name) ?? undefined;
        text = await reply.text();
      } catch (error) {
        if (request.signal?.aborted) throw request.signal.reason;
        if (timeout.aborted) throw clientErrors.tooSlow(origin, request.timeoutMs ?? timeoutMs, error);
        throw networkFailure(origin, error);
      }
      const body = parse(text);
      if (status >= 200 && status < 300) {
        if (body === undefined) throw clientErrors.notAManager(origin, "the answer is not JSON");
        return { status, body, header };
      }
      throw refusal(status, body);
    },
  };
}

function queryText(query: Query | undefined): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value === undefined) continue;
    for (const item of Array.isArray(value) ? value : [value]) parameters.append(name, String(item));
  }
  const text = parameters.toString();
  return text === "" ? "" : `?${text}`;
}

/** An empty body is the empty object: both mean success without content. */
function parse(text: string): unknown {
  if (text.trim() === "") return {};
  try {
    return JSON.parse(text);
  } catch {
    // What is not JSON is told apart by the caller, who knows the status.
    return undefined;
  }
}

function refusal(status: number, body: unknown): ApiError {
  const { errorCode, errorDes } = (body ?? {}) as { errorCode?: unknown; errorDes?: unknown };
  const code = typeof errorCode === "string" ? errorCode : "";
  const text = typeof errorDes === "string" && errorDes !== "" ? errorDes : `The manager answered ${status}.`;
  return new ApiError(status, code, text);
}

/** Why the connection failed, in words; `fetch` hides the reason in a chain of causes. */
function networkFailure(origin: string, error: unknown): AppError {
  for (let inner: unknown = error, depth = 0; inner instanceof Error && depth < 8; depth++) {
    if (inner instanceof AppError) return inner;
    const { code } = inner as { code?: string };
    if (code !== undefined) {
      const trust = TRUST_FAILURES[code];
      if (trust !== undefined || code.startsWith("ERR_TLS_CERT")) {
        return clientErrors.untrusted(origin, trust ?? firstSentence(inner.message), error);
      }
      const why = NETWORK_FAILURES[code];
      if (why !== undefined) return clientErrors.unreachable(origin, why, error);
      if (code.startsWith("ERR_SSL") || code === "EPROTO") {
        return clientErrors.unreachable(origin, "no TLS connection came about", error);
      }
    }
    inner = innerCause(inner);
  }
  const text = error instanceof Error ? error.message : String(error);
  return clientErrors.unreachable(origin, text, error);
}

/** With several addresses tried, the first failure stands for all. */
function innerCause(error: Error): unknown {
  return error instanceof AggregateError ? error.errors[0] : error.cause;
}

function firstSentence(text: string): string {
  return text.replace(/\.$/, "").replaceAll("\n", " ");
}

const NETWORK_FAILURES: Readonly<Record<string, string>> = {
  ECONNREFUSED: "the connection was refused",
  ECONNRESET: "the connection was reset",
  EPIPE: "the connection was closed",
  UND_ERR_SOCKET: "the connection was closed",
  ENOTFOUND: "its name is unknown",
  EAI_AGAIN: "its name could not be looked up",
  EHOSTUNREACH: "there is no way to its address",
  ENETUNREACH: "there is no way to its network",
  ETIMEDOUT: "the connection timed out",
  UND_ERR_CONNECT_TIMEOUT: "the connection timed out",
};

const TRUST_FAILURES: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: "it is signed by itself",
  SELF_SIGNED_CERT_IN_CHAIN: "its authority is not known here",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "its authority is not known here",
  UNABLE_TO_GET_ISSUER_CERT: "its authority is not known here",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "its authority is not known here",
  CERT_SIGNATURE_FAILURE: "it was signed by another authority of the same name",
  CERT_HAS_EXPIRED: "it has expired",
  CERT_NOT_YET_VALID: "it is not valid yet; check the clocks",
};
