import assert from "node:assert/strict";
import { test } from "node:test";
import { AppError } from "@sinter/kit";
import { vmWireId } from "@sinter/northbound";
import { eq, sql } from "drizzle-orm";
import { vms } from "../compute/vm.table.ts";
import { type InventoryWorld, inventoryWorld } from "../testing/inventory-world.ts";
import { insertVm } from "../testing/rows.ts";
import { hosts } from "./host.table.ts";

const uriOf = (world: InventoryWorld, n = 0): string => `hosts/${world.hostIds[n]}`;

test("a host shows every field of the contract, and how guests run there", async () => {
  await using world = await inventoryWorld({
    hosts: 1,
    host: () => ({
      report: { accelerator: "emulated", acceleratorReason: "/dev/kvm is missing" },
    }),
  });
  // The schema of the reply is checked with each call; here the figures.
  const host = await world.ok("GET", uriOf(world));
  assert.deepEqual(
    [host.name, host.ip, host.status, host.isMaintaining, host.clusterUrn, host.clusterName],
    ["host-1", "192.0.2.10", "normal", false, "", ""],
  );
  assert.deepEqual(
    [host.cpuQuantity, host.cpuMHz, host.physicalCpuQuantity, host.memQuantityMB, host.nicQuantity],
    [32, 2600, 1, 128 * 1024, 2],
    "CMP-06",
  );
  assert.equal(host.cpuResource.totalSizeMHz, 83_200, "CMP-06: 32 × 2.6 GHz");
  assert.deepEqual(
    [host.cpuResource.reserveSizeMHz, host.memResource.reserveSizeMB],
    [4160, 6554],
    "GEN-18: what the host keeps for itself",
  );
  assert.equal(host.computeResourceStatics, `/service/sites/43BC08E8/${uriOf(world)}/computeResourceStatics`);
  assert.deepEqual(host.attachedISOVMs, []);
  const iso = { kind: "iso" as const, datastoreId: 1, name: "x.iso", attachedAt: new Date().toISOString() };
  const vmId = await insertVm(world.database.db, { hostId: world.hostIds[0] ?? null, cdrom: iso });
  const attached = await world.ok("GET", uriOf(world));
  assert.deepEqual(attached.attachedISOVMs, [`urn:sites:43BC08E8:vms:${vmWireId(vmId)}`]);
  await world.database.db.delete(vms).where(eq(vms.id, vmId));
  assert.deepEqual([host.accelerator, host.acceleratorReason], ["emulated", "/dev/kvm is missing"]);
  assert.match(host.hypervisor, /software emulation \(\/dev\/kvm is missing\)/);
  const [listed] = (await world.ok("GET", "hosts")).hosts;
  assert.deepEqual([listed.accelerator, listed.uuid], ["emulated", world.sims[0]?.hostUuid]);
  for (const key of Object.keys(listed)) assert.deepEqual(host[key], listed[key], key);
});

test("lists: all without a page, exact totals, offsets beyond the end, limit 0", async () => {
  await using world = await inventoryWorld();
  await Promise.all(Array.from({ length: 5 }, () => world.addHost({ isAwaited: false })));
  const count = async (query: string): Promise<[number, number]> => {
    const { total, hosts: items } = await world.ok("GET", `hosts${query}`);
    return [total, items.length];
  };
  assert.deepEqual(await count(""), [5, 5]);
  assert.deepEqual(await count("?limit=2"), [5, 2]);
  assert.deepEqual(await count("?limit=2&offset=4"), [5, 1]);
  assert.deepEqual(await count("?limit=2&offset=5"), [5, 0]);
  assert.deepEqual(await count("?limit=0&offset=1"), [5, 5]);
  assert.deepEqual(await count("?limit=1000"), [5, 5], "cut to 100");
  assert.deepEqual(await count("?limit=100&offset=0&name=&resourceGroupFlag=1"), [5, 5], "zabbix");
  assert.equal((await world.call("GET", "hosts?limit=x")).errorCode, "10000013");
  assert.equal((await world.call("GET", "hosts?limit=1&offset=-1")).errorCode, "10000016");
  const walked: string[] = [];
  for (let offset = 0; ; offset += 2) {
    const { hosts: items } = await world.ok("GET", `hosts?limit=2&offset=${offset}`);
    if (items.length === 0) break;
    walked.push(...items.map((item: { urn: string }) => item.urn));
  }
  assert.deepEqual(
    walked,
    (await world.ok("GET", "hosts")).hosts.map((h: { urn: string }) => h.urn),
  );
});

