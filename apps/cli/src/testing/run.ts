import { spawn } from "node:child_process";
import { join } from "node:path";
import { PassThrough, Writable } from "node:stream";
import { runCli } from "../cli.ts";
import type { Terminal } from "../terminal.ts";
import type { World } from "./world.ts";

export interface RunResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** Typed, or piped. */
  readonly input?: string;
  /** All three streams are a terminal of 100 columns. */
  readonly isTerminal?: boolean;
  readonly env?: NodeJS.ProcessEnv;
  /** Called with what standard error holds so far whenever something is added, and with a way to press Ctrl-C. */
  readonly onError?: (text: string, interrupt: () => void) => void;
}

/** Runs a command line in this process, with a terminal of its own. */
export async function run(
  world: Pick<World, "home">,
  words: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  const listeners = new Set<() => void>();
  const interrupt = () => {
    for (const listener of listeners) listener();
  };
  const stdout = new Sink(options.isTerminal);
  const stderr = new Sink(options.isTerminal, (text) => options.onError?.(text, interrupt));
  const stdin = new PassThrough();
  if (options.isTerminal) Object.assign(stdin, { isTTY: true, setRawMode: () => {} });
  stdin.end(options.input ?? "");
  const terminal: Terminal = {
    stdin,
    stdout,
    stderr,
    env: { HOME: world.home, TERM: "xterm", SINTER_STATE: join(world.home, "state"), ...options.env },
    onInterrupt: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  const code = await runCli(words, terminal);
  return { code, stdout: stdout.text, stderr: stderr.text };
}

class Sink extends Writable {
  text = "";
  readonly isTTY: boolean;
  readonly columns = 100;
  readonly #onText: (text: string) => void;

  constructor(isTerminal = false, onText: (text: string) => void = () => {}) {
    super({ decodeStrings: false });
    this.isTTY = isTerminal;
    this.#onText = onText;
  }

  override _write(chunk: string | Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
    this.#onText(this.text);
  }
}

const ROOT = join(import.meta.dirname, "../..");
export const MAIN = join(ROOT, "src/main.ts");
export const LAUNCHER = join(ROOT, "bin/sinter.mjs");

/** Runs a program to its end; the command line as its users run it. */
export function runProgram(
  program: string,
  words: readonly string[],
  options: { readonly env?: NodeJS.ProcessEnv; readonly input?: string | Buffer; readonly home: string },
): Promise<RunResult> {
  const { promise, resolve, reject } = Promise.withResolvers<RunResult>();
  const child = spawn(program, words, {
    env: {
      PATH: process.env.PATH,
      HOME: options.home,
      SINTER_STATE: join(options.home, "state"),
      ...options.env,
    },
    timeout: 60_000,
  });
  const texts = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8");
    child[name].on("data", (text: string) => {
      texts[name] += text;
    });
  }
  child.stdin.on("error", () => {});
  child.stdin.end(options.input ?? "");
  child.on("error", reject);
  child.on("close", (code, signal) => {
    if (code === null) reject(new Error(`${program} was killed by ${signal}: ${texts.stderr}`));
    else resolve({ code, ...texts });
  });
  return promise;
}

/** Logs in to the world's manager, as most tests begin. */
export async function logIn(world: World): Promise<void> {
  const { server, home } = world;
  const words = [
    "login",
    server.url,
    "--user",
    server.userName,
    "--password-stdin",
    "--fingerprint",
    server.caFingerprint,
  ];
  const result = await run({ home }, words, { input: `${server.password}\n` });
  if (result.code !== 0) throw new Error(`login failed: ${result.stderr}`);
}
