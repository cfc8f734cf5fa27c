import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { SimHost, SimStore } from "@sinter/agent-sim";
import { AppError, GiB } from "@sinter/kit";
import { nextId } from "../database/ids.ts";
import { type InventoryWorld, inventoryWorld } from "../testing/inventory-world.ts";
import { insertVm } from "../testing/rows.ts";
import { UNLIMITED_IO } from "./volume.ts";
import { attachments, volumes } from "./volume.table.ts";

const hostUrn = (world: InventoryWorld, n: number): string => world.urn(`hosts/${world.hostIds[n]}`);

/** Two hosts that mount one file system, and a third that mounts another at the same path. */
async function sharedWorld(): Promise<InventoryWorld & { store: SimStore; other: SimStore }> {
  const store = new SimStore({ capacityBytes: 100 * GiB, seed: "shared" });
  const other = new SimStore({ capacityBytes: 7 * GiB, seed: "other" });
  const world = await inventoryWorld({
    hosts: 3,
    host: (index) => ({
      mounts: { "/srv/nas": index < 2 ? store : other, "/srv/own": new SimStore({ seed: `own-${index}` }) },
    }),
  });
  return { ...world, store, other };
}

const create = (world: InventoryWorld, body: object) =>
  world.call("POST", "/sinter/v1/datastores", { name: "nas", path: "/srv/nas", shared: true, ...body });

async function addVolume(world: InventoryWorld, datastoreUrn: string, gib: number): Promise<number> {
  const id = await nextId(world.database.db);
  await world.database.db.insert(volumes).values({
    id,
    uuid: randomUUID(),
    name: `v${id}`,
    datastoreId: Number(datastoreUrn.split(":").at(-1)),
    sizeBytes: gib * GiB,
    provisioning: "thin",
    format: "qcow2",
    status: "inUse",
    ioLimits: UNLIMITED_IO,
  });
  return id;
}