test("lists: filters by name, address, system name and scope", async () => {
  await using world = await inventoryWorld();
  const cluster = await world.ok("POST", "clusters", { name: "c" });
  await world.addHost({ clusterId: Number(cluster.urn.split(":").at(-1)) });
  await world.addHost();
  const datastore = await world.ok("POST", "/sinter/v1/datastores", {
    name: "d",
    path: "/srv/sinter",
    hostUrns: [world.urn(uriOf(world, 1))],
  });
  const dvs = await world.ok("POST", "dvswitchs", { name: "s" });
  const names = async (query: string): Promise<string[]> =>
    (await world.ok("GET", `hosts?${query}`)).hosts.map((host: { name: string }) => host.name);
  assert.deepEqual(await names("name=HOST-2"), ["host-2"]);
  assert.deepEqual(await names("name=host_2"), [], "no wildcard");
  assert.deepEqual(await names("ip=2.11"), ["host-2"]);
  assert.deepEqual(await names(`hostRealName=${world.sims[0]?.report.hostname.slice(0, 10)}`), ["host-1"]);
  assert.deepEqual(await names(`scope=${cluster.urn}`), ["host-1"]);
  assert.deepEqual(await names(`scope=${encodeURIComponent(cluster.urn)}`), ["host-1"]);
  assert.deepEqual(await names("scope=default"), ["host-2"]);
  assert.deepEqual(await names(`scope=${datastore.urn}`), ["host-2"]);
  assert.deepEqual(await names(`scope=${dvs.urn}`), ["host-1", "host-2"]);
  assert.deepEqual(await names("scope=urn:sites:43BC08E8"), ["host-1", "host-2"]);
  assert.deepEqual(await names("scope=urn:sites:43BC08E8:clusters:99"), []);
  assert.deepEqual(await names("scope=urn:sites:00000000"), []);
  assert.deepEqual(await names("scope=')%20or%201=1"), []);
  assert.deepEqual(await names("siteID=x&queryFlag=1&noCache=2"), ["host-1", "host-2"]);
  await world.database.db
    .update(hosts)
    .set({ status: "shuttingDown" })
    .where(eq(hosts.id, world.hostIds[1] ?? 0));
  assert.deepEqual(await names("status=normal"), ["host-1"]);
  assert.deepEqual(await names("status=shutdowning"), ["host-2"], "spelt as the answer spells it");
  assert.deepEqual(await names("status=shuttingDown"), []);
  assert.deepEqual(await names("status="), ["host-1", "host-2"]);
});

test("statistics count hosts by status, of the site or of a cluster", async () => {
  await using world = await inventoryWorld();
  const cluster = await world.ok("POST", "clusters", { name: "c" });
  await world.addHost({ clusterId: Number(cluster.urn.split(":").at(-1)) });
  await world.addHost();
  await world.addHost();
  await world.database.db
    .update(hosts)
    .set({ status: "shuttingDown" })
    .where(eq(hosts.id, world.hostIds[2] ?? 0));
  const zero = {
    rebooting: 0,
    normal: 0,
    fault: 0,
    initial: 0,
    unknown: 0,
    poweroff: 0,
    booting: 0,
    shutdowning: 0,
  };
  assert.deepEqual(await world.ok("GET", "hosts/statistics"), {
    ...zero,
    total: 3,
    normal: 2,
    shutdowning: 1,
  });
  assert.deepEqual(await world.ok("GET", `hosts/statistics?scope=${cluster.urn}`), {
    ...zero,
    total: 1,
    normal: 1,
  });
  assert.equal(
    (await world.call("GET", "hosts/statistics?scope=urn:sites:43BC08E8:clusters:99")).errorCode,
    "10300028",
  );
});

