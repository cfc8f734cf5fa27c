import assert from "node:assert/strict";
import { test } from "node:test";
import { vmWireId } from "@sinter/northbound";
import { eq } from "drizzle-orm";
import { vms } from "../compute/vm.table.ts";
import { inventoryWorld } from "../testing/inventory-world.ts";
import { insertVm } from "../testing/rows.ts";

const idOf = (urn: string): number => Number(urn.split(":").at(-1));

test("an untouched cluster shows the contract's defaults", async () => {
  await using world = await inventoryWorld();
  const { uri, urn } = await world.ok("POST", "clusters", {
    name: "ManagementCluster",
    tag: "domain/default",
  });
  const cluster = await world.ok("GET", uri);
  const cycle = { cycleType: 1, cycleSpec: null };
  const day = Array.from({ length: 24 }, (_, fragmentTime) => ({ fragmentTime, limen: 5 }));
  assert.deepEqual(cluster, {
    urn,
    uri,
    name: "ManagementCluster",
    parentObjUrn: "",
    parentObjName: "",
    description: "",
    tag: "domain/default",
    arch: "x86",
    isMemOvercommit: false,
    isEnableHa: true,
    haResSetting: {
      isControlPolicy: false,
      controlPolicy: null,
      cpuReservation: 0,
      memoryReservation: 0,
      hostsFaultQuantity: 1,
      isCustomisedSlot: false,
      slotcpuinmhz: 153_600,
      slotmeminmb: 1_048_576,
      failoverHosts: [],
      isAutoMigrateAllVms: false,
      isHaHostAutonomy: false,
      hbDataStorePolicy: 0,
      hbDataStorePreferred: [],
      hbDataStoreNumber: 0,
      isolateArbitrateAddress: "",
    },
    isEnableDrs: false,
    drsSetting: {
      drsLevel: 3,
      drsFragmentLimen: day,
      drsCycle: cycle,
      drsRules: [],
      powerLevel: 0,
      powerLimen: 3,
      powerFragmentLimen: day,
      dpmCycle: cycle,
      factor: 3,
      drsThreshold: { cpu: 0, memory: 0 },
      dpmThresholds: [
        { limen: 1, underloadThreshold: 0, overloadThreshold: 63 },
        { limen: 3, underloadThreshold: 23, overloadThreshold: 72 },
        { limen: 5, underloadThreshold: 45, overloadThreshold: 81 },
        { limen: 7, underloadThreshold: 54, overloadThreshold: 90 },
        { limen: 9, underloadThreshold: 63, overloadThreshold: 100 },
      ],
      electricStrategy: 1,
    },
    drsExtensionConfig: [],
    statistics: `${uri}/statistics`,
    resStrategy: "loadBalance",
    isEnableImc: false,
    imcSetting: null,
    maxCpuQuantity: 0,
    enableVmDrs: false,
    drsVmConfig: [],
    enableGuestNuma: false,
    enableHostNumaDRS: false,
    enableIOTailor: false,
    dsFaultStrategy: 0,
    cpuResource: { totalSizeMHz: 0, allocatedSizeMHz: 0, allocatedVcpus: 0 },
    memResource: { totalSizeMB: 0, allocatedSizeMB: 0 },
    params: {
      enableVmIORingAdaptation: "false",
      hanaOptimizedStrategy: "false",
      enableIORingAdaptation: "false",
    },
  });
});

