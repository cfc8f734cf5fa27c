import assert from "node:assert/strict";
import { test } from "node:test";
import { SimFleet, SimHost } from "@sinter/agent-sim";
import { GiB, ManualClock } from "@sinter/kit";
import { vmWireId } from "@sinter/northbound";
import { inventoryWorld } from "../testing/inventory-world.ts";
import { insertVm } from "../testing/rows.ts";
import { UNLIMITED_IO } from "../storage/volume.ts";
import { attachments, volumes } from "../storage/volume.table.ts";
import { datastores } from "../storage/datastore.table.ts";
import { nextId } from "../database/ids.ts";
import { metricStore, TIERS } from "./metric.store.ts";
import { SERIES, type SeriesValues } from "./series.ts";
import { systemTime } from "./monitor.routes.ts";

const START = Date.UTC(2026, 5, 1, 12, 0, 0);
const REALTIME = "monitors/objectmetric-realtimedata";
const CURVE = "monitors/objectmetric-curvedata";

/** One host with two VMs that run, known to the database, and two reports in the collector. */
async function loadedWorld() {
  const clock = new ManualClock(START);
  const sims = SimFleet.create({ hosts: 1, vmsPerHost: 2, seed: "monitor", clock });
  const world = await inventoryWorld({ clock });
  const cluster = await world.ok("POST", "clusters", { name: "c" });
  const [sim] = sims.hosts;
  assert.ok(sim);
  const hostId = await world.addHost({ sim, clusterId: Number(cluster.urn.split(":").at(-1)) });
  const vmIds: number[] = [];
  for (const { spec } of sims.vms()) {
    vmIds.push(
      await insertVm(world.database.db, { uuid: spec.vmUuid, hostId, state: "running", name: spec.name }),
    );
  }
  const look = () => world.collector.polls.runOnce();
  await look();
  clock.advance(20_000);
  await look();
  return {
    ...world,
    clock,
    sim,
    look,
    hostUrn: world.urn(`hosts/${hostId}`),
    hostId,
    vmIds,
    vmUrns: vmIds.map((id) => world.urn(`vms/${vmWireId(id)}`)),
    clusterUrn: cluster.urn as string,
  };
}

test("realtime: items and values in the order of the request, all figures as text with units", async () => {
  await using world = await loadedWorld();
  const ask = [
    { urn: world.vmUrns[1], metricId: ["mem_usage", "cpu_usage", "disk_io_in", "nonsense", "nic_pkg_rcv"] },
    { urn: world.hostUrn, metricId: ["cpu_usage", "mem_usage", "logic_disk_usage", "product_name"] },
    { urn: world.clusterUrn, metricId: ["cpu_usage", "mem_usage"] },
    { urn: world.vmUrns[0], metricId: ["cpu_ready_time"] },
  ];
  const answer = await world.ok("POST", REALTIME, ask);
  assert.deepEqual([answer.total, answer.result], [4, "0"]);
  assert.deepEqual(
    answer.items.map((item: { urn: string }) => item.urn),
    ask.map((item) => item.urn),
  );
  const [vm, host, cluster, ready] = answer.items;
  assert.deepEqual(
    vm.value.map((value: { metricId: string }) => value.metricId),
    ask[0]?.metricId,
  );
  assert.deepEqual(
    vm.value.map((value: { unit: string }) => value.unit),
    ["%", "%", "KB/s", "", ""],
  );
  assert.equal(vm.objectName, "vm-2");
  for (const value of vm.value.slice(0, 3)) assert.match(value.metricValue, /^\d+(\.\d{1,2})?$/);
  assert.equal(vm.value[3].metricValue, "", "nobody knows the metric");
  assert.equal(vm.value[4].metricValue, "", "not a metric of VMs");
  assert.deepEqual([host.value[2].metricValue, host.value[3].metricValue], ["30", "Simulated host"]);
  assert.equal(cluster.value[0].metricValue, host.value[0].metricValue, "of one host");
  assert.deepEqual([ready.value[0].unit, Number(ready.value[0].metricValue) > 0], ["ms", true]);
});

