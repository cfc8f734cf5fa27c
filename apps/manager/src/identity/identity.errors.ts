import { AppError } from "@sinter/kit";
import type { WireError } from "@sinter/northbound";

const invalid = (code: string, message: string): AppError => new AppError("invalid", code, message);

/** When a lock after wrong passwords ends, and how far that is from now. */
export interface LockEnd {
  readonly at: number;
  readonly leftMs: number;
}

const minutesOf = ({ leftMs }: LockEnd): number => Math.ceil(leftMs / 60_000);
const locked = (code: string, message: string, until: LockEnd): AppError =>
  new AppError("invalid", code, message, { params: { lockedUntil: new Date(until.at).toISOString() } });

/** What can be wrong with logging in, users and roles. Messages never hold a password or a token. */
export const identityErrors = {
  /** The same for an unknown user and a wrong password. */
  credentialsWrong: () => invalid("CREDENTIALS_WRONG", "The user name or password is wrong."),
  nowLocked: (tries: number, until: LockEnd) =>
    locked(
      "USER_NOW_LOCKED",
      `The password was wrong ${tries} times; the user is locked for ${minutesOf(until)} minutes.`,
      until,
    ),
  lockedFor: (until: LockEnd) =>
    locked("USER_LOCKED", `The user is locked; try again in ${minutesOf(until)} minutes.`, until),
  lockedByAdministrator: () =>
    invalid("USER_LOCKED_BY_ADMINISTRATOR", "The user was locked by an administrator."),
  inactive: () => invalid("USER_INACTIVE", "The user is not activated."),
  withoutRole: () => invalid("USER_WITHOUT_ROLE", "The user has no role and cannot log in."),
  passwordMustChange: () =>
    invalid(
      "PASSWORD_MUST_CHANGE",
      "The password must be changed before logging in, by POST /service/users/password/modify.",
    ),
  passwordExpired: () =>
    invalid(
      "PASSWORD_EXPIRED",
      "The password has expired; change it by POST /service/users/password/modify.",
    ),
  tooManySessions: (most: number) =>
    invalid("TOO_MANY_SESSIONS", `The user has ${most} sessions open and may not open more; log out of one.`),
  tooManyLogins: () =>
    new AppError(
      "unavailable",
      "TOO_MANY_LOGINS",
      "Too many logins wait to be checked; try again in a few seconds.",
    ),
  notLoggedIn: () =>
    new AppError("unauthenticated", "NOT_LOGGED_IN", "You are not logged in, or the session has timed out."),

  userMissing: () => new AppError("notFound", "USER_MISSING", "There is no such user."),
  userNameTaken: (name: string) => invalid("USER_NAME_TAKEN", `There is a user ${name} already.`),
  userNameLength: () => invalid("USER_NAME_LENGTH", "A user name has 1 to 64 characters."),
  userNameCharacters: () =>
    invalid(
      "USER_NAME_CHARACTERS",
      "A user name starts with a letter or digit and holds letters, digits and . _ @ - only.",
    ),
  emailInvalid: () => invalid("USER_EMAIL_INVALID", "The e-mail address is invalid."),
  phoneInvalid: () =>
    invalid("USER_PHONE_INVALID", "A phone number has at most 25 digits, with + - ( ) and blanks."),
  descriptionInvalid: () =>
    invalid("USER_DESCRIPTION_INVALID", "The description of a user may not hold line breaks."),
  domainUnsupported: () =>
    invalid("USER_DOMAIN_UNSUPPORTED", "No directory service is connected, so domain users cannot be added."),
  rightTypeMismatch: () =>
    invalid(
      "RIGHT_TYPE_MISMATCH",
      "This system runs in the ordinary mode; the only right type of users and roles is 1.",
    ),
  rightTypeFixed: () => invalid("RIGHT_TYPE_FIXED", "The right type of a user cannot be changed."),
  isSelf: (doing: "delete" | "lock") =>
    invalid(doing === "delete" ? "USER_IS_SELF" : "USER_LOCKS_SELF", `You cannot ${doing} yourself.`),
  isBuiltIn: () => invalid("USER_BUILT_IN", "A built-in user cannot be deleted."),
  builtInFixed: () =>
    invalid("USER_BUILT_IN_FIXED", "A built-in user keeps its name, its roles and its activity."),

  passwordEmpty: () => invalid("PASSWORD_EMPTY", "The password is empty."),
  passwordCharacters: () =>
    invalid(
      "PASSWORD_CHARACTERS",
      "A password may hold letters, digits, blanks inside and the special characters of the ASCII keyboard only.",
    ),
  passwordLength: (least: number, most: number) =>
    invalid("PASSWORD_LENGTH", `A password has ${least} to ${most} characters.`),
  passwordTooSimple: (classes: number) =>
    invalid(
      "PASSWORD_TOO_SIMPLE",
      `A password needs ${classes} of: lower case, upper case, digits, special characters.`,
    ),
  passwordHoldsName: () =>
    invalid("PASSWORD_HOLDS_NAME", "A password may not hold the user name, forwards or backwards."),
  passwordUsedBefore: (history: number) =>
    invalid("PASSWORD_USED_BEFORE", `The password is one of the last ${history}.`),
  passwordChangedTooSoon: (minutes: number) =>
    invalid("PASSWORD_CHANGED_TOO_SOON", `A password may be changed every ${minutes} minutes.`),
  oldPasswordWrong: () => invalid("OLD_PASSWORD_WRONG", "The old password is wrong."),
  notOwnPassword: () =>
    invalid("NOT_OWN_PASSWORD", "You may change your own password only; others can be reset."),

  roleExists: (name: string) => invalid("ROLE_EXISTS", `There is a role ${name} already.`),
  roleMissing: () => new AppError("notFound", "ROLE_MISSING", "There is no such role."),
  userRoleMissing: (name: string) => invalid("USER_ROLE_MISSING", `There is no role ${name.slice(0, 64)}.`),
  roleInUse: (name: string) =>
    new AppError("conflict", "ROLE_IN_USE", `The role ${name} is held by a user and cannot be deleted.`),
  roleNameInvalid: () =>
    invalid(
      "ROLE_NAME_INVALID",
      "A role name has 6 to 20 letters, digits and underscores, and starts with a letter.",
    ),
  roleDescriptionInvalid: () =>
    invalid("ROLE_DESCRIPTION_INVALID", "The description of a role may not hold line breaks."),
  roleBuiltIn: (doing: "delete" | "modify") =>
    invalid(
      doing === "delete" ? "ROLE_BUILT_IN" : "ROLE_BUILT_IN_FIXED",
      `Built-in roles cannot be ${doing === "delete" ? "deleted" : "modified"}.`,
    ),
  rightMissing: (id: string) => invalid("RIGHT_MISSING", `There is no right ${id.slice(0, 64)}.`),
  rightTypeRange: () => invalid("RIGHT_TYPE_RANGE", "The right type must be 1 to 4."),
};

