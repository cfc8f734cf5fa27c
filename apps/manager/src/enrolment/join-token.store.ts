import { and, count, desc, eq, isNull, lt } from "drizzle-orm";
import type { Db } from "../database/database.ts";
import type { Page } from "../http/query.ts";
import { joinTokens } from "./join-token.table.ts";

export type JoinTokenRow = typeof joinTokens.$inferSelect;
export type NewJoinToken = Omit<JoinTokenRow, "usedAt" | "usedByHost">;

export function joinTokenStore(db: Db) {
  return {
    async insert(token: NewJoinToken): Promise<void> {
      await db.insert(joinTokens).values(token);
    },

    /** Newest first. */
    async list(page: Page): Promise<{ total: number; tokens: JoinTokenRow[] }> {
      const [totals] = await db.select({ total: count() }).from(joinTokens);
      const rows = db
        .select()
        .from(joinTokens)
        .orderBy(desc(joinTokens.createdAt), desc(joinTokens.id))
        .offset(page.offset);
      return {
        total: totals?.total ?? 0,
        tokens: await (page.limit === undefined ? rows : rows.limit(page.limit)),
      };
    },

    /** Holds the row until the transaction ends, so that of two who use a token one waits for the other. */
    async lock(id: string): Promise<JoinTokenRow | undefined> {
      const [row] = await db.select().from(joinTokens).where(eq(joinTokens.id, id)).for("update");
      return row;
    },

    /** False when it was used already. */
    async use(id: string, hostUuid: string, at: Date): Promise<boolean> {
      const rows = await db
        .update(joinTokens)
        .set({ usedAt: at, usedByHost: hostUuid })
        .where(and(eq(joinTokens.id, id), isNull(joinTokens.usedAt)))
        .returning({ id: joinTokens.id });
      return rows.length > 0;
    },

    async remove(id: string): Promise<boolean> {
      const rows = await db.delete(joinTokens).where(eq(joinTokens.id, id)).returning({ id: joinTokens.id });
      return rows.length > 0;
    },

    async removeExpired(before: Date): Promise<number> {
      const result = await db.delete(joinTokens).where(lt(joinTokens.expiresAt, before));
      return result.rowCount ?? 0;
    },
  };
}