test("realtime: every metric of the contract's table for its objects", async () => {
  await using world = await loadedWorld();
  const { db } = world.database;
  const datastoreId = await nextId(db);
  await db.insert(datastores).values({
    id: datastoreId,
    name: "d",
    kind: "shared",
    path: "/d",
    status: "normal",
    capacityBytes: 100,
    freeBytes: 25,
  });
  const volumeId = await nextId(db);
  await db.insert(volumes).values({
    id: volumeId,
    uuid: crypto.randomUUID(),
    name: "v",
    datastoreId,
    sizeBytes: 50 * GiB,
    provisioning: "thin",
    format: "qcow2",
    status: "inUse",
    ioLimits: UNLIMITED_IO,
  });
  await db.insert(attachments).values({ volumeId, vmId: world.vmIds[0] ?? 0, bus: "virtio", slot: 1 });
  const known: [string | undefined, string[]][] = [
    [
      world.vmUrns[0],
      "cpu_usage mem_usage cpu_ready_time disk_io_in disk_io_out disk_req_in disk_req_out disk_iowr_ticks disk_iord_ticks nic_byte_in nic_byte_out disk_info cpu_info".split(
        " ",
      ),
    ],
    [
      world.hostUrn,
      "cpu_usage mem_usage logic_disk_usage disk_io_in disk_io_out nic_byte_in nic_byte_out nic_byte_in_usage nic_byte_out_usage nic_pkg_send nic_pkg_rcv dom0_cpu_usage domU_cpu_usage dom0_mem_usage domU_mem_usage disk_info cpu_info product_mfg product_name product_serial".split(
        " ",
      ),
    ],
    [
      world.clusterUrn,
      "cpu_usage mem_usage logic_disk_usage disk_io_in disk_io_out nic_byte_in nic_byte_out".split(" "),
    ],
    [world.urn(`datastores/${datastoreId}`), ["disk_usage"]],
  ];
  for (const [urn, metricId] of known) {
    const { items } = await world.ok("POST", REALTIME, [{ urn, metricId }]);
    for (const value of items[0].value) assert.notEqual(value.metricValue, "", `${urn} ${value.metricId}`);
  }
  const { items } = await world.ok("POST", REALTIME, [
    { urn: world.vmUrns[0], metricId: ["disk_info", "disk_usage"] },
    { urn: world.urn(`datastores/${datastoreId}`), metricId: ["disk_usage"] },
  ]);
  assert.deepEqual(JSON.parse(items[0].value[0].metricValue), [{ total: "51200" }]);
  assert.equal(items[0].value[1].metricValue, "", "the simulated disks do not say what is allocated");
  assert.equal(items[1].value[0].metricValue, "75");
});

test("realtime: objects without figures have empty ones, unknown objects an error code in their place", async () => {
  await using world = await loadedWorld();
  const stopped = await insertVm(world.database.db);
  const { items } = await world.ok("POST", REALTIME, [
    { urn: world.urn(`vms/${vmWireId(stopped)}`), metricId: ["cpu_usage"] },
    { urn: world.urn("hosts/999999"), metricId: ["cpu_usage"] },
    { urn: "urn:sites:00000000:hosts:1", metricId: ["cpu_usage"] },
    { urn: world.hostUrn, metricId: [] },
    { urn: world.hostUrn.replace("urn", "/service").replaceAll(":", "/"), metricId: ["cpu_usage"] },
  ]);
  assert.deepEqual(items[0].value, [{ unit: "", metricId: "cpu_usage", metricValue: "" }]);
  assert.deepEqual([items[1].errorCode, items[1].value], ["10000008", []]);
  assert.equal(items[2].errorCode, "10000008");
  assert.deepEqual(items[3].value, []);
  assert.equal(items[4].value.length, 1, "a URI is read as well");
  const refused = async (payload: unknown) => (await world.call("POST", REALTIME, payload)).errorCode;
  assert.equal(await refused({}), "11000006");
  assert.equal(await refused(undefined), "11000006");
  assert.equal(await refused([{ metricId: ["x"] }]), "11000027");
  assert.equal(await refused([{ urn: world.hostUrn, metricId: "x" }]), "11000020");
  assert.deepEqual((await world.ok("POST", REALTIME, [])).items, []);
});

