import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { stopChild, waitFor } from "@sinter/kit";
import { type TestHost, testCacheDir } from "./test-host.ts";

const MAIN = fileURLToPath(new URL("../main.ts", import.meta.url));

/** `sinter-agent` as a process of its own, as a host runs it. */
export interface AgentProcess extends AsyncDisposable {
  readonly pid: number;
  readonly port: number;
  /** Lines of its log so far. */
  log(): readonly Record<string, unknown>[];
  /** Resolves with its exit code, null when it was killed. */
  readonly ended: Promise<number | null>;
  kill(signal: NodeJS.Signals): Promise<void>;
}

/** Runs a command to its end. */
export async function runCli(
  host: TestHost,
  args: readonly string[],
  input = "",
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: environment(host),
    stdio: ["pipe", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  child.stdin.end(input);
  const [code] = (await once(child, "close")) as [number | null]; // code and signal
  return { code, stdout, stderr };
}

/** Starts `sinter-agent run` and waits until it serves. */
export async function startAgentProcess(
  host: TestHost,
  environmentChanges: NodeJS.ProcessEnv = {},
): Promise<AgentProcess> {
  const child = spawn(process.execPath, [MAIN, "run"], {
    env: { ...environment(host), ...environmentChanges },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const lines: Record<string, unknown>[] = [];
  readLines(child, (line) => lines.push(JSON.parse(line) as Record<string, unknown>));
  const ended = once(child, "exit").then(([code]) => code as number | null);
  try {
    const port = await waitFor(
      "the agent's port",
      () => {
        if (child.exitCode !== null) throw new Error(`The agent ended: ${JSON.stringify(lines)}`);
        return lines.find(({ msg }) => msg === "the agent serves")?.["port"] as number | undefined;
      },
      { timeoutMs: 30_000, intervalMs: 20 },
    );
    return {
      pid: child.pid ?? 0,
      port,
      log: () => lines,
      ended,
      async kill(signal) {
        child.kill(signal);
        await ended;
      },
      [Symbol.asyncDispose]: () => stopChild(child),
    };
  } catch (error) {
    await stopChild(child);
    throw error;
  }
}

/** Resident memory of a process in MiB. */
export async function residentMiB(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Math.round(Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024);
}

function environment(host: TestHost): NodeJS.ProcessEnv {
  return {
    PATH: process.env["PATH"],
    NODE_COMPILE_CACHE: join(testCacheDir(), "code"),
    SINTER_AGENT_STATE_DIR: host.stateDir,
    SINTER_AGENT_LISTEN_ADDRESS: "127.0.0.1",
    SINTER_AGENT_PORT: "0",
    SINTER_AGENT_LIBVIRT_SOCKET: host.libvirtd.socketPath,
    SINTER_AGENT_LIBVIRT_DIRECTORY: `${host.libvirtd.directory}/var/lib/libvirt`,
    SINTER_AGENT_OVS_DATABASE: host.ovsDatabase,
    SINTER_AGENT_GUEST_INTERVAL_S: "1",
    SINTER_AGENT_LIBVIRT_TIMEOUT_S: "2",
  };
}

function readLines(child: ChildProcess, onLine: (line: string) => void): void {
  let rest = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    const lines = (rest + chunk.toString("utf8")).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line.startsWith("{")) onLine(line);
  });
}
