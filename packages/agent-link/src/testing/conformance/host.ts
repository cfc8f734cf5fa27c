import assert from "node:assert/strict";
import { test } from "node:test";
import { CONTRACT_VERSION } from "@sinter/southbound";
import type { AgentBench } from "./agent-bench.ts";

export function describeHost(bench: AgentBench): void {
  test("reports what it is and speaks this version of the contract", async () => {
    const report = await bench.port.getHost({});
    assert.equal(report.contractVersion, CONTRACT_VERSION);
    assert.equal(report.accelerator === "kvm", report.acceleratorReason === null);
    assert.ok(report.memoryBytes > 0);
    const again = await bench.port.getHost({});
    assert.equal(again.hostUuid, report.hostUuid);
    assert.equal(again.bootId, report.bootId);
  });

  test("counters of the host never go back, and list the running VMs", async () => {
    await using vm = await bench.runningVm();
    await using stopped = await bench.vm();
    const first = await bench.port.getStats({});
    const second = await bench.port.getStats({});
    assert.ok(second.at >= first.at);
    assert.ok(second.host.cpuBusyMs >= first.host.cpuBusyMs);
    assert.ok(second.host.cpuTotalMs >= first.host.cpuTotalMs);
    assert.ok(second.host.cpuTotalMs >= second.host.cpuBusyMs);
    assert.ok(second.host.memoryBytes >= second.host.memoryAvailableBytes);
    const [before, now] = [first, second].map((report) =>
      report.vms.find(({ vmUuid }) => vmUuid === vm.vmUuid),
    );
    assert.ok(before && now, "a running VM has statistics");
    assert.ok(now.cpuTimeNs >= before.cpuTimeNs);
    assert.equal(now.vcpus, vm.cpu.count);
    assert.ok(!second.vms.some(({ vmUuid }) => vmUuid === stopped.vmUuid));
  });

  test("a certificate request is made; the old certificate goes on serving", async () => {
    const { csr } = await bench.port.beginRotation({});
    assert.match(csr, /^-----BEGIN CERTIFICATE REQUEST-----/);
    await bench.port.getHost({});
  });
}