test("figures grow old: a host that is silent has none rather than old ones", async () => {
  await using world = await loadedWorld();
  const cpu = async (): Promise<string> =>
    (await world.ok("POST", REALTIME, [{ urn: world.hostUrn, metricId: ["cpu_usage"] }])).items[0].value[0]
      .metricValue;
  assert.notEqual(await cpu(), "");
  assert.equal(typeof world.collector.reportLoad(world.hostId)?.cpuRatio, "number");
  world.clock.advance(61_000);
  assert.equal(await cpu(), "");
  assert.equal(world.collector.reportLoad(world.hostId), undefined);
  await world.look();
  assert.notEqual(await cpu(), "", "the counters went on meanwhile");
});

test("load of a host as the placement of VMs reads it; what ended is forgotten", async () => {
  await using world = await loadedWorld();
  const load = world.collector.reportLoad(world.hostId);
  assert.ok(load && load.cpuRatio !== null && load.cpuRatio > 0 && load.cpuRatio < 1);
  assert.equal(load.freeMemoryBytes + load.usedMemoryBytes, 128 * GiB);
  const [first] = world.sim.vms.keys();
  assert.ok(first && world.collector.latestVm(first));
  world.sim.shutDownFromInside(first);
  await world.look();
  assert.equal(world.collector.latestVm(first), undefined);
  assert.deepEqual(world.collector.size(), { hosts: 1, vms: 1 });
  world.collector.forget(world.hostId);
  assert.deepEqual(world.collector.size(), { hosts: 0, vms: 0 });
});

test("a VM that moved belongs to the host that reports it now", async () => {
  await using world = await loadedWorld();
  const other = new SimHost({ seed: "other", clock: world.clock });
  const otherId = await world.addHost({ sim: other });
  const [uuid, vm] = [...world.sim.vms][0] ?? [];
  assert.ok(uuid && vm);
  world.sim.vms.delete(uuid);
  other.vms.set(uuid, vm);
  world.clock.advance(20_000);
  // In either order, as two answers on their way may come.
  await world.collector.polls.runOnce(otherId);
  await world.collector.polls.runOnce(world.hostId);
  assert.ok(world.collector.latestVm(uuid));
  assert.equal(world.collector.latestVm(uuid)?.cpu, null, "counters of another host are no base");
});

const curveOf = (
  urn: string | undefined,
  metricId: string,
  startMs: number,
  endMs: number,
  interval: number | string,
) => [
  {
    urn,
    metricId,
    startTime: String(Math.floor(startMs / 1000)),
    endTime: String(Math.floor(endMs / 1000)),
    interval: String(interval),
  },
];

test("curves: means of each interval, missing points empty, the second of two the latest", async () => {
  await using world = await loadedWorld();
  for (let minute = 0; minute < 10; minute++) {
    if (minute > 0) {
      world.clock.advance(20_000);
      await world.look();
      world.clock.advance(20_000);
      await world.look();
      world.clock.advance(20_000);
      await world.look();
    }
    await world.recorder.runOnce();
  }
  const end = world.clock.now();
  const values = async (urn: string | undefined, metric: string, startMs: number, interval: number) => {
    const answer = await world.ok("POST", CURVE, curveOf(urn, metric, startMs, end, interval));
    return answer.items[0].metricValue as { time: string; value: string }[];
  };
  const minutes = await values(world.hostUrn, "cpu_usage", end - 9 * 60_000, 60);
  assert.equal(minutes.length, 10);
  assert.equal(minutes.at(-1)?.time, String(end / 1000));
  for (const { value } of minutes) assert.match(value, /^\d+(\.\d{1,2})?$/);
  const two = await values(world.clusterUrn, "cpu_usage", end - 3_600_000, 3600);
  assert.equal(two.length, 2);
  assert.equal(two[0]?.value, "", "nothing was measured before");
  assert.notEqual(two[1]?.value, "", "nova reads this one");
  const vm = await values(world.vmUrns[0], "cpu_usage", end - 10 * 60_000, 300);
  assert.equal(vm.filter(({ value }) => value !== "").length, 2, "VMs every five minutes");
  const texts = await world.ok("POST", CURVE, curveOf(world.hostUrn, "product_name", end - 60_000, end, 60));
  assert.deepEqual(new Set(texts.items[0].metricValue.map((p: { value: string }) => p.value)), new Set([""]));
  assert.deepEqual(
    [texts.items[0].metricName, texts.items[0].unit, texts.items[0].objectName],
    ["Product", "", "host-1"],
  );
});

