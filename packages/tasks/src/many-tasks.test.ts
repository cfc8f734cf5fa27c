import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { task } from "./definition.ts";
import { openLab } from "./testing/engine-lab.ts";

describe("many tasks", { timeout: 120_000 }, () => {
  test("500 at once all end, the oldest first, no more at a time than allowed", async (t) => {
    await using lab = await openLab();
    const begun: number[] = [];
    let atWork = 0;
    let most = 0;
    const brief = task<object>("brief")
      .step("enter", {
        run: async ({ taskId }) => {
          begun.push(taskId);
          most = Math.max(most, ++atWork);
          await new Promise((resolve) => setImmediate(resolve));
        },
        noUndo: "counts",
      })
      .dbStep("write", {
        run: async ({ operationId }, tx) =>
          void (await tx.query("insert into effects values ($1)", [operationId])),
        noUndo: "one transaction",
      })
      .step("leave", { run: () => void atWork--, noUndo: "counts" });
    const engine = lab.engine([brief]);
    const ids = await Promise.all(Array.from({ length: 500 }, () => lab.submit(engine, brief)));
    const startedAt = performance.now();
    engine.start();
    for (const id of ids) assert.equal((await engine.whenEnded(id)).state, "succeeded");
    const elapsedMs = performance.now() - startedAt;
    t.diagnostic(
      `500 tasks of 3 steps, 64 at a time: ${Math.round(elapsedMs)} ms, ${(elapsedMs / 1_500).toFixed(2)} ms per step`,
    );
    assert.ok(most <= 64 && most > 16, `${most} at a time`);
    assert.equal((await lab.rows("select * from effects")).length, 500);
    // Nobody is overtaken by more than those at work beside it.
    const byAge = ids.toSorted((a, b) => a - b);
    for (const [index, id] of begun.entries()) {
      const place = byAge.indexOf(id);
      assert.ok(Math.abs(place - index) <= 64, `task ${place} began as number ${index}`);
    }
  });

  test("database steps that wait for each other's connections do not starve the pool", async () => {
    await using lab = await openLab();
    const greedy = task<object>("greedy").dbStep("hold", {
      // Against the rule, but it must not bring the engine to a halt.
      run: async () => void (await lab.pool.query("select 1")),
      noUndo: "reads",
    });
    const engine = lab.engine([greedy]);
    engine.start();
    const ids = await Promise.all(Array.from({ length: 60 }, () => lab.submit(engine, greedy)));
    for (const id of ids) assert.equal((await engine.whenEnded(id)).state, "succeeded");
  });
});
