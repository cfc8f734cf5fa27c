import assert from "node:assert/strict";
import { test } from "node:test";
import { sampleDisk } from "../samples.ts";
import { type AgentBench, expectCode } from "./agent-bench.ts";

export function describePower(bench: AgentBench): void {
  const force = { mode: "force", waitMs: 0 } as const;

  test("start and forced stop, each repeated", async () => {
    await using volume = await bench.volume();
    await using vm = await bench.vm({ disks: [sampleDisk(volume)] });
    const { vmUuid } = vm;
    const started = await bench.port.startVm({ vmUuid });
    assert.equal(started.power, "running");
    const again = await bench.port.startVm({ vmUuid });
    assert.equal(again.power, "running");
    assert.equal(await bench.power(vmUuid), "running");
    for (let round = 0; round < 2; round++) {
      assert.equal((await bench.port.stopVm({ vmUuid, ...force })).power, "stopped");
    }
    assert.equal(await bench.power(vmUuid), "stopped");
  });

  test("a safe stop asks the guest; one that does not obey runs on", async () => {
    await using vm = await bench.runningVm();
    const { vmUuid } = vm;
    if (bench.agent.traits.guestAgent) {
      await bench.eventually("the guest's agent", async () => {
        return (await bench.port.getVm({ vmUuid })).guest?.agent === "running" ? true : undefined;
      });
      const seen = await bench.port.stopVm({ vmUuid, mode: "safe", waitMs: 60_000 });
      assert.equal(seen.power, "stopped");
    } else {
      await expectCode(bench.port.stopVm({ vmUuid, mode: "safe", waitMs: 500 }), "GUEST_DID_NOT_STOP");
      assert.equal(await bench.power(vmUuid), "running");
    }
  });

  test("a safe stop of a stopped VM is done already", async () => {
    await using vm = await bench.vm();
    const seen = await bench.port.stopVm({ vmUuid: vm.vmUuid, mode: "safe", waitMs: 0 });
    assert.equal(seen.power, "stopped");
  });

  test("CMP-03: started paused, resumed, paused, resumed, each repeated", async () => {
    await using vm = await bench.vm();
    const { vmUuid } = vm;
    assert.equal((await bench.port.startVm({ vmUuid, paused: true })).power, "paused");
    for (let round = 0; round < 2; round++) {
      assert.equal((await bench.port.resumeVm({ vmUuid })).power, "running");
    }
    for (let round = 0; round < 2; round++) {
      assert.equal((await bench.port.pauseVm({ vmUuid })).power, "paused");
    }
    assert.equal(await bench.power(vmUuid), "paused");
    assert.equal((await bench.port.stopVm({ vmUuid, ...force })).power, "stopped");
  });

  test("a forced reboot keeps the VM running", async () => {
    await using vm = await bench.runningVm();
    assert.equal((await bench.port.rebootVm({ vmUuid: vm.vmUuid, mode: "force" })).power, "running");
  });

  test("CMP-03: hibernated, woken, each repeated", async () => {
    await using vm = await bench.runningVm();
    const { vmUuid } = vm;
    for (let round = 0; round < 2; round++) {
      assert.equal((await bench.port.hibernateVm({ vmUuid })).power, "hibernated");
    }
    assert.equal(await bench.power(vmUuid), "hibernated");
    for (let round = 0; round < 2; round++) {
      assert.equal((await bench.port.startVm({ vmUuid })).power, "running");
    }
  });

  test("a hibernated VM is discarded by force only", async () => {
    await using vm = await bench.runningVm();
    const { vmUuid } = vm;
    await bench.port.hibernateVm({ vmUuid });
    await expectCode(bench.port.stopVm({ vmUuid, mode: "safe", waitMs: 0 }), "VM_NOT_RUNNING");
    assert.equal(await bench.power(vmUuid), "hibernated");
    assert.equal((await bench.port.stopVm({ vmUuid, ...force })).power, "stopped");
  });

  test("removal of a hibernated VM takes its saved memory along", async () => {
    await using vm = await bench.runningVm();
    const { vmUuid } = vm;
    await bench.port.hibernateVm({ vmUuid });
    await bench.port.removeVm({ vmUuid, force: false });
    await bench.port.removeVm({ vmUuid, force: false });
    assert.equal((await bench.port.defineVm(vm)).power, "stopped");
  });

  test("what needs a running VM says so of a stopped one", async () => {
    await using vm = await bench.vm();
    const { vmUuid } = vm;
    const { port } = bench;
    await expectCode(port.rebootVm({ vmUuid, mode: "force" }), "VM_NOT_RUNNING");
    await expectCode(port.rebootVm({ vmUuid, mode: "safe" }), "VM_NOT_RUNNING");
    await expectCode(port.pauseVm({ vmUuid }), "VM_NOT_RUNNING");
    await expectCode(port.resumeVm({ vmUuid }), "VM_NOT_RUNNING");
    await expectCode(port.hibernateVm({ vmUuid }), "VM_NOT_RUNNING");
    await expectCode(port.openVncGate({ vmUuid, password: "x", seconds: 1 }), "VM_NOT_RUNNING");
    await expectCode(port.guestCommand({ vmUuid, command: "guest-ping", timeoutMs: 500 }), "VM_NOT_RUNNING");
    assert.equal(await bench.power(vmUuid), "stopped");
  });

  test("a VM that runs or is paused is removed by force only", async () => {
    await using vm = await bench.runningVm();
    const { vmUuid } = vm;
    await expectCode(bench.port.removeVm({ vmUuid, force: false }), "VM_STILL_RUNNING");
    await bench.port.pauseVm({ vmUuid });
    await expectCode(bench.port.removeVm({ vmUuid, force: false }), "VM_STILL_RUNNING");
    assert.equal(await bench.power(vmUuid), "paused");
    await bench.port.removeVm({ vmUuid, force: true });
    await expectCode(bench.port.getVm({ vmUuid }), "VM_NOT_ON_HOST");
  });

  test("the guest's agent answers, or is said to be away", async () => {
    await using vm = await bench.runningVm();
    const { vmUuid } = vm;
    const ping = () => bench.port.guestCommand({ vmUuid, command: "guest-ping", timeoutMs: 1_000 });
    if (!bench.agent.traits.guestAgent) {
      await expectCode(ping(), "GUEST_AGENT_AWAY");
      return;
    }
    const guest = await bench.eventually("the guest's agent", async () => {
      const seen = await bench.port.getVm({ vmUuid });
      return seen.guest?.agent === "running" ? seen.guest : undefined;
    });
    assert.equal(guest.agent, "running");
    assert.deepEqual(await ping(), { result: {} });
  });
}
