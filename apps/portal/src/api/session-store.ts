import { useSyncExternalStore } from "react";

/** Who is logged in, as the manager tells it on 8443. */
export interface PortalSession {
  readonly userId: string;
  readonly userName: string;
  readonly roles: readonly string[];
  /** session, read, operate or administer; each includes those before. */
  readonly access: string;
  readonly mustChangePassword: boolean;
  readonly siteId: string;
  readonly siteName: string;
  readonly siteUrn: string;
  readonly version: string;
  /** Sent back in a header with every change: another site's page cannot know it. */
  readonly csrf: string;
}

export type SessionState =
  | { readonly kind: "unknown" }
  | { readonly kind: "none" }
  | { readonly kind: "here"; readonly session: PortalSession }
  /** It ran out while the page was in use: the page stays, the login comes over it. */
  | { readonly kind: "expired"; readonly session: PortalSession };

let state: SessionState = { kind: "unknown" };
const listeners = new Set<() => void>();

export const sessionStore = {
  get: (): SessionState => state,
  set(next: SessionState): void {
    state = next;
    for (const listener of listeners) listener();
  },
  subscribe(listener: () => void): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
};

export function useSessionState(): SessionState {
  return useSyncExternalStore(sessionStore.subscribe, sessionStore.get);
}

/** The session of pages, which are shown only within one. */
export function useSession(): PortalSession {
  const now = useSessionState();
  if (now.kind !== "here" && now.kind !== "expired")
    throw new Error("Broken assumption: pages are shown to users who are logged in.");
  return now.session;
}

const LEVELS = ["public", "session", "read", "operate", "administer"];

/** Whether the user may do what needs `level`. */
export function useMay(level: "operate" | "administer"): boolean {
  return LEVELS.indexOf(useSession().access) >= LEVELS.indexOf(level);
}
