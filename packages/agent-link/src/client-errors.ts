import type { AwayReason } from "./errors.ts";

/** Why an exchange failed below HTTP, from what node and undici throw. */
export function awayReason(error: unknown): AwayReason {
  const code = codeOf(error);
  if (isTrustFailure(code)) return "untrusted";
  if (code === "UND_ERR_BODY_TIMEOUT" || code === "UND_ERR_HEADERS_TIMEOUT") return "silent";
  if (LOST_SOCKET.has(code)) return "reset";
  return "unreachable";
}

/** The connection was there and broke before an answer came. */
export function isLostSocket(error: unknown): boolean {
  return LOST_SOCKET.has(codeOf(error));
}

const LOST_SOCKET = new Set(["UND_ERR_SOCKET", "ECONNRESET", "EPIPE"]);

/** OpenSSL's verification results, node's own name check, and alerts by which the other side refuses us. */
function isTrustFailure(code: string): boolean {
  return (
    code.startsWith("ERR_SSL") ||
    code.startsWith("ERR_TLS") ||
    code.startsWith("CERT_") ||
    code.includes("SELF_SIGNED") ||
    code.startsWith("UNABLE_TO_")
  );
}

/** The innermost code: undici wraps what the socket threw. */
function codeOf(error: unknown): string {
  const { code, cause } = (error ?? {}) as { code?: unknown; cause?: unknown }; // only read
  const inner = cause === undefined ? "" : codeOf(cause);
  if (inner !== "") return inner;
  return typeof code === "string" ? code : "";
}
