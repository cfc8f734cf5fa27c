import { homedir } from "node:os";
import { join } from "node:path";
import { readIfThere, writeFileAtomic } from "@sinter/kit/files";
import { failures } from "../failures.ts";

/** A manager we know, and the session with it. There is no password in here. */
export interface Context {
  readonly url: string;
  /** PEM of the manager's authority. */
  readonly ca?: string;
  readonly fingerprint?: string;
  readonly insecure?: boolean;
  readonly userName?: string;
  readonly token?: string;
}

export interface Contexts {
  readonly current?: string;
  readonly contexts: Readonly<Record<string, Context>>;
}

/** `$XDG_CONFIG_HOME/sinter/contexts.json`, by default below ~/.config. */
export function contextsPath(env: NodeJS.ProcessEnv): string {
  const config = env.XDG_CONFIG_HOME || join(env.HOME || homedir(), ".config");
  return join(config, "sinter", "contexts.json");
}

export async function readContexts(env: NodeJS.ProcessEnv): Promise<Contexts> {
  const path = contextsPath(env);
  const text = await readIfThere(path);
  if (text === undefined) return { contexts: {} };
  try {
    const { current, contexts } = JSON.parse(text) as Partial<Contexts>;
    const named = Object.entries(contexts ?? {}).filter(([, context]) => typeof context.url === "string");
    return { ...(typeof current === "string" ? { current } : {}), contexts: Object.fromEntries(named) };
  } catch (error) {
    throw failures.other(
      `The file ${path} is not what this program wrote: ${error instanceof Error ? error.message : String(error)}`,
      "Remove it and log in again.",
    );
  }
}

/** Reads, changes and writes in one go, so that of two logins at once both stay. Readable by its owner alone. */
export async function updateContexts(
  env: NodeJS.ProcessEnv,
  change: (before: Contexts) => Contexts,
): Promise<void> {
  const after = change(await readContexts(env));
  await writeFileAtomic(contextsPath(env), `${JSON.stringify(after, null, 2)}\n`, 0o600);
}

/**
 * What `npm start` in a checkout wrote about the manager it runs: address and authority, no session. In
 * `$SINTER_STATE`, or `.sinter` of the checkout this program is part of.
 */
export async function readLocalContext(env: NodeJS.ProcessEnv): Promise<Context | undefined> {
  const text = await readIfThere(join(stateDirectory(env), "context.json"));
  if (text === undefined) return undefined;
  try {
    const { url, ca } = JSON.parse(text) as Partial<Context>;
    return typeof url === "string" ? { url, ...(typeof ca === "string" ? { ca } : {}) } : undefined;
  } catch {
    // Written at this moment, or by something else: then there is no local manager to speak of.
    return undefined;
  }
}

export function stateDirectory(env: NodeJS.ProcessEnv): string {
  return env.SINTER_STATE || join(import.meta.dirname, "../../../../.sinter");
}
