import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { waitFor } from "@sinter/kit";
import { Client } from "pg";
import { task } from "./definition.ts";
import type { TaskEngine } from "./engine.ts";
import { type EngineLab, Meeting, openLab } from "./testing/engine-lab.ts";
import { interrupted, type InterruptedPorts } from "./testing/interrupted-task.ts";

const ALL_EFFECTS = [{ name: "first" }, { name: "second" }, { name: "third" }];
const TIMEOUT_MS = 20_000;

const portsOf = (lab: EngineLab, linger: InterruptedPorts["linger"]): InterruptedPorts => ({
  pool: lab.pool,
  linger,
});
const noLinger = async (): Promise<void> => {};

const leads = async (engine: TaskEngine): Promise<void> => {
  await waitFor("leadership", () => engine.isLeading || undefined, { timeoutMs: TIMEOUT_MS, intervalMs: 5 });
};

const LOCK_HOLDER =
  "select pid from pg_locks where locktype = 'advisory' and granted " +
  "and database = (select oid from pg_database where datname = current_database())";

/** Cuts the connection that holds the engine's lock. */
const cutLeader = async (lab: EngineLab): Promise<void> => {
  await lab.rows(`select pg_terminate_backend(pid) from (${LOCK_HOLDER}) as holder`);
};

