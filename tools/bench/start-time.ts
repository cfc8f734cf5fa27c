import { type ChildProcess, spawn } from "node:child_process";
import { chmod, mkdtemp, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { stopChild } from "@sinter/kit";
import { ROOT } from "../stand/paths.ts";
import { freePort } from "../stand/stand.ts";
import { type BenchContext, type Figure } from "./figure.ts";

/** Facts about the machine and the built guest image, which outlive every lab. */
const CACHE = "/var/cache/sinter";
const TIMEOUT_MS = 300_000;
/** Taking a whole stand down in order. */
const STOP_MS = 60_000;

/** `npm start` on nothing: until the demo VM's guest agent has told the address it got. */
export async function benchStart({ say, signal }: BenchContext): Promise<Figure[]> {
  const cached = await readdir(CACHE).catch(() => []);
  const home = await mkdtemp(join("/var/tmp", "sinter-bench-start-"));
  // PostgreSQL runs as another account.
  await chmod(home, 0o755);
  say("npm start from nothing");
  const startedAt = performance.now();
  const child = spawn(
    process.execPath,
    [
      join(ROOT, "tools/start.ts"),
      "--fresh",
      "--state",
      join(home, "state"),
      "--port",
      String(await freePort()),
    ],
    // A home of its own: the contexts of whoever measures stay as they are.
    {
      cwd: ROOT,
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, HOME: home, XDG_CONFIG_HOME: home },
    },
  );
  try {
    const phases: string[] = [];
    await answered(child, signal, (line) => {
      const seconds = /^\[\s*([\d.]+) s\] (.*)$/.exec(line);
      if (seconds) phases.push(`${seconds[1]} ${seconds[2]}`);
    });
    const value = (performance.now() - startedAt) / 1000;
    return [
      {
        name: "npm start to the demo VM's address",
        unit: "s",
        value,
        target: { of: "value", max: 180 },
        note: `Debian and npm packages were installed before; in ${CACHE}: ${cached.join(", ") || "nothing"}`,
      },
    ];
  } finally {
    await stopChild(child, STOP_MS);
    await rm(home, { recursive: true, force: true });
  }
}

async function answered(
  child: ChildProcess & { stdout: NonNullable<ChildProcess["stdout"]> },
  signal: AbortSignal,
  onLine: (line: string) => void,
): Promise<void> {
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
  for await (const line of createInterface({ input: child.stdout, signal: deadline })) {
    onLine(line);
    if (line.startsWith("Sinter runs:")) {
      // What it says later is read by nobody, and must not fill the pipe.
      child.stdout.resume();
      return;
    }
  }
  deadline.throwIfAborted();
  throw new Error("npm start ended before the demo VM had an address.");
}