test("a change touches only what it names, also within sub-objects", async () => {
  await using world = await inventoryWorld();
  const { uri } = await world.ok("POST", "clusters", { name: "c", isEnableHa: "false" });
  assert.deepEqual(
    await world.ok("PUT", uri, {
      haResSetting: { controlPolicy: 1, hostsFaultQuantity: "2" },
      drsSetting: {
        drsLevel: 1,
        drsFragmentLimen: [{ fragmentTime: 3, limen: 9 }],
        drsCycle: { cycleType: 2, cycleSpec: [1, 7] },
      },
      imcSetting: "",
      resStrategy: "",
    }),
    {},
    "answered without a task, which clients would wait for",
  );
  await world.ok("PUT", uri, { isEnableDrs: true, drsSetting: { powerLevel: 2 } });
  const after = await world.ok("GET", uri);
  assert.equal(after.isEnableHa, false);
  assert.deepEqual([after.haResSetting.controlPolicy, after.haResSetting.hostsFaultQuantity], [1, 2]);
  assert.equal(after.haResSetting.slotcpuinmhz, 153_600);
  assert.deepEqual([after.isEnableDrs, after.drsSetting.drsLevel, after.drsSetting.powerLevel], [true, 1, 2]);
  assert.deepEqual(after.drsSetting.drsCycle, { cycleType: 2, cycleSpec: [1, 7] });
  assert.deepEqual(after.drsSetting.drsFragmentLimen.slice(2, 5), [
    { fragmentTime: 2, limen: 5 },
    { fragmentTime: 3, limen: 9 },
    { fragmentTime: 4, limen: 5 },
  ]);
  assert.deepEqual([after.imcSetting, after.resStrategy], [null, "loadBalance"]);
  // A client that sends back all it read changes nothing.
  await world.ok("PUT", uri, after);
  assert.deepEqual(await world.ok("GET", uri), after);
});

test("rules: VMs of the cluster only, always a list, gone with their VM", async () => {
  await using world = await inventoryWorld();
  const { uri, urn } = await world.ok("POST", "clusters", { name: "c" });
  const { db } = world.database;
  const [a, b] = [
    await insertVm(db, { clusterId: idOf(urn), name: "a" }),
    await insertVm(db, { clusterId: idOf(urn), name: "b" }),
  ];
  const stranger = await insertVm(db);
  const vmUrn = (id: number): { urn: string } => ({ urn: world.urn(`vms/${vmWireId(id)}`) });
  const rules = (drsRules: object[]) => world.call("PUT", uri, { drsSetting: { drsRules } });
  await rules([{ operationType: 2, ruleName: "apart", ruleType: 2 }]);
  const [rule] = (await world.ok("GET", uri)).drsSetting.drsRules;
  assert.deepEqual(rule.vms, []);
  await rules([{ operationType: 1, ruleIndex: rule.ruleIndex, vms: [vmUrn(a), vmUrn(b)] }]);
  const [filled] = (await world.ok("GET", uri)).drsSetting.drsRules;
  assert.deepEqual(
    filled.vms.map((vm: { name: string }) => vm.name),
    ["a", "b"],
  );
  await db.delete(vms).where(eq(vms.id, a));
  assert.equal((await world.ok("GET", uri)).drsSetting.drsRules[0].vms.length, 1);
  const elsewhere = await rules([{ operationType: 1, ruleIndex: rule.ruleIndex, vms: [vmUrn(stranger)] }]);
  assert.equal(elsewhere.errorCode, "10300129");
  assert.equal((await rules([{ operationType: 0, ruleIndex: 77 }])).errorCode, "10300130");
  assert.equal((await rules([{ operationType: 0 }])).errorCode, "10300135");
  assert.equal((await rules([{ operationType: 5, ruleIndex: 1 }])).errorCode, "10300127");
  assert.equal((await rules([{ operationType: 2, ruleName: "x".repeat(256) }])).errorCode, "10300126");
  await world.ok("PUT", uri, { drsSetting: { drsRules: [{ operationType: 0, ruleIndex: rule.ruleIndex }] } });
  assert.deepEqual((await world.ok("GET", uri)).drsSetting.drsRules, []);
});

