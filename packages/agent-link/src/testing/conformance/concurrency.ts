import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { test } from "node:test";
import { AppError } from "@sinter/kit";
import { sampleDisk } from "../samples.ts";
import { type AgentBench, expectCode } from "./agent-bench.ts";

export function describeConcurrency(bench: AgentBench): void {
  test("one VM started by many is started once", async () => {
    await using vm = await bench.vm();
    const { vmUuid } = vm;
    const seen = await Promise.all(Array.from({ length: 8 }, () => bench.port.startVm({ vmUuid })));
    for (const { power } of seen) assert.equal(power, "running");
  });

  test("of many definitions at once the newest stands", async () => {
    const seed = randomInt(2 ** 31);
    console.log(`seed ${seed}`);
    const generations = shuffled(
      Array.from({ length: 12 }, (_, i) => i + 1),
      randomOf(seed),
    );
    await using vm = await bench.vm({ generation: 0 });
    await Promise.all(
      generations.map((generation) => bench.port.defineVm({ ...vm, generation, name: `g${generation}` })),
    );
    const seen = await bench.port.getVm({ vmUuid: vm.vmUuid });
    assert.deepEqual([seen.generation, seen.title], [12, "g12"]);
  });

  test("disks attached at once are all there", async () => {
    await using stack = new AsyncDisposableStack();
    const volumes = await Promise.all(
      Array.from({ length: 5 }, async () => stack.use(await bench.volume({ sizeBytes: 1024 * 1024 }))),
    );
    const vm = stack.use(await bench.vm());
    const { vmUuid } = vm;
    await Promise.all(
      volumes.map((volume, i) => bench.port.attachDisk({ vmUuid, ...sampleDisk(volume, { slot: i + 1 }) })),
    );
    const seen = await bench.port.getVm({ vmUuid });
    assert.deepEqual(
      seen.disks.map(({ volumeUuid }) => volumeUuid ?? "not ours").toSorted(),
      volumes.map(({ volumeUuid }) => volumeUuid).toSorted(),
    );
    assert.equal(new Set(seen.disks.map(({ target }) => target)).size, 5);
  });

  test("one volume made by many is made once", async () => {
    const volume = bench.volumeSpec();
    const seen = await Promise.all(Array.from({ length: 6 }, () => bench.port.ensureVolume(volume)));
    for (const { sizeBytes } of seen) assert.equal(sizeBytes, volume.sizeBytes);
    await bench.port.removeVolume(volume);
  });

  test("a VM pulled to and fro fails by conflict only and ends where it was put last", async () => {
    const seed = randomInt(2 ** 31);
    console.log(`seed ${seed}`);
    const random = randomOf(seed);
    await using vm = await bench.vm();
    const { vmUuid } = vm;
    const moves = [
      () => bench.port.startVm({ vmUuid }),
      () => bench.port.stopVm({ vmUuid, mode: "force", waitMs: 0 }),
      () => bench.port.pauseVm({ vmUuid }),
      () => bench.port.resumeVm({ vmUuid }),
      () => bench.port.rebootVm({ vmUuid, mode: "force" }),
    ];
    const results = await Promise.allSettled(
      Array.from({ length: 15 }, async () => moves[Math.floor(random() * moves.length)]?.()),
    );
    for (const result of results) {
      if (result.status === "fulfilled") continue;
      assert.ok(result.reason instanceof AppError, String(result.reason));
      assert.equal(result.reason.code, "VM_NOT_RUNNING", result.reason.message);
    }
    assert.equal((await bench.port.stopVm({ vmUuid, mode: "force", waitMs: 0 })).power, "stopped");
    assert.equal(await bench.power(vmUuid), "stopped");
  });

  test("a VM removed while it is started ends removed or running, never between", async () => {
    await using vm = await bench.vm();
    const { vmUuid } = vm;
    const [started] = await Promise.allSettled([
      bench.port.startVm({ vmUuid }),
      bench.port.removeVm({ vmUuid, force: true }),
    ]);
    if (started.status === "rejected") {
      assert.equal((started.reason as AppError).code, "VM_NOT_ON_HOST");
    }
    await expectCode(bench.port.getVm({ vmUuid }), "VM_NOT_ON_HOST");
  });
}

/** mulberry32: small and repeatable from its seed. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  return items
    .map((item) => ({ item, order: random() }))
    .toSorted((a, b) => a.order - b.order)
    .map(({ item }) => item);
}
