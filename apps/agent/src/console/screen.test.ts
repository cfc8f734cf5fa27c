import assert from "node:assert/strict";
import { once } from "node:events";
import { readdir, stat } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { after as afterAll, before as beforeAll, describe, test } from "node:test";
import { sampleVm } from "@sinter/agent-link/testing";
import { waitFor } from "@sinter/kit";
import { RfbError, Viewer } from "@sinter/rfb";
import type { AgentApi, CallContext, VncEndpoint } from "@sinter/southbound";
import { type Agent, composeAgent } from "../compose.ts";
import { startTestHost, type TestHost, testLog } from "../testing/test-host.ts";

const context: CallContext = { signal: new AbortController().signal };
const SOON = { timeoutMs: 30_000, intervalMs: 50 };

/* Real QEMU under a real libvirtd. The VM has no disk: its firmware says so on the screen. */
describe("the screen of a VM that runs", () => {
  let host: TestHost;
  let agent: Agent;
  let takenPort: ReturnType<typeof createServer>;
  let firstPort: number;
  beforeAll(async () => {
    host = await startTestHost();
    takenPort = createServer();
    takenPort.listen(0, "127.0.0.1");
    await once(takenPort, "listening");
    firstPort = (takenPort.address() as { port: number }).port;
    agent = await composeAgent({
      // Gates have two ports, one of which is taken by somebody else.
      config: host.config({ vncPortFirst: firstPort, vncPortLast: firstPort + 1 }),
      identity: host.identity,
      onRenewed: () => {},
      log: testLog,
    });
  });
  afterAll(async () => {
    await agent[Symbol.asyncDispose]();
    takenPort.close();
    await host[Symbol.asyncDispose]();
  });

  const api = (): AgentApi => agent.api;
  async function runningVm(): Promise<AsyncDisposable & { vmUuid: string; vmId: string }> {
    const spec = sampleVm({ memoryMiB: 32 });
    const { vmUuid, vmId } = spec;
    await api().defineVm(spec, context);
    await api().startVm({ vmUuid }, context);
    return {
      vmUuid,
      vmId,
      async [Symbol.asyncDispose]() {
        await api().removeVm({ vmUuid, force: true }, context);
      },
    };
  }
  const enter = (at: VncEndpoint, password: string): Promise<Viewer> =>
    Viewer.open(connect(at), { password, signal: AbortSignal.timeout(30_000) });
  const figures = async (): Promise<string> => (await agent.metrics.text()).body;

  test("CON-04: QEMU listens on no network, and its socket lies where only root and QEMU get to", async () => {
    await using vm = await runningVm();
    const { stdout } = await host.libvirtd.run("ss", ["-ltnH"]);
    assert.equal(stdout, "", "nothing listens in QEMU's network namespace");
    const folder = join(host.libvirtd.directory, "var/lib/libvirt/qemu");
    const own = (await readdir(folder)).find((name) => name.startsWith("domain-") && name.includes(vm.vmId));
    assert.ok(own);
    const { mode } = await stat(join(folder, own));
    assert.equal(mode & 0o007, 0, `others may do nothing in ${own}`);
    assert.ok((await stat(join(folder, own, "vnc.sock"))).isSocket());
  });

  test("CON-05: the firmware's message is seen, with the password of the session only", async () => {
    await using vm = await runningVm();
    const wrong = Viewer.open(await agent.openScreen(vm.vmUuid, "right"), { password: "wrong" });
    await assert.rejects(wrong, { name: "RfbError", message: "The password is wrong." });
    using viewer = await Viewer.open(await agent.openScreen(vm.vmUuid, "right"), { password: "right" });
    await waitFor(
      "letters on the screen",
      async () => ((await viewer.look()).pixels.some((byte) => byte > 96) ? true : undefined),
      SOON,
    );
    assert.match(await figures(), /screen_viewers_total\{way="stream",outcome="wrongPassword"\} 1/);
    assert.match(await figures(), /screen_viewers_total\{way="stream",outcome="joined"\} 1/);
  });

  test("a gate takes the next free port; when there is none it says so", async () => {
    await using one = await runningVm();
    await using other = await runningVm();
    const gate = await api().openVncGate({ vmUuid: one.vmUuid, password: "one", seconds: 60 }, context);
    assert.deepEqual(gate, { host: "127.0.0.1", port: firstPort + 1 });
    const none = api().openVncGate({ vmUuid: other.vmUuid, password: "two", seconds: 60 }, context);
    await assert.rejects(none, { kind: "exhausted", code: "NO_VNC_PORT" });
    using viewer = await enter(gate, "one");
    assert.match(viewer.name, new RegExp(one.vmId));
    // Its end makes room.
    await api().stopVm({ vmUuid: one.vmUuid, mode: "force", waitMs: 0 }, context);
    const later = await waitFor(
      "a free port",
      () =>
        api()
          .openVncGate({ vmUuid: other.vmUuid, password: "two", seconds: 60 }, context)
          .catch(() => undefined),
      SOON,
    );
    using second = await enter(later, "two");
    assert.match(second.name, new RegExp(other.vmId));
  });

  test("a gate slows down who guesses, and keeps who is in when its time is over", async () => {
    await using vm = await runningVm();
    const { vmUuid } = vm;
    const gate = await api().openVncGate({ vmUuid, password: "right", seconds: 60 }, context);
    using inside = await enter(gate, "right");
    const startedAt = performance.now();
    for (const guess of ["a", "b"]) await assert.rejects(enter(gate, guess), RfbError);
    assert.ok(performance.now() - startedAt >= 490, "the second guess had to wait");
    await api().openVncGate({ vmUuid, password: "right", seconds: 1 }, context);
    await waitFor(
      "the gate's end",
      async () => ((await api().getVm({ vmUuid }, context)).vnc === null ? true : undefined),
      SOON,
    );
    await assert.rejects(enter(gate, "right"));
    await inside.look();
  });

  test("a VM that was not made here has no screen for us, even with a VNC server", async () => {
    const xml = `<domain type="qemu"><name>found</name><memory unit="MiB">32</memory><os><type>hvm</type></os>
      <devices><graphics type="vnc" autoport="yes"/></devices></domain>`;
    await using connection = await host.libvirtd.connect();
    const domain = await connection.defineDomain(xml);
    await domain.start();
    const asked = agent.openScreen(domain.uuid, "x");
    await assert.rejects(asked, { code: "VM_HAS_NO_SCREEN" });
    await domain.destroy();
    await domain.undefine();
  });
});
