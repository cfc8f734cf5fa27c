import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { AppError } from "@sinter/kit";
import { task } from "./definition.ts";
import type { CancelOutcome } from "./engine.ts";
import { Meeting, openLab } from "./testing/engine-lab.ts";

interface Ports {
  readonly meeting: Meeting;
  readonly lines: string[];
}

/** Waits in its second step until it is let go or cancelled. */
const patient = task<object, Ports>("patient")
  .step("make", {
    run: ({ ports }) => void ports.lines.push("make"),
    undo: ({ ports }) => void ports.lines.push("undo make"),
  })
  .step("wait", {
    run: async ({ ports, signal }) => await ports.meeting.visit(signal),
    undo: ({ ports, signal }) => void ports.lines.push(`undo wait${signal.aborted ? ", aborted" : ""}`),
  });

const makePorts = (): Ports => ({ meeting: new Meeting(), lines: [] });

describe("cancel", { timeout: 60_000 }, () => {
  test("aborts the step under way, takes everything back with signals at rest, and says who", async () => {
    await using lab = await openLab();
    const ports = makePorts();
    const engine = lab.engine([patient], { ports });
    engine.start();
    const taskId = await lab.submit(engine, patient);
    await ports.meeting.arrived;
    assert.equal((await engine.find(taskId))?.isCancellable, true);
    assert.equal(await engine.cancel(taskId, "ada"), "ok");
    const ended = await engine.whenEnded(taskId);
    assert.equal(ended.state, "cancelled");
    assert.equal(ended.cancelledBy, "ada");
    assert.equal(ended.isCancelRequested, true);
    assert.deepEqual([ended.reason?.kind, ended.reason?.code], ["cancelled", "TASK_CANCELLED"]);
    assert.equal(ended.progress, 100);
    assert.deepEqual(ports.lines, ["make", "undo wait", "undo make"]);
    assert.deepEqual(await lab.rows("select * from task_locks"), []);
  });

  test("says what became of the wish", async () => {
    await using lab = await openLab();
    const ports = makePorts();
    const tidy = new Meeting();
    const stubborn = task<object, Ports>("stubborn").step("wait", {
      run: async ({ ports: { meeting }, signal }) => await meeting.visit(signal),
      undo: async () => await tidy.visit(),
    });
    const brief = task<object, Ports>("brief", { isCancellable: false }).step("wait", {
      run: async ({ ports: { meeting } }) => await meeting.visit(),
      noUndo: "waits",
    });
    const engine = lab.engine([stubborn, brief], { ports });
    engine.start();
    assert.equal(await engine.cancel(999, "ada"), "notFound");
    const taskId = await lab.submit(engine, stubborn);
    await ports.meeting.arrived;
    assert.equal(await engine.cancel(taskId, "ada"), "ok");
    assert.equal(await engine.cancel(taskId, "ada"), "alreadyCancelled");
    await tidy.arrived;
    assert.equal(await engine.cancel(taskId, "ada"), "alreadyCancelled");
    tidy.letGo();
    await engine.whenEnded(taskId);
    assert.equal(await engine.cancel(taskId, "ada"), "finished");
    const briefId = await lab.submit(engine, brief);
    assert.equal(await engine.cancel(briefId, "ada"), "notCancellable");
    ports.meeting.letGo();
    assert.equal((await engine.whenEnded(briefId)).state, "succeeded");
  });

  test("of a task that unwinds after a failure is refused", async () => {
    await using lab = await openLab();
    const tidy = new Meeting();
    const failing = task("failing").step("fail", {
      run: () => {
        throw new AppError("invalid", "BAD", "Bad.");
      },
      undo: async () => await tidy.visit(),
    });
    const engine = lab.engine([failing]);
    engine.start();
    const taskId = await lab.submit(engine, failing);
    await tidy.arrived;
    assert.equal(await engine.cancel(taskId, "ada"), "notCancellable");
    tidy.letGo();
    const ended = await engine.whenEnded(taskId);
    assert.deepEqual([ended.state, ended.isCancelRequested, ended.reason?.code], ["failed", false, "BAD"]);
  });

  test("of a task that still waits runs nothing but the first undo, though all places are taken", async () => {
    await using lab = await openLab();
    const ports = makePorts();
    const engine = lab.engine([patient], { ports, concurrency: 1 });
    engine.start();
    const busy = await lab.submit(engine, patient);
    await ports.meeting.arrived;
    const waiting = await lab.submit(engine, patient);
    assert.equal((await engine.find(waiting))?.state, "waiting");
    ports.lines.length = 0;
    assert.equal(await engine.cancel(waiting, "ada"), "ok");
    assert.equal((await engine.whenEnded(waiting)).state, "cancelled");
    assert.deepEqual(ports.lines, ["undo make"]);
    assert.equal((await engine.find(busy))?.state, "running");
    ports.meeting.letGo();
    assert.equal((await engine.whenEnded(busy)).state, "succeeded");
  });

  test("ends the pause before another attempt", async () => {
    await using lab = await openLab();
    const slow = task("slow").step("call", {
      retry: { attempts: 5, firstDelayMs: 3_600_000, delayMsMax: 3_600_000 },
      run: () => {
        throw new AppError("unavailable", "AWAY", "Away.");
      },
      noUndo: "calls",
    });
    const engine = lab.engine([slow]);
    const failed = Promise.withResolvers<void>();
    engine.onChange(({ message }) => {
      if (message === "Away.") failed.resolve();
    });
    engine.start();
    const taskId = await lab.submit(engine, slow);
    await failed.promise;
    assert.equal(await engine.cancel(taskId, "ada"), "ok");
    assert.equal((await engine.whenEnded(taskId)).state, "cancelled");
  });

  test("beats the success of a step that does not heed its signal", async () => {
    await using lab = await openLab();
    const meeting = new Meeting();
    const lines: string[] = [];
    const deaf = task("deaf").step("only", {
      run: async () => await meeting.visit(),
      undo: () => void lines.push("undo"),
    });
    const engine = lab.engine([deaf]);
    engine.start();
    const taskId = await lab.submit(engine, deaf);
    await meeting.arrived;
    assert.equal(await engine.cancel(taskId, "ada"), "ok");
    meeting.letGo();
    assert.equal((await engine.whenEnded(taskId)).state, "cancelled");
    assert.deepEqual(lines, ["undo"]);
  });

  test("rolls back a database step that was about to be recorded", async () => {
    await using lab = await openLab();
    const meeting = new Meeting();
    const writer = task("writer").dbStep("write", {
      run: async (_, tx) => {
        await tx.query("insert into effects values ('row')");
        await meeting.visit();
      },
      undo: async (_, tx) => await tx.query("delete from effects"),
    });
    const engine = lab.engine([writer]);
    engine.start();
    const taskId = await lab.submit(engine, writer);
    await meeting.arrived;
    assert.equal(await engine.cancel(taskId, "ada"), "ok");
    meeting.letGo();
    assert.equal((await engine.whenEnded(taskId)).state, "cancelled");
    assert.deepEqual(await lab.rows("select * from effects"), []);
  });

  test("asked of an engine that does not lead reaches the one that does", async () => {
    await using lab = await openLab();
    const ports = makePorts();
    const leader = lab.engine([patient], { ports, pollMs: 3_600_000 });
    leader.start();
    const taskId = await lab.submit(leader, patient);
    await ports.meeting.arrived;
    const standby = lab.engine([patient], { ports });
    assert.equal(await standby.cancel(taskId, "ada"), "ok");
    assert.equal((await standby.whenEnded(taskId)).state, "cancelled");
  });

  test("racing the end of the task: accepted exactly when the task ends as cancelled", async () => {
    await using lab = await openLab();
    const made = new Set<number>();
    const quick = task("quick")
      .step("make", {
        run: ({ taskId }) => void made.add(taskId),
        undo: ({ taskId }) => void made.delete(taskId),
      })
      .dbStep("settle", { run: () => undefined, noUndo: "writes nothing" });
    const engine = lab.engine([quick]);
    engine.start();
    const tally: Partial<Record<CancelOutcome, number>> = {};
    for (let round = 0; round < 80; round++) {
      const taskId = await lab.submit(engine, quick);
      for (let turn = 0; turn < round % 20; turn++) await new Promise((resolve) => setImmediate(resolve));
      const outcome = await engine.cancel(taskId, "ada");
      const ended = await engine.whenEnded(taskId);
      assert.equal(ended.state, outcome === "ok" ? "cancelled" : "succeeded", outcome);
      assert.equal(made.has(taskId), outcome !== "ok");
      tally[outcome] = (tally[outcome] ?? 0) + 1;
    }
    assert.deepEqual(
      Object.keys(tally).filter((outcome) => outcome !== "ok" && outcome !== "finished"),
      [],
    );
  });
});
