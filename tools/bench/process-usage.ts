import { readFile } from "node:fs/promises";

/** Clock ticks per second of /proc/PID/stat: fixed at 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** Resident memory of a process in megabytes of 10^6 bytes, now and at its highest. */
export async function residentMB(pid: number): Promise<{ now: number; highest: number }> {
  return residentOf(await readFile(`/proc/${pid}/status`, "utf8"));
}

/** The same from the text of a `status` file read elsewhere. */
export function residentOf(status: string): { now: number; highest: number } {
  const of = (field: string): number =>
    (Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? Number.NaN) * 1024) / 1e6;
  return { now: of("VmRSS"), highest: of("VmHWM") };
}

/** CPU time that a process has used so far, in milliseconds. */
export async function cpuMs(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  // The name in brackets may hold blanks; behind it utime and stime are fields 12 and 13.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS_PER_SECOND;
}
