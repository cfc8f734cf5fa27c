import assert from "node:assert/strict";
import { test } from "node:test";
import type { AgentEvent } from "@sinter/southbound";
import type { AgentBench } from "./agent-bench.ts";

/** Long enough for any event; a stream that never ends must not hang the suite. */
const EVENT_MS_MAX = 60_000;

export function describeEvents(bench: AgentBench): void {
  async function until(matches: (event: AgentEvent) => boolean, act: () => Promise<unknown>): Promise<void> {
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), EVENT_MS_MAX);
    try {
      for await (const event of bench.agent.port.events(abort.signal)) {
        // Acting upon hello: the stream is then known to listen.
        if (event.type === "hello") await act();
        else if (matches(event)) return;
      }
      assert.fail("the event did not come");
    } finally {
      clearTimeout(timer);
    }
  }

  test("hello names the host and its boot", async () => {
    const report = await bench.port.getHost({});
    for await (const event of bench.agent.port.events(new AbortController().signal)) {
      assert.equal(event.type, "hello");
      assert.equal(event.hostUuid, report.hostUuid);
      assert.equal(event.bootId, report.bootId);
      assert.ok(event.agentStartedAt <= Date.now());
      break;
    }
  });

  test("heartbeats come without anybody doing anything", async () => {
    await until(
      (event) => event.type === "heartbeat",
      async () => {},
    );
  });

  for (const [what, act] of [
    ["started", (vmUuid: string) => bench.port.startVm({ vmUuid })],
    ["removed", (vmUuid: string) => bench.port.removeVm({ vmUuid, force: true })],
  ] as const) {
    test(`a VM that was ${what} is named`, async () => {
      await using vm = await bench.vm();
      await until(
        (event) => event.type === "vmChanged" && event.vmUuid === vm.vmUuid,
        () => act(vm.vmUuid),
      );
    });
  }

  test("a new VM is named", async () => {
    const vm = bench.spec();
    await until(
      (event) => event.type === "vmChanged" && event.vmUuid === vm.vmUuid,
      () => bench.port.defineVm(vm),
    );
    await bench.port.removeVm({ vmUuid: vm.vmUuid, force: true });
  });
}
