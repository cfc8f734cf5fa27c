import type { IncomingMessage } from "node:http";

/**
 * Where a request came in. All doors lead to the same routes; only through the portal's (8443) does a cookie say who
 * sends it.
 */
export type Door = "api" | "portal";

/** Not a field of the request: nothing that a client sends can end up here. */
const throughPortal = new WeakSet<IncomingMessage>();

/** For the portal's own server, before the request goes to the routes. */
export function markPortal(request: IncomingMessage): void {
  throughPortal.add(request);
}

export function doorOf(request: IncomingMessage): Door {
  return throughPortal.has(request) ? "portal" : "api";
}
