/** local: portal users; domain: from a directory service; interconnect: other systems. */
export type UserType = "local" | "domain" | "interconnect";

/** What a route demands of whoever calls it. Each includes the ones before it. */
export const ACCESS_LEVELS = ["public", "session", "read", "operate", "administer"] as const;
export type AccessLevel = (typeof ACCESS_LEVELS)[number];

/** Who makes a request. */
export interface Actor {
  readonly userId: string;
  readonly userName: string;
  readonly roles: readonly string[];
  readonly access: AccessLevel;
  /** Logged in only to change the password; `access` is "session" until then. */
  readonly isPasswordDue?: boolean;
}

/** Set by an administrator. A lock after wrong passwords is a time (`lockedUntil`), not a status. */
export type UserStatus = "active" | "locked" | "inactive";

export interface User {
  readonly id: string;
  readonly name: string;
  readonly type: UserType;
  readonly status: UserStatus;
  readonly passwordHash: string;
  readonly mustChangePassword: boolean;
  readonly passwordChangedAt: Date;
  /** Names; a user without any cannot log in. */
  readonly roles: readonly string[];
  readonly email: string;
  readonly contact: string;
  readonly description: string;
  /** Most sessions at once; 0 = no limit. */
  readonly sessionsMax: number;
  readonly failedLogins: number;
  readonly lockedUntil: Date | null;
  /** Made by the manager itself: cannot be deleted, locked or stripped of its roles. */
  readonly isBuiltIn: boolean;
  readonly createdAt: Date;
}

/** What lists filter by: the administrator's status, or locked by wrong passwords. */
export type LoginState = "normal" | "autoLocked" | "lockedByAdministrator" | "inactive";

export function loginStateOf(user: Pick<User, "status" | "lockedUntil">, now: number): LoginState {
  if (user.status === "locked") return "lockedByAdministrator";
  if (user.status === "inactive") return "inactive";
  return user.lockedUntil !== null && user.lockedUntil.getTime() > now ? "autoLocked" : "normal";
}

/** Names are the same when they read the same: case and width of letters do not make another user. */
export function nameKeyOf(name: string): string {
  return name.normalize("NFKC").toLowerCase();
}
