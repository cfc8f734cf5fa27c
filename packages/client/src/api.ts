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
  remove<T>(path: string, query?: Query): Promise<T>;
  /** The manager's own site, asked for once. */
  site(): Promise<WireSiteBasic>;
  /** Path below the own site: `inSite("vms")`. */
  inSite(...segments: string[]): Promise<string>;
}

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
