import type { ServerResponse } from "node:http";

/**
 * What the portal's page may load and do. Styles come with a nonce, because the component library writes them at
 * run time; scripts only from our own files. `ws` addresses are named besides 'self', which older browsers do not
 * take to include them.
 */
export function contentSecurityPolicy(nonce: string, host: string | undefined): string {
  const sockets = host !== undefined && /^[\w.:[\]-]+$/.test(host) ? ` wss://${host}` : "";
  return [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self' 'nonce-${nonce}'`,
    "img-src 'self' data: blob:",
    "font-src 'self'",
    `connect-src 'self'${sockets}`,
    "worker-src 'self' blob:",
    "manifest-src 'self'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join("; ");
}

const YEAR_S = 31_536_000;

/** For every answer on the portal's port; the page itself replaces the policy, all others are no documents at all. */
export function setSecurityHeaders(response: ServerResponse): void {
  response.setHeader("x-content-type-options", "nosniff");
  response.setHeader("referrer-policy", "no-referrer");
  response.setHeader("strict-transport-security", `max-age=${YEAR_S}`);
  response.setHeader("cross-origin-opener-policy", "same-origin");
  response.setHeader("cross-origin-resource-policy", "same-origin");
  response.setHeader("content-security-policy", "default-src 'none'; frame-ancestors 'none'");
}
