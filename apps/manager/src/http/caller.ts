import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Door } from "./doors.ts";

/** Holds the session's token in a browser; counts on 8443 only. Not `__Host-`: a browser keeps it either way. */
export const SESSION_COOKIE = "sinter_session";
export const CSRF_HEADER = "x-sinter-csrf";

export interface Caller {
  /** `""` when the request names nobody. */
  readonly token: string;
  /** The browser added it by itself, so another site may have caused the request. */
  readonly isCookie: boolean;
}

/** What a request says about who sends it. A token in the header goes before a cookie, also on 8443. */
export function callerOf(request: IncomingMessage, door: Door): Caller {
  const token = request.headers["x-auth-token"];
  if (typeof token === "string" && token !== "") return { token, isCookie: false };
  const cookie = door === "portal" ? readCookie(request.headers.cookie ?? "", SESSION_COOKIE) : undefined;
  return { token: cookie ?? "", isCookie: cookie !== undefined };
}

/** Derived from the token, which cannot be had back from it: whoever may read our answers knows it, others do not. */
export function csrfOf(token: string): string {
  return createHash("sha256").update(`sinter csrf ${token}`).digest("base64url");
}

export function isCsrfOf(token: string, given: unknown): boolean {
  if (typeof given !== "string") return false;
  const [expected, found] = [Buffer.from(csrfOf(token)), Buffer.from(given)];
  return expected.length === found.length && timingSafeEqual(expected, found);
}

/** Whether the page that caused the request is ours: same host and port. Undefined when the request does not say. */
export function isOwnOrigin(request: IncomingMessage): boolean | undefined {
  const { origin } = request.headers;
  if (origin === undefined) return undefined;
  const host = hostOf(request);
  return host !== undefined && origin.toLowerCase() === `https://${host.toLowerCase()}`;
}

/** Host and port that the request was meant for, by either version of HTTP. */
export function hostOf(request: IncomingMessage): string | undefined {
  const authority = request.headers[":authority"];
  return request.headers.host ?? (typeof authority === "string" ? authority : undefined);
}

/** The first of that name, as browsers send the most specific one first. */
export function readCookie(header: string, name: string): string | undefined {
  for (const part of header.split(";")) {
    const cut = part.indexOf("=");
    if (cut > 0 && part.slice(0, cut).trim() === name) return part.slice(cut + 1).trim();
  }
  return undefined;
}
