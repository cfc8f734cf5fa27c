import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { AppError, waitFor } from "@sinter/kit";
import { type GuestProcess, HOST_PROCESSES, type HostProcess } from "./lab.ts";
import type { HostState, LabStateFile } from "./lab-state.ts";
import { startLibvirtd, startVirtlogd } from "./libvirt-daemons.ts";
import { startSanlock } from "./sanlock.ts";
import { type Box, processesOf, releaseWaiter, type Spawned, spawnInBox } from "./namespace-box.ts";
import { startOvsdb, startVswitchd } from "./open-vswitch.ts";
import {
  endProcess,
  findProcess,
  innerPid,
  isFrozen,
  isRunning,
  nameOf,
  type ProcessRef,
  signal,
  waitUntilGone,
} from "./process-table.ts";

/** How long a process may take to end by itself when asked to. */
const STOP_GRACE_MS = 10_000;

/** Outside, so that it can be read while the host is off. */
export function processLog(stateDir: string, host: string, process: HostProcess): string {
  return join(stateDir, "logs", `${host}-${process}.log`);
}

/** Starts the process unless it runs; resolves when it answers. Without an agent command there is no agent. */
export async function startProcess(
  files: LabStateFile,
  box: Box,
  host: HostState,
  process: HostProcess,
): Promise<void> {
  if (await isRunning((await files.host(host.name)).processes[process])) return;
  await mkdir(join(files.stateDir, "logs"), { recursive: true });
  const { cacheDir } = await files.get();
  const logFile = processLog(files.stateDir, host.name, process);
  const spawned = await STARTERS[process]({ box, host, cacheDir, logFile });
  if (spawned === undefined) return;
  await files.updateHost(host.name, (before) => ({
    ...before,
    processes: { ...before.processes, [process]: spawned.ref },
  }));
}

/** Starts all that should run and does not, each when what it needs answers. */
export async function startProcesses(files: LabStateFile, box: Box, host: HostState): Promise<void> {
  const start = async (...inOrder: HostProcess[]): Promise<void> => {
    for (const process of inOrder) {
      if (!host.resting.includes(process)) await startProcess(files, box, host, process);
    }
  };
  await Promise.all([start("ovsdb", "ovs"), start("virtlogd", "libvirtd"), start("sanlock")]);
  await start("agent");
}

export async function stopProcess(host: HostState, process: HostProcess): Promise<void> {
  const ref = host.processes[process];
  if (!(await isRunning(ref)) || ref === undefined) return;
  await thawRef(ref);
  await endProcess(ref, STOP_GRACE_MS);
}

export async function killRef(ref: ProcessRef | undefined): Promise<void> {
  if (ref === undefined) return;
  await signal(ref, "SIGKILL");
  await releaseWaiter(ref.pid);
  await waitUntilGone(ref, STOP_GRACE_MS);
}

/** Resolves when it stands still: a process of many threads takes a moment to stop. */
export async function freezeRef(ref: ProcessRef): Promise<void> {
  await signal(ref, "SIGSTOP");
  await waitFor(`A standstill of process ${ref.pid}`, async () => (await isFrozen(ref)) || undefined, {
    timeoutMs: STOP_GRACE_MS,
    intervalMs: 10,
  });
}

export async function thawRef(ref: ProcessRef): Promise<void> {
  await signal(ref, "SIGCONT");
  await releaseWaiter(ref.pid);
}

/** The process a fault is meant for; undefined when it does not run. */
export async function findTarget(
  box: Box,
  host: HostState,
  target: HostProcess | GuestProcess,
): Promise<ProcessRef | undefined> {
  if (typeof target !== "string") return (await findGuests(box)).get(target.vm);
  const ref = host.processes[target];
  return (await isRunning(ref)) ? ref : undefined;
}

export async function getTarget(
  box: Box,
  host: HostState,
  target: HostProcess | GuestProcess,
): Promise<ProcessRef> {
  const ref = await findTarget(box, host, target);
  if (ref !== undefined) return ref;
  const what = typeof target === "string" ? target : `VM ${target.vm}`;
  throw new AppError("conflict", "LAB_NOT_RUNNING", `${what} does not run on ${host.name}.`);
}

/** QEMU processes by the name of their VM, as libvirt wrote them down and as far as they run. */
export async function findGuests(box: Box): Promise<Map<string, ProcessRef>> {
  const dir = `/proc/${box.init.pid}/root/run/libvirt/qemu`;
  const files = (await readdir(dir).catch(() => [])).filter((name) => name.endsWith(".pid"));
  const guests = new Map<string, ProcessRef>();
  if (files.length === 0) return guests;
  const outerByInner = new Map<number, number>();
  for (const pid of await processesOf(box)) {
    const inner = await innerPid(pid);
    if (inner !== undefined && (await nameOf(pid))?.startsWith("qemu-system")) outerByInner.set(inner, pid);
  }
  for (const file of files) {
    const inner = Number(await readFile(join(dir, file), "utf8").catch(() => "0"));
    const outer = outerByInner.get(inner);
    const ref = outer === undefined ? undefined : await findProcess(outer);
    if (ref !== undefined) guests.set(file.slice(0, -".pid".length), ref);
  }
  return guests;
}

export async function processStates(
  host: HostState,
): Promise<Record<HostProcess, "running" | "frozen" | "absent">> {
  const entries = HOST_PROCESSES.map(async (process) => {
    const ref = host.processes[process];
    if (ref === undefined || !(await isRunning(ref))) return [process, "absent"] as const;
    return [process, (await isFrozen(ref)) ? "frozen" : "running"] as const;
  });
  return Object.fromEntries(await Promise.all(entries)) as Record<
    HostProcess,
    "running" | "frozen" | "absent"
  >;
}

interface StartOptions {
  readonly box: Box;
  readonly host: HostState;
  readonly cacheDir: string;
  readonly logFile: string;
}
type Starter = (options: StartOptions) => Promise<Spawned | undefined>;

const STARTERS: Record<HostProcess, Starter> = {
  ovsdb: ({ box, host, logFile }) => startOvsdb(box, host.uuid, logFile),
  ovs: ({ box, logFile }) => startVswitchd(box, logFile),
  sanlock: ({ box, host, cacheDir, logFile }) => startSanlock(box, { uuid: host.uuid, cacheDir, logFile }),
  virtlogd: ({ box, logFile }) => startVirtlogd(box, logFile),
  libvirtd: ({ box, logFile }) => startLibvirtd(box, logFile),
  agent: async ({ box, host, logFile }) => {
    if (host.agentCommand === undefined) return undefined;
    const { program, args, env } = host.agentCommand;
    return await spawnInBox(box, program, args, { logFile, ...(env === undefined ? {} : { env }) });
  },
};
