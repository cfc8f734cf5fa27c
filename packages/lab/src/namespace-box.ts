import { type ChildProcess, spawn } from "node:child_process";
import { open, readFile, stat, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { AppError, type RunOptions, type RunResult, run, waitFor } from "@sinter/kit";
import { type CgroupTree, createCgroupTree, findCgroupTree, removeCgroupTree } from "./cgroups.ts";
import {
  childrenOf,
  findProcess,
  isRunning,
  nameOf,
  namespaceOf,
  type ProcessRef,
  parentOf,
  processesIn,
  signal,
} from "./process-table.ts";

const WRAPPERS = ["sh", "nsenter", "unshare"];
const ENTER_CGROUPS = fileURLToPath(new URL("enter-cgroups.sh", import.meta.url));
/** What a process inside gets besides what its caller adds; nothing of the lab's own environment leaks in. */
const ENVIRONMENT = {
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  HOME: "/root",
  LANG: "C.UTF-8",
};

/** Names its box to a process and to whoever looks for what a lab left behind. */
export const BOX_VARIABLE = "SINTER_LAB_BOX";

/**
 * Namespaces held open by a first process: a named network namespace, and private mounts, host name, process ids and
 * cgroups. The first process is `tini`, which does what an init must (take in orphans) and nothing else. When it is
 * killed the kernel kills every other process of the box at once, however it was started: that is the power switch.
 *
 * | operation | against | why it is safe |
 * | --- | --- | --- |
 * | spawn, run | close | the kernel refuses to start processes in a dying pid namespace; the spawn fails |
 * | open | open | callers hold the host's lock (`withFileLock`) |
 * | close | close | both see the same init by id and start time; removals forgive absence |
 */
export interface BoxNames {
  /** Name of the network namespace and of the cgroup tree; unique on the machine. */
  readonly id: string;
  readonly hostName: string;
}

export interface Box {
  readonly names: BoxNames;
  readonly init: ProcessRef;
}

export interface SpawnOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Gets standard output and error, appended. */
  readonly logFile: string;
}

export interface Spawned {
  readonly ref: ProcessRef;
  /** The process outside that waits for it: its "exit" event carries the code of the one inside. */
  readonly waiter: ChildProcess;
}

/** Makes the namespaces and the first process. Mounts are still those of the machine, propagation cut. */
export async function openBox(names: BoxNames): Promise<Box> {
  const tree = await createCgroupTree(names.id);
  await run("ip", ["netns", "add", names.id]);
  const unshare = ["unshare", "--cgroup", "--mount", "--uts", "--pid", "--fork", "--mount-proc"];
  const holder = ["nsenter", `--net=/run/netns/${names.id}`, ...unshare, "tini", "--", "sleep", "infinity"];
  const waiter = spawn("/bin/sh", [ENTER_CGROUPS, ...(tree?.roots ?? []), "--", ...holder], {
    detached: true,
    stdio: "ignore",
    cwd: "/",
    env: { ...ENVIRONMENT, [BOX_VARIABLE]: names.id },
  });
  waiter.unref();
  const init = await grownChild(waiter, noNamespaces);
  // In cgroup version 2 the group the namespace was made in must be empty before it can have children.
  if (tree !== undefined) await moveToMembers(tree);
  const box = { names, init };
  await runInBox(box, "hostname", [names.hostName]);
  await runInBox(box, "ip", ["link", "set", "lo", "up"]);
  return box;
}

/**
 * `run()` inside. The program joins the namespaces but not the cgroups: for short commands. It ends with the `nsenter`
 * that waits for it outside, so that a time limit or an abort signal reaches it.
 */
export async function runInBox(
  box: Box,
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  await assertOpen(box);
  return await run("nsenter", [...entry(box), "setpriv", "--pdeathsig", "KILL", program, ...args], {
    ...options,
    cwd: "/",
    env: { ...ENVIRONMENT, [BOX_VARIABLE]: box.names.id, ...options.env },
  });
}

/** Starts a process inside that goes on when this one ends. */
export async function spawnInBox(
  box: Box,
  program: string,
  args: readonly string[],
  options: SpawnOptions,
): Promise<Spawned> {
  await assertOpen(box);
  const tree = await findCgroupTree(box.names.id);
  const log = await open(options.logFile, "a", 0o640);
  try {
    const command = [
      ENTER_CGROUPS,
      ...(tree?.members ?? []),
      "--",
      "nsenter",
      ...entry(box),
      program,
      ...args,
    ];
    const waiter = spawn("/bin/sh", command, {
      detached: true,
      stdio: ["ignore", log.fd, log.fd],
      cwd: "/",
      env: { ...ENVIRONMENT, [BOX_VARIABLE]: box.names.id, ...options.env },
    });
    waiter.unref();
    return { ref: await grownChild(waiter, () => endedAtOnce(program, options.logFile)), waiter };
  } finally {
    await log.close();
  }
}

