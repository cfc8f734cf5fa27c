import { spawn } from "node:child_process";
import { access, constants } from "node:fs/promises";
import { join } from "node:path";
import { AppError, run, type RunOptions, type RunResult } from "@sinter/kit";

/**
 * Every program that the agent may start, and why. The agent is root: nothing else in this folder may start a
 * process (a test reads the sources), and arguments are lists, never a shell's line.
 */
export const PROGRAMS = {
  "qemu-img": { debianPackage: "qemu-utils", why: "makes, copies, grows and reads volumes" },
  "qemu-system-x86_64": { debianPackage: "qemu-system-x86", why: "its version, and whether KVM works" },
  "qemu-system-aarch64": { debianPackage: "qemu-system-arm", why: "its version, and whether KVM works" },
  "ovs-vsctl": { debianPackage: "openvswitch-switch", why: "switches and their ports" },
  "ovs-dpctl": { debianPackage: "openvswitch-switch", why: "whether the kernel can switch" },
  fallocate: { debianPackage: "util-linux", why: "takes the blocks of lazily zeroed disks that grow" },
  sanlock: { debianPackage: "sanlock", why: "leases on shared datastores" },
  ip: { debianPackage: "iproute2", why: "brings uplinks up" },
  setpriv: { debianPackage: "util-linux", why: "lets a long copy end with the agent" },
} as const;
export type ProgramName = keyof typeof PROGRAMS;

/** Not the caller's PATH: whoever sets that for the agent would choose what root runs. */
const DIRECTORIES = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
/** Programs answer in the words this code knows, whatever the host speaks. */
const ENVIRONMENT = { LC_ALL: "C", PATH: DIRECTORIES.join(":"), HOME: "/root" };

/** Runs one to its end; failures as kit's `run`: `unavailable` PROGRAM_MISSING, `internal` PROGRAM_FAILED. */
export async function runProgram(
  name: ProgramName,
  args: readonly string[],
  options: Omit<RunOptions, "env" | "cwd"> = {},
): Promise<RunResult> {
  return await run(await pathOf(name), args, { ...options, env: ENVIRONMENT, cwd: "/" });
}

export interface LongRunOptions {
  /** Pieces of standard output as they come. */
  readonly onOutput?: (text: string) => void;
  /** Kills the program at once; the promise then rejects with the signal's reason. */
  readonly signal: AbortSignal;
}

/** Lines of complaint kept of a long run. */
const COMPLAINT_LENGTH_MAX = 4_096;

/**
 * Runs one that may take hours. It ends with the agent, however the agent ends, so that no copy goes on that nobody
 * waits for. Throws `internal` PROGRAM_FAILED with what it complained of.
 */
export async function runLong(
  name: ProgramName,
  args: readonly string[],
  options: LongRunOptions,
): Promise<void> {
  options.signal.throwIfAborted();
  const program = await pathOf(name);
  const child = spawn(await pathOf("setpriv"), ["--pdeathsig=KILL", "--", program, ...args], {
    env: ENVIRONMENT,
    cwd: "/",
    stdio: ["ignore", "pipe", "pipe"],
  });
  let complaint = "";
  child.stdout.on("data", (chunk: Buffer) => options.onOutput?.(chunk.toString("utf8")));
  child.stderr.on("data", (chunk: Buffer) => {
    complaint = (complaint + chunk.toString("utf8")).slice(-COMPLAINT_LENGTH_MAX);
  });
  const kill = (): void => void child.kill("SIGKILL");
  options.signal.addEventListener("abort", kill);
  try {
    const { promise, resolve, reject } = Promise.withResolvers<{
      code: number | null;
      signal: string | null;
    }>();
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal }));
    const end = await promise;
    options.signal.throwIfAborted();
    if (end.code === 0) return;
    throw new AppError(
      "internal",
      "PROGRAM_FAILED",
      `${name} ${end.code === null ? `was killed by ${end.signal}` : `ended with code ${end.code}`}: ${complaint.trim()}`,
      { params: { program: name, ...end } },
    );
  } finally {
    options.signal.removeEventListener("abort", kill);
  }
}

export interface Holder extends AsyncDisposable {
  /** Whether the program has got what it was started for. */
  readonly isHeld: boolean;
  /** Aborts when it ends by itself. */
  readonly lost: AbortSignal;
  readonly complaint: string;
}

/** Started in the end by a program that gets something first and holds it as long as this runs. */
const HOLD = "/bin/cat";
const HELD = "held\n";

/**
 * Runs a program that gets something, and then in its place another that stays until it is let go of: it echoes its
 * input, so it ends with the agent, however the agent ends. Resolves when the thing is held, or could not be had.
 */
export async function holdByProgram(name: ProgramName, args: readonly string[]): Promise<Holder> {
  const child = spawn(await pathOf(name), [...args, HOLD], {
    env: ENVIRONMENT,
    cwd: "/",
    stdio: ["pipe", "pipe", "pipe"],
  });
  const lost = new AbortController();
  const answered = Promise.withResolvers<boolean>();
  const ended = Promise.withResolvers<void>();
  let complaint = "";
  let output = "";
  child.stdin.on("error", () => {}); // it has ended; that is told below
  child.stdout.on("data", (chunk: Buffer) => {
    output = (output + chunk.toString("utf8")).slice(-COMPLAINT_LENGTH_MAX);
    if (output.endsWith(HELD)) answered.resolve(true);
  });
  child.stderr.on("data", (chunk: Buffer) => {
    complaint = (complaint + chunk.toString("utf8")).slice(-COMPLAINT_LENGTH_MAX);
  });
  child.on("error", (error) => {
    complaint = error.message;
    answered.resolve(false);
    ended.resolve();
  });
  child.on("close", () => {
    lost.abort(new AppError("conflict", "HOLD_LOST", `What ${name} held was lost: ${complaint.trim()}`));
    answered.resolve(false);
    ended.resolve();
  });
  child.stdin.write(HELD);
  const isHeld = await answered.promise;
  return {
    isHeld,
    lost: lost.signal,
    get complaint() {
      return `${complaint}${isHeld ? "" : output}`.trim();
    },
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      await ended.promise;
    },
  };
}

/** Which of them this host lacks, for the report at start and at joining. */
export async function missingPrograms(names: readonly ProgramName[]): Promise<ProgramName[]> {
  const found = await Promise.all(names.map((name) => find(name)));
  return names.filter((_, index) => found[index] === undefined);
}

const known = new Map<ProgramName, string>();

async function pathOf(name: ProgramName): Promise<string> {
  const path = known.get(name) ?? (await find(name));
  if (path === undefined) {
    throw new AppError(
      "unavailable",
      "PROGRAM_MISSING",
      `The program ${name} is not installed on this host; on Debian it is in ${PROGRAMS[name].debianPackage}.`,
    );
  }
  known.set(name, path);
  return path;
}

async function find(name: ProgramName): Promise<string | undefined> {
  for (const directory of DIRECTORIES) {
    const path = join(directory, name);
    const there = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (there) return path;
  }
  return undefined;
}
