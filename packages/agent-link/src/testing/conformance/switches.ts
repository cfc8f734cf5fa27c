import assert from "node:assert/strict";
import { test } from "node:test";
import { randomSafeId, sampleNic, sampleSwitch } from "../samples.ts";
import { type AgentBench, expectCode } from "./agent-bench.ts";

export function describeSwitches(bench: AgentBench): void {
  const find = async (switchId: string) =>
    (await bench.port.listSwitches({})).switches.find((one) => one.switchId === switchId);

  test("made twice it is one switch; removed twice it is gone", async () => {
    const spec = sampleSwitch();
    const first = await bench.port.ensureSwitch(spec);
    assert.deepEqual([first.generation, first.uplinks, first.ports], [1, [], 0]);
    assert.ok(first.bridge.length <= 15);
    assert.deepEqual(await bench.port.ensureSwitch(spec), first);
    assert.deepEqual(await find(spec.switchId), first);
    await bench.port.removeSwitch(spec);
    await bench.port.removeSwitch(spec);
    assert.equal(await find(spec.switchId), undefined);
  });

  test("an older generation changes nothing, a newer one is taken", async () => {
    await using bridge = await bench.switch({ generation: 5 });
    assert.equal((await bench.port.ensureSwitch({ ...bridge, generation: 4 })).generation, 5);
    assert.equal((await bench.port.ensureSwitch({ ...bridge, generation: 6, mtu: 9000 })).generation, 6);
  });

  test("an uplink that the host has not is named and nothing is made", async () => {
    const spec = sampleSwitch({ uplinks: ["nosuch0"] });
    await expectCode(bench.port.ensureSwitch(spec), "UPLINK_MISSING");
    assert.equal(await find(spec.switchId), undefined);
  });

  test("it counts the ports of running VMs and stays while there are any", async () => {
    await using bridge = await bench.switch();
    const { switchId } = bridge;
    await using vm = await bench.runningVm({ nics: [sampleNic({ switchId })] });
    const nic = (await bench.port.getVm({ vmUuid: vm.vmUuid })).nics[0];
    assert.ok(nic?.device, "a running VM's NIC has a device on the host");
    assert.equal((await find(switchId))?.ports, 1);
    await expectCode(bench.port.removeSwitch({ switchId }), "SWITCH_IN_USE");
    await bench.port.removeVm({ vmUuid: vm.vmUuid, force: true });
    await bench.port.removeSwitch({ switchId });
  });

  test("ids may be as long as an id can be", async () => {
    // Longer than the kernel's interface names: the agent must shorten them without mixing two up.
    const stem = randomSafeId().padEnd(60, "x");
    await using one = await bench.switch({ switchId: `${stem}-one` });
    await using two = await bench.switch({ switchId: `${stem}-two` });
    const bridges = [(await find(one.switchId))?.bridge, (await find(two.switchId))?.bridge];
    assert.notEqual(bridges[0], bridges[1]);
    for (const bridge of bridges) assert.ok(bridge !== undefined && bridge.length <= 15);
  });
}
