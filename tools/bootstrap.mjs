#!/usr/bin/env node
// The one script that runs on whatever Node the machine has: it installs the npm packages, the pinned Node among
// them, and hands over to the TypeScript of this folder.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [command, ...args] = process.argv.slice(2);
const script = join(root, "tools", `${command}.ts`);
if (!command || !/^[a-z-]+$/.test(command) || !existsSync(script)) {
  console.error(`There is no command "${command ?? ""}".`);
  process.exit(2);
}

installPackages();
const node = join(root, "node_modules", ".bin", "node");
if (!existsSync(node)) {
  console.error(
    `No Node 26 came with the npm packages: this machine (${process.platform} ${process.arch}) is not supported.`,
  );
  process.exit(1);
}
const env = { ...process.env, PATH: `${join(root, "node_modules", ".bin")}:${process.env.PATH}` };
const child = spawn(node, [script, ...args], { stdio: "inherit", env, cwd: root });
// A terminal sends Ctrl-C to all of us, others only to the first: the script takes it once or twice, decides when it
// has stopped everything, and we follow.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
child.on("exit", (code, signal) => process.exit(signal ? 130 : (code ?? 1)));

/** `npm ci`, when what is installed is not what the lock file says. */
function installPackages() {
  const lock = readFileSync(join(root, "package-lock.json"));
  const wanted = createHash("sha256").update(lock).digest("hex");
  const stamp = join(root, "node_modules", ".sinter-lock");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
  console.error("Installing npm packages (once, about a minute) …");
  const npm = process.env.npm_execpath;
  const done = npm
    ? spawnSync(process.execPath, [npm, "ci", "--no-audit", "--no-fund", "--loglevel=error"], {
        cwd: root,
        stdio: ["ignore", 2, 2],
      })
    : spawnSync("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], {
        cwd: root,
        stdio: ["ignore", 2, 2],
      });
  if (done.status !== 0) {
    console.error("Installing the npm packages failed. Is the npm registry reachable?");
    process.exit(1);
  }
  writeFileSync(stamp, wanted);
}
