import type { Clock } from "@sinter/kit";
import { AppError } from "@sinter/kit";
import type { Database } from "../database/database.ts";
import type { ClientThrottle } from "./client-throttle.ts";
import type { Credentials } from "./credentials.ts";
import { identityErrors } from "./identity.errors.ts";
import { keyOfPassword, type PasswordPolicy } from "./password.ts";
import { hashToken } from "./session-cache.ts";
import { guarded, isPasswordExpired } from "./session.service.ts";
import { type Actor, nameKeyOf, type User } from "./user.ts";
import type { UserService } from "./user.service.ts";
import { userStore } from "./user.store.ts";

export interface PasswordChange {
  readonly userId?: string | undefined;
  readonly userName?: string | undefined;
  readonly oldPassword: string;
  readonly password: string;
  readonly clientAddress: string;
  /** Of the session through which it is asked; undefined without one. */
  readonly session?: { readonly actor: Actor; readonly token: string } | undefined;
}

/**
 * A user changes the own password. With a session at any time; without one only when the password must be changed
 * before the next login (10100108, 10100109), since then there can be no session. Wrong old passwords count like
 * failed logins.
 */
export function createPasswordChange(parts: {
  database: Database;
  credentials: Credentials;
  throttle: ClientThrottle;
  users: UserService;
  clock: Clock;
  passwordPolicy: PasswordPolicy;
}) {
  const { database, credentials, clock, passwordPolicy } = parts;

  async function nameOf(change: PasswordChange): Promise<string> {
    const { session, userId, userName } = change;
    if (session) {
      const isOther =
        (userId !== undefined && userId.toLowerCase() !== session.actor.userId) ||
        (userName !== undefined && nameKeyOf(userName) !== nameKeyOf(session.actor.userName));
      if (isOther) throw identityErrors.notOwnPassword();
      return session.actor.userName;
    }
    if (userName !== undefined) return userName;
    const isUuid = userId !== undefined && /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(userId);
    const user = isUuid ? await userStore(database.db).find(userId.toLowerCase()) : undefined;
    // No name starts with "#": an unknown id fails as an unknown name does, after as long.
    return user?.name ?? `#${userId ?? ""}`;
  }

  return async (change: PasswordChange): Promise<void> => {
    const name = await nameOf(change);
    const user = await guarded(parts.throttle, change.clientAddress, () =>
      credentials.verify(name, keyOfPassword(change.oldPassword)),
    ).catch((error: unknown) => {
      const isWrong = error instanceof AppError && error.code === "CREDENTIALS_WRONG";
      throw isWrong && change.session ? identityErrors.oldPasswordWrong() : error;
    });
    if (user.status === "locked") throw identityErrors.lockedByAdministrator();
    if (user.status === "inactive") throw identityErrors.inactive();
    const isDue = user.mustChangePassword || isPasswordExpired(user, passwordPolicy, clock.now());
    if (!change.session && !isDue) throw identityErrors.notLoggedIn();
    if (!isDue) refuseTooSoon(user);
    await parts.users.replacePassword(user, change.password, {
      mustChange: false,
      ...(change.session ? { keepTokenHash: hashToken(change.session.token) } : {}),
    });
  };

  function refuseTooSoon(user: User): void {
    const isFirst = user.passwordChangedAt.getTime() === user.createdAt.getTime();
    const next = user.passwordChangedAt.getTime() + passwordPolicy.changeIntervalMs;
    if (!isFirst && clock.now() < next) {
      throw identityErrors.passwordChangedTooSoon(Math.ceil(passwordPolicy.changeIntervalMs / 60_000));
    }
  }
}
