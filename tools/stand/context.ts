import { join } from "node:path";
import { createClient } from "@sinter/client";
import { writeFileAtomic } from "@sinter/kit";
import { updateContexts } from "../../apps/cli/src/context/contexts.ts";
import type { Stand } from "./stand.ts";

const NAME = "lab";

/** Prepares the command line: a session of its own in the user's contexts. Gives how to call it. */
export async function writeContext(stand: Stand, stateDir: string): Promise<string> {
  const { url, ca, userName, password } = stand.access;
  await writeFileAtomic(join(stateDir, "context.json"), JSON.stringify({ url, ca }), 0o644);
  await using client = createClient({ url, ca, userName, password });
  await client.session.current();
  const { token } = client.session;
  if (token === undefined) throw new Error("Broken assumption: whoever has logged in has a token.");
  await updateContexts(process.env, ({ current, contexts }) => ({
    // Somebody who works with another manager keeps working with it.
    current: current === undefined || contexts[current] === undefined ? NAME : current,
    contexts: { ...contexts, [NAME]: { url, ca, userName, token } },
  }));
  return "npx sinter";
}
