import { failures } from "../failures.ts";

/*
 * Options of commands. Values are kept as text until one of these reads them: yargs would make 7 of "007" and of a name
 * that is all digits.
 */

export function textOption(describe: string) {
  return { type: "string", requiresArg: true, describe, coerce: once } as const;
}

export function requiredText(describe: string) {
  // Demanded, so there is a value whenever this is called.
  return {
    ...textOption(describe),
    demandOption: true,
    coerce: (value: unknown) => once(value) ?? "",
  } as const;
}

export function textWithDefault(describe: string, value: string) {
  return {
    ...textOption(describe),
    default: value,
    coerce: (given: unknown) => once(given) ?? value,
  } as const;
}

/** A positional argument. */
export function requiredArgument(describe: string) {
  return {
    type: "string",
    demandOption: true,
    describe,
    coerce: (value: unknown) => once(value) ?? "",
  } as const;
}

export function optionalArgument(describe: string) {
  return { type: "string", describe, coerce: once } as const;
}

export function choiceOption<const T extends string>(describe: string, choices: readonly T[]) {
  // yargs lets only the choices through.
  return {
    ...textOption(describe),
    choices,
    coerce: (value: unknown) => once(value) as T | undefined,
  } as const;
}

/** May be given several times. */
export function listOption(describe: string) {
  return { type: "string", array: true, requiresArg: true, describe } as const;
}

export function countOption(describe: string, range: { readonly min: number; readonly max: number }) {
  return {
    ...textOption(describe),
    coerce: (value: unknown) => {
      const text = once(value);
      if (text === undefined) return undefined;
      const count = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
      if (count >= range.min && count <= range.max) return count;
      throw failures.usage(`"${text}" is not a whole number from ${range.min} to ${range.max}.`);
    },
  } as const;
}

/** True, false (`--no-…`), or not said. */
export function triStateOption(describe: string) {
  return { type: "boolean", describe } as const;
}

export function flagOption(describe: string, isSet = false) {
  return { type: "boolean", describe, default: isSet } as const;
}

/** For commands that begin a task. */
export const waitOption = {
  wait: flagOption("Wait for the end; --no-wait answers as soon as the task has begun", true),
} as const;

/** For commands that cannot be taken back. */
export const yesOption = { yes: { ...flagOption("Do not ask"), alias: "y" } } as const;

export const passwordOptions = {
  "password-file": textOption("File that holds the password"),
  "password-stdin": flagOption("Read the password from standard input"),
} as const;

/** yargs gives text, or a list of it for an option that was given more than once. */
function once(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (Array.isArray(value)) throw failures.usage("An option was given twice that is only there once.");
  return value as string;
}
