import assert from "node:assert/strict";
import { test } from "node:test";
import { nics, vms } from "../compute/vm.table.ts";
import { type InventoryWorld, inventoryWorld } from "../testing/inventory-world.ts";
import { insertVm } from "../testing/rows.ts";
import { portGroupStore } from "./port-group.store.ts";
import { eq } from "drizzle-orm";

async function makeSwitch(world: InventoryWorld, body: object = {}): Promise<string> {
  return (await world.ok("POST", "dvswitchs", { name: "dvs", ...body })).uri;
}

test("switches: without hosts named every host carries it, also one that joins later", async () => {
  await using world = await inventoryWorld({ hosts: 2 });
  const uri = await makeSwitch(world, { description: "d", mtu: 9000 });
  const id = uri.split("/").at(-1) ?? "";
  // It was made on connected hosts before the answer came.
  for (const sim of world.sims) assert.equal(sim.switches.get(id)?.mtu, 9000);
  const late = await world.addHost();
  await world.reconcilers.hosts.runOnce(late);
  assert.deepEqual(world.sims[2]?.switches.get(id)?.uplinks, []);
  const detail = await world.ok("GET", uri);
  assert.equal(detail.hostPortSet.length, 3);
  for (const port of detail.hostPortSet)
    assert.deepEqual([port.isApplied, port.status, port.portName], [true, 0, ""]);
  assert.deepEqual(detail.params, { description: "d" });
  assert.equal(detail.type, 0);
  const { dvSwitchs } = await world.ok("GET", "dvswitchs");
  assert.deepEqual(
    dvSwitchs.map((s: { name: string; portGroupNum: number }) => [s.name, s.portGroupNum]),
    [["dvs", 0]],
  );
});

test("switches: NICs of hosts as uplinks, several by commas, and what is refused", async () => {
  await using world = await inventoryWorld({
    hosts: 2,
    host: (index) => ({
      report: {
        nics: ["eth0", "eth1", "eth2", "eth3"].map((name, i) => ({
          name,
          mac: `52:54:00:00:0${index}:0${i}`,
          up: name !== "eth3",
          speedMbps: 1000,
          mtu: 1500,
          addresses: name === "eth0" ? [`192.0.2.${10 + index}/24`] : [],
        })),
      },
    }),
  });
  const host = (n: number): string => world.urn(`hosts/${world.hostIds[n]}`);
  const uri = await makeSwitch(world, {
    hostPortSet: [
      { hostUrn: host(0), portName: "eth1, eth2" },
      { hostUrn: host(1), portName: "eth3" },
    ],
  });
  const id = uri.split("/").at(-1) ?? "";
  assert.deepEqual(world.sims[0]?.switches.get(id)?.uplinks, ["eth1", "eth2"]);
  const { hostPortSet } = await world.ok("GET", uri);
  assert.deepEqual(
    hostPortSet.map((port: { portName: string; status: number }) => [port.portName, port.status]),
    [
      ["eth1,eth2", 0],
      ["eth3", 1],
    ],
  );
  assert.equal(hostPortSet[0].portUrn, `${host(0)}:uplinkportaggrs:2`);

  const refused = async (portName: string, hostUrn = host(0)): Promise<string | undefined> =>
    (await world.call("POST", "dvswitchs", { name: "other", hostPortSet: [{ hostUrn, portName }] }))
      .errorCode;
  assert.equal(await refused("eth9"), "10540011", "no such NIC");
  assert.equal(await refused("eth1"), "10000009", "carries the other switch");
  assert.equal(await refused("eth0"), "10000009", "carries the management address");
  assert.equal(await refused("eth3", world.urn("hosts/999999")), "10300027", "no such host");
  assert.equal(await refused("eth3,eth3"), "10000009", "twice");
  // NET-04: two switches on the same hosts with different uplinks.
  await world.ok("POST", "dvswitchs", {
    name: "other",
    hostPortSet: [{ hostUrn: host(0), portName: "eth3" }],
  });

  assert.equal(
    (await world.call("POST", `${uri}/action/addhost`, { hostPortSet: [{ hostUrn: host(0) }] })).errorCode,
    "10540018",
  );
  await world.ok("POST", `${uri}/action/delhost`, { hostPortSet: [{ hostUrn: host(0) }] });
  assert.equal(world.sims[0]?.switches.has(id), false, "the host has dropped it");
  await world.ok("POST", `${uri}/action/addhost`, {
    hostPortSet: [{ hostUrn: host(0), portUrn: `${host(0)}:uplinkportaggrs:2` }],
  });
  assert.deepEqual(world.sims[0]?.switches.get(id)?.uplinks, ["eth1"]);
});

