import { readFile } from "node:fs/promises";
import { isAlive, readIfThere, writeFileAtomic } from "@sinter/kit";

/** Which process holds a stand: pid and start time, so that a reused pid is nobody. */
export interface Owner {
  readonly pid: number;
  readonly startTime: string;
}

export async function writeOwner(file: string): Promise<void> {
  const startTime = await startTimeOf(process.pid);
  await writeFileAtomic(file, JSON.stringify({ pid: process.pid, startTime }));
}

/** The living holder, if any. */
export async function findOwner(file: string): Promise<Owner | undefined> {
  const text = await readIfThere(file);
  if (text === undefined) return undefined;
  const owner = JSON.parse(text) as Owner;
  if (owner.pid === process.pid || !isAlive(owner.pid)) return undefined;
  return (await startTimeOf(owner.pid)) === owner.startTime ? owner : undefined;
}

/** Field 22 of /proc/PID/stat, clock ticks since boot; the name before it may hold blanks and brackets. */
async function startTimeOf(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
}
