import { Agent, get } from "node:https";
import { setTimeout as pause } from "node:timers/promises";
import { type BenchContext, type Figure, median, quantile, timed } from "./figure.ts";
import { watchTask } from "./create-vm.ts";
import { type LargeSite, openLargeSite } from "./large-site.ts";
import { cpuMs, residentMB } from "./process-usage.ts";

const SIZE = { hosts: 1250, vmsPerHost: 16 };
const VMS = SIZE.hosts * SIZE.vmsPerHost;
/** How long the manager is left alone with its hosts before its memory counts. */
const STEADY_MS = 180_000;
const PAGES = 100;
const WHOLE_LISTS = 9;
const CREATES = 9;

/** The manager with 1,250 hosts and 20,000 VMs: lists, memory, idle load, placement. */
export async function benchLists(context: BenchContext): Promise<Figure[]> {
  const { say, signal } = context;
  await using site = await openLargeSite(SIZE, context);
  const pid = site.manager.pid ?? 0;
  say(
    `all hosts connected after ${(site.connectedMs / 1000).toFixed(1)} s; leaving the manager alone with them`,
  );
  const steadySince = performance.now();
  // The first round over all hosts writes what each says of its VMs, which happens once.
  await pause(STEADY_MS / 3, undefined, { signal });
  const usedBefore = await cpuMs(pid);
  const share = await timed(() => pause((STEADY_MS * 2) / 3, undefined, { signal }));
  const busyPercent = (((await cpuMs(pid)) - usedBefore) / share) * 100;
  const memory = await residentMB(pid);
  say(`measuring lists after ${((performance.now() - steadySince) / 1000).toFixed(0)} s`);

  const figures = await measureLists(site, context);
  say("placing new VMs");
  figures.push(...(await measureCreates(site, context)));
  const after = await residentMB(pid);
  return [
    ...figures,
    {
      name: "manager, memory",
      unit: "MB",
      value: memory.now,
      target: { of: "value", max: 512 },
      note: `after ${STEADY_MS / 60_000} minutes of events and statistics of all hosts; after the lists ${after.now.toFixed(0)} MB, at its highest ${after.highest.toFixed(0)} MB`,
    },
    { name: "manager, CPU while nobody asks", unit: "%", value: busyPercent, note: "of one CPU" },
    { name: "manager start to all hosts connected", unit: "s", value: site.connectedMs / 1000 },
  ];
}

async function measureLists(site: LargeSite, { signal }: BenchContext): Promise<Figure[]> {
  using reader = await openReader(site);
  const pid = site.manager.pid ?? 0;
  const figures: Figure[] = [];
  for (const detail of [1, 2]) {
    const samples: number[] = [];
    let usedBefore = 0;
    for (let n = -10; n < PAGES; n++) {
      signal.throwIfAborted();
      if (n === 0) usedBefore = await cpuMs(pid);
      const offset = Math.floor(Math.random() * (VMS - 100));
      const { ms } = await reader.read(`vms?limit=100&offset=${offset}&detail=${detail}`);
      if (n >= 0) samples.push(ms);
    }
    figures.push({
      name: `page of 100 VMs, detail ${detail}, p95`,
      unit: "ms",
      value: quantile(samples, 0.95),
      target: { of: "value", max: 30 },
      note: `p50 ${median(samples).toFixed(1)} ms, at random offsets of ${VMS}; ${cpuEach(await cpuMs(pid), usedBefore, PAGES)}`,
    });
  }
  for (const [name, path, target] of [
    [`all ${VMS} VMs, detail 0`, "vms?limit=0&detail=0", 300],
    [`all ${VMS} VMs, detail 1`, "vms?limit=0&detail=1", 300],
    [`all ${SIZE.hosts} hosts`, "hosts?limit=0", undefined],
  ] as const) {
    const samples: number[] = [];
    let bytes = 0;
    let usedBefore = 0;
    for (let n = -2; n < WHOLE_LISTS; n++) {
      signal.throwIfAborted();
      if (n === 0) usedBefore = await cpuMs(pid);
      const answer = await reader.read(path);
      bytes = answer.bytes;
      if (n >= 0) samples.push(answer.ms);
    }
    figures.push({
      name,
      unit: "ms",
      value: median(samples),
      ...(target === undefined ? {} : { target: { of: "value", max: target } }),
      note: `to the last of ${(bytes / 1e6).toFixed(1)} MB; slowest of ${WHOLE_LISTS}: ${Math.max(...samples).toFixed(0)} ms; ${cpuEach(await cpuMs(pid), usedBefore, WHOLE_LISTS)}`,
    });
  }
  return figures;
}

/** What is left of a figure when the machine is busy with other things: the manager's own work, all of it. */
function cpuEach(now: number, before: number, times: number): string {
  return `${((now - before) / times).toFixed(0)} ms of the manager's CPU each`;
}

interface Reader extends Disposable {
  /** Reads a resource of the site to its last byte, without looking at it. */
  read(path: string): Promise<{ ms: number; bytes: number }>;
}

/** One connection that is kept, as clients do. */
async function openReader({ client, ca, manager }: LargeSite): Promise<Reader> {
  const [first] = await client.sites.list();
  const { token } = client.session;
  if (!first || token === undefined)
    throw new Error("Broken assumption: a manager has a site, and we a session.");
  const agent = new Agent({ keepAlive: true, maxSockets: 1, ca });
  const read = (path: string) =>
    new Promise<{ ms: number; bytes: number }>((resolve, reject) => {
      const startedAt = performance.now();
      const headers = { "x-auth-token": token };
      get(`${manager.url}${first.uri}/${path}`, { agent, headers }, (answer) => {
        let bytes = 0;
        answer.on("data", (chunk: Buffer) => (bytes += chunk.length));
        answer.on("error", reject);
        answer.on("end", () => {
          if (answer.statusCode === 200) resolve({ ms: performance.now() - startedAt, bytes });
          else reject(new Error(`${path} was answered with ${answer.statusCode}.`));
        });
      }).on("error", reject);
    });
  return { read, [Symbol.dispose]: () => agent.destroy() };
}

async function measureCreates({ client }: LargeSite, { signal }: BenchContext): Promise<Figure[]> {
  const [cluster] = await client.clusters.list();
  const [datastore] = (await client.datastores.list()).items;
  const [dvs] = await client.switches.list();
  const [group] = (await client.portGroups.list({ ofSwitch: dvs?.uri ?? "" })).items;
  if (!cluster || !datastore || !group)
    throw new Error("Broken assumption: the site has what was written into it.");
  const accepted: number[] = [];
  const done: number[] = [];
  for (let n = -1; n < CREATES; n++) {
    signal.throwIfAborted();
    const startedAt = performance.now();
    const answer = await client.vms.create({
      name: `bench-${n}`,
      location: cluster.urn,
      osOptions: { osType: "Linux", osVersion: 302 },
      vmConfig: {
        cpu: { quantity: 1 },
        memory: { quantityMB: 512 },
        disks: [{ sequenceNum: 1, quantityGB: 1, datastoreUrn: datastore.urn, isThin: true }],
        nics: [{ name: "eth0", portGroupUrn: group.urn }],
      },
    });
    const acceptedMs = performance.now() - startedAt;
    await watchTask(client, answer.taskUri);
    if (n < 0) continue;
    accepted.push(acceptedMs);
    done.push(performance.now() - startedAt);
  }
  return [
    {
      name: `create VM, placed among ${SIZE.hosts} hosts`,
      unit: "ms",
      value: median(accepted),
      note: `until the task is accepted, with host and rows; until a simulated host runs it ${median(done).toFixed(0)} ms`,
    },
  ];
}