/** Waits until a process that was just started does its work; fails at once, with its last words, when it ends. */
export async function untilItAnswers(
  { ref }: Spawned,
  program: string,
  logFile: string,
  probe: () => Promise<boolean>,
): Promise<void> {
  await waitFor(
    `An answer of ${program}`,
    async () => {
      if (await probe()) return true;
      if (!(await isRunning(ref))) throw await endedAtOnce(program, logFile);
      return undefined;
    },
    { timeoutMs: 60_000, intervalMs: 20 },
  );
}

export async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

/** Whether the box's first process runs. */
export async function isOpen(box: Box | undefined): Promise<boolean> {
  return box !== undefined && (await isRunning(box.init));
}

/** All processes of the box (and of its network namespace, for those that were put there from outside). */
export async function processesOf(box: Box): Promise<number[]> {
  const pidNamespace = await namespaceOf(box.init.pid, "pid");
  const inside = pidNamespace === undefined ? [] : await processesIn("pid", pidNamespace);
  const netNamespace = await networkNamespaceOf(box.names.id);
  const attached = netNamespace === undefined ? [] : await processesIn("net", netNamespace);
  return [...new Set([...inside, ...attached])];
}

/**
 * Ends everything in the box at one moment, then removes the namespaces, what hung in them, and the cgroups.
 * Works on what is left of a box as well: `init` may be gone, or never have been known.
 */
export async function closeBox(id: string, init: ProcessRef | undefined): Promise<void> {
  if (init !== undefined && (await isRunning(init))) {
    const inside = await processesOf({ names: { id, hostName: id }, init });
    await signal(init, "SIGKILL");
    for (const pid of inside) await releaseWaiter(pid);
  }
  const namespace = await networkNamespaceOf(id);
  if (namespace !== undefined) {
    await waitFor(
      `The end of all processes in ${id}`,
      async () => {
        const left = await processesIn("net", namespace);
        for (const pid of left) killIfThere(pid);
        return left.length === 0 ? true : undefined;
      },
      { timeoutMs: 20_000, intervalMs: 10 },
    );
    await run("ip", ["netns", "delete", id]);
  }
  await removeCgroupTree(id);
}

/**
 * Lets the waiting `nsenter` outside go on. It stops itself when the process it waits for is stopped; left so, it
 * would never fetch its exit status, and the kernel cannot finish a pid namespace before all of those are fetched.
 */
export async function releaseWaiter(pid: number): Promise<void> {
  const parent = await parentOf(pid);
  if (parent === undefined || (await nameOf(parent)) !== "nsenter") return;
  const ref = await findProcess(parent);
  if (ref !== undefined) await signal(ref, "SIGCONT");
}

export async function networkNamespaceOf(id: string): Promise<string | undefined> {
  const inode = await stat(`/run/netns/${id}`).catch(() => undefined);
  if (inode === undefined) return undefined;
  return `net:[${inode.ino}]`;
}

function entry(box: Box): string[] {
  return ["--target", String(box.init.pid), "--mount", "--uts", "--net", "--pid", "--cgroup", "--"];
}

async function assertOpen(box: Box): Promise<void> {
  if (await isOpen(box)) return;
  throw new AppError("conflict", "LAB_HOST_OFF", `${box.names.hostName} is off; this needs it powered on.`);
}

/** Everything that came in by the root of the tree, the waiting process outside included. */
async function moveToMembers(tree: CgroupTree): Promise<void> {
  for (const [index, member] of tree.members.entries()) {
    const root = tree.roots[index];
    if (member === root) continue;
    for (const pid of (await readFile(`${root}/cgroup.procs`, "utf8")).trim().split("\n")) {
      await writeFile(`${member}/cgroup.procs`, pid);
    }
  }
}

/** The child that has become a program: until then it bears the name of the wrapper that forked it. */
async function grownChild(waiter: ChildProcess, failed: () => Promise<AppError>): Promise<ProcessRef> {
  return await waitFor(
    "The start of a process in its namespaces",
    async () => {
      if (waiter.exitCode !== null || waiter.signalCode !== null) throw await failed();
      for (const pid of waiter.pid === undefined ? [] : await childrenOf(waiter.pid)) {
        const name = await nameOf(pid);
        if (name !== undefined && !WRAPPERS.includes(name)) return await findProcess(pid);
      }
      return undefined;
    },
    { timeoutMs: 10_000, intervalMs: 5 },
  );
}

async function noNamespaces(): Promise<AppError> {
  return new AppError(
    "unavailable",
    "LAB_NO_NAMESPACES",
    "A host's namespaces could not be made; this needs root with CAP_SYS_ADMIN (in a container: --privileged).",
  );
}

async function endedAtOnce(program: string, logFile: string): Promise<AppError> {
  const tail = (await readFile(logFile, "utf8")).trim().split("\n").slice(-3).join("\n");
  return new AppError("internal", "LAB_PROCESS_ENDED", `${program} ended at once: ${tail}`);
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
