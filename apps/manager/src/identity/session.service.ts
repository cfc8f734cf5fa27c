import { randomInt, randomUUID } from "node:crypto";
import { AppError, type Clock, type Log } from "@sinter/kit";
import { type Database, pgCode } from "../database/database.ts";
import type { ClientThrottle } from "./client-throttle.ts";
import type { Credentials } from "./credentials.ts";
import { identityErrors } from "./identity.errors.ts";
import type { PasswordPolicy } from "./password.ts";
import { rightsHeld, rightsLacking } from "./rights.ts";
import { roleStore } from "./role.store.ts";
import { hashToken, type SessionCache } from "./session-cache.ts";
import { sessionStore } from "./session.store.ts";
import type { Actor, User } from "./user.ts";
import { userStore } from "./user.store.ts";

export interface Login {
  readonly userName: string;
  /** See `keyOfPassword`. */
  readonly key: string;
  /** Asks for a user of a directory service. */
  readonly isDomainUser: boolean;
  readonly clientAddress: string;
  /** Opens a session that is good for changing the password only, where a login would be refused until then. */
  readonly mayChangePassword?: boolean;
}

export interface OpenedSession {
  readonly token: string;
  readonly user: User;
  readonly lackingRights: readonly string[];
  readonly validityMs: number;
  readonly isPasswordDue: boolean;
}

const DAY_MS = 86_400_000;

export type SessionService = ReturnType<typeof createSessionService>;

export function createSessionService(parts: {
  database: Database;
  credentials: Credentials;
  cache: SessionCache;
  throttle: ClientThrottle;
  clock: Clock;
  log: Log;
  validityMs: number;
  passwordPolicy: PasswordPolicy;
}) {
  const { database, credentials, cache, throttle, clock, log } = parts;

  /** Why somebody who knows the password may still not log in; said only to whoever knows it. */
  function refuseUnfit(user: User): void {
    if (user.status === "locked") throw identityErrors.lockedByAdministrator();
    if (user.status === "inactive") throw identityErrors.inactive();
    if (user.roles.length === 0) throw identityErrors.withoutRole();
  }

  function isPasswordDue(user: User, mayChange: boolean): boolean {
    const isExpired = isPasswordExpired(user, parts.passwordPolicy, clock.now());
    if (mayChange) return user.mustChangePassword || isExpired;
    if (user.mustChangePassword) throw identityErrors.passwordMustChange();
    if (isExpired) throw identityErrors.passwordExpired();
    return false;
  }

  async function openSession(user: User, clientAddress: string, passwordDue: boolean): Promise<string> {
    const token = newToken();
    const now = clock.now();
    const session = {
      tokenHash: hashToken(token),
      userId: user.id,
      clientAddress,
      createdAt: new Date(now),
      expiresAt: new Date(now + parts.validityMs),
      isPasswordDue: passwordDue,
    };
    if (user.sessionsMax === 0) {
      await sessionStore(database.db).insert(session);
      return token;
    }
    await database.transaction(async ({ db }) => {
      // The row is held, so that two logins cannot both see the last free place.
      const { sessionsMax } = await userStore(db).lock(user.id);
      const open = await sessionStore(db).countOf(user.id, new Date(now));
      if (sessionsMax > 0 && open >= sessionsMax) throw identityErrors.tooManySessions(sessionsMax);
      await sessionStore(db).insert(session);
    });
    return token;
  }

  return {
    /** Throws what `credentials.verify` throws, and why a known user may not log in. */
    async login(login: Login): Promise<OpenedSession> {
      const user = await guarded(throttle, login.clientAddress, () =>
        // No user name holds a backslash: a domain user is nobody here, and takes as long.
        credentials.verify(login.isDomainUser ? `domain\\${login.userName}` : login.userName, login.key),
      );
      refuseUnfit(user);
      const passwordDue = isPasswordDue(user, login.mayChangePassword === true);
      const token = await openSession(user, login.clientAddress, passwordDue).catch(deletedMeanwhile);
      const rights = await roleStore(database.db).rightsOf(user.roles);
      log.info({ userName: user.name, clientAddress: login.clientAddress }, "logged in");
      return {
        token,
        user,
        lackingRights: rightsLacking(rightsHeld(user.roles.map((role) => rights.get(role) ?? []))),
        validityMs: parts.validityMs,
        isPasswordDue: passwordDue,
      };
    },

    async logout(token: string): Promise<void> {
      const tokenHash = hashToken(token);
      await sessionStore(database.db).remove(tokenHash);
      cache.forgetSession(tokenHash);
    },

    /** Undefined when the session has ended. */
    actorOf: (token: string): Promise<Actor | undefined> => cache.authenticate(token),

    /** Ids of the rights that the roles do not give. */
    async lackingRights(roles: readonly string[]): Promise<string[]> {
      const rights = await roleStore(database.db).rightsOf(roles);
      return rightsLacking(rightsHeld(roles.map((role) => rights.get(role) ?? [])));
    },
  };
}

const WRONG = new Set(["CREDENTIALS_WRONG", "USER_NOW_LOCKED", "USER_LOCKED"]);

const FOREIGN_KEY_VIOLATION = "23503";

/** A user that is deleted between the check and the session is nobody. */
function deletedMeanwhile(error: unknown): never {
  const isMissing = error instanceof AppError && error.code === "USER_MISSING";
  throw isMissing || pgCode(error) === FOREIGN_KEY_VIOLATION ? identityErrors.credentialsWrong() : error;
}

/** Runs a check of a password, counting its failure against the client's address. */
export async function guarded<T>(
  throttle: ClientThrottle,
  clientAddress: string,
  check: () => Promise<T>,
): Promise<T> {
  await throttle.admit(clientAddress);
  try {
    return await check();
  } catch (error) {
    if (error instanceof AppError && WRONG.has(error.code)) throttle.failed(clientAddress);
    throw error;
  }
}

export function isPasswordExpired(user: User, policy: PasswordPolicy, now: number): boolean {
  return policy.validDays > 0 && user.passwordChangedAt.getTime() + policy.validDays * DAY_MS <= now;
}

/** An upper-case GUID and a digit, 122 random bits: the form that clients have always seen. */
function newToken(): string {
  return `${randomUUID().toUpperCase()}${randomInt(10)}`;
}