test("CMP-26: what is left for new VMs drops with VMs that run", async () => {
  await using world = await inventoryWorld({ hosts: 1 });
  const { db } = world.database;
  const hostId = world.hostIds[0] ?? 0;
  const before = await world.ok("GET", `${uriOf(world)}/computeResourceStatics`);
  await insertVm(db, { hostId, state: "running" });
  await insertVm(db, { hostId, state: "stopped" });
  const after = await world.ok("GET", `${uriOf(world)}/computeresource`);
  assert.equal(before.CpuQuantity - after.CpuQuantity, 2);
  assert.equal(before.MemQuantityMB - after.MemQuantityMB, 1024);
  assert.deepEqual(after.cpuResource, { totalSizeMHz: 83_200, allocatedSizeMHz: 500, allocatedVcpus: 2 });
  const host = await world.ok("GET", uriOf(world));
  assert.deepEqual([host.cpuMuxRatio, host.memMuxRatio], ["0.06", "0.01"]);
});

test("GEN-14: fifteen features, by architecture", async () => {
  await using world = await inventoryWorld({
    hosts: 2,
    host: (index) => (index === 1 ? { report: { architecture: "aarch64" } } : {}),
  });
  const supported = async (n: number): Promise<string[]> => {
    const { features } = await world.ok("GET", `${uriOf(world, n)}/capabilities`);
    assert.equal(features.length, 15);
    return features
      .filter((f: { isSupported: boolean }) => f.isSupported)
      .map((f: { feature: string }) => f.feature);
  };
  assert.equal((await supported(0)).length, 15);
  const arm = await supported(1);
  assert.equal(arm.length, 10);
  for (const only of ["memoryOvercommit", "antivirus", "userModeSwitching", "sriov", "gpuVirtualization"]) {
    assert.ok(!arm.includes(only), only);
  }
});

test("hosts join by token: adding one by address is refused and says how", async () => {
  await using world = await inventoryWorld({ hosts: 1 });
  const joins = await world.call("POST", "hosts", { ip: "198.51.100.9" });
  assert.equal(joins.errorCode, "10200133");
  assert.match(joins.body.errorDes, /join token/);
  assert.equal((await world.call("POST", "hosts", { ip: "192.0.2.10" })).errorCode, "10200108");
  assert.equal(
    (await world.call("POST", "hosts", { ip: "192.0.2.1" })).errorCode,
    "10200133",
    "no substring",
  );
  assert.equal((await world.call("POST", "hosts", {})).errorCode, "10200106");
  assert.equal(
    (await world.call("POST", "hosts", { ip: "198.51.100.9", clusterUrn: "urn:x" })).errorCode,
    "10300028",
  );
});

test("changing a host is a task; settings are kept, and what is wrong is refused at once", async () => {
  await using world = await inventoryWorld({ hosts: 1 });
  const answer = await world.ok("PUT", uriOf(world), {
    name: "rack 4 / 网",
    description: "d",
    bmcIp: "10.0.0.1",
    bmcUserName: "root",
    bmcPassword: "secret",
    ntpIp1: "ntp.example",
    ntpCycle: "64",
  });
  assert.equal(answer.uri, `/service/sites/43BC08E8/${uriOf(world)}`);
  const host = await world.ok("GET", uriOf(world));
  assert.deepEqual(
    [host.name, host.description, host.bmcIp, host.bmcUserName, host.ntpIp1, host.ntpCycle],
    ["rack 4 / 网", "d", "10.0.0.1", "root", "ntp.example", 64],
  );
  await world.ok("PUT", uriOf(world), { description: "e" });
  assert.equal((await world.ok("GET", uriOf(world))).bmcIp, "10.0.0.1");
  const refused = async (body: object) => (await world.call("PUT", uriOf(world), body)).errorCode;
  assert.equal(await refused({ name: "" }), "10200103");
  assert.equal(await refused({ bmcUserName: "a&b" }), "10200113");
  assert.equal(await refused({ bmcPassword: "a;b" }), "10200114");
  assert.equal(await refused({ ntpIp1: "", ntpIp2: "x" }), "10200204");
  assert.equal(await refused({ ntpCycle: 100 }), "10200205");
  assert.equal(await refused({ multiPathMode: "x" }), "10300154");
  assert.equal(await refused({ hostRealName: "other" }), "10000024");
  assert.equal((await world.call("PUT", "hosts/77", { name: "x" })).errorCode, "10300027");
  const stored = await world.database.pool.query("select settings::text from hosts");
  assert.ok(!JSON.stringify(stored.rows).includes("secret"), "the BMC password is not kept");
  const tasks = await world.database.pool.query("select input::text from task_tasks");
  assert.ok(!JSON.stringify(tasks.rows).includes("secret"), "nor does it travel in a task");
});

