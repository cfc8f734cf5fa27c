/** `npm run stop`: ends what `npm start` began on this checkout, and resolves when it is gone. State is kept. */
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { isAlive, waitFor } from "@sinter/kit";
import { findOwner } from "./stand/owner.ts";
import { DEFAULT_STATE, standFiles } from "./stand/paths.ts";

const { values } = parseArgs({ options: { state: { type: "string", default: DEFAULT_STATE } } });
const owner = await findOwner(standFiles(resolve(values.state)).owner);
if (!owner) {
  console.log("Nothing runs here.");
} else {
  process.kill(owner.pid, "SIGTERM");
  await waitFor("The end of Sinter", () => (isAlive(owner.pid) ? undefined : true), { timeoutMs: 120_000 });
  console.log("Stopped; npm start goes on from here.");
}
