import { mkdtemp, readFile } from "node:fs/promises";
import { join } from "node:path";
import { ensureMachine } from "../setup.ts";
import { findOwner } from "./owner.ts";
import { DEFAULT_STATE, standFiles } from "./paths.ts";
import { type Stand, startStand } from "./stand.ts";

interface Borrowed extends AsyncDisposable {
  readonly access: Stand["access"];
}

/** The stand of a running `npm start`, or one of our own that goes away again. */
export async function borrowStand(say: (line: string) => void): Promise<Borrowed> {
  const files = standFiles(DEFAULT_STATE);
  if ((await findOwner(files.owner)) !== undefined) {
    const { url, portalUrl, caFile } = JSON.parse(await readFile(files.ready, "utf8")) as {
      url: string;
      portalUrl: string;
      caFile: string;
    };
    const password = (await readFile(files.password, "utf8")).trim();
    const ca = await readFile(caFile, "utf8");
    say(`using the laboratory of npm start at ${url}`);
    return {
      access: { url, portalUrl, userName: "admin", password, ca },
      [Symbol.asyncDispose]: async () => {},
    };
  }
  await ensureMachine({ wants: ["lab"], log: say });
  const stateDir = await mkdtemp(join("/var/tmp", "sinter-"));
  return await startStand({ stateDir, hosts: 2, port: 0, say });
}
