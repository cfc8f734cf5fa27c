import type { Clock } from "@sinter/kit";
import type { Database } from "../database/database.ts";
import type { Page } from "../http/query.ts";
import { identityErrors } from "./identity.errors.ts";
import { RIGHT_AREAS, RIGHTS } from "./rights.ts";
import { type Role, roleStore } from "./role.store.ts";
import type { SessionCache } from "./session-cache.ts";
import { userStore } from "./user.store.ts";

export type RoleService = ReturnType<typeof createRoleService>;

export function createRoleService(parts: { database: Database; cache: SessionCache; clock: Clock }) {
  const { database, cache, clock } = parts;

  return {
    async list(page: Page): Promise<{ total: number; roles: Role[] }> {
      return await roleStore(database.db).list(page);
    },

    async add(draft: { name: string; description: string; rights: readonly string[] }): Promise<void> {
      if (!/^[A-Za-z][A-Za-z0-9_]{5,19}$/.test(draft.name)) throw identityErrors.roleNameInvalid();
      // One client looks for this text in the answer of a login, where roles are listed.
      if (/errorcode/i.test(draft.name)) throw identityErrors.roleNameInvalid();
      checkDescription(draft.description);
      await roleStore(database.db).insert({
        ...draft,
        rights: readRights(draft.rights),
        isBuiltIn: false,
        createdAt: new Date(clock.now()),
      });
    },

    async modify(name: string, changes: { description?: string; rights?: readonly string[] }): Promise<void> {
      checkDescription(changes.description ?? "");
      const { rights, ...others } = changes;
      const values = { ...others, ...(rights === undefined ? {} : { rights: readRights(rights) }) };
      await database.transaction(async ({ db }) => {
        const role = await roleStore(db).lock(name);
        if (role.isBuiltIn) throw identityErrors.roleBuiltIn("modify");
        await roleStore(db).update(name, values);
      });
      cache.forgetAll();
    },

    async remove(name: string): Promise<void> {
      await database.transaction(async ({ db }) => {
        // Users take a share of this lock when they are given the role, so that none appears after the check.
        const role = await roleStore(db).lock(name);
        if (role.isBuiltIn) throw identityErrors.roleBuiltIn("delete");
        if (await userStore(db).anyWithRole(name)) throw identityErrors.roleInUse(name);
        await roleStore(db).remove(name);
      });
      cache.forgetAll();
    },
  };
}

/** Known rights once each; ids of areas have no effect. Throws RIGHT_MISSING. */
function readRights(ids: readonly string[]): string[] {
  for (const id of ids) {
    if (!RIGHTS.some((right) => right.id === id) && !RIGHT_AREAS.some((area) => area.id === id)) {
      throw identityErrors.rightMissing(id);
    }
  }
  return RIGHTS.map((right) => right.id).filter((id) => ids.includes(id));
}

function checkDescription(description: string): void {
  if (/[\r\n]/.test(description)) throw identityErrors.roleDescriptionInvalid();
}
