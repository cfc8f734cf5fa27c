import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { SimHost, SimStore } from "@sinter/agent-sim";
import { AppError, GiB, ManualClock } from "@sinter/kit";
import { HEARTBEAT_MS } from "@sinter/southbound";
import { hostCleanups } from "../host/host.table.ts";
import { hostStore } from "../host/host.store.ts";
import { type InventoryWorld, inventoryWorld } from "../testing/inventory-world.ts";

async function until(what: string, probe: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = Date.now() + 15_000;
  while (!(await probe())) {
    assert.ok(Date.now() < deadline, what);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function pass(clock: ManualClock, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= HEARTBEAT_MS / 2) {
    clock.advance(HEARTBEAT_MS / 2);
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
}

const datastore = (world: InventoryWorld, hosts: readonly number[]) =>
  world.ok("POST", "/sinter/v1/datastores", {
    name: "nas",
    path: "/srv/nas",
    shared: true,
    hostUrns: hosts.map((id) => world.urn(`hosts/${id}`)),
  });

test("a host that was installed anew gets back what it should have", async () => {
  const store = new SimStore({ capacityBytes: 10 * GiB });
  await using world = await inventoryWorld({ hosts: 1, host: () => ({ mounts: { "/srv/nas": store } }) });
  await world.ok("POST", "dvswitchs", { name: "s" });
  const made = await datastore(world, world.hostIds);
  const [sim] = world.sims;
  sim?.loseEverything();
  assert.deepEqual([sim?.switches.size, sim?.datastores.size], [0, 0]);
  const isConnected = (): boolean => world.fleet.isConnected(world.hostIds[0] ?? 0);
  await until("noticed", () => !isConnected());
  await until("connected", isConnected);
  await world.reconcilers.hosts.runOnce();
  assert.deepEqual([sim?.switches.size, sim?.datastores.size], [1, 1]);
  assert.equal((await world.ok("GET", made.uri)).status, "NORMAL");
});

test("lost and back: links say so at once and are made again without anybody asking", async () => {
  const store = new SimStore({ capacityBytes: 10 * GiB });
  const clock = new ManualClock(Date.now());
  await using world = await inventoryWorld({
    hosts: 2,
    clock,
    isRunning: true,
    host: () => ({ mounts: { "/srv/nas": store } }),
  });
  const made = await datastore(world, world.hostIds);
  const links = async (): Promise<string[]> =>
    (await world.ok("GET", made.uri)).hostLinks.map((link: { status: string }) => link.status);
  assert.deepEqual(await links(), ["CONNECTED", "CONNECTED"]);
  world.sims[0]?.disconnect();
  await pass(clock, 16_000);
  await until("the link is abnormal", async () => (await links())[0] === "ABNORMAL");
  const lost = await world.ok("GET", made.uri);
  assert.deepEqual([lost.status, lost.hosts.length], ["NORMAL", 1], "the other host reaches it");
  assert.equal(lost.hostLinks[0].reason, "The host does not answer.");
  world.sims[0]?.reconnect();
  await pass(clock, 20_000);
  await until("both links are there", async () => (await links()).join() === "CONNECTED,CONNECTED");
});

test("a change made while a host was away is made when it returns", async () => {
  const clock = new ManualClock(Date.now());
  await using world = await inventoryWorld({ hosts: 2, clock, isRunning: true });
  const { uri } = await world.ok("POST", "dvswitchs", { name: "s" });
  const id = uri.split("/").at(-1);
  world.sims[0]?.disconnect();
  await until("noticed", () => !world.fleet.isConnected(world.hostIds[0] ?? 0));
  await world.ok("PUT", uri, { mtu: 9000 });
  const ports = async (): Promise<boolean[]> =>
    (await world.ok("GET", uri)).hostPortSet.map((port: { isApplied: boolean }) => port.isApplied);
  assert.deepEqual(await ports(), [false, true]);
  world.sims[0]?.reconnect();
  await pass(clock, 20_000);
  await until("made there too", async () => (await ports()).every(Boolean));
  assert.equal(world.sims[0]?.switches.get(id)?.mtu, 9000);
});

test("what could not be removed from a host that was away is removed when it is back", async () => {
  await using world = await inventoryWorld({ hosts: 2 });
  const [sim] = world.sims;
  const [hostId = 0, other = 0] = world.hostIds;
  const rows = [
    { hostId, kind: "vm" as const, objectUuid: randomUUID(), datastoreId: null },
    { hostId, kind: "volume" as const, objectUuid: randomUUID(), datastoreId: 99 },
    { hostId, kind: "vm" as const, objectUuid: randomUUID(), datastoreId: null },
    { hostId: other, kind: "vm" as const, objectUuid: randomUUID(), datastoreId: null },
  ];
  await world.database.db.insert(hostCleanups).values(rows);
  const left = async (): Promise<string[]> =>
    (await world.database.db.select().from(hostCleanups)).map((row) => row.objectUuid);
  sim?.faults.fail("removeVm", new AppError("internal", "BROKEN", "not this one"));
  await world.reconcilers.cleanups.runOnce();
  assert.deepEqual(await left(), [rows[0]?.objectUuid], "one failed, the others went on");
  assert.deepEqual(
    sim?.calls("removeVm").map((call) => (call.input as { force: boolean }).force),
    [true, true],
  );
  await world.reconcilers.cleanups.runOnce();
  assert.deepEqual(await left(), []);
  sim?.disconnect();
  await until("noticed", () => !world.fleet.isConnected(hostId));
  await world.database.db.insert(hostCleanups).values(rows.slice(0, 1));
  await world.reconcilers.cleanups.runOnce();
  assert.equal((await left()).length, 1, "a host that is away is left for later");
});

test("a stray that is still in use stays and does not hold up the rest", async () => {
  await using world = await inventoryWorld({ hosts: 1 });
  const [sim] = world.sims;
  sim?.switches.set("777", { switchId: "777", name: "x", generation: 1, mtu: 1500, uplinks: [] });
  sim?.switches.set("778", { switchId: "778", name: "y", generation: 1, mtu: 1500, uplinks: [] });
  sim?.switches.set("mine", { switchId: "mine", name: "z", generation: 1, mtu: 1500, uplinks: [] });
  sim?.faults.fail("removeSwitch", new AppError("conflict", "SWITCH_IN_USE", "a port"));
  await world.ok("POST", "dvswitchs", { name: "s" });
  const ids = [...(sim?.switches.keys() ?? [])];
  assert.ok(ids.includes("777") && ids.includes("mine") && !ids.includes("778"), ids.join());
  assert.equal(ids.length, 3);
});

test("everything at once: creating, changing and deleting switches while reconcilers run (seed printed)", async (t) => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  t.diagnostic(`seed ${seed}`);
  let state = seed;
  const next = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % below;
  };
  await using world = await inventoryWorld({ hosts: 3 });
  const uris: string[] = [];
  const act = async (i: number): Promise<void> => {
    const uri = uris[next(Math.max(1, uris.length))];
    switch (uri === undefined ? 0 : next(4)) {
      case 0:
        uris.push((await world.ok("POST", "dvswitchs", { name: `s${i}` })).uri);
        break;
      case 1:
        await world.call("PUT", uri ?? "", { mtu: 1500 + next(7500) });
        break;
      case 2:
        await world.call("DELETE", uri ?? "");
        break;
      default:
        await world.reconcilers.hosts.runOnce();
    }
  };
  for (let batch = 0; batch < 8; batch++) {
    await Promise.all(Array.from({ length: 6 }, (_, i) => act(batch * 6 + i)));
  }
  await world.reconcilers.hosts.runOnce();
  const { dvSwitchs } = await world.ok("GET", "dvswitchs");
  const wanted = dvSwitchs
    .map((s: { uri: string; mtu: number }) => `${s.uri.split("/").at(-1)}:${s.mtu}`)
    .toSorted();
  for (const sim of world.sims) {
    const has = [...sim.switches.values()].map((s) => `${s.switchId}:${s.mtu}`).toSorted();
    assert.deepEqual(has, wanted);
  }
});

