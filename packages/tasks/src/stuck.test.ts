import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { AppError } from "@sinter/kit";
import { task } from "./definition.ts";
import type { TaskView } from "./task-view.ts";
import { openLab, QUICK } from "./testing/engine-lab.ts";

const REFUSED = new AppError("exhausted", "NO_ROOM", "There is no room.");

interface Ports {
  readonly lines: string[];
  isBroken: boolean;
}

const fragile = task<object, Ports>("fragile")
  .step("first", { run: () => undefined, undo: ({ ports }) => void ports.lines.push("undo first") })
  .step("second", {
    run: () => {
      throw REFUSED;
    },
    undo: ({ ports }) => {
      ports.lines.push("undo second");
      if (ports.isBroken) throw new Error("the host is on fire");
    },
  });

describe("a task that cannot unwind", { timeout: 60_000 }, () => {
  test("is stuck after the last attempt, keeps its locks, and raises the alarm", async () => {
    await using lab = await openLab();
    const ports: Ports = { lines: [], isBroken: true };
    const alarms: TaskView[] = [];
    const engine = lab.engine([fragile], { ports, onStuck: (view) => alarms.push(view) });
    engine.start();
    const taskId = await lab.submit(engine, fragile, { locks: ["urn:x"] });
    const stuck = await engine.whenEnded(taskId);
    assert.equal(stuck.state, "stuck");
    assert.equal(stuck.reason?.code, "NO_ROOM");
    assert.equal(stuck.stuckReason?.message, "the host is on fire");
    assert.ok(stuck.progress < 100);
    assert.equal(stuck.finishedAt, undefined);
    assert.equal(ports.lines.length, QUICK.attempts);
    assert.deepEqual(
      alarms.map(({ id, state }) => ({ id, state })),
      [{ id: taskId, state: "stuck" }],
    );
    assert.deepEqual(await engine.lockedBy(["urn:x"]), new Map([["urn:x", taskId]]));
    assert.equal(await engine.cancel(taskId, "ada"), "notCancellable");
    assert.equal((await engine.steps(taskId))[1]?.undoAttempts, QUICK.attempts);
  });

  test("goes on unwinding when it is told to, also in another engine", async () => {
    await using lab = await openLab();
    const ports: Ports = { lines: [], isBroken: true };
    const first = lab.engine([fragile], { ports });
    first.start();
    const taskId = await lab.submit(first, fragile);
    assert.equal((await first.whenEnded(taskId)).state, "stuck");
    await first.stop();
    const second = lab.engine([fragile], { ports });
    second.start();
    ports.isBroken = false;
    ports.lines.length = 0;
    assert.equal(await second.retryStuck(taskId), true);
    while ((await second.find(taskId))?.state === "stuck");
    const ended = await second.whenEnded(taskId);
    assert.equal(ended.state, "failed");
    assert.equal(ended.stuckReason, undefined);
    assert.equal(ended.reason?.code, "NO_ROOM");
    assert.deepEqual(ports.lines, ["undo second", "undo first"]);
    assert.deepEqual(await lab.rows("select * from task_locks"), []);
    assert.equal(await second.retryStuck(taskId), false);
  });

  test("stays stuck over a restart of the engine until then", async () => {
    await using lab = await openLab();
    const ports: Ports = { lines: [], isBroken: true };
    const first = lab.engine([fragile], { ports });
    first.start();
    const taskId = await lab.submit(first, fragile);
    await first.whenEnded(taskId);
    await first.stop();
    ports.isBroken = false;
    ports.lines.length = 0;
    const noop = task<object, Ports>("noop").step("only", {
      run: () => undefined,
      noUndo: "nothing is made",
    });
    const alarms: number[] = [];
    const second = lab.engine([fragile, noop], { ports, onStuck: ({ id }) => alarms.push(id) });
    second.start();
    await second.whenEnded(await lab.submit(second, noop));
    // The first engine might have died between writing it down and raising the alarm.
    assert.deepEqual(alarms, [taskId]);
    assert.deepEqual(
      (await second.stuck()).map(({ id }) => id),
      [taskId],
    );
    assert.equal((await second.find(taskId))?.state, "stuck");
    assert.deepEqual(ports.lines, []);
  });

  test("can be ended by a person who has cleaned up, which releases its locks and secrets", async () => {
    await using lab = await openLab();
    const ports: Ports = { lines: [], isBroken: true };
    const engine = lab.engine([fragile], { ports });
    engine.start();
    const taskId = await lab.submit(engine, fragile);
    assert.equal(await engine.abandonStuck(taskId, "ada"), false);
    await engine.whenEnded(taskId);
    assert.equal(await engine.abandonStuck(taskId, "ada"), true);
    const ended = await engine.whenEnded(taskId);
    assert.deepEqual([ended.state, ended.progress, ended.reason?.code], ["failed", 100, "NO_ROOM"]);
    assert.deepEqual(await lab.rows("select * from task_locks"), []);
    assert.equal(await engine.abandonStuck(taskId, "ada"), false);
  });
});

