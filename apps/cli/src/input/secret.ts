import { readFile } from "node:fs/promises";
import { failures } from "../failures.ts";
import type { Terminal } from "../terminal.ts";
import { askHidden } from "./prompt.ts";

export interface SecretSource {
  readonly passwordFile?: string | undefined;
  readonly passwordStdin?: boolean | undefined;
}

const HINT = "Give the password with --password-file FILE or --password-stdin.";

/** A password from a file, from standard input, or from the keyboard unseen; never from the command line. */
export async function readSecret(
  terminal: Terminal,
  source: SecretSource,
  question: string,
): Promise<string> {
  const given = await readGivenSecret(terminal, source);
  return given ?? (await askHidden(terminal, question, HINT));
}

/** A new password; at the keyboard asked for twice. */
export async function readNewSecret(
  terminal: Terminal,
  source: SecretSource,
  question: string,
): Promise<string> {
  const given = await readGivenSecret(terminal, source);
  if (given !== undefined) return given;
  const first = await askHidden(terminal, question, HINT);
  const second = await askHidden(terminal, "Once more: ", HINT);
  if (first !== second) throw failures.usage("The two passwords are not the same.", "Try again.");
  return first;
}

async function readGivenSecret(terminal: Terminal, source: SecretSource): Promise<string | undefined> {
  if (source.passwordFile !== undefined) return firstLine(await readTextFile(source.passwordFile));
  if (source.passwordStdin !== true) return undefined;
  if (terminal.stdin.isTTY) return askHidden(terminal, "Password: ", HINT);
  const chunks: Buffer[] = [];
  for await (const chunk of terminal.stdin) chunks.push(Buffer.from(chunk as Buffer));
  return firstLine(Buffer.concat(chunks).toString("utf8"));
}

export async function readTextFile(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw failures.fileUnreadable(path, error);
  }
}

/** Editors and `echo` end a file with a line break that is no part of the password. */
function firstLine(text: string): string {
  return text.replace(/\r?\n$/, "");
}
