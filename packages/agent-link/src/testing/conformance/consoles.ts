import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { RfbError, Viewer } from "@sinter/rfb";
import type { SouthboundErrorCode } from "@sinter/southbound";
import { type AgentBench, expectCode } from "./agent-bench.ts";

/** Never waits longer for a screen that says nothing. */
const soon = (): AbortSignal => AbortSignal.timeout(30_000);

export function describeConsoles(bench: AgentBench): void {
  const newPassword = (): string => randomBytes(6).toString("base64url");

  test("CON-04: a screen is seen through the agent with the password of the session", async () => {
    await using vm = await bench.runningVm();
    const password = newPassword();
    const stream = await bench.agent.port.openScreen(vm.vmUuid, password);
    using viewer = await Viewer.open(stream, { password, signal: soon() });
    const picture = await viewer.look();
    assert.deepEqual([picture.width, picture.height], [viewer.size.width, viewer.size.height]);
    assert.ok(picture.width > 0 && picture.height > 0);
  });

  test("CON-04: two sessions of one VM have passwords of their own and do not disturb each other", async () => {
    await using vm = await bench.runningVm();
    const { port } = bench.agent;
    const open = async (): Promise<Viewer> => {
      const password = newPassword();
      return await Viewer.open(await port.openScreen(vm.vmUuid, password), { password, signal: soon() });
    };
    using first = await open();
    using second = await open();
    await Promise.all([first.look(), second.look()]);
    await first.look();
  });

  test("CON-05: a wrong password shows nothing, and neither does none", async () => {
    await using vm = await bench.runningVm();
    const { port } = bench.agent;
    const wrong = Viewer.open(await port.openScreen(vm.vmUuid, "right"), {
      password: "wrong",
      signal: soon(),
    });
    await assert.rejects(wrong, (error: unknown) => error instanceof RfbError && /wrong/.test(error.message));
    const none = Viewer.open(await port.openScreen(vm.vmUuid, "right"), { signal: soon() });
    await assert.rejects(none, /asks for a password/);
  });

  test("a screen and a serial line end with the VM's run", async () => {
    await using vm = await bench.runningVm();
    const { vmUuid } = vm;
    const screen = await bench.agent.port.openScreen(vmUuid, "secret");
    const line = await bench.agent.port.openConsole(vmUuid);
    using viewer = await Viewer.open(screen, { password: "secret", signal: soon() });
    await viewer.look();
    for (const stream of [screen, line]) stream.resume();
    const ended = [screen, line].map((stream) => once(stream, "close", { signal: soon() }));
    await bench.port.stopVm({ vmUuid, mode: "force", waitMs: 0 });
    await Promise.all(ended);
    await failsToOpen(bench, vmUuid, "VM_NOT_RUNNING");
  });

  test("what is not here or does not run has no console", async () => {
    await failsToOpen(bench, bench.spec().vmUuid, "VM_NOT_ON_HOST");
    await using vm = await bench.vm();
    await failsToOpen(bench, vm.vmUuid, "VM_NOT_RUNNING");
    assert.equal((await bench.port.getVm({ vmUuid: vm.vmUuid })).vnc, null);
  });

  test("CON-04: a gate for VNC clients is there only once it is opened, and takes the password given last", async () => {
    await using vm = await bench.runningVm();
    const { vmUuid } = vm;
    const { port } = bench;
    assert.equal((await port.getVm({ vmUuid })).vnc, null);
    const first = await port.openVncGate({ vmUuid, password: "one", seconds: 60 });
    const second = await port.openVncGate({ vmUuid, password: "two", seconds: 60 });
    assert.deepEqual(second, first);
    assert.ok(first.port > 0 && first.port < 65_536);
    assert.deepEqual((await port.getVm({ vmUuid })).vnc, first);
    if (bench.agent.traits.gates) {
      const enter = (password: string) => Viewer.open(connect(first), { password, signal: soon() });
      await assert.rejects(enter("one"), RfbError);
      using viewer = await enter("two");
      await viewer.look();
    }
    await port.stopVm({ vmUuid, mode: "force", waitMs: 0 });
    assert.equal((await port.getVm({ vmUuid })).vnc, null);
    if (bench.agent.traits.gates) {
      await bench.eventually("the gate's end", () => refuses(first));
    }
  });

  test("a gate closes when its time is over, and may be opened again", async () => {
    await using vm = await bench.runningVm();
    const { vmUuid } = vm;
    await bench.port.openVncGate({ vmUuid, password: "x", seconds: 1 });
    await bench.eventually("the gate's end", async () =>
      (await bench.port.getVm({ vmUuid })).vnc === null ? true : undefined,
    );
    assert.ok((await bench.port.openVncGate({ vmUuid, password: "x", seconds: 60 })).port > 0);
  });
}

async function failsToOpen(bench: AgentBench, vmUuid: string, code: SouthboundErrorCode): Promise<void> {
  await expectCode(bench.agent.port.openScreen(vmUuid, "x"), code);
  await expectCode(bench.agent.port.openConsole(vmUuid), code);
  await expectCode(bench.port.openVncGate({ vmUuid, password: "x", seconds: 1 }), code);
}

function refuses(endpoint: { host: string; port: number }): Promise<true | undefined> {
  return new Promise((resolve) => {
    const socket = connect(endpoint);
    socket.once("connect", () => {
      socket.destroy();
      resolve(undefined);
    });
    socket.once("error", () => resolve(true));
  });
}
