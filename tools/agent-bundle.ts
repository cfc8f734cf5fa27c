import { join } from "node:path";
import { builtFolder } from "./built.ts";
import { ROOT } from "./stand/paths.ts";

/**
 * The agent as one folder of plain JavaScript, `apps/agent/dist`: what a host gets. Without the parts of its libraries
 * that it does not use it takes 30 MB of memory less than its sources (the budget is 120 MB with 50 VMs), and nothing
 * needs to be installed beside it.
 */
export async function bundledAgent(say: (text: string) => void): Promise<string> {
  const folder = await builtFolder({
    root: ROOT,
    sources: [
      "apps/agent/src/**/*.ts",
      "packages/*/src/**/*.ts",
      "package-lock.json",
      "tools/agent-bundle.ts",
    ],
    outDir: join(ROOT, "apps/agent/dist"),
    onBuild: () => say("building the agent"),
    async build(outDir) {
      const { build } = await import("rolldown");
      await build({
        input: { main: join(ROOT, "apps/agent/src/main.ts") },
        platform: "node",
        logLevel: "warn",
        onLog(level, entry, show) {
          // An agent that lacks a part must not come about.
          if (entry.code === "UNRESOLVED_IMPORT") throw new Error(entry.message);
          show(level, entry);
        },
        output: {
          dir: outDir,
          format: "esm",
          entryFileNames: "[name].mjs",
          chunkFileNames: "[name].mjs",
          // Names stay, so that a stack trace can be read; blanks and comments would lie in memory.
          minify: { compress: false, mangle: false, codegen: { removeWhitespace: true } },
        },
      });
    },
  });
  return join(folder, "main.mjs");
}