test("names are unique, at most 32 clusters, deletion only when empty", async () => {
  await using world = await inventoryWorld();
  const { uri, urn } = await world.ok("POST", "clusters", { name: "c" });
  assert.equal((await world.call("POST", "clusters", { name: "c" })).errorCode, "10300091");
  assert.equal((await world.call("POST", "clusters", {})).errorCode, "10000012");
  assert.equal((await world.call("POST", "clusters", { name: "t", tag: "[x]" })).errorCode, "10000015");
  assert.equal(
    (await world.call("POST", "clusters", { name: "t", parentObjUrn: world.urn("folders/3") })).errorCode,
    "10300621",
  );
  const other = await world.ok("POST", "clusters", { name: "d", parentObjUrn: "urn:sites:43BC08E8" });
  assert.equal((await world.call("PUT", other.uri, { name: "c" })).errorCode, "10300091");

  const vmId = await insertVm(world.database.db, { clusterId: idOf(urn) });
  assert.equal((await world.call("DELETE", uri)).errorCode, "10300029");
  await world.database.db.delete(vms).where(eq(vms.id, vmId));
  const hostId = await world.addHost({ clusterId: idOf(urn) });
  assert.equal((await world.call("DELETE", uri)).errorCode, "10300030");
  await world.ok("POST", `hosts/${hostId}/action/move`, {});
  assert.deepEqual(await world.ok("DELETE", uri), {});
  assert.equal((await world.call("GET", uri)).errorCode, "10300028");
  assert.equal((await world.call("DELETE", uri)).errorCode, "10300028");

  const answers = await Promise.all(
    Array.from({ length: 40 }, (_, i) => world.call("POST", "clusters", { name: `n${i}` })),
  );
  assert.equal(answers.filter((answer) => answer.status === 200).length, 31, "one is there already");
  assert.ok(answers.every((answer) => answer.status === 200 || answer.errorCode === "10300031"));
});

test("lists: filters, no paging, no total", async () => {
  await using world = await inventoryWorld();
  const a = await world.ok("POST", "clusters", { name: "Alpha", tag: "t" });
  const b = await world.ok("POST", "clusters", { name: "beta_1" });
  const names = async (query: string): Promise<string[]> =>
    (await world.ok("GET", `clusters${query}`)).clusters.map((c: { name: string }) => c.name);
  assert.deepEqual(await names(""), ["Alpha", "beta_1"]);
  assert.deepEqual(await names("?name=ALP"), ["Alpha"]);
  assert.deepEqual(await names("?name=_"), ["beta_1"]);
  assert.deepEqual(await names("?name=&tag="), ["Alpha", "beta_1"]);
  assert.deepEqual(await names("?tag=t"), ["Alpha"]);
  assert.deepEqual(await names("?parentObjUrn=default"), ["Alpha", "beta_1"]);
  assert.deepEqual(await names("?parentObjUrn=urn:sites:43BC08E8:folders:1"), []);
  assert.deepEqual(await names(`?clusterUrns=${a.urn}&clusterUrns=${b.urn}`), ["Alpha", "beta_1"]);
  assert.deepEqual(await names(`?clusterUrns=${b.urn}`), ["beta_1"]);
  assert.deepEqual(await names("?clusterUrns=nonsense"), []);
  assert.deepEqual(await names("?limit=1&noCache=1"), ["Alpha", "beta_1"]);
  assert.equal("total" in (await world.ok("GET", "clusters")), false);
});

