import assert from "node:assert/strict";
import { test } from "node:test";
import { vmStatsOf } from "./vm-stats.ts";

const UUID = "00000000-0000-4000-8000-000000000001";

test("counters by libvirt's names; CD-ROMs and empty drives are no disks", () => {
  const stats = vmStatsOf(UUID, {
    "cpu.time": 5_000,
    "vcpu.current": 2,
    "vcpu.0.delay": 10,
    "vcpu.1.delay": 20,
    "balloon.current": 1_024,
    "balloon.unused": 512,
    "balloon.rss": 2_048,
    "block.count": 3,
    "block.0.name": "vda",
    "block.0.path": "/ds/x.qcow2",
    "block.0.rd.bytes": 1,
    "block.0.rd.reqs": 2,
    "block.0.rd.times": 3,
    "block.0.wr.bytes": 4,
    "block.0.wr.reqs": 5,
    "block.0.wr.times": 6,
    "block.0.physical": 7,
    "block.1.name": "sdzzz",
    "block.2.name": "sdb",
    "block.2.path": "/state/seeds/x.iso",
    "net.count": 1,
    "net.0.name": "vnet0",
    "net.0.rx.bytes": 8,
    "net.0.tx.bytes": 9,
    "net.0.rx.pkts": 10,
    "net.0.tx.pkts": 11,
    "net.0.rx.drop": 12,
    "net.0.tx.drop": 13,
  });
  assert.deepEqual(stats, {
    vmUuid: UUID,
    cpuTimeNs: 5_000,
    cpuReadyNs: 30,
    vcpus: 2,
    memoryBytes: 1_048_576,
    memoryUnusedBytes: 524_288,
    memoryRssBytes: 2_097_152,
    disks: [
      {
        target: "vda",
        readBytes: 1,
        writtenBytes: 4,
        readRequests: 2,
        writeRequests: 5,
        readTimeNs: 3,
        writeTimeNs: 6,
        allocatedBytes: 7,
      },
    ],
    nics: [
      {
        name: "vnet0",
        receivedBytes: 8,
        sentBytes: 9,
        receivedPackets: 10,
        sentPackets: 11,
        receivedDrops: 12,
        sentDrops: 13,
      },
    ],
  });
});

test("what a busy VM leaves out is null or zero, never wrong", () => {
  const stats = vmStatsOf(UUID, { "vcpu.current": 1, "net.count": 1, "net.0.rx.bytes": -1 });
  assert.deepEqual(
    [stats.cpuReadyNs, stats.memoryUnusedBytes, stats.memoryRssBytes, stats.disks, stats.nics],
    [null, null, null, [], []],
  );
  assert.deepEqual([stats.cpuTimeNs, stats.memoryBytes], [0, 0]);
});
