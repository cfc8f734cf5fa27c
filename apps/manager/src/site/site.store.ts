import { randomBytes } from "node:crypto";
import { asc, eq, sql } from "drizzle-orm";
import type { Db } from "../database/database.ts";
import type { Site } from "./site.ts";
import { sites } from "./site.table.ts";

export function siteStore(db: Db) {
  const find = async (): Promise<Site | undefined> =>
    (await db.select().from(sites).orderBy(asc(sites.createdAt), asc(sites.id)).limit(1))[0];
  return {
    find,

    /** The site of this database; made at the first start. In a transaction: others wait until it has ended. */
    async ensure(name: string): Promise<Site> {
      await db.execute(sql`lock table ${sites} in share row exclusive mode`);
      const there = await find();
      if (there) return there;
      await db.insert(sites).values({ id: randomBytes(4).toString("hex").toUpperCase(), name });
      const made = await find();
      if (!made) throw new Error("Broken assumption: the site that was just written can be read.");
      return made;
    },

    async update(id: string, change: { name?: string; description?: string }): Promise<void> {
      if (Object.keys(change).length > 0) await db.update(sites).set(change).where(eq(sites.id, id));
    },
  };
}
