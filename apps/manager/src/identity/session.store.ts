import { and, count, eq, gt, lt, ne } from "drizzle-orm";
import type { Db } from "../database/database.ts";
import { sessions, users } from "./identity.table.ts";
import type { UserStatus } from "./user.ts";

export interface SessionRow {
  readonly userId: string;
  readonly userName: string;
  readonly userStatus: UserStatus;
  readonly roles: readonly string[];
  readonly lastUsedAt: Date;
  readonly expiresAt: Date;
  readonly isPasswordDue: boolean;
}

export interface NewSession {
  readonly tokenHash: string;
  readonly userId: string;
  readonly clientAddress: string;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  readonly isPasswordDue: boolean;
}

export function sessionStore(db: Db) {
  return {
    /** Also one that has expired: the caller may know that it was used since. */
    async find(tokenHash: string): Promise<SessionRow | undefined> {
      const [row] = await db
        .select({
          userId: users.id,
          userName: users.name,
          userStatus: users.status,
          roles: users.roles,
          lastUsedAt: sessions.lastUsedAt,
          expiresAt: sessions.expiresAt,
          isPasswordDue: sessions.isPasswordDue,
        })
        .from(sessions)
        .innerJoin(users, eq(users.id, sessions.userId))
        .where(eq(sessions.tokenHash, tokenHash));
      return row;
    },

    async insert(session: NewSession): Promise<void> {
      await db.insert(sessions).values({ ...session, lastUsedAt: session.createdAt });
    },

    async countOf(userId: string, now: Date): Promise<number> {
      const [row] = await db
        .select({ total: count() })
        .from(sessions)
        .where(and(eq(sessions.userId, userId), gt(sessions.expiresAt, now)));
      return row?.total ?? 0;
    },

    async touch(tokenHash: string, lastUsedAt: Date, expiresAt: Date): Promise<void> {
      await db
        .update(sessions)
        .set({ lastUsedAt, expiresAt })
        .where(and(eq(sessions.tokenHash, tokenHash), lt(sessions.expiresAt, expiresAt)));
    },

    /** The password has been changed: from now on the session is like any other. */
    async lift(tokenHash: string): Promise<void> {
      await db.update(sessions).set({ isPasswordDue: false }).where(eq(sessions.tokenHash, tokenHash));
    },

    async remove(tokenHash: string): Promise<void> {
      await db.delete(sessions).where(eq(sessions.tokenHash, tokenHash));
    },

    async removeOfUser(userId: string, exceptTokenHash = ""): Promise<void> {
      await db
        .delete(sessions)
        .where(and(eq(sessions.userId, userId), ne(sessions.tokenHash, exceptTokenHash)));
    },

    async removeExpired(before: Date): Promise<number> {
      const result = await db.delete(sessions).where(lt(sessions.expiresAt, before));
      return result.rowCount ?? 0;
    },
  };
}