test("200 hosts get a switch and a datastore, and the API answers meanwhile", async (t) => {
  const store = new SimStore({ capacityBytes: 2 ** 50 });
  await using world = await inventoryWorld();
  for (let i = 0; i < 200; i++) {
    const sim = new SimHost({ seed: `many-${i}`, mounts: { "/srv/nas": store }, callLogLimit: 10 });
    await world.addHost({ sim, isAwaited: false });
  }
  const normal = async () => (await hostStore(world.database.db).countByStatus()).get("normal");
  await until("all are normal", async () => (await normal()) === 200);
  const startedAt = performance.now();
  const [dvs, made] = await Promise.all([
    world.ok("POST", "dvswitchs", { name: "s" }),
    datastore(world, world.hostIds),
  ]);
  await world.reconcilers.hosts.runOnce();
  t.diagnostic(`switch and datastore on 200 hosts after ${Math.round(performance.now() - startedAt)} ms`);
  const detail = await world.ok("GET", dvs.uri);
  assert.equal(detail.hostPortSet.filter((port: { isApplied: boolean }) => port.isApplied).length, 200);
  assert.equal((await world.ok("GET", made.uri)).hosts.length, 200);
  const listedAt = performance.now();
  const list = await world.ok("GET", "hosts");
  t.diagnostic(`list of 200 hosts in ${Math.round(performance.now() - listedAt)} ms`);
  assert.equal(list.hosts.length, 200);
});
