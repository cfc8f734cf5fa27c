import {
  and,
  arrayContains,
  asc,
  count,
  desc,
  eq,
  gte,
  gt,
  isNotNull,
  isNull,
  lte,
  or,
  sql,
  type SQL,
} from "drizzle-orm";
import type { Page } from "../http/query.ts";
import { type Db, violatedConstraint } from "../database/database.ts";
import { identityErrors } from "./identity.errors.ts";
import { passwordHistory, users } from "./identity.table.ts";
import { type LoginState, nameKeyOf, type User, type UserType } from "./user.ts";

export interface UserFilter {
  readonly type?: UserType | undefined;
  /** Part of the name, without regard to case. */
  readonly name?: string | undefined;
  readonly role?: string | undefined;
  readonly createdFrom?: Date | undefined;
  readonly createdTo?: Date | undefined;
  readonly loginState?: LoginState | undefined;
}

export type NewUser = Pick<
  User,
  | "id"
  | "name"
  | "type"
  | "passwordHash"
  | "mustChangePassword"
  | "roles"
  | "email"
  | "contact"
  | "description"
  | "sessionsMax"
  | "isBuiltIn"
> & { readonly createdAt: Date };

export type UserChanges = Partial<
  Pick<User, "name" | "status" | "roles" | "email" | "contact" | "description" | "sessionsMax">
>;

export type UserStore = ReturnType<typeof userStore>;

export function userStore(db: Db) {
  return {
    async find(id: string): Promise<User | undefined> {
      const [row] = await db.select().from(users).where(eq(users.id, id));
      return row;
    },

    async get(id: string): Promise<User> {
      const user = await this.find(id);
      if (!user) throw identityErrors.userMissing();
      return user;
    },

    async findByName(name: string): Promise<User | undefined> {
      const [row] = await db
        .select()
        .from(users)
        .where(eq(users.nameKey, nameKeyOf(name)));
      return row;
    },

    /** Holds the row until the transaction ends. */
    async lock(id: string): Promise<User> {
      const [row] = await db.select().from(users).where(eq(users.id, id)).for("update");
      if (!row) throw identityErrors.userMissing();
      return row;
    },

    async list(filter: UserFilter, page: Page, now: Date): Promise<{ total: number; users: User[] }> {
      const where = and(...conditions(filter, now));
      const [totals] = await db.select({ total: count() }).from(users).where(where);
      const rows = db.select().from(users).where(where).orderBy(asc(users.nameKey)).offset(page.offset);
      return {
        total: totals?.total ?? 0,
        users: await (page.limit === undefined ? rows : rows.limit(page.limit)),
      };
    },

    /** Throws USER_NAME_TAKEN. */
    async insert(user: NewUser): Promise<void> {
      await nameConflict(user.name, () =>
        db.insert(users).values({
          ...user,
          roles: [...user.roles],
          nameKey: nameKeyOf(user.name),
          passwordChangedAt: user.createdAt,
        }),
      );
    },

    async update(id: string, changes: UserChanges): Promise<void> {
      const { roles, name, ...others } = changes;
      const values = {
        ...others,
        ...(roles === undefined ? {} : { roles: [...roles] }),
        ...(name === undefined ? {} : { name, nameKey: nameKeyOf(name) }),
      };
      if (Object.keys(values).length === 0) return;
      await nameConflict(name ?? "", () => db.update(users).set(values).where(eq(users.id, id)));
    },

    async remove(id: string): Promise<void> {
      await db.delete(users).where(eq(users.id, id));
    },

    /** Keeps the old hash in the history, which it cuts to `keep` entries, and lifts a lock. */
    async replacePassword(
      id: string,
      change: { hash: string; mustChange: boolean; at: Date; keep: number },
    ): Promise<void> {
      const old = await this.lock(id);
      await db
        .insert(passwordHistory)
        .values({ userId: id, passwordHash: old.passwordHash, replacedAt: change.at });
      await db.execute(sql`delete from password_history where ctid in (
        select ctid from password_history where user_id = ${id} order by replaced_at desc offset ${change.keep})`);
      await db
        .update(users)
        .set({
          passwordHash: change.hash,
          mustChangePassword: change.mustChange,
          passwordChangedAt: change.at,
          failedLogins: 0,
          lockedUntil: null,
        })
        .where(eq(users.id, id));
    },

    /** Newest first. */
    async earlierPasswords(id: string, most: number): Promise<string[]> {
      const rows = await db
        .select({ hash: passwordHistory.passwordHash })
        .from(passwordHistory)
        .where(eq(passwordHistory.userId, id))
        .orderBy(desc(passwordHistory.replacedAt))
        .limit(most);
      return rows.map((row) => row.hash);
    },

    /** Counts one wrong password; with the `tries`th the user is locked and the count starts anew. Gives whether it locked. */
    async countFailure(id: string, tries: number, lockUntil: Date): Promise<boolean> {
      const locks = sql`${users.failedLogins} + 1 >= ${tries}`;
      const [row] = await db
        .update(users)
        .set({
          failedLogins: sql`case when ${locks} then 0 else ${users.failedLogins} + 1 end`,
          lockedUntil: sql`case when ${locks} then ${lockUntil.toISOString()}::timestamptz else ${users.lockedUntil} end`,
        })
        .where(eq(users.id, id))
        .returning({ failedLogins: users.failedLogins });
      return row?.failedLogins === 0;
    },

    async clearFailures(id: string): Promise<void> {
      await db.update(users).set({ failedLogins: 0, lockedUntil: null }).where(eq(users.id, id));
    },

    async anyWithRole(role: string): Promise<boolean> {
      const rows = await db
        .select({ id: users.id })
        .from(users)
        .where(arrayContains(users.roles, [role]))
        .limit(1);
      return rows.length > 0;
    },
  };
}

function conditions(filter: UserFilter, now: Date): (SQL | undefined)[] {
  const isLocked = and(isNotNull(users.lockedUntil), gt(users.lockedUntil, now));
  const isFree = or(isNull(users.lockedUntil), lte(users.lockedUntil, now));
  const byState: Record<LoginState, SQL | undefined> = {
    normal: and(eq(users.status, "active"), isFree),
    autoLocked: and(eq(users.status, "active"), isLocked),
    lockedByAdministrator: eq(users.status, "locked"),
    inactive: eq(users.status, "inactive"),
  };
  return [
    filter.type && eq(users.type, filter.type),
    // position() takes the text as it is: no wildcard characters to escape.
    filter.name === undefined ? undefined : sql`position(${nameKeyOf(filter.name)} in ${users.nameKey}) > 0`,
    filter.role === undefined ? undefined : arrayContains(users.roles, [filter.role]),
    filter.createdFrom && gte(users.createdAt, filter.createdFrom),
    filter.createdTo && lte(users.createdAt, filter.createdTo),
    filter.loginState && byState[filter.loginState],
  ];
}

async function nameConflict(name: string, statement: () => Promise<unknown>): Promise<void> {
  try {
    await statement();
  } catch (error) {
    if (violatedConstraint(error) === "users_name_unique") throw identityErrors.userNameTaken(name);
    throw error;
  }
}
