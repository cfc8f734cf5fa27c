import type { Client } from "@sinter/client";
import { connect } from "./context/connect.ts";

/** Whoever presses Tab waits no longer than this for names. */
const ANSWER_MS_MAX = 2_000;
const NAMES_MAX = 200;
/** bash expands what it is offered as words: a name with a blank, a quote or a `$(…)` must not get there. */
const SAFE_NAME = /^[\w][\w.-]*$/;

type Named = AsyncIterable<{ readonly name: string }> | Promise<readonly { readonly name: string }[]>;

const NAMES: Readonly<Record<string, (client: Client) => Named>> = {
  vm: (client) => client.vms.iterate({ detail: 0 }),
  volume: (client) => client.volumes.iterate(),
  host: (client) => client.hosts.iterate(),
  cluster: (client) => client.clusters.list(),
  datastore: (client) => client.datastores.iterate(),
  switch: (client) => client.switches.list(),
};
/** Verbs that are about no object that is there. */
const WITHOUT_OBJECT = new Set(["ls", "create", "join-token", "maintenance"]);

/**
 * What may stand in place of the last word of the line: commands and options as the help of the words before it shows
 * them, and names of objects.
 */
export async function completeLine(
  line: readonly string[],
  helpOf: (command: readonly string[]) => Promise<string>,
  env: NodeJS.ProcessEnv,
): Promise<string[]> {
  const before = line.slice(0, -1);
  const command = before.filter((word) => !word.startsWith("-"));
  const help = await helpOf(command);
  if (line.at(-1)?.startsWith("-")) {
    const refusals = matches(help, /^ +--([\w-]+) .*\[boolean\] \[default: true\]/gm);
    return [...matches(help, /^ +(?:-\w, )?(--[\w-]+)/gm), ...refusals.map((option) => `--no-${option}`)];
  }
  const path = ["sinter", ...command].join(" ").replace(/[^\w -]/g, "");
  const verbs = matches(help, new RegExp(`^ {2}${path} ([\\w-]+)`, "gm"));
  return [...verbs, ...(await completeNames(before, env))];
}

function matches(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map((match) => match[1] ?? "");
}

/** None when nobody is logged in or the manager is slow: completion never complains. */
async function completeNames(words: readonly string[], env: NodeJS.ProcessEnv): Promise<string[]> {
  // An option before the object may have a value, which cannot be told from an object here.
  const kind = words.some((word) => word.startsWith("-")) ? undefined : kindOfNext(words);
  if (kind === undefined) return [];
  try {
    await using client = await connect(env, undefined, ANSWER_MS_MAX);
    const names: string[] = [];
    for await (const { name } of await kind(client)) {
      if (SAFE_NAME.test(name)) names.push(name);
      if (names.length >= NAMES_MAX) break;
    }
    return names;
  } catch {
    // Nobody is told: the person is in the middle of a line.
    return [];
  }
}

function kindOfNext(words: readonly string[]): ((client: Client) => Named) | undefined {
  const [noun = "", verb, ...objects] = words;
  if (verb === undefined) return undefined;
  if (noun === "host" && verb === "maintenance") return objects.length === 1 ? NAMES.host : undefined;
  if (WITHOUT_OBJECT.has(verb)) return undefined;
  if (objects.length === 0) return NAMES[noun];
  // The second argument of `volume attach` and `volume detach` is a VM.
  return noun === "volume" && objects.length === 1 ? NAMES.vm : undefined;
}
