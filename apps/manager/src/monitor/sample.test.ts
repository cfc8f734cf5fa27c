import assert from "node:assert/strict";
import { test } from "node:test";
import type { StatsReport, VmStats } from "@sinter/southbound";
import { countersOf, hostSample, vmSample } from "./sample.ts";
import { Mean, seriesOfHost, seriesOfHosts, seriesOfVm } from "./series.ts";

const disk = {
  target: "vda",
  readBytes: 0,
  writtenBytes: 0,
  readRequests: 0,
  writeRequests: 0,
  readTimeNs: 0,
  writeTimeNs: 0,
  allocatedBytes: null,
};
const nic = {
  name: "n",
  receivedBytes: 0,
  sentBytes: 0,
  receivedPackets: 0,
  sentPackets: 0,
  receivedDrops: 0,
  sentDrops: 0,
};
const vm = (change: Partial<VmStats> = {}): VmStats => ({
  vmUuid: "00000000-0000-4000-8000-000000000001",
  cpuTimeNs: 0,
  cpuReadyNs: 0,
  vcpus: 2,
  memoryBytes: 1000,
  memoryUnusedBytes: 250,
  memoryRssBytes: 900,
  disks: [disk],
  nics: [nic],
  ...change,
});
const sampleOf = (before: VmStats, now: VmStats, seconds = 10) =>
  vmSample(now, seconds * 1000, countersOf(now), { at: 0, counters: countersOf(before) });

test("rates of a VM over ten seconds", () => {
  const now = vm({
    cpuTimeNs: 5e9,
    cpuReadyNs: 20e6,
    disks: [
      { ...disk, readBytes: 10_000, writtenBytes: 20_000, readRequests: 10, writeRequests: 40 },
      { ...disk, readTimeNs: 50e6, writeTimeNs: 80e6, allocatedBytes: 7 },
    ],
    nics: [
      { ...nic, receivedBytes: 5000 },
      { ...nic, sentBytes: 100 },
    ],
  });
  assert.deepEqual(sampleOf(vm(), now), {
    at: 10_000,
    cpu: 0.25,
    cpuReadyMs: 2,
    memory: 0.75,
    diskReadBytes: 1000,
    diskWrittenBytes: 2000,
    diskReads: 1,
    diskWrites: 4,
    readLatencyMs: 5,
    writeLatencyMs: 2,
    nicReceivedBytes: 500,
    nicSentBytes: 10,
    allocatedBytes: 7,
  });
});

test("counters that went back give no rate, the others do", () => {
  const before = vm({ cpuTimeNs: 9e9, nics: [{ ...nic, receivedBytes: 1000 }] });
  const after = vm({ cpuTimeNs: 1e9, nics: [{ ...nic, receivedBytes: 2000 }] });
  const sample = sampleOf(before, after);
  assert.equal(sample.cpu, null);
  assert.equal(sample.nicReceivedBytes, 100);
});

test("no rates from the first report, from two of one moment, from clocks set back, or after a long gap", () => {
  const now = vm({ cpuTimeNs: 1e9 });
  assert.equal(vmSample(now, 1000, countersOf(now), undefined).cpu, null);
  assert.equal(sampleOf(vm(), now, 0).cpu, null);
  assert.equal(sampleOf(vm(), now, -5).cpu, null);
  assert.equal(sampleOf(vm(), now, 3600).cpu, null);
});

test("what cannot be is cut, what is not known is null", () => {
  assert.equal(sampleOf(vm(), vm({ cpuTimeNs: 1e12 })).cpu, 1);
  assert.equal(sampleOf(vm(), vm({ cpuReadyNs: null })).cpuReadyMs, null);
  assert.equal(sampleOf(vm(), vm({ memoryUnusedBytes: null })).memory, 0.9, "what the host gave it");
  assert.equal(sampleOf(vm(), vm({ memoryUnusedBytes: null, memoryRssBytes: null })).memory, null);
  assert.equal(sampleOf(vm(), vm({ memoryUnusedBytes: null, memoryRssBytes: 5000 })).memory, 1);
  assert.equal(sampleOf(vm(), vm({ memoryBytes: 0 })).memory, null);
  assert.equal(sampleOf(vm({ disks: [] }), vm({ disks: [] })).allocatedBytes, null);
  assert.equal(sampleOf(vm(), vm()).readLatencyMs, 0, "no request, no waiting");
});

const report = (at: number, change: Partial<StatsReport["host"]> = {}): StatsReport => ({
  at,
  host: {
    cpuBusyMs: 0,
    cpuTotalMs: 0,
    memoryBytes: 1000,
    memoryAvailableBytes: 400,
    diskReadBytes: 0,
    diskWrittenBytes: 0,
    nicReceivedBytes: 0,
    nicSentBytes: 0,
    nicReceivedPackets: 0,
    nicSentPackets: 0,
    rootBytes: 100,
    rootFreeBytes: 30,
    ...change,
  },
  vms: [],
});

test("figures of a host: whole, guests' part, the rest", () => {
  const before = { at: 0, counters: report(0).host };
  const now = report(10_000, { cpuBusyMs: 20_000, cpuTotalMs: 40_000, diskWrittenBytes: 10_240 });
  const sample = hostSample(now, before, { cpus: 1, bytes: 500, threads: 4 });
  assert.deepEqual(
    [sample.cpu, sample.guestCpu, sample.memory, sample.guestMemory, sample.rootDisk],
    [0.5, 0.25, 0.6, 0.5, 0.7],
  );
  const values = seriesOfHost(sample);
  assert.equal(values.diskIn, 1, "writing is into the disk");
  assert.deepEqual([values.cpu, values.hostCpu, values.guestCpu], [50, 25, 25]);
  assert.equal(values.hostMemory?.toFixed(6), "10.000000");
  const restarted = hostSample(
    report(20_000),
    { at: 10_000, counters: now.host },
    { cpus: null, bytes: 0, threads: 4 },
  );
  assert.deepEqual([restarted.cpu, restarted.guestCpu, restarted.diskWrittenBytes], [null, null, null]);
});

test("a cluster's shares are weighted by what its hosts have; rates are added", () => {
  const sample = (cpu: number, memoryBytes: number, used: number, written: number) =>
    ({
      ...hostSample(report(1), undefined, { cpus: 0, bytes: 0, threads: 1 }),
      cpu,
      memoryBytes,
      memory: used / memoryBytes,
      diskWrittenBytes: written,
    }) as const;
  const values = seriesOfHosts([
    { sample: sample(1, 3000, 3000, 1024), threads: 30 },
    { sample: sample(0, 1000, 0, 2048), threads: 10 },
  ]);
  assert.deepEqual([values.cpu, values.memory, values.diskIn], [75, 75, 3]);
  assert.equal(seriesOfHosts([]).cpu, null);
});

test("means take what is known, and begin anew", () => {
  const mean = new Mean();
  assert.equal(mean.take(), undefined);
  const of = (cpuTimeNs: number) =>
    seriesOfVm(sampleOf(vm(), vm({ cpuTimeNs, memoryUnusedBytes: null, memoryRssBytes: null })), undefined);
  mean.add(of(2e9));
  mean.add(of(6e9));
  const values = mean.take();
  assert.deepEqual([values?.cpu, values?.memory], [20, null]);
  assert.equal(mean.take(), undefined);
});
