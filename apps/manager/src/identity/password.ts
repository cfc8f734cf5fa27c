import { createHash } from "node:crypto";
import { identityErrors } from "./identity.errors.ts";
import { nameKeyOf } from "./user.ts";

/** What passwords must be. Defaults are those of the product whose API this is, except that passwords do not expire. */
export interface PasswordPolicy {
  readonly lengthMin: number;
  readonly lengthMax: number;
  /** Of lower case, upper case, digits and other characters. */
  readonly classesMin: number;
  /** How many earlier passwords may not come back, the present one included. */
  readonly history: number;
  /** Between two changes by the user. */
  readonly changeIntervalMs: number;
  /** 0: for ever. */
  readonly validDays: number;
  /** Whether a local user must change a password that an administrator has set, before the first login. */
  readonly changeAtFirstLogin: boolean;
  /** The same for users of type interconnect, which are programs. */
  readonly changeAtFirstLoginOfPrograms: boolean;
}

export const DEFAULT_PASSWORD_POLICY: PasswordPolicy = {
  lengthMin: 8,
  lengthMax: 32,
  classesMin: 3,
  history: 5,
  changeIntervalMs: 5 * 60_000,
  validDays: 0,
  changeAtFirstLogin: true,
  changeAtFirstLoginOfPrograms: false,
};

/** Throws `invalid` with one of the PASSWORD_… codes. */
export function checkPassword(policy: PasswordPolicy, password: string, userName: string): void {
  if (password === "") throw identityErrors.passwordEmpty();
  // Printable ASCII without blanks at the ends: it must pass through a header unchanged.
  if (!/^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(password)) throw identityErrors.passwordCharacters();
  if (password.length < policy.lengthMin || password.length > policy.lengthMax) {
    throw identityErrors.passwordLength(policy.lengthMin, policy.lengthMax);
  }
  const classes = [/[a-z]/, /[A-Z]/, /[0-9]/, /[^A-Za-z0-9]/].filter((kind) => kind.test(password)).length;
  if (classes < policy.classesMin) throw identityErrors.passwordTooSimple(policy.classesMin);
  const name = nameKeyOf(userName);
  // A name of one or two letters is inside most passwords by chance.
  if (name.length < 3) return;
  const backwards = Array.from(name).toReversed().join("");
  const folded = nameKeyOf(password);
  if (folded.includes(name) || folded.includes(backwards)) throw identityErrors.passwordHoldsName();
}

/** The form in which most clients send a password: lower-case hexadecimal SHA-256 of its UTF-8. */
export function keyOfPassword(password: string): string {
  return createHash("sha256").update(password, "utf8").digest("hex");
}