test("switches: names, types, MTU and pools as the contract refuses them", async () => {
  await using world = await inventoryWorld();
  const uri = await makeSwitch(world, { vlanPoolSet: [{ startVlanId: 1, endVlanId: 10 }] });
  const refused = async (body: object) =>
    (await world.call("POST", "dvswitchs", { name: "x", ...body })).errorCode;
  assert.equal(await refused({ name: "dvs" }), "10540041");
  assert.equal(await refused({ name: "" }), "10540521");
  assert.equal(await refused({ type: 2 }), "10000001");
  assert.equal(await refused({ mtu: 1499 }), "10540415", "NET-25");
  assert.equal(await refused({ mtu: 9001 }), "10540415", "NET-25");
  assert.equal(await refused({ vlanPoolSet: [{ startVlanId: 0, endVlanId: 1 }] }), "10502001");
  assert.equal(await refused({ vlanPoolSet: [{ startVlanId: 5, endVlanId: 4 }] }), "10540006");
  assert.equal(await refused({ vxlanPoolSet: [{ startVxlanId: 4096, endVxlanId: 4097 }] }), "10502012");
  const old = await world.ok("POST", "dvswitchs", { name: "old", mtu: 1, vxlanPoolSet: null });
  assert.equal((await world.ok("GET", old.uri)).mtu, 9000, "older releases wrote 1 for 9000");

  const pools = (path: string, body: object) => world.call("POST", `${uri}/action/${path}`, body);
  assert.equal((await pools("addvlanpool", { vlanPoolSet: [] })).errorCode, "10540004");
  assert.equal((await pools("addvlanpool", {})).errorCode, "10540004");
  assert.equal(
    (await pools("addvlanpool", { vlanPoolSet: [{ startVlanId: 10, endVlanId: 12 }] })).errorCode,
    "10540007",
  );
  assert.deepEqual(
    (await pools("addvlanpool", { vlanPoolSet: [{ startVlanId: "20", endVlanId: "30" }] })).body,
    {},
  );
  await world.ok("POST", `${uri}/portgroups`, { name: "web", vlanId: 5 });
  const gone = { vlanPoolSet: [{ startVlanId: 1, endVlanId: 10 }] };
  assert.equal((await pools("delvlanpool", gone)).errorCode, "10540021");
  await world.ok("POST", `${uri}/action/delvlanpool`, {
    vlanPoolSet: [{ startVlanId: 20, endVlanId: 30 }],
    isForce: "false",
  });
  assert.deepEqual((await world.ok("GET", uri)).vlanPoolSet, [{ startVlanId: 1, endVlanId: 10 }]);
  assert.deepEqual((await world.ok("GET", `${uri}/usedvlan`)).vlanIds, [5]);
  assert.equal((await world.call("DELETE", uri)).errorCode, "10540022");
  assert.equal((await world.call("GET", "dvswitchs/999")).errorCode, "10540010");
});

test("switches: filters by location and name", async () => {
  await using world = await inventoryWorld();
  const { urn: clusterUrn } = await world.ok("POST", "clusters", { name: "c" });
  const clusterId = Number(clusterUrn.split(":").at(-1));
  await world.addHost({ clusterId });
  await world.addHost();
  const only = world.urn(`hosts/${world.hostIds[1]}`);
  await makeSwitch(world, { name: "Everywhere" });
  await makeSwitch(world, { name: "second", hostPortSet: [{ hostUrn: only, portName: "eth1" }] });
  const names = async (query: string): Promise<string[]> =>
    (await world.ok("GET", `dvswitchs?${query}`)).dvSwitchs.map((s: { name: string }) => s.name);
  assert.deepEqual(await names(""), ["Everywhere", "second"]);
  assert.deepEqual(await names("name=EVERY"), ["Everywhere"]);
  assert.deepEqual(await names("name="), ["Everywhere", "second"]);
  assert.deepEqual(await names(`location=${clusterUrn}`), ["Everywhere"]);
  assert.deepEqual(await names(`location=${encodeURIComponent(only)}`), ["Everywhere", "second"]);
  assert.deepEqual(await names("location=nonsense"), []);
  assert.deepEqual(await names("type=2"), []);
});

