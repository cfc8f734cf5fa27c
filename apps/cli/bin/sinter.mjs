#!/usr/bin/env node
// Starts the command line under a Node that runs TypeScript as it is: this one from 24 on, or the one that the
// repository brings along. Plain JavaScript of an old age, since it is read by whatever Node there is.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import * as nodeModule from "node:module";
import { constants, homedir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const NODE_MAJOR_MIN = 24;
const main = new URL("../src/main.ts", import.meta.url);

// Compiled code is kept from one call to the next: reading TypeScript takes longer than most commands.
const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "sinter", "node");

if (Number(process.versions.node.split(".")[0]) >= NODE_MAJOR_MIN) {
  nodeModule.enableCompileCache(cache);
  await import(main.href);
} else {
  const node = bundledNode();
  if (node === undefined) {
    process.stderr.write(
      `sinter needs Node ${NODE_MAJOR_MIN} or newer; this is ${process.version}. Run "npm install" in the checkout, which brings one along.\n`,
    );
    process.exit(1);
  }
  startUnder(node);
}

function bundledNode() {
  const require = nodeModule.createRequire(import.meta.url);
  try {
    const manifest = require.resolve(`node-linux-${process.arch}/package.json`);
    const node = join(dirname(manifest), "bin", "node");
    return existsSync(node) ? node : undefined;
  } catch {
    // Not installed: an optional dependency, and there is none for this machine.
    return undefined;
  }
}

function startUnder(node) {
  const child = spawn(node, [fileURLToPath(main), ...process.argv.slice(2)], {
    stdio: "inherit",
    env: { NODE_COMPILE_CACHE: cache, ...process.env },
  });
  // From a terminal both of us get Ctrl-C; what it means is the child's decision.
  process.on("SIGINT", () => {
    if (!process.stdin.isTTY) child.kill("SIGINT");
  });
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("error", (error) => {
    process.stderr.write(`sinter: ${node} does not start: ${error.message}\n`);
    process.exit(1);
  });
  child.on("exit", (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
}
