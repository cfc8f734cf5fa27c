import { asc, count, eq, inArray } from "drizzle-orm";
import { type Db, pgCode } from "../database/database.ts";
import type { Page } from "../http/query.ts";
import { identityErrors } from "./identity.errors.ts";
import { roles } from "./identity.table.ts";

export interface Role {
  readonly name: string;
  readonly description: string;
  readonly rights: readonly string[];
  readonly isBuiltIn: boolean;
  readonly createdAt: Date;
}

/** PostgreSQL's code for a key that is there already. */
const UNIQUE_VIOLATION = "23505";

export type RoleStore = ReturnType<typeof roleStore>;

export function roleStore(db: Db) {
  return {
    async list(page: Page): Promise<{ total: number; roles: Role[] }> {
      const [totals] = await db.select({ total: count() }).from(roles);
      const rows = db.select().from(roles).orderBy(asc(roles.name)).offset(page.offset);
      return {
        total: totals?.total ?? 0,
        roles: await (page.limit === undefined ? rows : rows.limit(page.limit)),
      };
    },

    /** Rights of those of the named roles that exist. */
    async rightsOf(names: readonly string[]): Promise<Map<string, readonly string[]>> {
      if (names.length === 0) return new Map();
      const rows = await db
        .select({ name: roles.name, rights: roles.rights })
        .from(roles)
        .where(inArray(roles.name, [...names]));
      return new Map(rows.map((row) => [row.name, row.rights]));
    },

    /** Keeps the roles from being deleted until the transaction ends. Throws USER_ROLE_MISSING naming the first that is not there. */
    async hold(names: readonly string[]): Promise<void> {
      if (names.length === 0) return;
      const rows = await db
        .select({ name: roles.name })
        .from(roles)
        .where(inArray(roles.name, [...names]))
        .for("share");
      const missing = names.find((name) => !rows.some((row) => row.name === name));
      if (missing !== undefined) throw identityErrors.userRoleMissing(missing);
    },

    /** Holds the row until the transaction ends. Throws ROLE_MISSING. */
    async lock(name: string): Promise<Role> {
      const [row] = await db.select().from(roles).where(eq(roles.name, name)).for("update");
      if (!row) throw identityErrors.roleMissing();
      return row;
    },

    /** Throws ROLE_EXISTS. */
    async insert(role: Role): Promise<void> {
      try {
        await db.insert(roles).values({ ...role, rights: [...role.rights] });
      } catch (error) {
        if (pgCode(error) === UNIQUE_VIOLATION) throw identityErrors.roleExists(role.name);
        throw error;
      }
    },

    /** Writes a built-in role as this version knows it. */
    async ensureBuiltIn(role: Omit<Role, "isBuiltIn">): Promise<void> {
      const values = { ...role, rights: [...role.rights], isBuiltIn: true };
      await db
        .insert(roles)
        .values(values)
        .onConflictDoUpdate({
          target: roles.name,
          set: { description: values.description, rights: values.rights, isBuiltIn: true },
        });
    },

    async update(name: string, changes: { description?: string; rights?: readonly string[] }): Promise<void> {
      const values = {
        ...(changes.description === undefined ? {} : { description: changes.description }),
        ...(changes.rights === undefined ? {} : { rights: [...changes.rights] }),
      };
      if (Object.keys(values).length > 0) await db.update(roles).set(values).where(eq(roles.name, name));
    },

    async remove(name: string): Promise<void> {
      await db.delete(roles).where(eq(roles.name, name));
    },
  };
}
