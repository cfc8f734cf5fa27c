import { randomUUID } from "node:crypto";
import type { Clock } from "@sinter/kit";
import type { Database } from "../database/database.ts";
import type { Page } from "../http/query.ts";
import { identityErrors } from "./identity.errors.ts";
import type { PasswordHasher } from "./password-hash.ts";
import { checkPassword, keyOfPassword, type PasswordPolicy } from "./password.ts";
import { roleStore } from "./role.store.ts";
import type { SessionCache } from "./session-cache.ts";
import { sessionStore } from "./session.store.ts";
import { type Actor, nameKeyOf, type User, type UserStatus, type UserType } from "./user.ts";
import { type UserChanges, type UserFilter, userStore } from "./user.store.ts";

export interface UserDraft {
  readonly name: string;
  readonly type: UserType;
  readonly password: string;
  readonly roles: readonly string[];
  readonly email: string;
  readonly contact: string;
  readonly description: string;
  readonly sessionsMax: number;
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export type UserService = ReturnType<typeof createUserService>;

export function createUserService(parts: {
  database: Database;
  hasher: PasswordHasher;
  cache: SessionCache;
  clock: Clock;
  passwordPolicy: PasswordPolicy;
}) {
  const { database, hasher, cache, clock, passwordPolicy } = parts;

  return {
    async get(id: string): Promise<User> {
      return await userStore(database.db).get(readId(id));
    },

    async list(filter: UserFilter, page: Page): Promise<{ total: number; users: User[] }> {
      return await userStore(database.db).list(filter, page, new Date(clock.now()));
    },

    async create(draft: UserDraft): Promise<User> {
      if (draft.type === "domain") throw identityErrors.domainUnsupported();
      const name = readName(draft.name);
      checkContact(draft);
      checkPassword(passwordPolicy, draft.password, name);
      const id = randomUUID();
      const passwordHash = await hasher.hash(keyOfPassword(draft.password));
      const roles = [...new Set(draft.roles)];
      return await database.transaction(async ({ db }) => {
        await roleStore(db).hold(roles);
        await userStore(db).insert({
          id,
          name,
          type: draft.type,
          passwordHash,
          mustChangePassword: mustChangeFirst(passwordPolicy, draft.type),
          roles,
          email: draft.email,
          contact: draft.contact,
          description: draft.description,
          sessionsMax: draft.sessionsMax,
          isBuiltIn: false,
          createdAt: new Date(clock.now()),
        });
        return await userStore(db).get(id);
      });
    },

    async modify(actor: Actor, id: string, changes: UserChanges): Promise<void> {
      const name = changes.name === undefined ? undefined : readName(changes.name);
      const roles = changes.roles === undefined ? undefined : [...new Set(changes.roles)];
      checkContact(changes);
      await database.transaction(async ({ db }) => {
        if (roles) await roleStore(db).hold(roles);
        const user = await userStore(db).lock(readId(id));
        if (changes.status !== undefined && changes.status !== "active" && user.id === actor.userId) {
          throw identityErrors.isSelf("lock");
        }
        if (user.isBuiltIn) refuseBuiltIn(user, { ...changes, name, roles });
        await userStore(db).update(user.id, {
          ...changes,
          ...(name === undefined ? {} : { name }),
          ...(roles === undefined ? {} : { roles }),
        });
        // An administrator who unlocks a user also forgives the wrong passwords.
        if (changes.status === "active") await userStore(db).clearFailures(user.id);
      });
      cache.forgetUser(readId(id));
    },

    async setStatus(actor: Actor, id: string, status: UserStatus): Promise<void> {
      await this.modify(actor, id, { status });
    },

    async remove(actor: Actor, id: string): Promise<void> {
      await database.transaction(async ({ db }) => {
        const user = await userStore(db).lock(readId(id));
        if (user.isBuiltIn) throw identityErrors.isBuiltIn();
        if (user.id === actor.userId) throw identityErrors.isSelf("delete");
        await userStore(db).remove(user.id);
      });
      cache.forgetUser(readId(id));
    },

    /** Sets a password for somebody else and ends all of that user's sessions. */
    async resetPassword(id: string, password: string): Promise<void> {
      const user = await userStore(database.db).get(readId(id));
      await this.replacePassword(user, password, { mustChange: mustChangeFirst(passwordPolicy, user.type) });
    },

    /**
     * Checks the new password against policy and history, writes it and ends the user's sessions, except the one
     * through which it was asked.
     */
    async replacePassword(
      user: User,
      password: string,
      options: { mustChange: boolean; keepTokenHash?: string },
    ): Promise<void> {
      checkPassword(passwordPolicy, password, user.name);
      const key = keyOfPassword(password);
      const earlier = await userStore(database.db).earlierPasswords(user.id, passwordPolicy.history - 1);
      const barred = passwordPolicy.history > 0 ? [user.passwordHash, ...earlier] : [];
      for (const hash of barred) {
        if (await hasher.matches(key, hash)) throw identityErrors.passwordUsedBefore(passwordPolicy.history);
      }
      const change = {
        hash: await hasher.hash(key),
        mustChange: options.mustChange,
        at: new Date(clock.now()),
        keep: Math.max(0, passwordPolicy.history - 1),
      };
      await database.transaction(async ({ db }) => {
        await userStore(db).replacePassword(user.id, change);
        await sessionStore(db).removeOfUser(user.id, options.keepTokenHash);
        if (options.keepTokenHash !== undefined) await sessionStore(db).lift(options.keepTokenHash);
      });
      cache.forgetUser(user.id);
    },
  };
}

/** What a malformed id and an unknown one have in common: there is no such user. */
function readId(id: string): string {
  if (!UUID.test(id)) throw identityErrors.userMissing();
  return id.toLowerCase();
}

/** Throws USER_NAME_LENGTH, USER_NAME_CHARACTERS. */
function readName(given: string): string {
  const name = given.normalize("NFC");
  const { length } = Array.from(name); // characters, not UTF-16 units
  if (length < 1 || length > 64) throw identityErrors.userNameLength();
  // One client looks for the text "errorCode" in the answer of a login to tell failure from success.
  if (!/^[\p{L}\p{N}][\p{L}\p{N}\p{M}._@-]*$/u.test(name) || /errorcode/i.test(name)) {
    throw identityErrors.userNameCharacters();
  }
  return name;
}

function checkContact(fields: {
  readonly email?: string;
  readonly contact?: string;
  readonly description?: string;
}): void {
  if (fields.email && !/^[^\s@<>"]{1,64}@[^\s@<>"]{1,189}$/.test(fields.email))
    throw identityErrors.emailInvalid();
  if (fields.contact && !/^\+?[\d() -]{1,40}$/.test(fields.contact)) throw identityErrors.phoneInvalid();
  if (fields.contact && fields.contact.replaceAll(/\D/g, "").length > 25) throw identityErrors.phoneInvalid();
  if (fields.description && /[\r\n]/.test(fields.description)) throw identityErrors.descriptionInvalid();
}

/** A built-in user is the way back in: it cannot be renamed, stripped of its roles or shut out. */
function refuseBuiltIn(
  user: User,
  changes: { name?: string | undefined; roles?: readonly string[] | undefined; status?: UserStatus },
): void {
  const renames = changes.name !== undefined && nameKeyOf(changes.name) !== nameKeyOf(user.name);
  const strips =
    changes.roles !== undefined &&
    (changes.roles.length !== user.roles.length || !changes.roles.every((role) => user.roles.includes(role)));
  const shutsOut = changes.status !== undefined && changes.status !== "active";
  if (renames || strips || shutsOut) throw identityErrors.builtInFixed();
}

function mustChangeFirst(policy: PasswordPolicy, type: UserType): boolean {
  return type === "interconnect" ? policy.changeAtFirstLoginOfPrograms : policy.changeAtFirstLogin;
}