test("power without a BMC says what is missing", async () => {
  await using world = await inventoryWorld({ hosts: 1 });
  for (const action of ["reboot", "poweron", "poweroff"]) {
    const answer = await world.call("POST", `${uriOf(world)}/action/${action}`, { mode: "safe" });
    assert.deepEqual([answer.status, answer.errorCode], [400, "10200158"], action);
  }
  assert.equal(
    (await world.call("POST", `${uriOf(world)}/action/reboot`, { mode: "x" })).errorCode,
    "10200150",
  );
  await world.ok("PUT", uriOf(world), { bmcIp: "10.0.0.1" });
  assert.equal((await world.call("POST", `${uriOf(world)}/action/reboot`)).errorCode, "10200152");
  await world.ok("PUT", uriOf(world), { bmcUserName: "root" });
  assert.equal((await world.call("POST", `${uriOf(world)}/action/reboot`, {})).errorCode, "10200153");
  assert.equal((await world.call("POST", "hosts/77/action/reboot")).errorCode, "10300027");
});

test("maintenance mode: in and out at once, each only once, not in passing states", async () => {
  await using world = await inventoryWorld({ hosts: 1 });
  const act = (action: string) => world.call("POST", `${uriOf(world)}/action/${action}`);
  assert.equal((await act("exitMaintenanceMode")).errorCode, "10200305");
  assert.deepEqual((await act("enterMaintenanceMode")).body, {});
  assert.equal((await world.ok("GET", uriOf(world))).isMaintaining, true);
  assert.equal((await act("enterMaintenanceMode")).errorCode, "10200304");
  assert.deepEqual((await act("exitMaintenanceMode")).body, {});
  const { db } = world.database;
  for (const status of ["initial", "booting", "rebooting", "shuttingDown"] as const) {
    await db.update(hosts).set({ status });
    assert.equal((await act("enterMaintenanceMode")).errorCode, "10200124", status);
  }
  await db.update(hosts).set({ status: "fault" });
  assert.equal((await act("enterMaintenanceMode")).status, 200, "a broken host may be put aside");
  const racers = await Promise.all(Array.from({ length: 20 }, () => act("exitMaintenanceMode")));
  assert.equal(racers.filter((answer) => answer.status === 200).length, 1);
});

test("moving: between clusters and out of them, never with VMs", async () => {
  await using world = await inventoryWorld({ hosts: 1 });
  const cluster = await world.ok("POST", "clusters", { name: "c" });
  const move = (body: object) => world.call("POST", `${uriOf(world)}/action/move`, body);
  assert.deepEqual((await move({ clusterUrn: cluster.urn })).body, {});
  assert.equal((await world.ok("GET", uriOf(world))).clusterName, "c");
  assert.equal((await move({ clusterUrn: cluster.urn })).errorCode, "10300065");
  assert.equal((await move({ clusterUrn: world.urn("clusters/99") })).errorCode, "10300028");
  const vmId = await insertVm(world.database.db, { hostId: world.hostIds[0] ?? 0 });
  assert.equal((await move({})).errorCode, "10200157");
  await world.database.db.delete(vms).where(eq(vms.id, vmId));
  assert.equal((await move({})).status, 200);
});