test("curves: order of the request, unknown objects, limits and wrong parameters", async () => {
  await using world = await loadedWorld();
  await world.recorder.runOnce();
  const now = world.clock.now();
  const one = curveOf(world.hostUrn, "cpu_usage", now - 60_000, now, 60)[0];
  const answer = await world.ok("POST", CURVE, [
    { ...one, urn: world.urn("hosts/999999") },
    one,
    { ...one, metricId: "mem_usage" },
  ]);
  assert.deepEqual(
    answer.items.map((item: { metricId: string; errorCode?: string }) => [item.metricId, item.errorCode]),
    [
      ["cpu_usage", "10000008"],
      ["cpu_usage", undefined],
      ["mem_usage", undefined],
    ],
  );
  const refused = async (change: object) =>
    (await world.call("POST", CURVE, [{ ...one, ...change }])).errorCode;
  assert.equal(await refused({ interval: "61" }), "11000088");
  assert.equal(await refused({ interval: null }), "11000040");
  assert.equal(await refused({ startTime: "x" }), "11000038");
  assert.equal(await refused({ endTime: undefined }), "11000039");
  assert.equal(await refused({ startTime: String(now), endTime: "1" }), "11000047");
  assert.equal(await refused({ startTime: "0" }), "11000096", "too many points");
  assert.equal(await refused({ urn: "" }), "11000027");
  assert.equal(await refused({ metricId: "" }), "11000020");
  assert.equal(
    (
      await world.call(
        "POST",
        CURVE,
        Array.from({ length: 101 }, () => one),
      )
    ).errorCode,
    "11000096",
  );
  assert.equal(
    (
      await world.ok(
        "POST",
        CURVE,
        Array.from({ length: 100 }, () => one),
      )
    ).total,
    100,
  );
  const numbers = [
    { ...one, startTime: Math.floor(now / 1000), endTime: Math.floor(now / 1000), interval: 60 },
  ];
  assert.equal(
    (await world.ok("POST", CURVE, numbers)).items[0].metricValue.length,
    1,
    "numbers are read too",
  );
});

test("the hosts with the highest and lowest mean of a figure, in either order", async () => {
  await using world = await inventoryWorld({ clock: new ManualClock(START), hosts: 4 });
  const store = metricStore(world.database);
  await store.prepare(START);
  await store.write(
    world.hostIds.map((objectId, i) => ({
      kind: "host" as const,
      objectId,
      values: only([30, 10, 40, 20][i] ?? 0),
    })),
    START - 1000,
  );
  const cluster = await world.ok("POST", "clusters", { name: "c" });
  await world.ok("POST", `hosts/${world.hostIds[0]}/action/move`, { clusterUrn: cluster.urn });
  const body = {
    urn: "urn:sites:43BC08E8",
    metricId: "cpu_usage",
    objectType: "hosts",
    topN: "2",
    topOrder: "DESC",
    topType: "top",
    startTime: String(START / 1000 - 600),
    endTime: String(START / 1000),
    interval: "300",
  };
  const path = "monitors/TopoStatistic/objectmetric-curvedata";
  const top = async (change: object) => {
    const { items } = await world.ok("POST", path, [{ ...body, ...change }]);
    return items[0].metricValue.map((v: { name: string; value: string }) => `${v.name} ${v.value}`);
  };
  assert.deepEqual(await top({}), ["host-3 40", "host-1 30"]);
  assert.deepEqual(await top({ topOrder: "ASC" }), ["host-1 30", "host-3 40"]);
  assert.deepEqual(await top({ topType: "btop", topOrder: "ASC" }), ["host-2 10", "host-4 20"]);
  assert.deepEqual(await top({ topN: 10 }), ["host-3 40", "host-1 30", "host-4 20", "host-2 10"]);
  assert.deepEqual(await top({ urn: cluster.urn }), ["host-1 30"]);
  assert.deepEqual(await top({ metricId: "nic_pkg_rcv" }), []);
  const { items } = await world.ok("POST", path, [{ ...body, urn: world.urn("hosts/1") }]);
  assert.deepEqual([items[0].errorCode, items[0].metricValue], ["10000008", []]);
  const refused = async (change: object) =>
    (await world.call("POST", path, [{ ...body, ...change }])).errorCode;
  assert.equal(await refused({ topN: "11" }), "11000049");
  assert.equal(await refused({ topType: "TOP" }), "11000048");
  assert.equal(await refused({ topOrder: "x" }), "11000050");
  assert.equal(await refused({ objectType: "vms" }), "11000030");
  assert.equal(await refused({ interval: "1" }), "11000088");
});

