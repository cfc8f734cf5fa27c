import { readdir, readFile, readlink } from "node:fs/promises";
import { waitFor } from "@sinter/kit";

/**
 * One process for good: an id alone may be given to another process later, the id together with the start time
 * (clock ticks since boot) is never used again until the machine reboots.
 */
export interface ProcessRef {
  readonly pid: number;
  readonly startTicks: number;
}

/** The process with this id as it is now; undefined when there is none or only its exit status is left. */
export async function findProcess(pid: number): Promise<ProcessRef | undefined> {
  const stat = await readStat(pid);
  if (stat === undefined || stat.state === "X") return undefined;
  // A first thread that has ended may leave others behind, which still hold the process's files and locks.
  if (stat.state === "Z" && (await threadsOf(pid)) <= 1) return undefined;
  return { pid, startTicks: stat.startTicks };
}

export async function isRunning(ref: ProcessRef | undefined): Promise<boolean> {
  return ref !== undefined && (await findProcess(ref.pid))?.startTicks === ref.startTicks;
}

/** Whether it was stopped by SIGSTOP. */
export async function isFrozen(ref: ProcessRef): Promise<boolean> {
  return (await readStat(ref.pid))?.state === "T";
}

/** Sends a signal unless the process has gone. */
export async function signal(ref: ProcessRef, name: NodeJS.Signals): Promise<void> {
  if (!(await isRunning(ref))) return;
  try {
    process.kill(ref.pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

export async function waitUntilGone(ref: ProcessRef, timeoutMs: number): Promise<void> {
  await waitFor(`The end of process ${ref.pid}`, async () => ((await isRunning(ref)) ? undefined : true), {
    timeoutMs,
    intervalMs: 10,
  });
}

/** SIGTERM, and SIGKILL when that was not enough. */
export async function endProcess(ref: ProcessRef, graceMs: number): Promise<void> {
  await signal(ref, "SIGTERM");
  try {
    await waitUntilGone(ref, graceMs);
  } catch {
    await signal(ref, "SIGKILL");
    await waitUntilGone(ref, 10_000);
  }
}

export async function parentOf(pid: number): Promise<number | undefined> {
  return (await readStat(pid))?.parent;
}

export async function childrenOf(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8").catch(() => "");
  return text.trim().split(" ").filter(Boolean).map(Number);
}

/** The program's short name, at most 15 characters. */
export async function nameOf(pid: number): Promise<string | undefined> {
  return (await readStat(pid))?.name;
}

export async function allProcessIds(): Promise<number[]> {
  return (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
}

/** What /proc/PID/ns/KIND names, e.g. "net:[4026532008]". */
export async function namespaceOf(pid: number, kind: "net" | "pid" | "mnt"): Promise<string | undefined> {
  return await readlink(`/proc/${pid}/ns/${kind}`).catch(() => undefined);
}

/** Ids of all processes in a namespace, as `namespaceOf` names it. */
export async function processesIn(kind: "net" | "pid", namespace: string): Promise<number[]> {
  const ids = await allProcessIds();
  const found = await Promise.all(ids.map(async (pid) => (await namespaceOf(pid, kind)) === namespace));
  return ids.filter((_, index) => found[index]);
}

/** The process's id as seen from inside its own pid namespace. */
export async function innerPid(pid: number): Promise<number | undefined> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  const last = /^NSpid:(?:\s+\d+)*\s+(\d+)$/m.exec(status)?.[1];
  return last === undefined ? undefined : Number(last);
}

async function threadsOf(pid: number): Promise<number> {
  return (await readdir(`/proc/${pid}/task`).catch(() => [])).length;
}

interface Stat {
  name: string;
  state: string;
  parent: number;
  startTicks: number;
}

async function readStat(pid: number): Promise<Stat | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  // The name is in parentheses and may itself hold spaces and parentheses: the last one ends it (proc(5)).
  const end = text.lastIndexOf(")");
  const fields = text.slice(end + 2).split(" ");
  return {
    name: text.slice(text.indexOf("(") + 1, end),
    state: fields[0] ?? "",
    parent: Number(fields[1]),
    startTicks: Number(fields[19]),
  };
}
