import { createPortableClient, type Fetch } from "@sinter/client/portable";
import { connectionStore } from "./connection-store.ts";
import { sessionStore } from "./session-store.ts";

const SAFE = new Set(["GET", "HEAD"]);
/** After this long without a key or the mouse, what the page reads by itself does not keep the session alive. */
const PRESENT_MS = 60_000;
let lastInputAt = Date.now();
for (const sign of ["pointerdown", "keydown", "wheel"] as const) {
  globalThis.addEventListener?.(sign, () => (lastInputAt = Date.now()), { capture: true, passive: true });
}

/**
 * The browser sends the session's cookie by itself, which scripts cannot read. A change also carries the session's
 * CSRF value. Tells the connection store whether the manager answers, and the session store when it knows us no more.
 */
export const portalFetch: Fetch = async (url, init) => {
  const { "x-auth-token": _unused, ...headers } = init.headers;
  const now = sessionStore.get();
  const csrf = now.kind === "here" || now.kind === "expired" ? now.session.csrf : "";
  let answer: Response;
  try {
    answer = await fetch(url, {
      ...init,
      headers: {
        ...headers,
        ...(SAFE.has(init.method) ? {} : { "x-sinter-csrf": csrf }),
        ...(Date.now() - lastInputAt > PRESENT_MS ? { "x-sinter-background": "1" } : {}),
      },
      credentials: "same-origin",
      cache: "no-store",
    });
  } catch (error) {
    if (!init.signal.aborted) connectionStore.lost();
    throw error;
  }
  // A proxy in between answers for a manager that does not.
  if (answer.status === 502 || answer.status === 503 || answer.status === 504) connectionStore.lost();
  else connectionStore.back();
  if (answer.status === 401) {
    const current = sessionStore.get();
    if (current.kind === "here") sessionStore.set({ kind: "expired", session: current.session });
  }
  return answer;
};

/** The SDK's own client: the portal can do what the public API can do, no more. */
export const client = createPortableClient({
  url: globalThis.location?.origin ?? "https://localhost",
  fetch: portalFetch,
  // The cookie is the token; this only tells the client not to log in by itself.
  token: "cookie",
});

/** Language of texts that the manager writes: error descriptions and the like. */
export function acceptLanguage(language: "en" | "zh"): string {
  return language === "zh" ? "zh_CN" : "en_US";
}