test("removal: refused with VMs or the only copy of volumes; otherwise the host forgets us", async () => {
  await using world = await inventoryWorld({ hosts: 2 });
  const [hostId = 0] = world.hostIds;
  const [sim] = world.sims;
  const vmId = await insertVm(world.database.db, { hostId, isTemplate: true });
  assert.equal((await world.call("DELETE", uriOf(world))).errorCode, "10200122", "templates count");
  await world.database.db.delete(vms).where(eq(vms.id, vmId));
  await world.ok("POST", "dvswitchs", { name: "s" });
  const datastore = await world.ok("POST", "/sinter/v1/datastores", {
    name: "d",
    path: "/srv/sinter",
    hostUrns: [world.urn(uriOf(world))],
  });
  assert.deepEqual([sim?.switches.size, sim?.datastores.size], [1, 1]);
  await world.ok("DELETE", uriOf(world));
  assert.equal((await world.call("GET", uriOf(world))).errorCode, "10300027");
  assert.deepEqual([sim?.switches.size, sim?.datastores.size], [0, 0]);
  assert.equal((await world.ok("GET", datastore.uri)).status, "ABNORMAL", "nobody reaches it any more");
  assert.throws(() => world.fleet.agent(hostId), { code: "HOST_NOT_FOUND" });
  assert.equal(world.fleet.connectedHosts().length, 1);
  assert.equal((await world.call("DELETE", uriOf(world))).errorCode, "10300027");
});

test("removal by force: also of a host that is gone for good, with its VMs released", async () => {
  await using world = await inventoryWorld({ hosts: 1 });
  const [hostId = 0] = world.hostIds;
  const vmId = await insertVm(world.database.db, { hostId, state: "unknown" });
  world.sims[0]?.powerOff();
  // The compute domain would do this; here its part is played by the test.
  await world.database.db.execute(
    sql`create function release() returns trigger language plpgsql as $$ begin update vms set host_id = null where host_id = old.id; return old; end $$`,
  );
  await world.database.db.execute(
    sql`create trigger release before update of is_maintaining on hosts for each row execute function release()`,
  );
  await world.ok("DELETE", `${uriOf(world)}?isForce=1`);
  assert.deepEqual(world.released, [hostId]);
  assert.equal((await world.ok("GET", "hosts")).total, 0);
  const [vm] = await world.database.db.select().from(vms).where(eq(vms.id, vmId));
  assert.equal(vm?.hostId, null);
});

test("removal that cannot be finished is taken back: the host takes VMs again", async () => {
  await using world = await inventoryWorld({ hosts: 1 });
  const [hostId = 0] = world.hostIds;
  await world.tasks.stop();
  const answer = await world.call("DELETE", uriOf(world));
  assert.equal((await world.ok("GET", uriOf(world))).isMaintaining, true, "nothing new is placed there");
  assert.equal((await world.call("DELETE", uriOf(world))).errorCode, "10200302");
  assert.equal(
    (await world.call("POST", `${uriOf(world)}/action/exitMaintenanceMode`)).errorCode,
    "10200302",
  );
  await insertVm(world.database.db, { hostId });
  const engine = world.engine();
  engine.start();
  const task = await engine.whenEnded(
    Number(answer.body.taskUri.split("/").at(-1)),
    AbortSignal.timeout(10_000),
  );
  assert.deepEqual([task.state, task.reason?.code], ["failed", "HOST_HAS_VMS"]);
  assert.equal((await world.ok("GET", uriOf(world))).isMaintaining, false);
});

test("domains that no VM of ours stands for are listed; a silent host is told apart", async () => {
  await using world = await inventoryWorld({ hosts: 1 });
  const [sim] = world.sims;
  const { vms: none } = await world.ok("GET", `/sinter/v1/${uriOf(world)}/unmanaged-vms`);
  assert.deepEqual(none, []);
  sim?.faults.fail("listVms", new AppError("unavailable", "LIBVIRT_AWAY", "libvirt does not answer"));
  const away = await world.call("GET", `/sinter/v1/${uriOf(world)}/unmanaged-vms`);
  assert.equal(away.status, 503);
  assert.equal((await world.call("GET", "/sinter/v1/hosts/77/unmanaged-vms")).errorCode, "10300027");
});
