import { ApiError, TaskFailure } from "@sinter/client";
import { AppError, toAppError } from "@sinter/kit/errors";
import { quoted } from "./output/text.ts";

/** What can be wrong before or beside the manager. `params.hint` says what to do next. */
export const failures = {
  usage: (message: string, hint?: string) => new AppError("invalid", "USAGE", message, withHint(hint)),
  notLoggedIn: (hint = "Log in: sinter login") =>
    new AppError("unauthenticated", "NOT_LOGGED_IN", "You are not logged in.", withHint(hint)),
  nameUnknown: (noun: string, text: string, hint: string) =>
    new AppError("notFound", "NAME_UNKNOWN", `There is no ${noun} ${quoted(text)}.`, withHint(hint)),
  nameAmbiguous: (noun: string, text: string, candidates: readonly string[]) =>
    new AppError(
      "invalid",
      "NAME_AMBIGUOUS",
      `${quoted(text)} is the name of more than one ${noun}:\n${candidates.map((line) => `  ${line}`).join("\n")}`,
      withHint("Name it by its id."),
    ),
  needsAnswer: (question: string, hint: string) =>
    new AppError("invalid", "NO_TERMINAL", `There is no terminal to ask: ${question}`, withHint(hint)),
  refused: () => new AppError("cancelled", "REFUSED", "Nothing was done."),
  interrupted: (hint?: string) => new AppError("cancelled", "INTERRUPTED", "Interrupted.", withHint(hint)),
  fileUnreadable: (path: string, cause: unknown) =>
    new AppError(
      "invalid",
      "FILE_UNREADABLE",
      `The file ${path} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    ),
  other: (message: string, hint?: string) => new AppError("internal", "FAILED", message, withHint(hint)),
  conflict: (message: string, hint?: string) => new AppError("conflict", "CONFLICT", message, withHint(hint)),
};

function withHint(hint: string | undefined) {
  return { params: hint === undefined ? {} : { hint } };
}

const MUST_CHANGE = "Log in at a terminal, which asks for a new one, or with --new-password-file FILE.";

/** Next steps for failures that the client reports, by code. */
const HINTS: Readonly<Record<string, string>> = {
  "10000002": "Log in again: sinter login",
  NOT_LOGGED_IN: "Log in: sinter login",
  "10100108": MUST_CHANGE,
  "10100109": MUST_CHANGE,
  "10000005": "The manager is starting or its database is away; try again in a few seconds.",
  MANAGER_UNREACHABLE:
    "Is the manager running? In a checkout, npm start starts one. Check the address: sinter context ls",
  MANAGER_UNTRUSTED:
    "Name its authority: sinter login URL --ca FILE, or --fingerprint SHA256 as the manager's own host shows it.",
  LAB_NOT_FOUND: "npm start in the checkout makes one; another place: --state-dir DIR",
  "10300101": "See what works on it: sinter task ls --status running",
  "10300026": "Without asking the guest: --force",
  "10300474": "Without asking the guest: --force",
};

export function hintOf(error: AppError): string | undefined {
  const { hint } = error.params;
  if (typeof hint === "string") return hint;
  if (error instanceof TaskFailure)
    return `See its steps: sinter task show ${error.task.urn.split(":").at(-1)}`;
  return HINTS[error.code];
}

/** The failure as one JSON object: the wire's two fields, and what to do next. */
export function failureAsJson(thrown: unknown): object {
  const error = toAppError(thrown);
  const errorCode = error instanceof ApiError && error.errorCode !== "" ? error.errorCode : error.code;
  const hint = hintOf(error);
  return { errorCode, errorDes: error.message, ...(hint === undefined ? {} : { hint }) };
}
