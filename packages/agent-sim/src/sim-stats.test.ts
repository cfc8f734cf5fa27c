import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { test } from "node:test";
import { sampleVm } from "@sinter/agent-link/testing";
import { ManualClock } from "@sinter/kit";
import type { StatsReport } from "@sinter/southbound";
import { SimFleet, SimHost, simPort } from "./index.ts";

test("two hosts of one seed tell the same story", async () => {
  const story = await tell();
  assert.deepEqual(await tell(), story);
  assert.ok((story[4]?.vms[0]?.cpuTimeNs ?? 0) > (story[0]?.vms[0]?.cpuTimeNs ?? 0));
});

test("counters never fall, whatever happens to VMs, and busy time never exceeds time", async () => {
  const seed = randomInt(2 ** 31);
  console.log(`seed ${seed}`);
  let state = seed;
  const random = (below: number): number => {
    // xorshift32; zero would stay zero.
    state = (state || 1) ^ (state << 13);
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
  const clock = new ManualClock();
  const sim = new SimHost({ clock });
  const port = simPort(sim);
  const vms = Array.from({ length: 4 }, () => sampleVm());
  for (const vm of vms) await port.defineVm(vm);
  let last: StatsReport | undefined;
  for (let i = 0; i < 400; i++) {
    const vmUuid = vms[random(vms.length)]?.vmUuid ?? "";
    const moves = [
      () => port.startVm({ vmUuid }),
      () => port.stopVm({ vmUuid, mode: "force", waitMs: 0 }),
      () => port.hibernateVm({ vmUuid }),
      () => port.rebootVm({ vmUuid, mode: "force" }),
    ];
    await moves[random(moves.length)]?.().catch(() => {}); // a wrong moment is a move as well
    clock.advance(random(300_000));
    const report = await port.getStats({});
    const { host } = report;
    assert.ok(host.cpuBusyMs <= host.cpuTotalMs);
    for (const key of Object.keys(host) as (keyof typeof host)[]) {
      if (!last || /^(memory|root)/.test(key)) continue;
      assert.ok(host[key] >= last.host[key], `${key} fell in round ${i} of seed ${seed}`);
    }
    last = report;
  }
  sim.dispose();
});

/** Five readings of one host, 20 s apart. */
async function tell(): Promise<StatsReport[]> {
  const clock = new ManualClock();
  const fleet = SimFleet.create({ hosts: 1, vmsPerHost: 3, seed: "story", clock });
  const [sim] = fleet.hosts;
  assert.ok(sim);
  const port = simPort(sim);
  const reports: StatsReport[] = [];
  for (let i = 0; i < 5; i++) {
    reports.push(await port.getStats({}));
    clock.advance(20_000);
  }
  fleet.dispose();
  return reports;
}