test("CMP-26, GEN-17: resources follow hosts and VMs", async () => {
  await using world = await inventoryWorld();
  const { uri, urn } = await world.ok("POST", "clusters", { name: "c" });
  const clusterId = idOf(urn);
  const first = await world.addHost({ clusterId });
  const empty = await world.ok("GET", `${uri}/computeresource`);
  assert.deepEqual(empty.cpuResource, { totalSizeMHz: 32 * 2600, allocatedSizeMHz: 0, allocatedVcpus: 0 });
  await world.addHost({ clusterId });
  const { db } = world.database;
  const placed = { clusterId, hostId: first };
  await insertVm(db, { ...placed, state: "running" });
  await insertVm(db, { ...placed, state: "stopped" });
  await insertVm(db, { ...placed, state: "stopped", isTemplate: true });
  const after = await world.ok("GET", `${uri}/computeresource`);
  assert.deepEqual(after, {
    cpuResource: { totalSizeMHz: 2 * 32 * 2600, allocatedSizeMHz: 500, allocatedVcpus: 2 },
    memResource: { totalSizeMB: 2 * 128 * 1024, allocatedSizeMB: 1024 },
    CpuQuantity: 64 - 2,
    MemQuantityMB: 2 * 128 * 1024 - 1024,
  });
  const all = await world.ok("GET", `${uri}/allvmcomputeresource?isNeedAllocVcpus=true&detail=true`);
  assert.deepEqual(all.cpuResource, {
    totalVcpus: 64,
    totalSizeMHz: 2 * 32 * 2600,
    allocatedSizeMHz: 1000,
    allocatedVcpus: 4,
  });
  assert.deepEqual(all.detailCpuResource.allocatedVcpus, { Stopped: 2, Running: 2 });
  assert.deepEqual(all.detailMemResource.allocatedSizeMB, { Stopped: 1024, Running: 1024 });
  const [basic] = (await world.ok("GET", "clusters")).clusters;
  assert.deepEqual(basic.cpuResource, after.cpuResource);
  assert.equal((await world.ok("GET", uri)).maxCpuQuantity, 32);
  const none = await world.ok("POST", "clusters", { name: "none" });
  const zero = await world.ok("GET", `${none.uri}/allvmcomputeresource`);
  assert.equal(zero.detailCpuResource.allocatedVcpus.Stopped, 0, "always a number");
});

test("GEN-14: an x86-only feature is refused where there are aarch64 hosts", async () => {
  await using world = await inventoryWorld({ host: () => ({ report: { architecture: "aarch64" } }) });
  const { uri, urn } = await world.ok("POST", "clusters", { name: "arm" });
  await world.addHost({ clusterId: idOf(urn) });
  const refused = await world.call("PUT", uri, { isMemOvercommit: true });
  assert.equal(refused.errorCode, "11400067");
  assert.match(refused.body.errorDes, /not supported on this architecture/);
  assert.equal((await world.ok("GET", uri)).arch, "arm");
  const x86 = await world.ok("POST", "clusters", { name: "x86", isMemOvercommit: true });
  assert.equal((await world.ok("GET", x86.uri)).isMemOvercommit, true);
});

test("changes of one cluster at once: none is lost", async () => {
  await using world = await inventoryWorld();
  const { uri } = await world.ok("POST", "clusters", { name: "c" });
  await Promise.all(
    Array.from({ length: 20 }, (_, i) =>
      world.ok("PUT", uri, { drsSetting: { drsRules: [{ operationType: 2, ruleName: `r${i}` }] } }),
    ),
  );
  const { drsRules } = (await world.ok("GET", uri)).drsSetting;
  assert.equal(drsRules.length, 20);
  assert.equal(new Set(drsRules.map((rule: { ruleIndex: number }) => rule.ruleIndex)).size, 20);
});

test("hostile bodies and ids are refused and leave nothing behind", async () => {
  await using world = await inventoryWorld();
  for (const [payload, code] of [
    [{ name: "x".repeat(257) }, "10000012"],
    [{ name: "a\u0000b" }, "10000012"],
    [{ name: ["a"] }, "10000012"],
    [{ name: "n", description: "d".repeat(1025) }, "10000018"],
    [{ name: "n", haResSetting: { cpuReservation: 51 } }, "10000001"],
    [{ name: "n", drsSetting: { drsRules: "x" } }, "10300137"],
    [{ name: "n", drsSetting: { factor: 4 } }, "10300214"],
    ["text", "10000001"],
  ] as const) {
    assert.equal(
      (await world.call("POST", "clusters", payload)).errorCode,
      code,
      JSON.stringify(payload).slice(0, 60),
    );
  }
  await world.ok("POST", "clusters", { name: "Robert'); drop table clusters;-- ü 💥 &<>" });
  for (const id of ["0", "-1", "1e3", "1%20or%201=1", "9".repeat(30), "%00", "..%2Fhosts"]) {
    const answer = await world.call("GET", `clusters/${id}`);
    assert.ok([400, 404].includes(answer.status), `${id}: ${answer.status}`);
  }
  assert.equal((await world.ok("GET", "clusters")).clusters.length, 1);
});
