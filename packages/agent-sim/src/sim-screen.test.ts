import assert from "node:assert/strict";
import { test } from "node:test";
import { sampleVm } from "@sinter/agent-link/testing";
import { joinServer, readExactly, Viewer } from "@sinter/rfb";
import { SimHost, simPort } from "./index.ts";
import { SIM_SCREEN } from "./sim-screen.ts";

async function runningVm(): Promise<AsyncDisposable & { sim: SimHost; vmUuid: string; other: string }> {
  const sim = new SimHost();
  const port = simPort(sim);
  const specs = [sampleVm({ name: "one" }), sampleVm({ name: "two" })] as const;
  for (const spec of specs) {
    await port.defineVm(spec);
    await port.startVm({ vmUuid: spec.vmUuid });
  }
  return {
    sim,
    vmUuid: specs[0].vmUuid,
    other: specs[1].vmUuid,
    [Symbol.asyncDispose]: async () => {
      await port.close();
      sim.dispose();
    },
  };
}

test("a screen shows its VM's own picture under the VM's name", async () => {
  await using world = await runningVm();
  using one = await Viewer.open(world.sim.openScreen(world.vmUuid, "p"), { password: "p" });
  using two = await Viewer.open(world.sim.openScreen(world.other, "p"), { password: "p" });
  assert.deepEqual([one.name, two.name], ["one", "two"]);
  const picture = await one.look();
  assert.deepEqual({ width: picture.width, height: picture.height }, SIM_SCREEN);
  assert.deepEqual((await one.look()).pixels, picture.pixels);
  assert.notDeepEqual((await two.look()).pixels, picture.pixels);
  await one.type("x");
  assert.notDeepEqual((await one.look()).pixels, picture.pixels);
});

test("who asks for what has changed waits for a key; other pixel formats are kept to", async () => {
  await using world = await runningVm();
  const viewer = await joinServer(world.sim.openScreen(world.vmUuid, "p"), { password: "p" });
  viewer.write(Buffer.from([1]));
  const init = await readExactly(viewer, 24);
  await readExactly(viewer, init.readUInt32BE(20));
  // 16 bits, big endian: 5, 6 and 5 bits of colour.
  viewer.write(Buffer.from([0, 0, 0, 0, 16, 16, 1, 1, 0, 31, 0, 63, 0, 31, 11, 5, 0, 0, 0, 0]));
  const request = (isIncremental: number): Buffer =>
    Buffer.from([3, isIncremental, 0, 0, 0, 0, 0, 64, 0, 48]);
  const sizeBytes = 4 + 12 + 64 * 48 * 2;
  viewer.write(request(0));
  const first = await readExactly(viewer, sizeBytes);
  viewer.write(request(1));
  viewer.write(Buffer.from([4, 1, 0, 0, 0, 0, 0, 97]));
  const second = await readExactly(viewer, sizeBytes);
  assert.notDeepEqual(second, first);
  viewer.destroy();
});

test("who does not speak the protocol is cut", async () => {
  await using world = await runningVm();
  const viewer = await joinServer(world.sim.openScreen(world.vmUuid, "p"), { password: "p" });
  viewer.resume();
  const closed = new Promise((resolve) => viewer.once("close", resolve));
  viewer.write(Buffer.from([1, 99]));
  await closed;
});