const at400 = (code: string): WireError => ({ code, http: 400 });

/** The contract's numbers (3.2); those it does not list are of the 8.8 reference. */
export const identityWireErrors = {
  CREDENTIALS_WRONG: at400("10100103"),
  USER_NOW_LOCKED: at400("10100113"),
  USER_LOCKED: at400("10100116"),
  USER_LOCKED_BY_ADMINISTRATOR: at400("10100117"),
  USER_INACTIVE: at400("10100353"),
  USER_WITHOUT_ROLE: at400("10100354"),
  PASSWORD_MUST_CHANGE: at400("10100108"),
  PASSWORD_EXPIRED: at400("10100109"),
  TOO_MANY_SESSIONS: at400("10100112"),
  TOO_MANY_LOGINS: { code: "10000006", http: 503 },
  USER_MISSING: at400("10100307"),
  USER_NAME_TAKEN: at400("10100305"),
  USER_NAME_LENGTH: at400("10100309"),
  USER_NAME_CHARACTERS: at400("10100310"),
  USER_EMAIL_INVALID: at400("10100303"),
  USER_PHONE_INVALID: at400("10100302"),
  USER_DESCRIPTION_INVALID: at400("10100304"),
  USER_DOMAIN_UNSUPPORTED: at400("10100339"),
  RIGHT_TYPE_MISMATCH: at400("10100422"),
  RIGHT_TYPE_FIXED: at400("10100064"),
  RIGHT_TYPE_RANGE: at400("10100511"),
  USER_IS_SELF: at400("10100312"),
  USER_LOCKS_SELF: at400("10100059"),
  USER_BUILT_IN: at400("10100314"),
  USER_BUILT_IN_FIXED: at400("10100308"),
  PASSWORD_EMPTY: at400("10100120"),
  PASSWORD_CHARACTERS: at400("10100122"),
  PASSWORD_LENGTH: at400("10100122"),
  PASSWORD_TOO_SIMPLE: at400("10100123"),
  PASSWORD_HOLDS_NAME: at400("10100126"),
  PASSWORD_USED_BEFORE: at400("10100322"),
  PASSWORD_CHANGED_TOO_SOON: at400("10100321"),
  OLD_PASSWORD_WRONG: at400("10100318"),
  NOT_OWN_PASSWORD: at400("10100107"),
  ROLE_EXISTS: at400("10100501"),
  ROLE_MISSING: at400("10100502"),
  USER_ROLE_MISSING: at400("10100306"),
  ROLE_IN_USE: at400("10100503"),
  ROLE_NAME_INVALID: at400("10100508"),
  ROLE_DESCRIPTION_INVALID: at400("10100509"),
  ROLE_BUILT_IN: at400("10100347"),
  ROLE_BUILT_IN_FIXED: at400("10100348"),
  RIGHT_MISSING: at400("10100504"),
} as const satisfies Record<string, WireError>;
