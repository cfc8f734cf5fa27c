import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import type { VmSpec, VolumeFile, VolumeSpec } from "@sinter/southbound";
import { sampleDisk, sampleOverlay } from "../samples.ts";
import { type AgentBench, expectCode } from "./agent-bench.ts";

export function describeSnapshots(bench: AgentBench): void {
  const refOf = ({ datastoreId, volumeUuid, format }: VolumeSpec) => ({ datastoreId, volumeUuid, format });

  /** The file that each disk of the VM is on, as the host sees it. */
  async function filesOf({ vmUuid }: Pick<VmSpec, "vmUuid">): Promise<string[]> {
    const { disks } = await bench.port.getVm({ vmUuid });
    return disks.map(({ source }) => /(delta-[0-9a-f]{12})/.exec(source ?? "")?.[1] ?? "base");
  }

  async function filesUnder(volume: VolumeSpec): Promise<Record<VolumeFile, VolumeFile | null>> {
    const { files } = await bench.port.getVolume(volume);
    return Object.fromEntries(files.map(({ file, backing }) => [file, backing]));
  }

  const take = (
    vm: VmSpec,
    disks: readonly { volume: VolumeSpec; file: VolumeFile; overlay: VolumeFile }[],
    how: { isConsistent?: boolean; snapshotUuid?: string } = {},
  ) => {
    const [first] = disks;
    return bench.port.takeSnapshot({
      vmUuid: vm.vmUuid,
      disks: disks.map(({ volume, file, overlay }) => ({ ...refOf(volume), file, overlay })),
      isConsistent: how.isConsistent ?? false,
      memory:
        how.snapshotUuid === undefined || first === undefined
          ? null
          : { ...refOf(first.volume), snapshotUuid: how.snapshotUuid },
    });
  };

  for (const format of ["qcow2", "raw"] as const) {
    test(`SNP-07: a snapshot of a stopped VM puts overlays upon its ${format} disks, once`, async () => {
      await using one = await bench.volume({ format });
      await using other = await bench.volume({ format });
      await using vm = await bench.vm({ disks: [sampleDisk(one), sampleDisk(other, { slot: 2 })] });
      const [a, b] = [sampleOverlay(), sampleOverlay()];
      const disks = [
        { volume: one, file: "base", overlay: a },
        { volume: other, file: "base", overlay: b },
      ];
      await take(vm, disks);
      await take(vm, disks);
      assert.deepEqual(await filesOf(vm), [a, b]);
      assert.deepEqual(await filesUnder(one), { base: null, [a]: "base" });
      const { sizeBytes, files } = await bench.port.getVolume(one);
      assert.deepEqual(new Set(files.map((file) => file.sizeBytes)), new Set([sizeBytes]));
      await bench.port.startVm(vm);
      assert.deepEqual(await filesOf(vm), [a, b]);
      await expectCode(bench.port.removeOverlay({ ...one, file: a }), "VOLUME_IN_USE");
    });
  }

  test("SNP-09: overlays of a running VM are merged in any order, and of the volume one file is left", async () => {
    await using volume = await bench.volume({ format: "raw" });
    await using vm = await bench.runningVm({ disks: [sampleDisk(volume)] });
    const { vmUuid } = vm;
    const [a, b, c] = [sampleOverlay(), sampleOverlay(), sampleOverlay()];
    await take(vm, [{ volume, file: "base", overlay: a }]);
    await take(vm, [{ volume, file: a, overlay: b }]);
    await take(vm, [{ volume, file: b, overlay: c }]);
    assert.deepEqual(await filesUnder(volume), { base: null, [a]: "base", [b]: a, [c]: b });
    const merge = (file: VolumeFile, into: VolumeFile, children: VolumeFile[]) =>
      bench.port.mergeOverlay({ ...refOf(volume), file, into, children, vmUuid });
    await merge(b, a, [c]);
    assert.deepEqual(await filesUnder(volume), { base: null, [a]: "base", [c]: a });
    await merge(b, a, [c]);
    await merge(c, a, []);
    assert.deepEqual(await filesOf(vm), [a]);
    await merge(a, "base", []);
    await merge(a, "base", []);
    assert.deepEqual(await filesUnder(volume), { base: null });
    assert.deepEqual(await filesOf(vm), ["base"]);
    assert.equal(await bench.power(vmUuid), "running");
    await bench.port.stopVm({ vmUuid, mode: "force", waitMs: 0 });
    assert.deepEqual(await filesOf(vm), ["base"], "also at its next start");
    await bench.port.startVm({ vmUuid });
  });

  test("merging of a stopped VM moves it, and the branches above, to the lower file", async () => {
    await using volume = await bench.volume();
    await using vm = await bench.vm({ disks: [sampleDisk(volume)] });
    const [a, b, branch] = [sampleOverlay(), sampleOverlay(), sampleOverlay()];
    await take(vm, [{ volume, file: "base", overlay: a }]);
    await take(vm, [{ volume, file: a, overlay: b }]);
    await bench.port.ensureOverlay({ ...refOf(volume), file: branch, backing: a });
    const merge = { ...refOf(volume), file: a, into: "base", children: [b, branch], vmUuid: vm.vmUuid };
    await bench.port.mergeOverlay(merge);
    assert.deepEqual(await filesUnder(volume), { base: null, [b]: "base", [branch]: "base" });
    await bench.port.removeOverlay({ ...volume, file: branch });
    await bench.port.mergeOverlay({ ...merge, file: b, children: [] });
    assert.deepEqual(await filesOf(vm), ["base"]);
    await bench.port.startVm(vm);
  });

  test("SNP-08: a VM goes back by a new overlay upon the frozen file and a newer definition", async () => {
    await using volume = await bench.volume();
    await using vm = await bench.vm({ disks: [sampleDisk(volume)] });
    const [before, after] = [sampleOverlay(), sampleOverlay()];
    await take(vm, [{ volume, file: "base", overlay: before }]);
    const overlay = { ...refOf(volume), file: after, backing: "base" };
    await bench.port.ensureOverlay(overlay);
    await bench.port.ensureOverlay(overlay);
    await expectCode(bench.port.ensureOverlay({ ...overlay, backing: before }), "VOLUME_FILE_DIFFERS");
    const disks = [sampleDisk(volume, { file: after })];
    await bench.port.defineVm({ ...vm, generation: vm.generation + 1, disks });
    assert.deepEqual(await filesOf(vm), [after]);
    await bench.port.removeOverlay({ ...volume, file: before });
    await bench.port.removeOverlay({ ...volume, file: before });
    assert.deepEqual(await filesUnder(volume), { base: null, [after]: "base" });
    await bench.port.startVm(vm);
  });

  test("SNP-06: with memory the guest goes on where it was", async () => {
    await using volume = await bench.volume();
    await using vm = await bench.runningVm({ disks: [sampleDisk(volume)] });
    const { vmUuid } = vm;
    const snapshotUuid = randomUUID();
    const [a, b] = [sampleOverlay(), sampleOverlay()];
    const disks = [{ volume, file: "base", overlay: a }];
    const { memoryBytes } = await take(vm, disks, { snapshotUuid });
    assert.ok(memoryBytes > 0);
    assert.equal((await take(vm, disks, { snapshotUuid })).memoryBytes, memoryBytes, "not taken again");
    assert.equal(await bench.power(vmUuid), "running");
    await bench.port.stopVm({ vmUuid, mode: "force", waitMs: 0 });
    await bench.port.ensureOverlay({ ...refOf(volume), file: b, backing: "base" });
    const back = { generation: vm.generation + 1, disks: [sampleDisk(volume, { file: b })] };
    await bench.port.defineVm({ ...vm, ...back });
    const memory = { ...refOf(volume), snapshotUuid };
    await bench.port.startVm({ vmUuid, memory });
    await bench.port.startVm({ vmUuid, memory });
    assert.deepEqual([await bench.power(vmUuid), await filesOf(vm)], ["running", [b]]);
    await bench.port.stopVm({ vmUuid, mode: "force", waitMs: 0 });
    await bench.port.removeMemory(memory);
    await bench.port.removeMemory(memory);
    await expectCode(bench.port.startVm({ vmUuid, memory }), "SNAPSHOT_MEMORY_MISSING");
  });

  test("SNP-05: a guest that cannot be asked is not frozen, and nothing is changed", async () => {
    await using volume = await bench.volume();
    await using vm = await bench.runningVm({ disks: [sampleDisk(volume)] });
    const overlay = sampleOverlay();
    const taking = take(vm, [{ volume, file: "base", overlay }], { isConsistent: true });
    if (bench.agent.traits.guestAgent) {
      await taking.catch(() => {}); // it may still be starting
      const again = () => take(vm, [{ volume, file: "base", overlay }], { isConsistent: true });
      await bench.eventually("the guest's agent", async () => again().catch(() => undefined));
      assert.deepEqual(await filesOf(vm), [overlay]);
    } else {
      await expectCode(taking, "GUEST_AGENT_AWAY");
      assert.deepEqual(await filesOf(vm), ["base"]);
    }
  });

  test("a snapshot that was taken back leaves the VM on its file, taken or not", async () => {
    await using volume = await bench.volume();
    await using vm = await bench.runningVm({ disks: [sampleDisk(volume)] });
    const { vmUuid } = vm;
    const [never, once] = [sampleOverlay(), sampleOverlay()];
    const back = (file: VolumeFile) =>
      bench.port.mergeOverlay({ ...refOf(volume), file, into: "base", children: [], vmUuid });
    await back(never);
    await bench.port.ensureOverlay({ ...refOf(volume), file: never, backing: "base" });
    await back(never);
    await take(vm, [{ volume, file: "base", overlay: once }]);
    await back(once);
    assert.deepEqual(await filesOf(vm), ["base"]);
    assert.deepEqual(await filesUnder(volume), { base: null });
  });

  test("a disk on another file than the caller believes is left as it is", async () => {
    await using volume = await bench.volume();
    await using vm = await bench.vm({ disks: [sampleDisk(volume)] });
    const [a, b] = [sampleOverlay(), sampleOverlay()];
    await take(vm, [{ volume, file: "base", overlay: a }]);
    await expectCode(take(vm, [{ volume, file: "base", overlay: b }]), "VOLUME_FILE_DIFFERS");
    assert.deepEqual(await filesUnder(volume), { base: null, [a]: "base" });
    const merge = { ...refOf(volume), file: a, into: b, children: [], vmUuid: vm.vmUuid };
    await expectCode(bench.port.mergeOverlay(merge), "VOLUME_FILE_DIFFERS");
    const missing = { ...refOf(volume), file: b, backing: sampleOverlay() };
    await expectCode(bench.port.ensureOverlay(missing), "VOLUME_NOT_FOUND");
  });

  test("SNP-12: a linked clone lies on the other volume, which stays as long as it does", async () => {
    await using base = await bench.volume({ format: "raw", provisioning: "thick" });
    const { volumeUuid, format } = base;
    const source = { kind: "linked", volumeUuid, format } as const;
    const clone = bench.volumeSpec({ source, sizeBytes: base.sizeBytes });
    const seen = await bench.port.ensureVolume(clone);
    await bench.port.ensureVolume(clone);
    assert.equal(seen.sizeBytes, base.sizeBytes);
    assert.ok(seen.allocatedBytes < base.sizeBytes / 2);
    await expectCode(bench.port.removeVolume(base), "VOLUME_IN_USE");
    {
      await using vm = await bench.runningVm({ disks: [sampleDisk(clone)] });
      assert.equal(await bench.power(vm.vmUuid), "running");
    }
    await bench.port.removeVolume(clone);
    await bench.port.removeVolume(base);
  });
}
