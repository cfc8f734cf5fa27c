/**
 * What a manager's links to many simulated hosts cost: memory per idle agent with an open event stream, handshakes,
 * calls per second. The hosts live in a process of their own, so that only the manager's side is measured.
 *
 *     node --expose-gc packages/agent-sim/bench/links.ts [hosts]
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mapLimited, silentLog } from "@sinter/kit";
import { type AgentClient, connectAgent, type TlsIdentity } from "@sinter/agent-link";
import { createTestPki, type TestPki } from "@sinter/agent-link/testing";
import { serveSims, SimFleet } from "@sinter/agent-sim";

const hosts = Number(process.argv[2] ?? 1250);
const role = process.argv[3] ?? "manager";
const SEED = "bench";
if (role === "hosts") await serve();
else await measure();

async function serve(): Promise<void> {
  const startedAt = performance.now();
  const fleet = SimFleet.create({ hosts, vmsPerHost: 16, seed: SEED });
  const builtMs = performance.now() - startedAt;
  const [{ ca }] = (await once(process, "message")) as [TestPki];
  const server = await serveSims(fleet.hosts, { ca });
  process.send?.({ port: server.port, builtMs, uuids: fleet.hosts.map(({ hostUuid }) => hostUuid) });
  process.on("message", () => process.send?.({ rssBytes: process.memoryUsage().rss }));
}

async function measure(): Promise<void> {
  const pki = await createTestPki();
  const child = fork(import.meta.filename, [String(hosts), "hosts"], { execArgv: ["--expose-gc"] });
  child.send({ ca: pki.ca });
  const [{ port, builtMs, uuids }] = (await once(child, "message")) as [
    { port: number; builtMs: number; uuids: string[] },
  ];
  console.log(`fleet of ${hosts} hosts × 16 VMs built in ${builtMs.toFixed(0)} ms`);
  await run(pki.manager, port, uuids, child);
  child.kill();
}

async function run(tls: TlsIdentity, port: number, uuids: string[], child: ChildProcess): Promise<void> {
  // Code and caches that are there once, whatever the number of hosts.
  const first = connectAgent({ hostUuid: uuids[0] ?? "", address: "127.0.0.1", port, tls, log: silentLog });
  await first.getHost({});
  await first.close();
  const before = await memory();

  const abort = new AbortController();
  const clients: AgentClient[] = [];
  let startedAt = performance.now();
  await mapLimited(uuids, 32, async (hostUuid) => {
    const client = connectAgent({ hostUuid, address: "127.0.0.1", port, tls, log: silentLog });
    clients.push(client);
    const events = client.events(abort.signal)[Symbol.asyncIterator]();
    await events.next();
    void drain(events);
  });
  const streamsMs = performance.now() - startedAt;
  console.log(
    `${hosts} event streams opened in ${streamsMs.toFixed(0)} ms (${(streamsMs / hosts).toFixed(2)} ms each)`,
  );
  report("with event streams", before, await memory());

  startedAt = performance.now();
  await mapLimited(clients, 32, (client) => client.getStats({}));
  console.log(
    `getStats of all once, new connections: ${((performance.now() - startedAt) / hosts).toFixed(2)} ms each`,
  );
  report("with event streams and one fresh call connection", before, await memory());
  startedAt = performance.now();
  await mapLimited(clients, 32, (client) => client.getHost({}));
  console.log(`getHost of all once: ${((performance.now() - startedAt) / hosts).toFixed(2)} ms each`);

  const one = clients[0];
  startedAt = performance.now();
  await mapLimited(Array.from({ length: 5_000 }), 4, () => one?.getHost({}) ?? Promise.resolve());
  console.log(`getHost of one: ${(5_000 / ((performance.now() - startedAt) / 1000)).toFixed(0)} per second`);

  const quiet = process.cpuUsage();
  await new Promise((resolve) => setTimeout(resolve, 10_000));
  const { user, system } = process.cpuUsage(quiet);
  console.log(`idle for 10 s: ${(((user + system) / 1e7) * 100).toFixed(1)} % of one CPU`);
  report("after 10 s idle", before, await memory());
  child.send("memory");
  const [{ rssBytes }] = (await once(child, "message")) as [{ rssBytes: number }];
  console.log(`the process of the hosts: ${(rssBytes / 1e6).toFixed(0)} MB resident`);
  abort.abort();
  await Promise.all(clients.map((client) => client.close()));
}

async function drain(events: AsyncIterator<unknown>): Promise<void> {
  while ((await events.next()).done !== true);
}

interface Memory {
  rss: number;
  heap: number;
}

async function memory(): Promise<Memory> {
  // What a first collection finalizes only a second one frees.
  for (let round = 0; round < 3; round++) {
    globalThis.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rss, heap: heapUsed + external };
}

function report(what: string, before: Memory, now: Memory): void {
  const resident = kilobytesPerHost(now.rss - before.rss);
  const heap = kilobytesPerHost(now.heap - before.heap);
  console.log(`${what}: ${resident} kB resident, ${heap} kB heap per host`);
}

function kilobytesPerHost(bytes: number): string {
  return (bytes / hosts / 1000).toFixed(1);
}
