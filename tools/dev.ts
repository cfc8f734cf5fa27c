/**
 * `npm run dev`: the true manager on simulated agents, for working on API, CLI and portal without hosts. Everything is
 * forgotten at the end. A portal that is built anew meanwhile (`node tools/portal-build.ts`) is served at the next load
 * of a page.
 *
 *     -- --hosts N         default 4
 *     -- --port N          of the API, default 7443
 *     -- --portal-port N   where browsers go, default 8443
 */
import { parseArgs } from "node:util";
import { builtPortal } from "./portal-build.ts";
import { ensureMachine } from "./setup.ts";
import { startSimStand } from "./stand/sim-stand.ts";

const { values } = parseArgs({
  options: {
    hosts: { type: "string", default: "4" },
    port: { type: "string", default: "7443" },
    "portal-port": { type: "string", default: "8443" },
  },
});
const say = (line: string): void => console.log(line);
await ensureMachine({ wants: ["database"], log: say });
const stand = await startSimStand({
  hosts: Number(values.hosts),
  port: Number(values.port),
  portalPort: Number(values["portal-port"]),
  portalDir: await builtPortal(say),
});
say(
  `Open ${stand.portalUrl} in a browser and log in as ${stand.userName} with the password ${stand.password}`,
);
say(`The API is at ${stand.url}, with ${stand.sims.length} simulated hosts. Ctrl-C ends it.`);

let isEnding = false;
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    if (isEnding) return;
    isEnding = true;
    void stand[Symbol.asyncDispose]().then(() => process.exit(0));
  });
}
