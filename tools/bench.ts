/**
 * `npm run bench`: the product measured against the tools underneath, on this machine, as one table.
 *
 *     -- --only create,agent,rpc,list,start    some parts only
 *     -- --json FILE                           the figures for a program to read, too
 *
 * What each figure means is in docs/howto/benchmarks.md. Ends with 1 when a figure misses its target.
 */
import { mkdtemp, writeFile } from "node:fs/promises";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { describeScene, type Scene } from "../e2e/scene.ts";
import { benchAgentMemory } from "./bench/agent-memory.ts";
import { benchCreate } from "./bench/create-vm.ts";
import { type BenchContext, type Figure, isMet, ratioOf, tableOf } from "./bench/figure.ts";
import { benchLeases } from "./bench/leases.ts";
import { benchLibvirt } from "./bench/libvirt-calls.ts";
import { benchLists } from "./bench/lists.ts";
import { benchPortal } from "./bench/portal.ts";
import { benchStart } from "./bench/start-time.ts";
import { benchSnapshots } from "./bench/snapshots.ts";
import { ensureMachine } from "./setup.ts";
import { startStand } from "./stand/stand.ts";

/** In the order in which they run; those that need a laboratory share one. */
const IN_LAB = {
  create: benchCreate,
  agent: benchAgentMemory,
  rpc: benchLibvirt,
  snapshots: benchSnapshots,
} as const satisfies Record<string, (scene: Scene, context: BenchContext) => Promise<Figure[]>>;
const ALONE = {
  list: benchLists,
  portal: benchPortal,
  leases: benchLeases,
  start: benchStart,
} as const satisfies Record<string, (context: BenchContext) => Promise<Figure[]>>;

const { values } = parseArgs({ options: { only: { type: "string" }, json: { type: "string" } } });
const known = [...Object.keys(IN_LAB), ...Object.keys(ALONE)];
const wanted = new Set(values.only === undefined ? known : values.only.split(","));
const unknown = [...wanted].filter((name) => !known.includes(name));
if (unknown.length > 0) {
  console.error(`There is no part "${unknown.join(", ")}"; there are ${known.join(", ")}.`);
  process.exit(2);
}

const startedAt = Date.now();
const life = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    say("stopping at the next point where everything can be taken down");
    life.abort(new Error("It was stopped."));
  });
}
const context: BenchContext = { say, signal: life.signal };
const figures: Figure[] = [];
const failures: string[] = [];
const loadBefore = loadavg()[0] ?? 0;

await ensureMachine({ wants: ["lab", ...(wanted.has("portal") ? (["browser"] as const) : [])], log: say });
await inLaboratory();
for (const [name, bench] of Object.entries(ALONE)) {
  if (wanted.has(name)) await attempt(name, () => bench(context));
}
await report();
process.exit(failures.length > 0 || figures.some((figure) => isMet(figure) === false) ? 1 : 0);

async function inLaboratory(): Promise<void> {
  const parts = Object.entries(IN_LAB).filter(([name]) => wanted.has(name));
  if (parts.length === 0) return;
  await attempt("laboratory", async () => {
    // Not /tmp, which hosts have of their own.
    const stateDir = await mkdtemp(join("/var/tmp", "sinter-bench-"));
    await using stand = await startStand({ stateDir, hosts: 1, port: 0, say, isFurnished: false });
    const scene = await describeScene(stand);
    for (const [name, bench] of parts) await attempt(name, () => bench(scene, context));
    return [];
  });
}

/** One part that fails takes none of the others with it. */
async function attempt(name: string, work: () => Promise<Figure[]>): Promise<void> {
  if (life.signal.aborted) return;
  try {
    figures.push(...(await work()));
  } catch (error) {
    failures.push(`${name}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  }
}

async function report(): Promise<void> {
  const load = `${loadBefore.toFixed(1)} before, ${(loadavg()[0] ?? 0).toFixed(1)} after`;
  console.log(`\n${tableOf(figures)}`);
  console.log(`\n${cpus().length} CPUs (${cpus()[0]?.model ?? "unknown"}); load average ${load}.`);
  for (const failure of failures) console.error(`\nFAILED ${failure}`);
  if (values.json !== undefined) {
    const all = figures.map((figure) => ({ ...figure, ratio: ratioOf(figure), isMet: isMet(figure) }));
    await writeFile(values.json, `${JSON.stringify({ load, figures: all, failures }, undefined, 2)}\n`);
  }
}

function say(line: string): void {
  console.log(`[${((Date.now() - startedAt) / 1000).toFixed(1).padStart(5)} s] ${line}`);
}