test("CMP-27: port group names may repeat; queries, filters and pages", async () => {
  await using world = await inventoryWorld();
  const uri = await makeSwitch(world);
  const made: string[] = [];
  for (const [name, vlanId] of [
    ["Web", 10],
    ["Web", 110],
    ["db%", 20],
  ] as const) {
    made.push((await world.ok("POST", `${uri}/portgroups`, { name, vlanId })).urn);
  }
  await world.ok("POST", `${uri}/portgroups`, { name: "trunk", portType: 1, vlanRange: "30-40" });
  assert.equal(made[0]?.split(":").length, 7, "one client takes the seventh part");
  const list = async (path: string) => world.ok("GET", path);
  const names = async (path: string): Promise<string[]> =>
    (await list(path)).portGroups.map((group: { name: string }) => group.name);
  assert.deepEqual(await names(`${uri}/portgroups`), ["Web", "Web", "db%", "trunk"]);
  assert.deepEqual(await names("portgroups"), ["Web", "Web", "db%", "trunk"]);
  assert.deepEqual(await names(`${uri}/portgroups?portGroupName=wEb`), ["Web", "Web"]);
  assert.deepEqual(await names(`${uri}/portgroups?portGroupName=%25`), ["db%"]);
  assert.deepEqual(await names(`${uri}/portgroups?vlan=10`), ["Web", "Web"]);
  assert.deepEqual(await names(`${uri}/portgroups?vlan=40`), ["trunk"]);
  assert.deepEqual(await names(`${uri}/portgroups?vxlan=5`), []);
  const page = await list(`${uri}/portgroups?limit=2&offset=1`);
  assert.deepEqual([page.total, page.portGroups.length], [4, 2]);
  assert.equal((await list(`${uri}/portgroups?limit=0&offset=3`)).portGroups.length, 4);
  assert.deepEqual((await list(`${uri}/portgroups?limit=2&offset=9`)).portGroups, []);

  const query = async (body: object): Promise<string[]> =>
    (await world.ok("POST", "portgroups", body)).portGroups.map((group: { urn: string }) => group.urn);
  assert.deepEqual(await query({ names: ["Web"] }), made.slice(0, 2));
  assert.deepEqual(await query({ names: ["web"] }), [], "names are exact");
  assert.deepEqual(
    await query({ pgurns: [made[2]], names: ["Web"] }),
    [made[2]],
    "names do not count beside",
  );
  assert.equal((await query({ dvsurns: [world.urn(uri.split("/").slice(-2).join("/"))] })).length, 4);
  assert.deepEqual(await query({ dvsurns: ["urn:sites:43BC08E8:dvswitchs:99"] }), []);
  assert.equal((await query({})).length, 4);
  assert.equal((await query({ limit: "1", offset: "1" })).length, 1);
  assert.equal((await world.call("POST", "portgroups", { pgurns: ["x"] })).errorCode, "10540119");
  assert.equal((await world.call("POST", "portgroups", { limit: -1 })).errorCode, "10000013");
});

test("port groups: VMs keep them from being deleted and, unless stopped, from changing VLAN", async () => {
  await using world = await inventoryWorld({ hosts: 1 });
  const uri = await makeSwitch(world);
  const group = await world.ok("POST", `${uri}/portgroups`, { name: "web", vlanId: 10 });
  const portGroupId = Number(group.urn.split(":").at(-1));
  const { db } = world.database;
  const vmId = await insertVm(db, { state: "running", hostId: world.hostIds[0] ?? null });
  await db.insert(nics).values({
    vmId,
    index: 0,
    uuid: crypto.randomUUID(),
    name: "n",
    mac: "28:6e:d4:00:00:01",
    portGroupId,
    settings: { model: "virtio", virtIo: 1, portId: "" },
  });
  const detail = await world.ok("GET", group.uri);
  assert.deepEqual([detail.vspNum, detail.userName], [1, "admin"]);
  assert.equal((await world.ok("GET", uri)).usedVspNum, 1);
  assert.equal((await world.call("DELETE", group.uri)).errorCode, "10540109");
  assert.equal((await world.call("PUT", group.uri, { vlanId: 11 })).errorCode, "10540137");
  await world.ok("PUT", group.uri, { name: "front", txLimit: 100 });
  assert.deepEqual(world.redefined, []);
  await db.update(vms).set({ state: "stopped" }).where(eq(vms.id, vmId));
  await world.ok("PUT", group.uri, { vlanId: 11 });
  assert.deepEqual(world.redefined, [portGroupId], "definitions of its VMs are written anew");
  const after = await world.ok("GET", group.uri);
  assert.deepEqual([after.name, after.vlanId, after.txPeakLimit, after.priority], ["front", 11, 100, 7]);
  await db.delete(vms).where(eq(vms.id, vmId));
  await world.ok("DELETE", group.uri);
  assert.equal((await world.call("GET", group.uri)).errorCode, "10540107");
  await world.ok("DELETE", uri);
});

