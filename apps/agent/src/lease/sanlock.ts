import { AppError } from "@sinter/kit";
import type { LeaseHostState } from "@sinter/southbound";
import { runProgram } from "../programs.ts";
import { sanlockPlace } from "./lease-paths.ts";

/**
 * What sanlock says, by its own program: it has no protocol that it promises to keep, but its words have been the same
 * for ten years.
 */
export interface Lockspace {
  readonly name: string;
  readonly hostId: number;
  /** Being joined or left. */
  readonly change: "joining" | "leaving" | null;
  readonly hosts: readonly LockspaceHost[];
}

export interface LockspaceHost {
  readonly hostId: number;
  readonly state: LeaseHostState;
}

/** Where a lockspace or a lease is, and for what I/O timeout it is made. */
export interface AreaPlace {
  readonly lockspace: string;
  /** Of a lease; 0: all of the lockspace. */
  readonly name: string | 0;
  readonly path: string;
  readonly ioTimeoutS: number;
}

/** A line of a lockspace or of a lease, as it is on disk. */
export interface DiskRecord {
  /** Of a lockspace, the name that the host gave itself; of a lease, the lease's. */
  readonly name: string;
  /** 0: free. */
  readonly timestampS: number;
  readonly hostId: number;
}

const TIMEOUT_MS = 8_000;
/** Joining takes 2.5 times the I/O timeout when all is well, more after a crash. */
const JOIN_TIMEOUT_MS = 300_000;

/** Lockspaces that the daemon has a place in, by name; undefined when there is no daemon. */
export async function readLockspaces(): Promise<Map<string, Lockspace> | undefined> {
  const { code, stdout } = await sanlock(["client", "gets", "-h", "1"], [0, 1]);
  return code === 0 ? parseLockspaces(stdout) : undefined;
}

export async function joinLockspace(
  lockspace: string,
  place: { readonly hostId: number; readonly path: string; readonly ioTimeoutS: number },
  signal: AbortSignal,
): Promise<void> {
  const where = sanlockPlace(lockspace, place.hostId, place.path);
  await sanlock(["client", "add_lockspace", "-s", where, "-o", String(place.ioTimeoutS)], [0], {
    timeoutMs: JOIN_TIMEOUT_MS,
    signal,
  });
}

export async function leaveLockspace(lockspace: string, hostId: number, path: string): Promise<void> {
  await sanlock(["client", "rem_lockspace", "-s", sanlockPlace(lockspace, hostId, path)], [0, 1]);
}

/** Seconds since each lockspace's last heartbeat that got through, by name. */
export async function readHeartbeatAges(): Promise<Map<string, number>> {
  return parseHeartbeatAges((await sanlock(["client", "status", "-D"])).stdout);
}

/** Writes an empty lockspace or lease into a file of the right size. */
export async function writeArea(kind: "lockspace" | "lease", place: AreaPlace): Promise<void> {
  const where = sanlockPlace(place.lockspace, place.name, place.path);
  const what = kind === "lockspace" ? ["-s", where] : ["-r", where];
  // Who takes a place waits as long as its former owner might have needed, so the first one reads this.
  const args = ["direct", "init", ...what, "-o", String(place.ioTimeoutS)];
  // The program ends with 0 also when it failed; it then tells of another code than 0.
  const { stdout } = await sanlock(args);
  if (!/init done 0\b/.test(stdout)) throw refused(args, stdout);
}

/** The records of a lockspace or a lease, read past all caches. */
export async function readRecords(path: string): Promise<DiskRecord[]> {
  const { stdout } = await sanlock(["direct", "dump", path.replaceAll(":", "\\:")]);
  return parseRecords(stdout);
}

const STATES: Readonly<Record<string, LeaseHostState>> = { LIVE: "live", FAIL: "failing", DEAD: "dead" };

/**
 * `s LOCKSPACE:HOST:PATH:OFFSET [ADD|REM]`, each followed by `h HOST gen N timestamp S STATE` of the hosts there. Hosts
 * that have left stay as FREE.
 */
export function parseLockspaces(text: string): Map<string, Lockspace> {
  const found = new Map<string, Lockspace>();
  let hosts: LockspaceHost[] = [];
  for (const line of text.split("\n")) {
    const [, name, hostId, , word] = /^s ([^:]+):(\d+):(.*?):\d+ ?(ADD|REM)?\s*$/.exec(line) ?? [];
    if (name !== undefined) {
      const change = word === "ADD" ? "joining" : word === "REM" ? "leaving" : null;
      hosts = [];
      found.set(name, { name, hostId: Number(hostId), change, hosts });
      continue;
    }
    const [, id, state] = /^h (\d+) gen \d+ timestamp \d+ (\w+)/.exec(line) ?? [];
    if (id === undefined || state === undefined || state === "FREE") continue;
    hosts.push({ hostId: Number(id), state: STATES[state] ?? "unknown" });
  }
  return found;
}

/** `monotime` of the daemon less `renewal_last_success` of each lockspace. */
export function parseHeartbeatAges(text: string): Map<string, number> {
  const now = Number(/^ +monotime=(\d+)$/m.exec(text)?.[1]);
  const ages = new Map<string, number>();
  for (const part of text.split(/^(?=\S)/m)) {
    const name = /^s ([^:]+):/.exec(part)?.[1];
    const at = Number(/^ +renewal_last_success=(\d+)$/m.exec(part)?.[1]);
    if (name !== undefined && at > 0 && now >= at) ages.set(name, now - at);
  }
  return ages;
}

/** Lines of eight hexadecimal digits, lockspace, name, timestamp, owner, generation and perhaps more. */
export function parseRecords(text: string): DiskRecord[] {
  return text.split("\n").flatMap((line) => {
    const [, name, timestamp, owner] = /^\d{8}\s+\S+\s+(\S+)\s+(\d{10})\s+(\d{4})\s+\d{4}\b/.exec(line) ?? [];
    if (name === undefined) return [];
    return [{ name, timestampS: Number(timestamp), hostId: Number(owner) }];
  });
}

async function sanlock(
  args: readonly string[],
  okCodes: readonly number[] = [0],
  options: { readonly timeoutMs?: number; readonly signal?: AbortSignal } = {},
): Promise<{ code: number; stdout: string }> {
  const { code, stdout, stderr } = await runProgram("sanlock", args, {
    timeoutMs: TIMEOUT_MS,
    ...options,
    okCodes: [0, 1, 255],
  });
  if (okCodes.includes(code)) return { code, stdout };
  throw refused(args, `${stdout}${stderr}`);
}

function refused(args: readonly string[], output: string): AppError {
  const command = args.slice(0, 2).join(" ");
  const code = /(?:done|error|failed) (-?\d+)/.exec(output)?.[1];
  return new AppError(
    "internal",
    "SANLOCK_FAILED",
    `sanlock ${command} failed${code === undefined ? "" : ` with ${code}`}: ${output.trim().split("\n").slice(-2).join("; ")}`,
    { params: { command, code: code === undefined ? null : Number(code) } },
  );
}
