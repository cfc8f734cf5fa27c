import { createHash } from "node:crypto";
import { copyFile, mkdir, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "@sinter/kit";
import { withFileLock } from "./file-lock.ts";
import { type Box, exists, runInBox, type Spawned, spawnInBox, untilItAnswers } from "./namespace-box.ts";

const SHIM_SOURCE = fileURLToPath(new URL("sanlock-shim.c", import.meta.url));
const SHIM_INSIDE = "/run/sinter-lab/sanlock-shim.so";

/**
 * Starts the host's daemon of leases. Without a watchdog, which namespaces have none of: a host whose sanlock is
 * killed or frozen leaves its guests running, where a real one would be reset. `uuid` is the host's name in leases, so
 * that one that comes back need not wait for its former life to be declared dead.
 */
export async function startSanlock(
  box: Box,
  options: { readonly uuid: string; readonly cacheDir: string; readonly logFile: string },
): Promise<Spawned> {
  const root = `/proc/${box.init.pid}/root`;
  await mkdir(`${root}/run/sanlock`, { recursive: true });
  await copyFile(await ensureShim(options.cacheDir), `${root}${SHIM_INSIDE}`);
  const settings = ["-D", "-w", "0", "-h", "0", "-l", "0", "-U", "root", "-G", "root", "-e", options.uuid];
  const started = await spawnInBox(
    box,
    "env",
    [`LD_PRELOAD=${SHIM_INSIDE}`, "sanlock", "daemon", ...settings],
    { logFile: options.logFile },
  );
  await untilItAnswers(started, "sanlock", options.logFile, async () => {
    if (!(await exists(`${root}/run/sanlock/sanlock.sock`))) return false;
    return (await runInBox(box, "sanlock", ["client", "version"], { okCodes: [0, 1] })).code === 0;
  });
  return started;
}

/** Built once per machine and source. */
async function ensureShim(cacheDir: string): Promise<string> {
  const source = await readFile(SHIM_SOURCE);
  const name = `sanlock-shim-${createHash("sha256").update(source).digest("hex").slice(0, 12)}.so`;
  const path = join(cacheDir, name);
  if (await exists(path)) return path;
  await mkdir(cacheDir, { recursive: true });
  await withFileLock(`${path}.lock`, async () => {
    if (await exists(path)) return;
    await run("tcc", ["-shared", "-nostdlib", "-o", `${path}.new`, SHIM_SOURCE]);
    await rename(`${path}.new`, path);
  });
  return path;
}