describe("after the point of no return", { timeout: 60_000 }, () => {
  const switchOver = task<object, Ports>("switch")
    .step("prepare", { run: () => undefined, undo: ({ ports }) => void ports.lines.push("undo prepare") })
    .pointOfNoReturn()
    .step("switch", {
      run: ({ ports }) => {
        ports.lines.push("switch");
        // Not a failure that passes; before the point of no return it would be taken back.
        if (ports.isBroken) throw REFUSED;
      },
    });

  test("nothing is taken back: the task is stuck and goes forward when told to", async () => {
    await using lab = await openLab();
    const ports: Ports = { lines: [], isBroken: true };
    // Nothing helps it but that it is told.
    const engine = lab.engine([switchOver], { ports, pollMs: 3_600_000 });
    engine.start();
    const taskId = await lab.submit(engine, switchOver);
    const stuck = await engine.whenEnded(taskId);
    assert.equal(stuck.state, "stuck");
    assert.equal(stuck.stuckReason?.code, "NO_ROOM");
    assert.equal(ports.lines.length, QUICK.attempts);
    ports.isBroken = false;
    assert.equal(await engine.retryStuck(taskId), true);
    while ((await engine.find(taskId))?.state === "stuck");
    const ended = await engine.whenEnded(taskId);
    assert.equal(ended.state, "succeeded");
    assert.equal(ended.reason, undefined);
    assert.ok(!ports.lines.includes("undo prepare"));
  });

  test("a task that begins there cannot be cancelled even while it waits", async () => {
    await using lab = await openLab();
    const forward = task<object, Ports>("forward")
      .pointOfNoReturn()
      .step("go", { run: () => undefined });
    const engine = lab.engine([forward]);
    const taskId = await lab.submit(engine, forward);
    assert.equal((await engine.find(taskId))?.isCancellable, false);
    assert.equal(await engine.cancel(taskId, "ada"), "notCancellable");
  });
});

describe("a task of another version", { timeout: 60_000 }, () => {
  const before = task("grow")
    .step("one", { run: () => undefined, noUndo: "computes" })
    .step("two", { run: () => undefined, noUndo: "computes" });

  test("whose type is not known any more is stuck and says so", async () => {
    await using lab = await openLab();
    const taskId = await lab.submit(lab.engine([before]), before);
    const other = task("other").step("only", { run: () => undefined, noUndo: "nothing is made" });
    const engine = lab.engine([other]);
    engine.start();
    const stuck = await engine.whenEnded(taskId);
    assert.deepEqual([stuck.state, stuck.stuckReason?.code], ["stuck", "TASK_TYPE_UNKNOWN"]);
  });

  test("whose steps are others now is stuck, and goes on with the version that knows them", async () => {
    await using lab = await openLab();
    const taskId = await lab.submit(lab.engine([before]), before);
    const after = task("grow").step("two", { run: () => undefined, noUndo: "computes" });
    const engine = lab.engine([after]);
    engine.start();
    const stuck = await engine.whenEnded(taskId);
    assert.deepEqual([stuck.state, stuck.stuckReason?.code], ["stuck", "TASK_STEPS_CHANGED"]);
    await engine.stop();
    const old = lab.engine([before]);
    old.start();
    await old.retryStuck(taskId);
    while ((await old.find(taskId))?.state === "stuck");
    assert.equal((await old.whenEnded(taskId)).state, "succeeded");
  });
});