const only = (cpu: number): SeriesValues =>
  Object.fromEntries(SERIES.map((series) => [series, series === "cpu" ? cpu : null])) as SeriesValues;

test("figures are summed up by hour and day, kept for their time, and dropped by partition", async () => {
  await using world = await inventoryWorld();
  const store = metricStore(world.database);
  const hour = 3_600_000;
  const day = 24 * hour;
  await store.prepare(START);
  await Promise.all([store.prepare(START), store.prepare(START)]);
  const today = Math.floor(START / day) * day;
  for (let minute = 1; minute <= 120; minute++) {
    await store.write(
      [{ kind: "host", objectId: 1, values: only(minute <= 60 ? 10 : 30) }],
      today + minute * 60_000,
    );
  }
  await store.write([{ kind: "host", objectId: 1, values: only(99) }], today + 60_000);
  for (const start of [today, today + hour]) await store.rollUp("hours", start);
  await store.rollUp("hours", today);
  await store.rollUp("days", today);
  const curve = (tier: "samples" | "hours" | "days", stepMs: number, endMs: number) =>
    store.curve({ tier, kind: "host", objectId: 1, series: "cpu", startMs: today, endMs, stepMs });
  assert.deepEqual(
    [...(await curve("hours", hour, today + day))],
    [
      [1, 10],
      [2, 30],
    ],
  );
  assert.deepEqual(
    [...(await curve("samples", hour, today + day))].toSorted(([a], [b]) => a - b),
    [
      [1, 10],
      [2, 30],
    ],
  );
  assert.deepEqual([...(await curve("days", day, today + 2 * day))], [[1, 20]]);
  assert.equal((await curve("samples", 60_000, today + 60_000)).get(1), 10, "written once");

  const tables = async (): Promise<string[]> => {
    const { rows } = await world.database.pool.query<{ name: string }>(
      "select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid order by 1",
    );
    return rows.map((row) => row.name);
  };
  const before = await tables();
  for (let d = 1; d <= 4; d++) await store.prepare(START + d * day);
  const after = await tables();
  const partition = `metric_samples_${Math.floor(START / TIERS.samples.partitionMs)}`;
  assert.ok(before.includes(partition) && !after.includes(partition), "a day that is too old is dropped");
  assert.deepEqual(
    [...(await curve("hours", hour, today + day))],
    [
      [1, 10],
      [2, 30],
    ],
    "its hours are kept",
  );
});

test("20,000 VMs: taking and writing their figures", async (t) => {
  await using world = await inventoryWorld();
  const rows = Array.from({ length: 20_000 }, (_, i) => ({
    kind: "vm" as const,
    objectId: i + 1,
    values: only(i % 100),
  }));
  const store = metricStore(world.database);
  await store.prepare(START);
  const startedAt = performance.now();
  await store.write(rows, START);
  t.diagnostic(`20,000 rows written in ${Math.round(performance.now() - startedAt)} ms`);
  const { rowCount } = await world.database.pool.query("select 1 from metric_samples");
  assert.equal(rowCount, 20_000);
});

test("the manager's time, with the offsets of its zone", async () => {
  await using world = await inventoryWorld({ clock: new ManualClock(START) });
  const time = await world.ok("GET", "monitors/getSysCurrentTime");
  assert.deepEqual([time.result, time.currentUtcTime], ["0", String(START)]);
  const { zoneOffset, dstOffset, currentLocalTime } = systemTime(START);
  assert.equal(Date.parse(`${currentLocalTime.replace(" ", "T")}Z`), START + zoneOffset + dstOffset);
});