describe("engines on one database", { timeout: 120_000 }, () => {
  test("one leads at a time, and when it stops another does", async () => {
    await using lab = await openLab();
    const engines = Array.from({ length: 3 }, () =>
      lab.engine([interrupted], { ports: portsOf(lab, noLinger) }),
    );
    for (const engine of engines) engine.start();
    for (let left = engines.length; left > 0; left--) {
      await waitFor("a leader", () => engines.some(({ isLeading }) => isLeading) || undefined, {
        timeoutMs: TIMEOUT_MS,
      });
      const leading = engines.filter(({ isLeading }) => isLeading);
      assert.equal(leading.length, 1);
      await leading[0]?.stop();
      assert.equal(leading[0]?.isLeading, false);
    }
  });

  test("share nothing but the work: each of 60 tasks is done once, whichever engines come and go", async () => {
    await using lab = await openLab();
    const runs = new Map<number, number>();
    const counted = task("counted").step("count", {
      run: ({ taskId }) => void runs.set(taskId, (runs.get(taskId) ?? 0) + 1),
      noUndo: "counts",
    });
    const engines = Array.from({ length: 3 }, () => lab.engine([counted], { concurrency: 4 }));
    for (const engine of engines) engine.start();
    const submitter = lab.engine([counted]);
    const ids = await Promise.all(Array.from({ length: 60 }, () => lab.submit(submitter, counted)));
    await engines.find(({ isLeading }) => isLeading)?.stop();
    for (const id of ids) assert.equal((await submitter.whenEnded(id)).state, "succeeded");
    // Bodies may be repeated by a stop, but a step that was recorded is not run again.
    for (const id of ids) assert.ok((runs.get(id) ?? 0) <= 2);
    assert.equal(runs.size, 60);
  });

  test("stop leaves the step to the next start and takes nothing back", async () => {
    await using lab = await openLab();
    const meeting = new Meeting();
    const first = lab.engine([interrupted], { ports: portsOf(lab, (signal) => meeting.visit(signal)) });
    first.start();
    const taskId = await lab.submit(first, interrupted);
    await meeting.arrived;
    await first.stop();
    const stopped = await first.find(taskId);
    assert.equal(stopped?.state, "running");
    assert.deepEqual(await lab.rows("select name from effects order by 1"), ALL_EFFECTS.slice(0, 2));
    const second = lab.engine([interrupted], { ports: portsOf(lab, noLinger) });
    second.start();
    assert.equal((await second.whenEnded(taskId)).state, "succeeded");
    assert.deepEqual(await lab.rows("select name from effects order by 1"), ALL_EFFECTS);
    assert.deepEqual(
      (await second.steps(taskId)).map(({ attempts }) => attempts),
      [1, 2, 1],
    );
  });

  test("stop lets the step under way end and begins no other", async () => {
    await using lab = await openLab();
    const meeting = new Meeting();
    let seconds = 0;
    const two = task("two")
      .step("first", { run: async () => await meeting.visit(), noUndo: "waits" })
      .step("second", { run: () => void seconds++, noUndo: "counts" });
    const engine = lab.engine([two]);
    engine.start();
    const taskId = await lab.submit(engine, two);
    await meeting.arrived;
    const stopped = engine.stop();
    meeting.letGo();
    await stopped;
    assert.equal(seconds, 0);
    // What it did while the engine waited for it is recorded, so it need not be repeated.
    assert.deepEqual(
      (await engine.steps(taskId)).map(({ state }) => state),
      ["done", "running"],
    );
  });

  test("stop waits only so long for a step that does not heed it, which then changes nothing", async () => {
    await using lab = await openLab();
    const meeting = new Meeting();
    const first = lab.engine([interrupted], { ports: portsOf(lab, () => meeting.visit()), stopMs: 50 });
    first.start();
    const taskId = await lab.submit(first, interrupted);
    await meeting.arrived;
    await first.stop();
    meeting.letGo();
    const second = lab.engine([interrupted], { ports: portsOf(lab, noLinger) });
    second.start();
    assert.equal((await second.whenEnded(taskId)).state, "succeeded");
    assert.equal((await second.steps(taskId))[1]?.attempts, 2);
  });

  test("a process killed in the middle of a step is followed by another that goes on", async () => {
    await using lab = await openLab();
    const child = spawn(
      process.execPath,
      [fileURLToPath(new URL("testing/engine-child.ts", import.meta.url)), lab.url],
      {
        stdio: ["ignore", "pipe", "inherit"],
      },
    );
    try {
      const here = lab.engine([interrupted], { ports: portsOf(lab, noLinger) });
      const taskId = await lab.submit(here, interrupted);
      await arrival(child);
      // It waits for the lock, and gets it from the one that is killed.
      here.start();
      await waitFor(
        "a second connection asking for the lock",
        async () =>
          (await lab.rows("select 1 from pg_stat_activity where query like 'select pg_try_advisory_lock%'"))
            .length >= 1
            ? true
            : undefined,
        { timeoutMs: TIMEOUT_MS, intervalMs: 10 },
      );
      assert.equal(here.isLeading, false);
      const exited = once(child, "exit");
      child.kill("SIGKILL");
      await exited;
      const killedAt = Date.now();
      assert.equal((await here.whenEnded(taskId)).state, "succeeded");
      assert.ok(Date.now() - killedAt < 10_000);
      assert.deepEqual(await lab.rows("select name from effects order by 1"), ALL_EFFECTS);
      assert.deepEqual(
        (await here.steps(taskId)).map(({ attempts }) => attempts),
        [1, 2, 1],
      );
    } finally {
      child.kill("SIGKILL");
    }
  });
});

