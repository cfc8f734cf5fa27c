import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { sampleDisk, sampleNic } from "../samples.ts";
import { type AgentBench, expectCode } from "./agent-bench.ts";

export function describeDefinition(bench: AgentBench): void {
  test("a defined VM is stopped, listed, and what its spec says", async () => {
    await using vm = await bench.vm({ name: "first", generation: 7 });
    const seen = await bench.port.getVm({ vmUuid: vm.vmUuid });
    assert.equal(seen.power, "stopped");
    assert.equal(seen.domainName, vm.vmId);
    assert.equal(seen.title, "first");
    assert.equal(seen.generation, 7);
    assert.equal(seen.cpuCount, vm.cpu.count);
    assert.equal(seen.memoryMiB, vm.memoryMiB);
    assert.equal(seen.vnc, null);
    const { vms } = await bench.port.listVms({});
    assert.deepEqual(
      vms.filter(({ vmUuid }) => vmUuid === vm.vmUuid).map(({ domainName }) => domainName),
      [vm.vmId],
    );
  });

  test("CMP-27: names may repeat and hold any character", async () => {
    const name = `<&>"' \${x} ü 名 ${"n".repeat(60)}`;
    await using one = await bench.vm({ name });
    await using two = await bench.vm({ name });
    for (const { vmUuid } of [one, two]) assert.equal((await bench.port.getVm({ vmUuid })).title, name);
  });

  test("an equal or older generation changes nothing, a newer one is taken", async () => {
    await using vm = await bench.vm({ generation: 5 });
    for (const generation of [5, 4, 0]) {
      const seen = await bench.port.defineVm({ ...vm, generation, name: "other", memoryMiB: 96 });
      assert.deepEqual([seen.generation, seen.title, seen.memoryMiB], [5, vm.name, vm.memoryMiB]);
    }
    const seen = await bench.port.defineVm({ ...vm, generation: 6, name: "other", memoryMiB: 96 });
    assert.deepEqual([seen.generation, seen.title, seen.memoryMiB], [6, "other", 96]);
  });

  test("a running VM runs on while it is redefined, and follows at its next start", async () => {
    await using vm = await bench.runningVm();
    const { vmUuid } = vm;
    const seen = await bench.port.defineVm({ ...vm, generation: 2, memoryMiB: 96 });
    assert.deepEqual([seen.power, seen.memoryMiB], ["running", vm.memoryMiB]);
    const stopped = await bench.port.stopVm({ vmUuid, mode: "force", waitMs: 0 });
    assert.deepEqual([stopped.power, stopped.generation, stopped.memoryMiB], ["stopped", 2, 96]);
  });

  test("a volume or switch that is not here is named before anything is defined", async () => {
    const disk = sampleDisk(bench.volumeSpec());
    const noDisk = bench.spec({ disks: [disk] });
    await expectCode(bench.port.defineVm(noDisk), "DISK_MISSING");
    const noDatastore = bench.spec({ disks: [{ ...disk, datastoreId: "nosuch" }] });
    await expectCode(bench.port.defineVm(noDatastore), "DISK_MISSING");
    const noSwitch = bench.spec({ nics: [sampleNic({ switchId: "nosuch" })] });
    await expectCode(bench.port.defineVm(noSwitch), "SWITCH_MISSING");
    for (const { vmUuid } of [noDisk, noDatastore, noSwitch]) {
      await expectCode(bench.port.getVm({ vmUuid }), "VM_NOT_ON_HOST");
    }
  });

  test("calls on a VM that is not here say so; its removal forgives", async () => {
    const vmUuid = randomUUID();
    await using volume = await bench.volume();
    await using bridge = await bench.switch();
    const nic = sampleNic({ switchId: bridge.switchId });
    const { port } = bench;
    await expectCode(port.getVm({ vmUuid }), "VM_NOT_ON_HOST");
    await expectCode(port.startVm({ vmUuid }), "VM_NOT_ON_HOST");
    await expectCode(port.stopVm({ vmUuid, mode: "force", waitMs: 0 }), "VM_NOT_ON_HOST");
    await expectCode(port.rebootVm({ vmUuid, mode: "force" }), "VM_NOT_ON_HOST");
    await expectCode(port.pauseVm({ vmUuid }), "VM_NOT_ON_HOST");
    await expectCode(port.resumeVm({ vmUuid }), "VM_NOT_ON_HOST");
    await expectCode(port.hibernateVm({ vmUuid }), "VM_NOT_ON_HOST");
    await expectCode(port.attachDisk({ vmUuid, ...sampleDisk(volume) }), "VM_NOT_ON_HOST");
    await expectCode(port.detachDisk({ vmUuid, volumeUuid: volume.volumeUuid }), "VM_NOT_ON_HOST");
    await expectCode(port.attachNic({ vmUuid, ...nic }), "VM_NOT_ON_HOST");
    await expectCode(port.detachNic({ vmUuid, mac: nic.mac }), "VM_NOT_ON_HOST");
    await expectCode(port.openVncGate({ vmUuid, password: "x", seconds: 1 }), "VM_NOT_ON_HOST");
    await expectCode(port.guestCommand({ vmUuid, command: "guest-ping", timeoutMs: 500 }), "VM_NOT_ON_HOST");
    await port.removeVm({ vmUuid, force: false });
    await port.removeVm({ vmUuid, force: true });
  });

  test("removal takes the definition and leaves the disks", async () => {
    await using volume = await bench.volume();
    await using vm = await bench.vm({ disks: [sampleDisk(volume)] });
    await bench.port.removeVm({ vmUuid: vm.vmUuid, force: false });
    await expectCode(bench.port.getVm({ vmUuid: vm.vmUuid }), "VM_NOT_ON_HOST");
    assert.equal((await bench.port.getVolume(volume)).sizeBytes, volume.sizeBytes);
    // A generation that was used before counts for nothing once the VM is gone.
    assert.equal((await bench.port.defineVm({ ...vm, generation: 0 })).generation, 0);
  });

  test("ids that are no ids never reach the host", async () => {
    const { port } = bench;
    for (const vmUuid of ["../../etc/passwd", "x", randomUUID().toUpperCase(), `urn:uuid:${randomUUID()}`]) {
      await expectCode(port.getVm({ vmUuid }), "BAD_REQUEST");
      await expectCode(port.removeVm({ vmUuid, force: true }), "BAD_REQUEST");
    }
    for (const id of ["../x", "..", "a/b", "a\0b", " x", "-x", `x${"y".repeat(64)}`]) {
      await expectCode(port.listVolumes({ datastoreId: id }), "BAD_REQUEST");
      await expectCode(port.removeDatastore({ datastoreId: id }), "BAD_REQUEST");
      await expectCode(port.removeSwitch({ switchId: id }), "BAD_REQUEST");
      await expectCode(port.defineVm(bench.spec({ vmId: id })), "BAD_REQUEST");
    }
  });
}
