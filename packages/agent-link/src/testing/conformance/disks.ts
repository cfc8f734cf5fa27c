import assert from "node:assert/strict";
import { test } from "node:test";
import { GiB, MiB } from "@sinter/kit";
import type { VmSpec, VolumeSpec } from "@sinter/southbound";
import { sampleDisk, sampleOverlay } from "../samples.ts";
import { type AgentBench, expectCode } from "./agent-bench.ts";

/** Disks that change while they are there: larger, with other limits, or for the last time. */
export function describeDisks(bench: AgentBench): void {
  const grow = (volume: VolumeSpec, sizeBytes: number, vm?: VmSpec) =>
    bench.port.growVolume({ ...volume, sizeBytes, vmUuid: vm?.vmUuid ?? null });
  const KINDS = [
    ["thin", "qcow2"],
    ["lazy", "raw"],
    ["thick", "raw"],
  ] as const;

  for (const [provisioning, format] of KINDS) {
    test(`STO-19: a ${provisioning} volume grows without a VM and under a running one, never back`, async () => {
      await using volume = await bench.volume({ provisioning, format, sizeBytes: 8 * MiB });
      await using vm = await bench.vm({ disks: [sampleDisk(volume)] });
      const before = await bench.port.getVolume(volume);
      assert.equal((await grow(volume, 16 * MiB, vm)).sizeBytes, 16 * MiB);
      await bench.port.startVm({ vmUuid: vm.vmUuid });
      for (let round = 0; round < 2; round++) {
        assert.equal((await grow(volume, 24 * MiB, vm)).sizeBytes, 24 * MiB);
      }
      const grown = await grow(volume, 8 * MiB, vm);
      assert.equal(grown.sizeBytes, 24 * MiB);
      const taken = grown.allocatedBytes - before.allocatedBytes;
      if (provisioning === "thin") assert.ok(taken < 8 * MiB, `${taken}`);
      else assert.ok(taken >= 16 * MiB, `${taken}`);
      assert.equal(await bench.power(vm.vmUuid), "running");
      // What it was made with no longer counts; what it is now does.
      assert.equal((await bench.port.ensureVolume({ ...volume, sizeBytes: 24 * MiB })).sizeBytes, 24 * MiB);
    });
  }

  test("a volume that a VM runs with grows for that VM only", async () => {
    await using volume = await bench.volume({ provisioning: "lazy", format: "raw" });
    await using vm = await bench.runningVm({ disks: [sampleDisk(volume)] });
    await expectCode(grow(volume, 2 * volume.sizeBytes), "VOLUME_IN_USE");
    assert.equal((await bench.port.getVolume(volume)).sizeBytes, volume.sizeBytes);
    assert.equal(await bench.power(vm.vmUuid), "running");
  });

  test("without room a volume does not grow", async () => {
    for (const provisioning of ["lazy", "thick"] as const) {
      await using volume = await bench.volume({ provisioning, format: "raw" });
      await expectCode(grow(volume, 2 ** 20 * GiB), "DATASTORE_FULL");
      assert.equal((await bench.port.getVolume(volume)).sizeBytes, volume.sizeBytes);
    }
  });

  test("a volume with snapshots upon it does not grow", async () => {
    await using volume = await bench.volume();
    const { datastoreId, volumeUuid, format } = volume;
    const file = sampleOverlay();
    await bench.port.ensureOverlay({ datastoreId, volumeUuid, format, file, backing: "base" });
    await expectCode(grow(volume, 2 * volume.sizeBytes), "VOLUME_FILE_DIFFERS");
    await expectCode(grow(bench.volumeSpec(), GiB), "VOLUME_NOT_FOUND");
  });

  test("a volume is overwritten once no VM has it, and can be removed then", async () => {
    await using volume = await bench.volume({ provisioning: "thick", format: "raw" });
    const { datastoreId, volumeUuid } = volume;
    const vm = await bench.vm({ disks: [sampleDisk(volume)] });
    await expectCode(bench.port.wipeVolume({ datastoreId, volumeUuid }), "VOLUME_IN_USE");
    await vm[Symbol.asyncDispose]();
    await bench.port.wipeVolume({ datastoreId, volumeUuid });
    await bench.port.removeVolume(volume);
    await bench.port.wipeVolume({ datastoreId, volumeUuid });
  });

  test("STO-25: limits of a disk change while its VM runs and when it is stopped", async () => {
    await using volume = await bench.volume();
    await using vm = await bench.runningVm({ disks: [sampleDisk(volume)] });
    const { vmUuid } = vm;
    const { volumeUuid } = volume;
    const limits = { readBytesPerSec: MiB, writeBytesPerSec: 0, readIops: 0, writeIops: 200 };
    for (let round = 0; round < 2; round++) await bench.port.tuneDisk({ vmUuid, volumeUuid, ...limits });
    await bench.port.stopVm({ vmUuid, mode: "force", waitMs: 0 });
    await bench.port.tuneDisk({ vmUuid, volumeUuid, ...limits, readBytesPerSec: 0 });
    const missing = bench.volumeSpec().volumeUuid;
    await expectCode(bench.port.tuneDisk({ vmUuid, volumeUuid: missing, ...limits }), "DISK_MISSING");
    await bench.port.startVm({ vmUuid });
  });

  test("STO-14: a VM with a transient disk starts and stops on the same file, time after time", async () => {
    await using volume = await bench.volume();
    await using vm = await bench.vm({ disks: [sampleDisk(volume, { transient: true })] });
    const { vmUuid } = vm;
    const sourceOf = async () => (await bench.port.getVm({ vmUuid })).disks[0]?.source;
    const stopped = await sourceOf();
    const { files } = await bench.port.getVolume(volume);
    for (let round = 0; round < 2; round++) {
      await bench.port.startVm({ vmUuid });
      await expectCode(bench.port.removeVolume(volume), "VOLUME_IN_USE");
      await bench.port.stopVm({ vmUuid, mode: "force", waitMs: 0 });
      assert.equal(await sourceOf(), stopped);
      assert.deepEqual((await bench.port.getVolume(volume)).files, files);
    }
  });

  test("STO-24: two VMs run with a shared disk at the same time", async () => {
    await using volume = await bench.volume({ provisioning: "thick", format: "raw" });
    const disk = sampleDisk(volume, { shared: true });
    await using one = await bench.runningVm({ disks: [disk] });
    await using other = await bench.runningVm({ disks: [disk] });
    for (const { vmUuid } of [one, other]) assert.equal(await bench.power(vmUuid), "running");
    await expectCode(bench.port.removeVolume(volume), "VOLUME_IN_USE");
  });
}