describe("a leader whose connection is cut", { timeout: 120_000 }, () => {
  test("gets its lock back and goes on with the steps under way as if nothing had been", async () => {
    await using lab = await openLab();
    const meeting = new Meeting();
    const engine = lab.engine([interrupted], {
      ports: portsOf(lab, (signal) => meeting.visit(signal)),
      graceMs: TIMEOUT_MS,
    });
    engine.start();
    const taskId = await lab.submit(engine, interrupted);
    await meeting.arrived;
    const [before] = await lab.rows("select epoch from task_engine");
    const [held] = await lab.rows(LOCK_HOLDER);
    await cutLeader(lab);
    await waitFor(
      "another connection to hold the lock",
      async () => (await lab.rows(LOCK_HOLDER)).find(({ pid }) => pid !== held?.["pid"]),
      { timeoutMs: TIMEOUT_MS, intervalMs: 5 },
    );
    meeting.letGo();
    assert.equal((await engine.whenEnded(taskId)).state, "succeeded");
    assert.equal(meeting.visits, 1);
    assert.deepEqual(await lab.rows("select epoch from task_engine"), [before]);
  });

  test("hears of a cancellation that came meanwhile", async () => {
    await using lab = await openLab();
    const meeting = new Meeting();
    const engine = lab.engine([interrupted], {
      ports: portsOf(lab, (signal) => meeting.visit(signal)),
      graceMs: TIMEOUT_MS,
      pollMs: 3_600_000,
    });
    engine.start();
    const taskId = await lab.submit(engine, interrupted);
    await meeting.arrived;
    await cutLeader(lab);
    const other = lab.engine([interrupted], { ports: portsOf(lab, noLinger) });
    assert.equal(await other.cancel(taskId, "ada"), "ok");
    assert.equal((await other.whenEnded(taskId)).state, "cancelled");
    assert.deepEqual(await lab.rows("select name from effects"), []);
  });

  test("gives up when another has the lock, and what its steps did is not recorded by it", async () => {
    await using lab = await openLab();
    const aborted = Promise.withResolvers<void>();
    const meeting = new Meeting();
    let visits = 0;
    const brief = task<object>("brief").step("only", { run: () => undefined, noUndo: "nothing is made" });
    const engine = lab.engine([interrupted, brief], {
      ports: portsOf(lab, async (signal) => {
        if (++visits > 1) return;
        signal.addEventListener("abort", () => aborted.resolve());
        await meeting.visit();
      }),
      graceMs: 300,
    });
    engine.start();
    const taskId = await lab.submit(engine, interrupted);
    await meeting.arrived;
    await using rival = await connect(lab.url);
    const taken = rival.client.query("select pg_advisory_lock(1397313108, 1)");
    await waitFor(
      "the rival in the queue",
      async () => (await lab.rows("select 1 from pg_locks where locktype = 'advisory' and not granted"))[0],
      {
        timeoutMs: TIMEOUT_MS,
        intervalMs: 5,
      },
    );
    await cutLeader(lab);
    await taken;
    await aborted.promise;
    assert.equal(engine.isLeading, false);
    await rival.client.query("select pg_advisory_unlock_all()");
    await leads(engine);
    // It has the task again, but the old run of it has not come back yet: another task shows that it works.
    assert.equal((await engine.whenEnded(await lab.submit(engine, brief))).state, "succeeded");
    const [claimed] = await lab.rows(
      "select t.epoch = e.epoch as is_new from task_tasks t, task_engine e where t.id = $1",
      [taskId],
    );
    assert.deepEqual([claimed, visits], [{ is_new: true }, 1]);
    assert.equal((await engine.steps(taskId))[1]?.attempts, 1);
    // The step succeeds all the same, too late to say so.
    meeting.letGo();
    assert.equal((await engine.whenEnded(taskId)).state, "succeeded");
    assert.equal((await engine.steps(taskId))[1]?.attempts, 2);
    assert.equal(visits, 2);
  });
});

describe("a leader that was succeeded", { timeout: 60_000 }, () => {
  test("gives up at once, however long it might have hoped", async () => {
    await using lab = await openLab();
    const aborted = Promise.withResolvers<void>();
    const engine = lab.engine([interrupted], {
      ports: portsOf(lab, async (signal) => {
        signal.addEventListener("abort", () => aborted.resolve());
        await aborted.promise;
        throw new Error("aborted");
      }),
      graceMs: 3_600_000,
    });
    engine.start();
    await lab.submit(engine, interrupted);
    await waitFor(
      "the second step",
      async () => (await lab.rows("select 1 from effects where name = 'second'"))[0],
      {
        timeoutMs: TIMEOUT_MS,
        intervalMs: 5,
      },
    );
    await using rival = await connect(lab.url);
    const taken = rival.client.query("select pg_advisory_lock(1397313108, 1)");
    await waitFor(
      "the rival in the queue",
      async () => (await lab.rows("select 1 from pg_locks where locktype = 'advisory' and not granted"))[0],
      { timeoutMs: TIMEOUT_MS, intervalMs: 5 },
    );
    await cutLeader(lab);
    await taken;
    await rival.client.query("update task_engine set epoch = epoch + 1");
    await aborted.promise;
    assert.equal(engine.isLeading, false);
  });
});

