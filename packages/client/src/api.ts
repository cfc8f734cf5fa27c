import type { SiteList, WireSiteBasic } from "@sinter/northbound";
import type { Static } from "typebox";
import type { Query } from "./http.ts";
import type { Session } from "./session.ts";
import { clientErrors } from "./wire-error.ts";

/** What the resources are written in: one call per method, and the site that this manager is. */
export interface Api {
  get<T>(path: string, query?: Query, signal?: AbortSignal): Promise<T>;
  post<T>(path: string, body?: unknown): Promise<T>;
  put<T>(path: string, body: unknown): Promise<T>;
  /** Bytes instead of JSON; what that means the headers say. */
  putBytes<T>(
    path: string,
    bytes: Uint8Array,
    headers: Readonly<Record<string, string>>,
    signal?: AbortSignal,
  ): Promise<T>;
  remove<T>(path: string, query?: Query): Promise<T>;
  /** The manager's own site, asked for once. */
  site(): Promise<WireSiteBasic>;
  /** Path below the own site: `inSite("vms")`. */
  inSite(...segments: string[]): Promise<string>;
}

/** Bytes may travel slowly, and what they make may take its time. */
const BYTES_MS_MAX = 600_000;

/**
 * Types of answers are the contract's promise, not checked here: a client that refused an unknown or missing field
 * would break with the next release.
 */
export function createApi(session: Session): Api {
  const call = async <T>(request: Parameters<Session["send"]>[0]): Promise<T> =>
    (await session.send(request)).body as T;
  let own: Promise<WireSiteBasic> | undefined;

  const api: Api = {
    get: (path, query, signal) =>
      call({ method: "GET", path, ...(query && { query }), ...(signal && { signal }) }),
    post: (path, body) => call({ method: "POST", path, ...(body !== undefined && { body }) }),
    put: (path, body) => call({ method: "PUT", path, body }),
    putBytes: (path, bytes, headers, signal) =>
      call({ method: "PUT", path, body: bytes, headers, timeoutMs: BYTES_MS_MAX, ...(signal && { signal }) }),
    remove: (path, query) => call({ method: "DELETE", path, ...(query && { query }) }),
    site() {
      own ??= api
        .get<Static<typeof SiteList>>("/service/sites")
        .then(({ sites }) => {
          const site = sites.find((candidate) => candidate.isSelf) ?? sites[0];
          if (site === undefined) throw clientErrors.notAManager("/service/sites", "it has no site");
          return site;
        })
        .catch((error: unknown) => {
          own = undefined;
          throw error;
        });
      return own;
    },
    async inSite(...segments) {
      return [(await api.site()).uri, ...segments].join("/");
    },
  };
  return api;
}
