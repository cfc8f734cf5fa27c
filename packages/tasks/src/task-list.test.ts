import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ManualClock } from "@sinter/kit";
import { task } from "./definition.ts";
import type { TaskFilter } from "./task-list.ts";
import { migrateTasks, openLab } from "./testing/engine-lab.ts";

const start = task<object>("vm.start").step("only", { run: () => undefined, noUndo: "nothing is made" });
const stop = task<object>("vm.stop").step("only", {
  run: () => {
    throw new Error("no");
  },
  noUndo: "nothing is made",
});

describe("lists of tasks", { timeout: 60_000 }, () => {
  test("are newest first, in pages with the total of the filter", async () => {
    await using lab = await openLab();
    const clock = new ManualClock(1_000_000);
    const engine = lab.engine([start, stop], { clock });
    const ids: number[] = [];
    for (let index = 0; index < 6; index++) {
      ids.push(
        await lab.submit(engine, index % 2 === 0 ? start : stop, {
          entity: { urn: `urn:vms:${index % 3}`, name: "" },
          user: index < 2 ? "ada" : "",
        }),
      );
      clock.advance(1_000);
    }
    const list = async (filter: TaskFilter & { limit?: number; offset?: number }) => {
      const { items, total } = await engine.list(filter);
      return [items.map(({ id }) => ids.indexOf(id)), total];
    };
    assert.deepEqual(await list({}), [[5, 4, 3, 2, 1, 0], 6]);
    assert.deepEqual(await list({ limit: 2, offset: 1 }), [[4, 3], 6]);
    assert.deepEqual(await list({ offset: 10 }), [[], 6]);
    assert.deepEqual(await list({ entityUrn: "urn:vms:1" }), [[4, 1], 2]);
    assert.deepEqual(await list({ type: "vm.stop", limit: 1 }), [[5], 3]);
    assert.deepEqual(await list({ user: "ada" }), [[1, 0], 2]);
    assert.deepEqual(await list({ user: "" }), [[5, 4, 3, 2], 4]);
    assert.deepEqual(await list({ ids: [ids[3] ?? 0, ids[0] ?? 0, 999] }), [[3, 0], 2]);
    assert.deepEqual(await list({ ids: [] }), [[], 0]);
    assert.deepEqual(await list({ since: 1_002_000, until: 1_004_000 }), [[3, 2], 2]);
    assert.deepEqual(await list({ states: ["waiting"] }), [[5, 4, 3, 2, 1, 0], 6]);
    engine.start();
    for (const id of ids) await engine.whenEnded(id);
    assert.deepEqual(await list({ states: ["failed", "cancelled"] }), [[5, 3, 1], 3]);
    assert.deepEqual(await list({ states: ["waiting"] }), [[], 0]);
    assert.deepEqual(await list({ states: ["succeeded"], entityUrn: "urn:vms:1" }), [[4], 1]);
  });

  test("forget what ended before a time, with its steps, and nothing that is still open", async () => {
    await using lab = await openLab();
    const clock = new ManualClock(1_000_000);
    const engine = lab.engine([start], { clock });
    const later = lab.engine([start], { clock });
    engine.start();
    const old = await lab.submit(engine, start);
    await engine.whenEnded(old);
    clock.advance(3_600_000);
    const recent = await lab.submit(engine, start);
    await engine.whenEnded(recent);
    await engine.stop();
    const waiting = await lab.submit(later, start);
    clock.advance(60_000);
    assert.equal(await later.prune(clock.now() - 3_600_000), 1);
    assert.equal(await later.find(old), undefined);
    assert.deepEqual(await later.steps(old), []);
    assert.deepEqual(
      (await later.list()).items.map(({ id }) => id),
      [waiting, recent],
    );
    assert.equal(await later.prune(clock.now() + 1), 1);
    assert.equal((await later.find(waiting))?.state, "waiting");
  });

  test("waiting for the end of a task that is not there says so", async () => {
    await using lab = await openLab();
    const engine = lab.engine([start]);
    await assert.rejects(engine.whenEnded(4711), { code: "TASK_NOT_FOUND" });
    const waiting = await lab.submit(engine, start);
    const impatience = new AbortController();
    const ended = engine.whenEnded(waiting, impatience.signal);
    impatience.abort(new Error("enough"));
    await assert.rejects(ended, /enough/);
  });

  test("the tables may be made again over existing ones", async () => {
    await using lab = await openLab();
    const engine = lab.engine([start]);
    const taskId = await lab.submit(engine, start);
    await migrateTasks(lab.url);
    assert.equal((await engine.find(taskId))?.id, taskId);
    assert.equal((await lab.rows("select * from task_engine")).length, 1);
  });
});