describe("fencing", { timeout: 60_000 }, () => {
  test("an engine that has not noticed its fall writes nothing and begins nothing", async () => {
    await using lab = await openLab();
    const meeting = new Meeting();
    let seconds = 0;
    const two = task("two")
      .step("first", { run: async () => await meeting.visit(), noUndo: "waits" })
      .step("second", { run: () => void seconds++, noUndo: "counts" });
    const engine = lab.engine([two]);
    engine.start();
    const taskId = await lab.submit(engine, two);
    await meeting.arrived;
    // What the election of another engine and its claim leave.
    await lab.rows("update task_engine set epoch = epoch + 1");
    await lab.rows("update task_tasks set epoch = epoch + 1");
    const before = await lab.rows("select * from task_steps order by position");
    const late = lab.engine([two]);
    const unseen = await lab.submit(late, two);
    engine.kick();
    meeting.letGo();
    // Time enough to do what it must not.
    for (let turn = 0; turn < 50; turn++) await lab.rows("select 1");
    await engine.stop();
    assert.deepEqual(
      await lab.rows("select * from task_steps where task_id = $1 order by position", [taskId]),
      before,
    );
    assert.equal((await engine.find(unseen))?.state, "waiting");
    assert.equal(seconds, 0);
  });

  test("a task that was claimed without the answer arriving is found by the next look", async () => {
    await using lab = await openLab();
    const engine = lab.engine([interrupted], { ports: portsOf(lab, noLinger), pollMs: 50 });
    engine.start();
    await leads(engine);
    const client = await lab.pool.connect();
    await client.query("begin");
    const taskId = await engine.submit(client, interrupted, {
      input: {},
      entity: { urn: "urn:1", name: "" },
      user: "",
      locks: [],
    });
    await client.query("update task_tasks set state = 'running', epoch = (select epoch from task_engine)");
    await client.query("commit");
    client.release();
    assert.equal((await engine.whenEnded(taskId)).state, "succeeded");
  });

  test("an engine that has crashed records nothing of what its other steps still do", async () => {
    await using lab = await openLab();
    const meeting = new Meeting();
    const trigger = task("trigger").step("crash", { run: () => undefined, noUndo: "crashes" });
    const first = lab.engine([interrupted, trigger], {
      ports: portsOf(lab, () => meeting.visit()),
      fault: ({ step }) => (step === "crash" ? "crash" : undefined),
    });
    first.start();
    const taskId = await lab.submit(first, interrupted);
    await meeting.arrived;
    await lab.submit(first, trigger);
    await first.crashed;
    const before = await lab.rows("select * from task_steps order by task_id, position");
    meeting.letGo();
    await first.stop();
    assert.deepEqual(await lab.rows("select * from task_steps order by task_id, position"), before);
    const second = lab.engine([interrupted, trigger], { ports: portsOf(lab, noLinger) });
    second.start();
    assert.equal((await second.whenEnded(taskId)).state, "succeeded");
  });
});

/** The child's word that it is in the middle of its step. */
async function arrival(child: ChildProcess): Promise<void> {
  assert.ok(child.stdout);
  for await (const chunk of child.stdout) if (String(chunk).includes("arrived")) return;
  throw new Error("The child ended before it arrived.");
}

async function connect(url: string): Promise<AsyncDisposable & { client: Client }> {
  const client = new Client({ connectionString: url });
  await client.connect();
  return { client, [Symbol.asyncDispose]: () => client.end() };
}
