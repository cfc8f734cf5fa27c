/**
 * The portal's files, `apps/portal/dist`: built when its sources have changed since. Run by whatever starts a manager
 * that serves it, or alone: `node tools/portal-build.ts`.
 */
import { join } from "node:path";
import { run } from "@sinter/kit";
import { builtFolder } from "./built.ts";
import { ROOT } from "./stand/paths.ts";

const PORTAL = join(ROOT, "apps/portal");
/** A cold build takes some ten seconds. */
const BUILD_MS_MAX = 300_000;

/** Gives the folder, for SINTER_PORTAL_DIR. */
export async function builtPortal(say: (line: string) => void): Promise<string> {
  return await builtFolder({
    root: ROOT,
    sources: [
      "apps/portal/src/**/*",
      "apps/portal/public/**/*",
      "apps/portal/*.{html,json,ts}",
      // What the portal shares with everybody else.
      "packages/{client,kit,northbound,rules}/src/**/*.ts",
      "package-lock.json",
      "tools/portal-build.ts",
    ],
    outDir: join(PORTAL, "dist"),
    onBuild: () => say("building the portal"),
    build: async (outDir) => {
      // A process of its own: Vite and its plugins take memory and settings of the process.
      const vite = join(ROOT, "node_modules/vite/bin/vite.js");
      const args = [vite, "build", "--outDir", outDir, "--emptyOutDir", "--logLevel", "warn"];
      await run(process.execPath, args, { cwd: PORTAL, timeoutMs: BUILD_MS_MAX });
    },
  });
}

if (import.meta.main) console.log(await builtPortal((line) => console.log(line)));