test("port groups: a VM that comes between request and task keeps its port group", async () => {
  await using world = await inventoryWorld({ hosts: 1 });
  const uri = await makeSwitch(world);
  const group = await world.ok("POST", `${uri}/portgroups`, { name: "web", vlanId: 10 });
  const portGroupId = Number(group.urn.split(":").at(-1));
  await world.tasks.stop();
  const answer = await world.call("DELETE", group.uri);
  assert.equal(answer.status, 200);
  assert.equal((await world.call("DELETE", group.uri)).errorCode, "10540139", "busy");
  const vmId = await insertVm(world.database.db, { state: "stopped", hostId: world.hostIds[0] ?? null });
  await world.database.db.insert(nics).values({
    vmId,
    index: 0,
    uuid: crypto.randomUUID(),
    name: "n",
    mac: "28:6e:d4:00:00:02",
    portGroupId,
    settings: { model: "virtio", virtIo: 1, portId: "" },
  });
  const engine = world.engine();
  engine.start();
  const task = await engine.whenEnded(
    Number(answer.body.taskUri.split("/").at(-1)),
    AbortSignal.timeout(10_000),
  );
  assert.deepEqual([task.state, task.reason?.code], ["failed", "PORT_GROUP_IN_USE"]);
  assert.ok(await portGroupStore(world.database.db).find(portGroupId));
});

test("port groups: of another switch, of no switch", async () => {
  await using world = await inventoryWorld();
  const a = await makeSwitch(world, { name: "a" });
  const b = await makeSwitch(world, { name: "b" });
  const group = await world.ok("POST", `${a}/portgroups`, { name: "g", vlanId: 0 });
  const id = group.uri.split("/").at(-1);
  assert.equal((await world.call("GET", `${b}/portgroups/${id}`)).errorCode, "10540108");
  assert.equal((await world.call("DELETE", `${b}/portgroups/${id}`)).errorCode, "10540108");
  assert.equal((await world.call("GET", `dvswitchs/77/portgroups/${id}`)).errorCode, "10540010");
  assert.equal((await world.call("GET", "dvswitchs/77/portgroups")).errorCode, "10540010");
  assert.equal((await world.call("GET", `${a}/portgroups/x%27%20or%201=1`)).errorCode, "10540107");
});

test("NET-29: a host that cannot make a switch says why, and is asked again", async () => {
  await using world = await inventoryWorld({ hosts: 1 });
  const [sim] = world.sims;
  const hostUrn = world.urn(`hosts/${world.hostIds[0]}`);
  const uri = await makeSwitch(world, { hostPortSet: [{ hostUrn, portName: "eth1" }] });
  // The NIC is taken out of the machine, then the switch changes.
  const nicsBefore = sim?.report.nics ?? [];
  sim?.changeReport({ nics: nicsBefore.filter((nic) => nic.name !== "eth1") });
  await world.ok("PUT", uri, { mtu: 9000 });
  const broken = (await world.ok("GET", uri)).hostPortSet[0];
  assert.equal(broken.isApplied, false);
  assert.match(broken.reason, /no NIC eth1/);
  sim?.changeReport({ nics: nicsBefore });
  await world.reconcilers.hosts.runOnce();
  const mended = (await world.ok("GET", uri)).hostPortSet[0];
  assert.deepEqual([mended.isApplied, mended.reason], [true, ""]);
});

test("fifty at once creating a switch of one name: one wins", async () => {
  await using world = await inventoryWorld();
  const answers = await Promise.all(
    Array.from({ length: 50 }, () => world.call("POST", "dvswitchs", { name: "same" })),
  );
  assert.equal(answers.filter((answer) => answer.status === 200).length, 1);
  assert.ok(answers.every((answer) => answer.status === 200 || answer.errorCode === "10540041"));
});
