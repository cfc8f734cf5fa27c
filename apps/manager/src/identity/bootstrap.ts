import { randomBytes, randomUUID } from "node:crypto";
import type { Clock } from "@sinter/kit";
import { sql } from "drizzle-orm";
import type { Database } from "../database/database.ts";
import { checkPassword, keyOfPassword, type PasswordPolicy } from "./password.ts";
import type { PasswordHasher } from "./password-hash.ts";
import { BUILT_IN_ROLES, rightsUpTo } from "./rights.ts";
import { roleStore } from "./role.store.ts";
import type { SessionCache } from "./session-cache.ts";
import { sessionStore } from "./session.store.ts";
import { userStore } from "./user.store.ts";

export const ADMINISTRATOR = "admin";

/** Any number, the same for all managers of a database. */
const BOOTSTRAP_LOCK = 7_447_002;

export type BootstrapResult =
  | { readonly created: false; readonly userName: string }
  /** The password is nowhere else in clear: show it to the person who installs, once. */
  | { readonly created: true; readonly userName: string; readonly password: string };

export function createBootstrap(parts: {
  database: Database;
  hasher: PasswordHasher;
  cache: SessionCache;
  clock: Clock;
  passwordPolicy: PasswordPolicy;
}) {
  const { database, hasher, cache, clock, passwordPolicy } = parts;

  return {
    /**
     * Writes the built-in roles and, when there is no user yet, the first administrator with the given or a random
     * password. Repeating it changes nothing; two managers that start together make one administrator.
     */
    async bootstrap(options: { adminPassword?: string } = {}): Promise<BootstrapResult> {
      if (options.adminPassword !== undefined) {
        checkPassword(passwordPolicy, options.adminPassword, ADMINISTRATOR);
      }
      const password = options.adminPassword ?? generatePassword(passwordPolicy);
      return await database.transaction(async ({ db }) => {
        await db.execute(sql`select pg_advisory_xact_lock(${BOOTSTRAP_LOCK})`);
        const now = new Date(clock.now());
        for (const { name, description, upTo } of BUILT_IN_ROLES) {
          await roleStore(db).ensureBuiltIn({ name, description, rights: rightsUpTo(upTo), createdAt: now });
        }
        const { total } = await userStore(db).list({}, { limit: 1, offset: 0 }, now);
        if (total > 0) return { created: false, userName: ADMINISTRATOR };
        await userStore(db).insert({
          id: randomUUID(),
          name: ADMINISTRATOR,
          type: "local",
          passwordHash: await hasher.hash(keyOfPassword(password)),
          mustChangePassword: false,
          roles: ["administrator"],
          email: "",
          contact: "",
          description: "Made at the first start.",
          sessionsMax: 0,
          isBuiltIn: true,
          createdAt: now,
        });
        return { created: true, userName: ADMINISTRATOR, password };
      });
    },

    /**
     * The way back when the administrator's password is lost (OPS-10), for whoever may read the manager's state:
     * a new random password, no lock, no old sessions.
     */
    async recoverAdministrator(): Promise<{ userName: string; password: string }> {
      const password = generatePassword(passwordPolicy);
      const hash = await hasher.hash(keyOfPassword(password));
      const id = await database.transaction(async ({ db }) => {
        const user = await userStore(db).findByName(ADMINISTRATOR);
        if (!user) throw new Error("There is no administrator yet; start the manager once.");
        const keep = Math.max(0, passwordPolicy.history - 1);
        const at = new Date(clock.now());
        await userStore(db).replacePassword(user.id, { hash, mustChange: false, at, keep });
        await userStore(db).update(user.id, { status: "active" });
        await sessionStore(db).removeOfUser(user.id);
        return user.id;
      });
      cache.forgetUser(id);
      return { userName: ADMINISTRATOR, password };
    },
  };
}

/** 18 random characters, some 106 bits, or as many as the policy wants; drawn again until they fit it. */
function generatePassword(policy: PasswordPolicy): string {
  const length = Math.min(policy.lengthMax, Math.max(policy.lengthMin, 18));
  for (;;) {
    const password = randomBytes(length).toString("base64url").slice(0, length);
    try {
      checkPassword(policy, password, ADMINISTRATOR);
      return password;
    } catch {
      // One draw in some ten thousand has too few kinds of characters: the next one fits.
    }
  }
}
