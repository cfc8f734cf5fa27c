import { type ChildProcess, spawn } from "node:child_process";
import { AppError } from "./errors.ts";

export interface RunOptions {
  /** Written to standard input, which is then closed. Secrets go here, never into the arguments. */
  readonly input?: string | Buffer;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Default 60,000 ms; the process gets SIGKILL after it. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Exit codes that are an answer rather than a failure; default only 0. */
  readonly okCodes?: readonly number[];
}

export interface RunResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number;
}

/** Most a captured stream may hold; a program that prints more is misbehaving. */
const OUTPUT_BYTES_MAX = 64 * 1024 * 1024;

/**
 * Runs a program with an argument list (never a shell) to its end.
 * Throws `unavailable` PROGRAM_MISSING when it is not installed and `internal` PROGRAM_FAILED on another exit code.
 */
export function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      env: options.env ?? process.env,
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
      stdio: ["pipe", "pipe", "pipe"],
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    let size = 0;
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill("SIGKILL");
    }, options.timeoutMs ?? 60_000);
    const keep = (into: Buffer[]) => (chunk: Buffer) => {
      size += chunk.length;
      if (size > OUTPUT_BYTES_MAX) child.kill("SIGKILL");
      else into.push(chunk);
    };
    child.stdout.on("data", keep(out));
    child.stderr.on("data", keep(err));
    // A program may exit before it has read its input; that is its right.
    child.stdin.on("error", () => {});
    child.stdin.end(options.input);
    child.on("error", (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      reject(
        error.code === "ENOENT"
          ? new AppError("unavailable", "PROGRAM_MISSING", `The program ${program} is not installed.`, {
              cause: error,
            })
          : error,
      );
    });
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      const stdout = Buffer.concat(out).toString("utf8");
      const stderr = Buffer.concat(err).toString("utf8");
      if (code !== null && (options.okCodes ?? [0]).includes(code)) return resolve({ stdout, stderr, code });
      const how = timedOut
        ? "ran out of time"
        : signal
          ? `was killed by ${signal}`
          : `ended with code ${code}`;
      const tail = stderr.trim().split("\n").slice(-5).join("\n");
      reject(
        new AppError("internal", "PROGRAM_FAILED", `${program} ${how}${tail === "" ? "." : `: ${tail}`}`, {
          params: { program, code, signal },
        }),
      );
    });
  });
}

/** Whether a process with this id exists (as seen from this pid namespace). */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Asks a child to end, and insists after `graceMs`. Resolves when it has gone. */
export async function stopChild(child: ChildProcess, graceMs = 5_000): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), graceMs);
  await gone;
  clearTimeout(timer);
}
