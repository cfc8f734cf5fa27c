import { randomUUID } from "node:crypto";
import { type Clock, KeyedQueue } from "@sinter/kit";
import type { Db } from "../database/database.ts";
import { identityErrors } from "./identity.errors.ts";
import type { PasswordHasher } from "./password-hash.ts";
import { nameKeyOf, type User } from "./user.ts";
import { userStore } from "./user.store.ts";

/*
 * Checking a password, and locking after wrong ones.
 *
 * | at the same time                  | what makes it safe                                                       |
 * |-----------------------------------|--------------------------------------------------------------------------|
 * | wrong keys for one user           | one is checked at a time: no more than `tries` are ever compared          |
 * | the same key for one user         | one check answers them all, and counts once: fifty workers log in at once |
 * | a check and a change of password  | the check compares with what stands in the row when its turn comes        |
 * | a lock and a restart              | count and lock stand in the row                                           |
 */

export interface LockoutPolicy {
  /** Wrong passwords in a row before the user is locked; 0: never. Default 5. */
  readonly tries: number;
  /** Default 5 minutes. */
  readonly lockMs: number;
}

export const DEFAULT_LOCKOUT: LockoutPolicy = { tries: 5, lockMs: 5 * 60_000 };

/** Names without a user that are counted like users, so that a lock does not tell who exists. */
const UNKNOWN_NAMES_MAX = 10_000;
const NAME_LENGTH_MAX = 256;

export type Credentials = ReturnType<typeof createCredentials>;

export function createCredentials(parts: {
  db: Db;
  hasher: PasswordHasher;
  clock: Clock;
  lockout: LockoutPolicy;
}) {
  const { hasher, clock, lockout } = parts;
  const users = userStore(parts.db);
  const queue = new KeyedQueue();
  const running = new Map<string, Promise<User>>();
  const unknown = new Map<string, { failures: number; lockedUntil: number }>();

  async function check(name: string, key: string): Promise<User> {
    const user = await users.findByName(name);
    return user ? checkUser(user, key) : checkNobody(nameKeyOf(name), key);
  }

  async function checkUser(user: User, key: string): Promise<User> {
    refuseLocked(user.lockedUntil?.getTime() ?? 0);
    if (await hasher.matches(key, user.passwordHash)) {
      if (user.failedLogins > 0 || user.lockedUntil !== null) await users.clearFailures(user.id);
      return user;
    }
    if (lockout.tries === 0) throw identityErrors.credentialsWrong();
    throw refusal(await users.countFailure(user.id, lockout.tries, new Date(clock.now() + lockout.lockMs)));
  }

  /** The same answers after the same work, for a name that nobody has. */
  async function checkNobody(account: string, key: string): Promise<never> {
    const state = unknown.get(account) ?? { failures: 0, lockedUntil: 0 };
    refuseLocked(state.lockedUntil);
    await hasher.matchesNothing(key);
    await users.countFailure(randomUUID(), Math.max(lockout.tries, 1), new Date(clock.now()));
    if (lockout.tries === 0) throw identityErrors.credentialsWrong();
    const locks = state.failures + 1 >= lockout.tries;
    unknown.delete(account);
    unknown.set(account, {
      failures: locks ? 0 : state.failures + 1,
      lockedUntil: locks ? clock.now() + lockout.lockMs : 0,
    });
    const oldest = unknown.keys().next();
    if (unknown.size > UNKNOWN_NAMES_MAX && !oldest.done) unknown.delete(oldest.value);
    throw refusal(locks);
  }

  function refuseLocked(until: number): void {
    const leftMs = until - clock.now();
    if (leftMs > 0) throw identityErrors.lockedFor({ at: until, leftMs });
  }

  function refusal(locked: boolean): Error {
    return locked
      ? identityErrors.nowLocked(lockout.tries, {
          at: clock.now() + lockout.lockMs,
          leftMs: lockout.lockMs,
        })
      : identityErrors.credentialsWrong();
  }

  return {
    /**
     * The user of this name, when the key is right. Throws CREDENTIALS_WRONG, USER_NOW_LOCKED, USER_LOCKED or
     * TOO_MANY_LOGINS; the first three also for names that nobody has.
     */
    async verify(name: string, key: string): Promise<User> {
      const account = nameKeyOf(name.slice(0, NAME_LENGTH_MAX));
      const attempt = `${account}\0${key}`;
      const same = running.get(attempt);
      if (same) return await same;
      const mine = queue.run(account, () => check(name.slice(0, NAME_LENGTH_MAX), key));
      running.set(attempt, mine);
      try {
        return await mine;
      } finally {
        running.delete(attempt);
      }
    },
  };
}
