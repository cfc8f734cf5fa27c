import type { ModifySiteRequest } from "@sinter/northbound";
import type { Database } from "../database/database.ts";
import { siteStore } from "./site.store.ts";
import type { Site } from "./site.ts";

/** `siteName` counts only when the database is new. */
export async function createSiteService(parts: { database: Database; siteName: string }) {
  const store = siteStore(parts.database.db);
  let site: Site = await parts.database.transaction(({ db }) => siteStore(db).ensure(parts.siteName));
  return {
    /** Fixed for the life of the database, so that a URN never changes. */
    id: (): string => site.id,
    get: (): Site => site,
    async modify(change: ModifySiteRequest): Promise<void> {
      await store.update(site.id, change);
      site = (await store.find()) ?? site;
    },
  };
}
export type SiteService = Awaited<ReturnType<typeof createSiteService>>;