test("a directory becomes a datastore on its hosts, with sizes, links and the time of the look", async () => {
  await using world = await sharedWorld();
  const made = await create(world, { hostUrns: [hostUrn(world, 0), hostUrn(world, 1)] });
  assert.equal(made.status, 200);
  assert.match((await world.ok("GET", made.body.uri)).status, /^(CREATING|NORMAL)$/, "readable at once");
  assert.equal((await world.ended(made.body)).state, "succeeded");
  const datastore = await world.ok("GET", made.body.uri);
  assert.deepEqual(
    [datastore.name, datastore.status, datastore.storageType, datastore.path, datastore.isThin],
    ["nas", "NORMAL", "NAS", "/srv/nas", true],
  );
  assert.deepEqual([datastore.capacityGB, datastore.usedSizeGB, datastore.freeSizeGB], [100, 0, 100]);
  assert.deepEqual(datastore.hosts, [hostUrn(world, 0), hostUrn(world, 1)]);
  assert.match(datastore.refreshTime, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
  assert.match(datastore.suUrn, /:storageunits:[0-9A-F]{32}$/);
  await addVolume(world, made.body.urn, 30);
  const used = await world.ok("GET", made.body.uri);
  assert.deepEqual(
    [used.usedSizeGB, used.freeSizeGB, used.actualFreeSizeGB],
    [30, 70, 100],
    "promised sizes",
  );
});

test("another file system at the same path is not this datastore, and the link says so", async () => {
  await using world = await sharedWorld();
  const made = await create(world, { hostUrns: [0, 1, 2].map((n) => hostUrn(world, n)) });
  await world.ended(made.body);
  const datastore = await world.ok("GET", made.body.uri);
  assert.equal(datastore.status, "NORMAL");
  assert.deepEqual(
    datastore.hostLinks.map((link: { status: string }) => link.status),
    ["CONNECTED", "CONNECTED", "ABNORMAL"],
  );
  assert.match(datastore.hostLinks[2].reason, /another file system, or not mounted/);
  assert.equal(datastore.hosts.length, 2);
  assert.equal(datastore.capacityGB, 100, "sizes of the right one");
});

test("what is refused, and what a failed creation leaves", async () => {
  await using world = await sharedWorld();
  const own = [hostUrn(world, 0)];
  const refused = async (body: object) => (await create(world, { hostUrns: own, ...body })).errorCode;
  assert.equal(await refused({ name: "" }), "10000012");
  assert.equal(await refused({ path: "relative" }), "10400002");
  assert.equal(await refused({ path: "/" }), "10400002");
  for (const path of ["/srv/../etc", "/srv/./x", "/srv//x", "/srv/a\nb"]) {
    assert.equal(await refused({ path }), "10400002", JSON.stringify(path));
  }
  assert.equal(await refused({ hostUrns: [] }), "10300027");
  assert.equal(await refused({ hostUrns: [world.urn("hosts/99")] }), "10300027");
  assert.equal(
    await refused({ shared: false, hostUrns: [hostUrn(world, 0), hostUrn(world, 1)] }),
    "10400002",
  );
  const missing = await create(world, { path: "/srv/missing", hostUrns: own });
  const task = await world.ended(missing.body);
  assert.deepEqual([task.state, task.reason?.code], ["failed", "DATASTORE_UNUSABLE"]);
  assert.match(task.reason?.message ?? "", /no usable directory \/srv\/missing/);
  assert.equal((await world.call("GET", missing.body.uri)).errorCode, "10410006", "unwound to nothing");

  const first = await create(world, { hostUrns: own });
  await world.ended(first.body);
  assert.equal(await refused({}), "10410025", "the name is taken");
  const twice = await create(world, { name: "twice", hostUrns: own });
  assert.equal((await world.ended(twice.body)).state, "failed", "the directory is taken");
  await world.ok("PUT", first.body.uri, { name: "renamed", description: "x", thinRate: 200 });
  const renamed = await world.ok("GET", first.body.uri);
  assert.deepEqual([renamed.name, renamed.thinRate, renamed.freeSizeGB], ["renamed", 200, 200]);
});

test("lists: filters by scope, status, name; with a host scope the status is that of the link", async () => {
  await using world = await sharedWorld();
  const cluster = await world.ok("POST", "clusters", { name: "c" });
  await world.ok("POST", `hosts/${world.hostIds[0]}/action/move`, { clusterUrn: cluster.urn });
  const nas = await create(world, { hostUrns: [0, 1, 2].map((n) => hostUrn(world, n)) });
  await world.ended(nas.body);
  await world.ended(
    (await create(world, { name: "Local", path: "/srv/own", shared: false, hostUrns: [hostUrn(world, 1)] }))
      .body,
  );
  const list = async (query: string): Promise<string[]> =>
    (await world.ok("GET", `datastores?${query}`)).datastores.map(
      (d: { name: string; status: string }) => `${d.name} ${d.status}`,
    );
  assert.deepEqual(await list(""), ["nas NORMAL", "Local NORMAL"]);
  assert.deepEqual(await list("name=LOC"), ["Local NORMAL"]);
  assert.deepEqual(await list("status=NORMAL&name="), ["nas NORMAL", "Local NORMAL"]);
  assert.deepEqual(await list("status=ABNORMAL"), []);
  assert.deepEqual(await list("status=nonsense"), []);
  assert.deepEqual(await list(`scope=${cluster.urn}`), ["nas NORMAL"]);
  assert.deepEqual(await list(`status=NORMAL&scope=${cluster.urn}`), ["nas NORMAL"], "nova");
  assert.deepEqual(await list(`scope=${hostUrn(world, 2)}`), ["nas ABNORMAL"]);
  assert.deepEqual(await list(`scope=${hostUrn(world, 1)}&status=CONNECTED`), [
    "nas CONNECTED",
    "Local CONNECTED",
  ]);
  assert.deepEqual(await list(`scope=${hostUrn(world, 2)}&status=CONNECTED`), []);
  assert.deepEqual(await list("scope=urn:sites:43BC08E8"), ["nas NORMAL", "Local NORMAL"]);
  assert.deepEqual(await list("shareType=2"), ["Local NORMAL"]);
  assert.deepEqual(await list("limit=1&offset=1"), ["Local NORMAL"]);
  assert.deepEqual(await list("limit=1&offset=2"), []);
  assert.deepEqual(await list("dataStoreID=1&exceptDatastoreType=x"), ["nas NORMAL", "Local NORMAL"]);
  const ex = await world.ok("GET", "datastores/ex?page=1&limit=1&offset=0");
  assert.deepEqual([ex.total, ex.datastores.length], [2, 1]);
  const answer = (uri: string, clusterUrn: string) =>
    world.call("POST", `${uri}/action/ifconcluster`, { clusterUrn });
  assert.deepEqual((await answer(nas.body.uri, cluster.urn)).body, { ifConnectFlag: true });
  const empty = await world.ok("POST", "clusters", { name: "empty" });
  assert.deepEqual((await answer(nas.body.uri, empty.urn)).body, { ifConnectFlag: false });
  assert.equal((await answer(nas.body.uri, "urn:x")).errorCode, "10300028");
});

test("images are listed by whichever linked host answers", async () => {
  await using world = await sharedWorld();
  world.store.addImage("a.qcow2", 2 * GiB);
  world.store.addImage("b.iso", GiB, "raw");
  const made = await create(world, { hostUrns: [hostUrn(world, 0), hostUrn(world, 1)] });
  await world.ended(made.body);
  const { total, files } = await world.ok("GET", `${made.body.uri}/file?limit=1&offset=1`);
  assert.deepEqual([total, files[0].name, files[0].virtualSize], [2, "b.iso", GiB]);
  world.sims[0]?.disconnect();
  assert.equal((await world.ok("GET", `${made.body.uri}/file`)).total, 2);
  world.sims[1]?.disconnect();
  assert.equal((await world.call("GET", `${made.body.uri}/file`)).status, 400);
});

test("deletion: refused with volumes, forgets on every host, the name is free again", async () => {
  await using world = await sharedWorld();
  const made = await create(world, { hostUrns: [hostUrn(world, 0), hostUrn(world, 1)] });
  await world.ended(made.body);
  const volumeId = await addVolume(world, made.body.urn, 1);
  assert.equal((await world.call("DELETE", made.body.uri)).errorCode, "10410017");
  assert.equal((await world.call("DELETE", `${made.body.uri}?isForce=1`)).errorCode, "10410017", "not lost");
  await world.database.pool.query("delete from volumes where id = $1", [volumeId]);
  world.sims[1]?.disconnect();
  await world.ok("DELETE", `${made.body.uri}/delete`);
  assert.equal((await world.call("GET", made.body.uri)).errorCode, "10410006");
  assert.equal(world.sims[0]?.datastores.size, 0);
  assert.equal(world.sims[1]?.datastores.size, 1, "away; it forgets when it is back");
  world.sims[1]?.reconnect();
  await until(() => world.fleet.isConnected(world.hostIds[1] ?? 0));
  await world.reconcilers.hosts.runOnce();
  assert.equal(world.sims[1]?.datastores.size, 0);
});

test("a directory whose datastore was deleted, or could not be made, may become another one", async () => {
  await using world = await sharedWorld();
  const hostUrns = [hostUrn(world, 0), hostUrn(world, 1)];
  world.sims[0]?.faults.fail("ensureDatastore", new AppError("internal", "BROKEN", "no"), { when: "after" });
  world.sims[1]?.faults.fail("ensureDatastore", new AppError("internal", "BROKEN", "no"), { when: "after" });
  assert.equal((await world.ended((await create(world, { hostUrns })).body)).state, "failed");
  for (let round = 0; round < 2; round++) {
    const made = await create(world, { hostUrns });
    assert.equal((await world.ended(made.body)).state, "succeeded");
    assert.equal((await world.ok("GET", made.body.uri)).hosts.length, 2);
    await world.ok("DELETE", made.body.uri);
  }
});

test("a file system that is not mounted is not written to, and is well again when it is", async () => {
  await using world = await sharedWorld();
  const made = await create(world, { hostUrns: [hostUrn(world, 0), hostUrn(world, 1)] });
  await world.ended(made.body);
  const [sim] = world.sims;
  const bare = new SimStore({ seed: "root disk" });
  // The host has started without its mount: the path is an empty directory of the root disk.
  sim?.datastores.clear();
  sim?.mounts.set("/srv/nas", bare);
  await world.reconcilers.hosts.runOnce();
  const [link] = (await world.ok("GET", made.body.uri)).hostLinks;
  assert.equal(link.status, "ABNORMAL");
  assert.match(link.reason, /not mounted/);
  assert.equal(bare.datastoreId, undefined, "no marker was written there");
  sim?.mounts.set("/srv/nas", world.store);
  await world.reconcilers.hosts.runOnce();
  assert.equal((await world.ok("GET", made.body.uri)).hosts.length, 2);
});

test("deletion of a datastore that a host still uses is taken back", async () => {
  await using world = await sharedWorld();
  const made = await create(world, { hostUrns: [hostUrn(world, 0), hostUrn(world, 1)] });
  await world.ended(made.body);
  const [, second] = world.sims;
  second?.faults.fail("removeDatastore", new AppError("conflict", "DATASTORE_IN_USE", "a VM"));
  const answer = await world.call("DELETE", made.body.uri);
  const task = await world.ended(answer.body);
  assert.deepEqual([task.state, task.reason?.code], ["failed", "DATASTORE_IN_USE"]);
  const after = await world.ok("GET", made.body.uri);
  assert.deepEqual([after.status, after.hosts.length], ["NORMAL", 2]);
  assert.equal(world.sims[0]?.datastores.size, 1, "made anew where it was forgotten");
});

test("linking and unlinking single hosts", async () => {
  await using world = await sharedWorld();
  const made = await create(world, { hostUrns: [hostUrn(world, 0)] });
  await world.ended(made.body);
  const id = made.body.uri.split("/").at(-1);
  const connect = (n: number) =>
    world.call("POST", `/sinter/v1/datastores/${id}/hosts`, { hostUrn: hostUrn(world, n) });
  await world.ended((await connect(1)).body);
  assert.equal((await world.ok("GET", made.body.uri)).hosts.length, 2);
  const wrong = await world.ended((await connect(2)).body);
  assert.equal(wrong.state, "failed", "another file system");
  assert.equal((await world.ok("GET", made.body.uri)).hostLinks.length, 2);

  const vmId = await insertVm(world.database.db, { hostId: world.hostIds[0] ?? 0 });
  const volumeId = await addVolume(world, made.body.urn, 1);
  await world.database.db.insert(attachments).values({ volumeId, vmId, bus: "virtio", slot: 1 });
  const disconnect = (n: number) =>
    world.call("DELETE", `${made.body.uri}/disconnect?hostUrn=${hostUrn(world, n)}`);
  assert.equal((await disconnect(0)).errorCode, "10410017", "a VM there has a disk on it");
  assert.equal((await disconnect(2)).errorCode, "10410024", "not linked");
  await world.ok("DELETE", `${made.body.uri}?hostUrn=${hostUrn(world, 1)}`);
  assert.equal(world.sims[1]?.datastores.size, 0);
  await world.database.pool.query("delete from attachments");
  assert.equal((await disconnect(0)).errorCode, "10410017", "its last host, and it has volumes");
  const local = await create(world, {
    name: "l",
    path: "/srv/own",
    shared: false,
    hostUrns: [hostUrn(world, 0)],
  });
  await world.ended(local.body);
  const localId = local.body.uri.split("/").at(-1);
  assert.equal(
    (await world.call("POST", `/sinter/v1/datastores/${localId}/hosts`, { hostUrn: hostUrn(world, 1) }))
      .errorCode,
    "10400002",
  );
});

test("volumes whose last host was removed by force go with their datastore, by force", async () => {
  await using world = await sharedWorld();
  const made = await create(world, {
    name: "l",
    path: "/srv/own",
    shared: false,
    hostUrns: [hostUrn(world, 0)],
  });
  await world.ended(made.body);
  await addVolume(world, made.body.urn, 1);
  const host = `hosts/${world.hostIds[0]}`;
  assert.equal((await world.call("DELETE", host)).errorCode, "10410022");
  await world.ok("DELETE", `${host}?isForce=1`);
  assert.equal((await world.ok("GET", made.body.uri)).status, "ABNORMAL");
  assert.equal((await world.call("DELETE", made.body.uri)).errorCode, "10410017");
  await world.ok("DELETE", `${made.body.uri}?isForce=1`);
  assert.equal((await world.database.pool.query("select 1 from volumes")).rowCount, 0);
});

test("a datastore that fills up, is lost and comes back: states follow what is seen", async () => {
  await using world = await sharedWorld();
  const made = await create(world, { hostUrns: [hostUrn(world, 0), hostUrn(world, 1)] });
  await world.ended(made.body);
  const look = async (): Promise<string> => {
    await world.reconcilers.hosts.runOnce();
    return (await world.ok("GET", made.body.uri)).status;
  };
  world.store.state = "readOnly";
  assert.equal(await look(), "READONLY");
  world.store.state = "lost";
  assert.equal(await look(), "ABNORMAL");
  world.store.state = "normal";
  world.store.fill(5 * GiB);
  assert.equal(await look(), "NORMAL");
  assert.equal((await world.ok("GET", made.body.uri)).actualFreeSizeGB, 5);
});

test("a host joins with a datastore and a switch of nobody's: only ours are touched", async () => {
  await using world = await inventoryWorld();
  const sim = new SimHost({ seed: "used", mounts: { "/a": new SimStore(), "/b": new SimStore() } });
  const api = sim.api as unknown as {
    ensureDatastore(input: object, context: object): Promise<unknown>;
  };
  const context = { signal: new AbortController().signal };
  await api.ensureDatastore({ datastoreId: "theirs", path: "/a", shared: false }, context);
  await api.ensureDatastore({ datastoreId: "999999", path: "/b", shared: false }, context);
  await world.addHost({ sim });
  await world.reconcilers.hosts.runOnce();
  assert.deepEqual([...sim.datastores.keys()], ["theirs"], "a number that we never gave is a stray of ours");
});

async function until(probe: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!probe()) {
    assert.ok(Date.now() < deadline, "in time");
    await new Promise((resolve) => setImmediate(resolve));
  }
}
