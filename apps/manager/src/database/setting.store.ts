import { eq } from "drizzle-orm";
import { settings } from "../site/site.table.ts";
import type { Db } from "./database.ts";

/** Small facts that the manager must remember, by key. Values are JSON. */
export function settingStore(db: Db) {
  return {
    async find(key: string): Promise<unknown> {
      const [row] = await db.select({ value: settings.value }).from(settings).where(eq(settings.key, key));
      return row?.value;
    },

    async put(key: string, value: unknown): Promise<void> {
      await db
        .insert(settings)
        .values({ key, value })
        .onConflictDoUpdate({ target: settings.key, set: { value } });
    },
  };
}
