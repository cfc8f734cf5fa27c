import { readdir, readlink, realpath, rm } from "node:fs/promises";
import { join } from "node:path";
import { readIfThere } from "@sinter/kit";

/** How long what is left of a server may take to end: a fast shutdown, or backends whose server was killed. */
const FAREWELL_MS = 15_000;
/** A server whose parent has just died is told so by the kernel; this long until it writes that it is stopping. */
const NOTICE_MS = 1_000;

/** Process id written in a data folder, whether or not that process still lives. */
export async function serverPid(dataDir: string): Promise<number | undefined> {
  const pid = Number((await pidFileLines(dataDir))[0]);
  return Number.isInteger(pid) && pid > 0 ? pid : undefined;
}

/**
 * The server that already runs on this folder, if any. One that is ending is waited for, and so are backends whose
 * server was killed: a second server beside them would damage the data.
 */
export async function leftOver(dataDir: string, noticeMs = NOTICE_MS): Promise<number | undefined> {
  const begun = Date.now();
  for (;;) {
    const processes = await processesOn(dataDir);
    if (processes.length === 0) return undefined;
    const [written, lines] = [await serverPid(dataDir), await pidFileLines(dataDir)];
    const isServing =
      written !== undefined && processes.includes(written) && lines[STATUS_LINE] !== "stopping";
    const waitedMs = Date.now() - begun;
    if (isServing && waitedMs >= noticeMs) return written;
    if (waitedMs >= FAREWELL_MS) return written ?? processes[0];
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/**
 * Removes lock files of a server that is gone, to be called only after `leftOver` has found nothing. PostgreSQL
 * does so itself unless the number has since been given to another process of the same account, as happens after a
 * reboot; then it would refuse to start for ever.
 */
export async function removeStaleLocks(dataDir: string, socketDir: string): Promise<void> {
  await rm(join(dataDir, "postmaster.pid"), { force: true });
  await rm(join(socketDir, ".s.PGSQL.5432.lock"), { force: true });
}

/** Every process of a server keeps the data folder as its working directory, and nobody else does. */
async function processesOn(dataDir: string): Promise<number[]> {
  const folder = await realpath(dataDir).catch(() => undefined);
  if (folder === undefined) return [];
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const folders = await Promise.all(pids.map((pid) => readlink(`/proc/${pid}/cwd`).catch(() => undefined)));
  return pids.filter((_, index) => folders[index] === folder).map(Number);
}

/** Line of the pid file that says `starting`, `ready` or `stopping`. */
const STATUS_LINE = 7;

async function pidFileLines(dataDir: string): Promise<string[]> {
  const text = await readIfThere(join(dataDir, "postmaster.pid"));
  return (text ?? "").split("\n").map((line) => line.trim());
}
