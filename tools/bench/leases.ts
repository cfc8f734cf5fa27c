import { randomUUID } from "node:crypto";
import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { silentLog } from "@sinter/kit";
import { createLab, type Lab } from "@sinter/lab";
import { type BenchContext, type Figure, median, timed } from "./figure.ts";

const ROUNDS = 15;
const IO_TIMEOUT_S = 2;
/** After which sanlock gives a silent host's leases away. */
const DEAD_S = 8 * IO_TIMEOUT_S + 60;
const FREE_MS_MAX = (DEAD_S + 60) * 1000;
const AREA_BYTES = 2 ** 20;

/** Leases as the product uses them: two hosts with their own sanlock on one shared datastore. */
export async function benchLeases({ say, signal }: BenchContext): Promise<Figure[]> {
  const parent = await mkdtemp(join("/var/tmp", "sinter-bench-leases-"));
  say("two hosts for leases");
  const lab = await createLab({ name: "bleases", stateDir: join(parent, "lab"), hosts: 2, log: silentLog });
  try {
    const { path } = await lab.sharedDirectory("leases");
    const lockspace = randomUUID();
    const lease = await prepare(lab, lockspace, path);
    say("getting a lease and giving it back, in turns with nothing");
    const got: number[] = [];
    const nothing: number[] = [];
    for (let round = 0; round <= ROUNDS && !signal.aborted; round++) {
      const ms = await timed(() =>
        lab.exec("h1", "sanlock", ["client", "command", "-r", lease, "-c", "/bin/true"]),
      );
      const idle = await timed(() => lab.exec("h1", "/bin/true", []));
      if (round === 0) continue; // warms up
      got.push(ms);
      nothing.push(idle);
    }
    say(`the power of a host with a lease goes; its lease is free after some ${DEAD_S} s`);
    const held = lab.exec("h1", "sanlock", ["client", "command", "-r", lease, "-c", "/bin/sleep", "600"]);
    held.catch(() => {}); // it ends with its host
    await pause(2_000);
    await lab.host("h1").powerOff();
    const freeMs = await timed(() => untilGot(lab, lease, signal));
    return [
      {
        name: "acquire a lease",
        unit: "ms",
        value: median(got) - median(nothing),
        note: `median of ${ROUNDS}, less ${median(nothing).toFixed(0)} ms for entering the host and starting a program`,
      },
      {
        name: "killed host to lease free",
        unit: "s",
        value: freeMs / 1000,
        raw: { tool: `8 × ${IO_TIMEOUT_S} + 60 s`, value: DEAD_S },
        target: { of: "ratio", max: 1.1 },
      },
    ];
  } finally {
    await lab.down();
    await rm(parent, { recursive: true, force: true });
  }
}

/** A lockspace with both hosts in it, and a lease; gives the lease as sanlock takes it. */
async function prepare(lab: Lab, lockspace: string, path: string): Promise<string> {
  const [first] = lab.hosts;
  if (!first) throw new Error("Broken assumption: the lab has hosts.");
  for (const name of ["lockspace", "lease"]) {
    const file = await first.path(join(path, name));
    await writeFile(file, "");
    await truncate(file, AREA_BYTES);
  }
  const options = ["-o", String(IO_TIMEOUT_S)];
  const lease = `${lockspace}:disk:${path}/lease:0`;
  await lab.exec(first, "sanlock", [
    "direct",
    "init",
    "-s",
    `${lockspace}:0:${path}/lockspace:0`,
    ...options,
  ]);
  await lab.exec(first, "sanlock", ["direct", "init", "-r", lease, ...options]);
  await Promise.all(
    lab.hosts.map((host, index) =>
      lab.exec(host, "sanlock", [
        "client",
        "add_lockspace",
        "-s",
        `${lockspace}:${index + 1}:${path}/lockspace:0`,
        ...options,
      ]),
    ),
  );
  return lease;
}

async function untilGot(lab: Lab, lease: string, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + FREE_MS_MAX;
  for (;;) {
    signal.throwIfAborted();
    const { code } = await lab.exec("h2", "sanlock", ["client", "command", "-r", lease, "-c", "/bin/true"], {
      okCodes: [0, 1, 255],
      timeoutMs: FREE_MS_MAX,
    });
    if (code === 0) return;
    if (performance.now() > deadline) throw new Error("The lease of a killed host was never free.");
    await pause(200);
  }
}
