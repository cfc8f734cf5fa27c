import assert from "node:assert/strict";
import { test } from "node:test";
import { AppError } from "@sinter/kit";
import { sampleDisk, sampleNic } from "../samples.ts";
import { type AgentBench, expectCode } from "./agent-bench.ts";

export function describeDevices(bench: AgentBench): void {
  const disksOf = async (vmUuid: string): Promise<string[]> =>
    (await bench.port.getVm({ vmUuid })).disks.map(({ volumeUuid }) => volumeUuid ?? "not ours").toSorted();
  const macsOf = async (vmUuid: string): Promise<string[]> =>
    (await bench.port.getVm({ vmUuid })).nics.map(({ mac }) => mac).toSorted();

  /** A guest without a system never lets go of a device; the contract then says GUEST_KEEPS_DEVICE. */
  async function detachLive(detach: () => Promise<unknown>): Promise<boolean> {
    try {
      await detach();
      return true;
    } catch (error) {
      if (bench.agent.traits.guestAgent) throw error;
      assert.ok(error instanceof AppError);
      assert.equal(error.code, "GUEST_KEEPS_DEVICE");
      return false;
    }
  }

  test("disks and NICs of the spec are seen, on every bus and model", async () => {
    await using bridge = await bench.switch();
    await using system = await bench.volume();
    await using data = await bench.volume({ format: "raw" });
    await using third = await bench.volume();
    const { switchId } = bridge;
    const nics = [
      sampleNic({ switchId, index: 0 }),
      sampleNic({ switchId, index: 1, model: "e1000", vlan: { kind: "access", vlanId: 12 } }),
      sampleNic({ switchId, index: 2, vlan: { kind: "trunk", vlanIds: [1, 2] }, connected: false }),
    ];
    await using vm = await bench.vm({
      disks: [
        sampleDisk(system),
        sampleDisk(data, { slot: 2, readIops: 100, writeBytesPerSec: 1_000_000 }),
        sampleDisk(third, { slot: 3, bus: "scsi" }),
      ],
      nics,
    });
    const { vmUuid } = vm;
    const volumes = [system, data, third].map(({ volumeUuid }) => volumeUuid).toSorted();
    assert.deepEqual(await disksOf(vmUuid), volumes);
    assert.deepEqual(await macsOf(vmUuid), nics.map(({ mac }) => mac).toSorted());
    const targets = (await bench.port.getVm({ vmUuid })).disks.map(({ target }) => target);
    assert.equal(new Set(targets).size, 3);
    await bench.port.startVm({ vmUuid });
    assert.deepEqual(await disksOf(vmUuid), volumes);
    assert.deepEqual(await macsOf(vmUuid), nics.map(({ mac }) => mac).toSorted());
  });

  test("a disk is attached to and detached from a stopped VM, each repeated", async () => {
    await using volume = await bench.volume();
    await using vm = await bench.vm();
    const { vmUuid } = vm;
    const { volumeUuid } = volume;
    for (let round = 0; round < 2; round++) {
      const seen = await bench.port.attachDisk({ vmUuid, ...sampleDisk(volume) });
      assert.deepEqual(
        seen.disks.map((disk) => disk.volumeUuid),
        [volumeUuid],
      );
    }
    for (let round = 0; round < 2; round++) {
      assert.deepEqual((await bench.port.detachDisk({ vmUuid, volumeUuid })).disks, []);
    }
    await bench.port.getVolume(volume);
  });

  test("a disk is attached to a running VM and is still there after a stop", async () => {
    await using volume = await bench.volume();
    await using vm = await bench.runningVm();
    const { vmUuid } = vm;
    const { volumeUuid } = volume;
    for (let round = 0; round < 2; round++) {
      await bench.port.attachDisk({ vmUuid, ...sampleDisk(volume, { slot: 2 }) });
      assert.deepEqual(await disksOf(vmUuid), [volumeUuid]);
    }
    if (await detachLive(() => bench.port.detachDisk({ vmUuid, volumeUuid }))) {
      assert.deepEqual(await disksOf(vmUuid), []);
      await bench.port.attachDisk({ vmUuid, ...sampleDisk(volume, { slot: 2 }) });
    }
    assert.deepEqual(await disksOf(vmUuid), [volumeUuid]);
    await bench.port.stopVm({ vmUuid, mode: "force", waitMs: 0 });
    assert.deepEqual(await disksOf(vmUuid), [volumeUuid]);
  });

  test("a disk whose volume is not here is not attached", async () => {
    await using vm = await bench.vm();
    const disk = sampleDisk(bench.volumeSpec());
    await expectCode(bench.port.attachDisk({ vmUuid: vm.vmUuid, ...disk }), "DISK_MISSING");
    assert.deepEqual(await disksOf(vm.vmUuid), []);
  });

  test("a NIC is attached to and detached from a stopped VM, each repeated", async () => {
    await using bridge = await bench.switch();
    await using vm = await bench.vm();
    const { vmUuid } = vm;
    const nic = sampleNic({ switchId: bridge.switchId });
    for (let round = 0; round < 2; round++) {
      await bench.port.attachNic({ vmUuid, ...nic });
      assert.deepEqual(await macsOf(vmUuid), [nic.mac]);
    }
    for (let round = 0; round < 2; round++) {
      await bench.port.detachNic({ vmUuid, mac: nic.mac });
      assert.deepEqual(await macsOf(vmUuid), []);
    }
  });

  test("a NIC is attached to a running VM and is still there after a stop", async () => {
    await using bridge = await bench.switch();
    await using vm = await bench.runningVm();
    const { vmUuid } = vm;
    const nic = sampleNic({ switchId: bridge.switchId });
    await bench.port.attachNic({ vmUuid, ...nic });
    assert.deepEqual(await macsOf(vmUuid), [nic.mac]);
    if (await detachLive(() => bench.port.detachNic({ vmUuid, mac: nic.mac }))) {
      assert.deepEqual(await macsOf(vmUuid), []);
      await bench.port.attachNic({ vmUuid, ...nic });
    }
    await bench.port.stopVm({ vmUuid, mode: "force", waitMs: 0 });
    assert.deepEqual(await macsOf(vmUuid), [nic.mac]);
  });

  test("a NIC on a switch that is not here is not attached", async () => {
    await using vm = await bench.vm();
    const nic = sampleNic({ switchId: "nosuch" });
    await expectCode(bench.port.attachNic({ vmUuid: vm.vmUuid, ...nic }), "SWITCH_MISSING");
    assert.deepEqual(await macsOf(vm.vmUuid), []);
  });
}
