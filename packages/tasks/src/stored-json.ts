/**
 * JSON text for a jsonb column. PostgreSQL refuses two things that JSON allows and that do arrive in what programs
 * print: the character NUL and halves of surrogate pairs. Throws a TypeError for what JSON cannot say (bigint, a cycle).
 */
export function toStoredJson(value: unknown): string {
  return JSON.stringify(value ?? null, (_key, inner: unknown) => {
    if (typeof inner === "string") return toStoredText(inner);
    if (typeof inner !== "object" || inner === null || Array.isArray(inner)) return inner;
    const entries = Object.entries(inner);
    if (entries.every(([key]) => key === toStoredText(key))) return inner;
    return Object.fromEntries(entries.map(([key, field]) => [toStoredText(key), field]));
  });
}

/** Text that PostgreSQL takes, cut to a length. */
export function toStoredText(text: string, lengthMax = Number.POSITIVE_INFINITY): string {
  const clean = text.replaceAll("\0", "").toWellFormed();
  return clean.length <= lengthMax ? clean : `${clean.slice(0, lengthMax - 1).toWellFormed()}…`;
}

/** Makes a value unchangeable in depth, so that a step cannot leave changes that a restart would lose. */
export function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}
