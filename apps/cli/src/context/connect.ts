import { type Client, createClient } from "@sinter/client";
import { failures } from "../failures.ts";
import { readTextFile } from "../input/secret.ts";
import { type Context, type Contexts, readContexts } from "./contexts.ts";

/** The context that a call is about, and how it is called. */
export interface Chosen {
  readonly name: string;
  readonly context: Context;
}

/** By `--context`, `$SINTER_CONTEXT`, or the current one. Undefined when nothing was ever chosen. */
export function chooseContext(
  all: Contexts,
  wanted: string | undefined,
  env: NodeJS.ProcessEnv,
): Chosen | undefined {
  const name = wanted ?? (env.SINTER_CONTEXT || all.current);
  if (name === undefined) return undefined;
  const context = all.contexts[name];
  if (context !== undefined) return { name, context };
  throw failures.usage(`There is no context "${name}".`, "See them: sinter context ls");
}

/**
 * A client with the session of the chosen context. For programs, `$SINTER_URL`, `$SINTER_TOKEN` and `$SINTER_CA` (a
 * file) stand for a context.
 */
export async function connect(
  env: NodeJS.ProcessEnv,
  wanted: string | undefined,
  timeoutMs?: number,
): Promise<Client> {
  const limit = timeoutMs === undefined ? {} : { timeoutMs };
  if (env.SINTER_URL && wanted === undefined) {
    const ca = env.SINTER_CA ? await readTextFile(env.SINTER_CA) : undefined;
    if (!env.SINTER_TOKEN)
      throw failures.notLoggedIn("SINTER_URL is set: set SINTER_TOKEN too, or unset both.");
    return createClient({
      url: env.SINTER_URL,
      token: env.SINTER_TOKEN,
      ...(ca === undefined ? {} : { ca }),
      ...limit,
    });
  }
  const chosen = chooseContext(await readContexts(env), wanted, env);
  if (chosen === undefined) throw failures.notLoggedIn("Log in: sinter login URL");
  const { context, name } = chosen;
  if (context.token === undefined) {
    throw failures.notLoggedIn(`Log in to ${context.url}: sinter login --context ${name}`);
  }
  return openContext(context, limit);
}

/** A client for the context's manager, with its session unless there is a password to begin another. */
export function openContext(
  context: Context,
  options: { userName?: string; password?: string; timeoutMs?: number } = {},
): Client {
  const { userName: _user, token, ...place } = context;
  const session = token === undefined || options.password !== undefined ? {} : { token };
  return createClient({ ...place, ...session, ...options });
}
