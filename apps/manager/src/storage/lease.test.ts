import assert from "node:assert/strict";
import { test } from "node:test";
import { SimStore } from "@sinter/agent-sim";
import { GiB } from "@sinter/kit";
import { CreateVmRequest, readBody } from "@sinter/northbound";
import { computeWorld, OPERATOR } from "../testing/compute-world.ts";
import { type InventoryWorld, inventoryWorld } from "../testing/inventory-world.ts";
import { createLeaseService } from "./lease.service.ts";
import { leaseStore } from "./lease.store.ts";
import { leasesToWire } from "./lease.wire.ts";

/** Hosts that mount one file system, in use as a datastore. */
async function sharedWorld(hosts: number): Promise<InventoryWorld & { datastoreId: number }> {
  const store = new SimStore({ capacityBytes: 10 * GiB });
  const world = await inventoryWorld({ hosts, host: () => ({ mounts: { "/srv/nas": store } }) });
  const { body } = await world.call("POST", "/sinter/v1/datastores", {
    name: "nas",
    path: "/srv/nas",
    shared: true,
    hostUrns: world.hostIds.map((id) => world.urn(`hosts/${id}`)),
  });
  assert.equal((await world.ended(body)).state, "succeeded");
  return { ...world, datastoreId: Number(body.urn.split(":").at(-1)) };
}

test("VIM-02: each host has a place of its own, the same ever after, also when many ask at once", async () => {
  await using world = await inventoryWorld({ hosts: 5 });
  const store = leaseStore(world.database.db);
  const asked = world.hostIds.flatMap((id) => [id, id, id]);
  const places = await Promise.all(asked.map((id) => store.placeOf(id)));
  assert.deepEqual(
    [...new Set(places)].toSorted((a, b) => a - b),
    [1, 2, 3, 4, 5],
  );
  for (const [index, id] of asked.entries()) assert.equal(await store.placeOf(id), places[index]);
});

test("VIM-02: a host that has left keeps its place, and nobody else gets it", async () => {
  await using world = await inventoryWorld({ hosts: 2 });
  const store = leaseStore(world.database.db);
  const [first = 0, second = 0] = world.hostIds;
  assert.equal(await store.placeOf(first), 1);
  await world.database.pool.query("delete from hosts where id = $1", [first]);
  assert.equal(await store.placeOf(second), 2);
  const [gone] = await store.hostsAt([1]);
  assert.deepEqual([gone?.hostUuid, gone?.hostId], [world.sims[0]?.hostUuid, null]);
});

test("VIM-06, VIM-07: a shared datastore shows its hosts' heartbeats, and which of them cannot be asked", async () => {
  await using world = await sharedWorld(2);
  const leases = createLeaseService({ database: world.database, fleet: world.fleet });
  const seen = async () => leasesToWire(await leases.ofDatastore(world.datastoreId), "S").hosts;
  assert.deepEqual(
    (await seen()).map(({ place, status, heartbeatAgeMs, networkHeartbeat }) => [
      place,
      status,
      heartbeatAgeMs,
      networkHeartbeat,
    ]),
    [
      [1, "joined", 0, true],
      [2, "joined", 0, true],
    ],
  );
  world.sims[1]?.disconnect();
  for (let n = 0; n < 200 && world.fleet.isConnected(world.hostIds[1] ?? 0); n++) {
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  const [, lost] = await seen();
  assert.deepEqual(
    [lost?.status, lost?.networkHeartbeat, lost?.seenByOthers, lost?.reason],
    ["unknown", false, "live", "The host does not answer."],
    "silent on the network and alive on the disk: isolated, not dead",
  );
});

test("VIM-02: a datastore from before there were leases gets them when its hosts are looked at", async () => {
  await using world = await sharedWorld(1);
  const datastores = world.sims[0]?.datastores;
  const id = String(world.datastoreId);
  const there = datastores?.get(id);
  assert.ok(datastores && there);
  const { lease, ...older } = there.spec;
  assert.equal(lease?.hostId, 1);
  datastores.set(id, { ...there, spec: older });
  await world.reconcilers.hosts.runOnce();
  assert.equal(datastores.get(id)?.spec.lease?.hostId, 1);
});

test("VIM-02: a start is refused while a host that answers has the VM's disk, and waits for one that does not", async () => {
  await using world = await computeWorld();
  const store = leaseStore(world.database.db);
  for (const [index, id] of world.hostIds.entries()) {
    world.store.places.set(world.sims[index]?.hostUuid ?? "", await store.placeOf(id));
  }
  const begun = await world.vms.create(
    OPERATOR,
    readBody(CreateVmRequest, {
      name: "vm",
      location: world.urns.hosts[0],
      osOptions: { osType: "Linux", osVersion: 302 },
      vmConfig: {
        cpu: { quantity: 1 },
        memory: { quantityMB: 256 },
        disks: [{ sequenceNum: 1, quantityGB: 1, datastoreUrn: world.urns.datastore, isThin: true }],
      },
    }),
  );
  await world.done(begun);
  /** The manager's belief, against what is. */
  const believe = (): Promise<unknown> =>
    world.database.pool.query("update vms set state = 'stopped', host_id = $2 where id = $1", [
      begun.id,
      world.hostIds[1],
    ]);
  await believe();
  const refused = await world.ended(await world.vms.start(OPERATOR, begun.id));
  assert.equal(refused.state, "failed");
  assert.equal(refused.reason?.code, "VM_LEASE_HELD");
  assert.match(refused.reason?.message ?? "", /^Host h1 has a disk of i-/);

  world.sims[0]?.disconnect();
  await believe();
  const waiting = await world.vms.start(OPERATOR, begun.id);
  const { uuid } = (await world.vms.get(begun.id)).vm;
  const [volume] = world.store.volumes();
  assert.ok(volume);
  const said = async (): Promise<string> => JSON.stringify(await world.tasks.steps(waiting.taskId));
  for (let n = 0; n < 100 && !(await said()).includes("waiting"); n++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.match(await said(), /Host h1 still has a disk; waiting until its lease is free/);
  assert.notEqual(world.sims[1]?.vms.get(uuid)?.power, "running");
  // The other host is declared dead.
  world.store.close(volume.volumeUuid, world.sims[0]?.hostUuid ?? "");
  await world.done(waiting);
  assert.equal(world.sims[1]?.vms.get(uuid)?.power, "running");
});
