import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { AppError, ManualClock } from "@sinter/kit";
import { task } from "./definition.ts";
import { hasEnded, type TaskView } from "./task-view.ts";
import { ImpatientClock, Meeting, openLab } from "./testing/engine-lab.ts";

const UNAVAILABLE = new AppError("unavailable", "AWAY", "The host does not answer.");
const REFUSED = new AppError("exhausted", "NO_ROOM", "There is no room.", { params: { wanted: 3 } });

/** Says when somebody has gone to sleep. */
class WatchedClock extends ManualClock {
  readonly #slept = Promise.withResolvers<void>();
  readonly slept = this.#slept.promise;

  override sleep(ms: number, signal?: AbortSignal): Promise<void> {
    const sleep = super.sleep(ms, signal);
    this.#slept.resolve();
    return sleep;
  }
}

interface Diary {
  readonly lines: string[];
}

describe("a task that succeeds", { timeout: 60_000 }, () => {
  test("hands the outputs of its steps on, in order, and shows them", async () => {
    await using lab = await openLab();
    const sum = task<{ a: number }>("sum")
      .step("double", { run: ({ input }) => ({ value: input.a * 2 }), noUndo: "computes" })
      .dbStep("query", {
        run: async ({ done }, tx) => {
          const { rows } = await tx.query<{ n: number }>("select $1::int + 1 as n", [done.double.value]);
          return rows[0]?.n ?? 0;
        },
        noUndo: "reads",
      })
      .step("text", { run: ({ done }) => `${done.double.value} ${done.query}`, noUndo: "computes" });
    const engine = lab.engine([sum]);
    engine.start();
    const taskId = await lab.submit(engine, sum, {
      input: { a: 20 },
      title: "Adds",
      attributes: { origin: "manual" },
    });
    const ended = await engine.whenEnded(taskId);
    assert.equal(ended.state, "succeeded");
    assert.equal(ended.title, "Adds");
    assert.deepEqual(ended.attributes, { origin: "manual" });
    assert.equal(ended.reason, undefined);
    assert.ok((ended.startedAt ?? 0) >= ended.createdAt && (ended.finishedAt ?? 0) >= (ended.startedAt ?? 0));
    const steps = await engine.steps(taskId);
    assert.deepEqual(
      steps.map(({ name, state, attempts, output }) => ({ name, state, attempts, output })),
      [
        { name: "double", state: "done", attempts: 1, output: { value: 40 } },
        { name: "query", state: "done", attempts: 1, output: 41 },
        { name: "text", state: "done", attempts: 1, output: "40 41" },
      ],
    );
  });

  test("tells its steps who, what and in which attempt, with the same operation id each time", async () => {
    await using lab = await openLab();
    const seen: unknown[] = [];
    const curious = task("curious").step("look", {
      run: ({ taskId, operationId, attempt, entity, user }) => {
        seen.push({ taskId, operationId, attempt, entity, user });
        if (attempt === 1) throw UNAVAILABLE;
      },
      noUndo: "looks",
    });
    const engine = lab.engine([curious]);
    engine.start();
    const entity = { urn: "urn:vms:1", name: "one" };
    const taskId = await lab.submit(engine, curious, { entity, user: "ada" });
    await engine.whenEnded(taskId);
    const told = { taskId, operationId: `${taskId}:look`, entity, user: "ada" };
    assert.deepEqual(seen, [
      { ...told, attempt: 1 },
      { ...told, attempt: 2 },
    ]);
  });

  test("cannot change its input or what earlier steps gave, since a restart would lose the change", async () => {
    await using lab = await openLab();
    const meddler = task<{ list: number[] }>("meddler")
      .step("give", { run: () => ({ deep: { list: [1] } }), noUndo: "computes" })
      .step("meddle", {
        run: ({ input, done }) => {
          assert.throws(() => input.list.push(1), TypeError);
          assert.throws(() => done.give.deep.list.push(2), TypeError);
        },
        noUndo: "computes",
      });
    const engine = lab.engine([meddler]);
    engine.start();
    const ended = await engine.whenEnded(await lab.submit(engine, meddler, { input: { list: [] } }));
    assert.equal(ended.reason, undefined);
    assert.equal(ended.state, "succeeded");
  });

  test("keeps outputs that PostgreSQL would refuse as text, and `undefined`", async () => {
    await using lab = await openLab();
    const odd = task("odd")
      .step("nothing", { run: () => undefined, noUndo: "computes" })
      .step("text", { run: () => ({ nul: "a\0b", half: "x\ud800y" }), noUndo: "computes" })
      .step("check", {
        run: ({ done }) => done.nothing === undefined && done.text.nul === "ab",
        noUndo: "computes",
      });
    const engine = lab.engine([odd]);
    engine.start();
    const taskId = await lab.submit(engine, odd);
    assert.equal((await engine.whenEnded(taskId)).state, "succeeded");
    assert.equal((await engine.steps(taskId))[2]?.output, true);
  });
});

describe("a step that fails", { timeout: 60_000 }, () => {
  test("is tried again as its policy says when it may pass: six times in some thirty seconds", async () => {
    await using lab = await openLab();
    const clock = new ImpatientClock();
    const away = task("away").step("call", {
      run: () => {
        throw UNAVAILABLE;
      },
      noUndo: "calls",
    });
    const engine = lab.engine([away], { clock, retry: {} });
    engine.start();
    const taskId = await lab.submit(engine, away);
    const ended = await engine.whenEnded(taskId);
    assert.equal(ended.state, "failed");
    assert.deepEqual(ended.reason, UNAVAILABLE.toJSON());
    const [step] = await engine.steps(taskId);
    assert.equal(step?.attempts, 6);
    assert.equal(step?.state, "failed");
    assert.equal(step?.log.length, 6);
    const bases = [1_000, 2_000, 4_000, 8_000, 15_000];
    assert.equal(clock.sleeps.length, bases.length);
    for (const [index, base] of bases.entries()) {
      const slept = clock.sleeps[index] ?? 0;
      assert.ok(slept <= base && slept >= base * 0.8, `pause ${index + 1} was ${slept} ms`);
    }
  });

  test("waits by the clock it is given", async () => {
    await using lab = await openLab();
    const clock = new WatchedClock();
    const policy = { attempts: 2, firstDelayMs: 60_000, delayMsMax: 60_000 };
    const once = task("once").step("call", {
      retry: policy,
      run: ({ attempt }) => {
        if (attempt === 1) throw UNAVAILABLE;
      },
      noUndo: "calls",
    });
    const engine = lab.engine([once], { clock });
    engine.start();
    const taskId = await lab.submit(engine, once);
    const ended = engine.whenEnded(taskId);
    await clock.slept;
    clock.advance(40_000);
    assert.equal((await engine.find(taskId))?.state, "running");
    clock.advance(20_000);
    assert.equal((await ended).finishedAt, clock.now());
  });

  test("with anything else is taken back at once, with all before it, newest first", async () => {
    await using lab = await openLab();
    const lines: string[] = [];
    const definition = task<object, Diary>("diary")
      .step("one", {
        run: ({ ports }) => ports.lines.push("one"),
        undo: ({ ports }) => ports.lines.push("undo one"),
      })
      .step("two", { run: ({ ports }) => ports.lines.push("two"), noUndo: "looks" })
      .step("three", {
        run: ({ ports }) => {
          ports.lines.push("three");
          throw REFUSED;
        },
        undo: ({ ports, done }) => ports.lines.push(`undo three after ${done.one}`),
      })
      .step("four", {
        run: ({ ports }) => ports.lines.push("four"),
        undo: ({ ports }) => ports.lines.push("undo four"),
      });
    const engine = lab.engine([definition], { ports: { lines } });
    engine.start();
    const taskId = await lab.submit(engine, definition);
    const ended = await engine.whenEnded(taskId);
    assert.equal(ended.state, "failed");
    assert.deepEqual(ended.reason, REFUSED.toJSON());
    assert.deepEqual(lines, ["one", "two", "three", "undo three after 1", "undo one"]);
    assert.deepEqual(
      (await engine.steps(taskId)).map(({ state }) => state),
      ["undone", "done", "undone", "pending"],
    );
    assert.deepEqual(await lab.rows("select * from task_locks"), []);
  });

  test("in a database step leaves no trace of its statements, whatever the error", async () => {
    await using lab = await openLab();
    const broken = task<{ how: string }>("broken").dbStep("write", {
      run: async ({ input }, tx) => {
        await tx.query("insert into effects values ('half')");
        if (input.how === "throw") throw REFUSED;
        await tx.query("insert into nowhere values (1)");
      },
      noUndo: "one transaction",
    });
    const engine = lab.engine([broken]);
    engine.start();
    const thrown = await engine.whenEnded(await lab.submit(engine, broken, { input: { how: "throw" } }));
    const refused = await engine.whenEnded(await lab.submit(engine, broken, { input: { how: "sql" } }));
    assert.deepEqual([thrown.state, refused.state], ["failed", "failed"]);
    assert.equal(thrown.reason?.code, "NO_ROOM");
    assert.equal(refused.reason?.kind, "internal");
    assert.deepEqual(await lab.rows("select * from effects"), []);
  });

  test("in a database step that swallows an SQL error fails too, for its transaction is lost", async () => {
    await using lab = await openLab();
    const careless = task("careless").dbStep("write", {
      run: async (_, tx) => {
        await tx.query("insert into effects values ('half')");
        await tx.query("insert into nowhere values (1)").catch(() => {});
      },
      noUndo: "one transaction",
    });
    const engine = lab.engine([careless]);
    engine.start();
    assert.equal((await engine.whenEnded(await lab.submit(engine, careless))).state, "failed");
    assert.deepEqual(await lab.rows("select * from effects"), []);
  });

  test("by giving what JSON cannot say fails as a step, not as an engine", async () => {
    await using lab = await openLab();
    const huge = task("huge").step("count", { run: () => ({ n: 10n }), noUndo: "computes" });
    const engine = lab.engine([huge]);
    engine.start();
    const ended = await engine.whenEnded(await lab.submit(engine, huge));
    assert.equal(ended.state, "failed");
    assert.match(ended.reason?.message ?? "", /BigInt/);
  });
});

describe("progress", { timeout: 60_000 }, () => {
  test("follows the weights, never falls, and is 100 exactly at the end, also of a failure", async () => {
    await using lab = await openLab();
    const weighted = task<{ fails: boolean }>("weighted")
      .step("light", {
        run: ({ progress }) => {
          progress(0.5);
          progress(0.2, "a step back");
        },
        undo: ({ progress }) => progress(0.1, "tidying"),
      })
      .step("heavy", {
        weight: 3,
        run: ({ progress, input }) => {
          for (const fraction of [0, 0.25, Number.NaN, 1, 7]) progress(fraction, `at ${fraction}`);
          if (input.fails) throw REFUSED;
        },
        noUndo: "computes",
      });
    const engine = lab.engine([weighted]);
    const seen = new Map<number, TaskView[]>();
    engine.onChange((view) => seen.set(view.id, [...(seen.get(view.id) ?? []), view]));
    engine.start();
    for (const fails of [false, true]) {
      const taskId = await lab.submit(engine, weighted, { input: { fails } });
      const ended = await engine.whenEnded(taskId);
      assert.equal(ended.progress, 100);
      const views = seen.get(taskId) ?? [];
      const percents = views.map(({ progress }) => progress);
      assert.deepEqual(
        percents,
        percents.toSorted((a, b) => a - b),
      );
      for (const expected of [0, 12, 25, 43, 99, 100])
        assert.ok(percents.includes(expected), `${percents.join()} lacks ${expected}`);
      for (const view of views) assert.equal(view.progress === 100, hasEnded(view.state));
      assert.ok(views.some(({ message }) => message === "a step back"));
    }
  });

  test("is told at once and written at most four times a second, the last one surely", async () => {
    await using lab = await openLab();
    const meeting = new Meeting();
    const chatty = task("chatty").step("talk", {
      run: async ({ progress, note }) => {
        for (let part = 0; part <= 2_000; part++) progress(part / 4_000, `part ${part}`);
        for (let line = 1; line <= 150; line++) note(`line ${line}`);
        await meeting.visit();
      },
      noUndo: "talks",
    });
    await lab.pool.query(
      "create table writes (at timestamptz default clock_timestamp()); " +
        "create function count_write() returns trigger language plpgsql as $$ begin insert into writes default values; return new; end $$; " +
        "create trigger count_write after update of message on task_steps for each row when (old.state = new.state) execute function count_write()",
    );
    const engine = lab.engine([chatty]);
    let events = 0;
    engine.onChange(() => events++);
    engine.start();
    const taskId = await lab.submit(engine, chatty);
    await meeting.arrived;
    assert.ok(events > 2_000, `${events} events`);
    const begun = Date.now();
    while ((await engine.find(taskId))?.message !== "part 2000") {
      assert.ok(Date.now() - begun < 5_000, "the last progress was not written");
    }
    const writes = (await lab.rows("select * from writes")).length;
    assert.ok(writes <= 3, `${writes} writes`);
    const log = (await engine.steps(taskId))[0]?.log ?? [];
    assert.equal(log.length, 100);
    assert.equal(log.at(-1)?.text, "line 150");
    meeting.letGo();
    await engine.whenEnded(taskId);
  });

  test("of a step that has ended is ignored", async () => {
    await using lab = await openLab();
    let late: (() => void) | undefined;
    const forgetful = task("forgetful")
      .step("leak", {
        run: ({ progress }) => {
          late = () => progress(1, "too late");
        },
        noUndo: "leaks",
      })
      .step("next", { run: () => late?.(), noUndo: "computes" });
    const engine = lab.engine([forgetful]);
    const messages: string[] = [];
    engine.onChange(({ message }) => messages.push(message));
    engine.start();
    await engine.whenEnded(await lab.submit(engine, forgetful));
    assert.ok(late !== undefined && !messages.includes("too late"));
  });
});

describe("listeners", { timeout: 60_000 }, () => {
  test("that throw disturb nothing, and those that left hear nothing", async () => {
    await using lab = await openLab();
    const noop = task("noop").step("only", { run: () => undefined, noUndo: "nothing is made" });
    const engine = lab.engine([noop]);
    let heard = 0;
    engine.onChange(() => {
      throw new Error("a bad listener");
    });
    const leave = engine.onChange(() => heard++);
    engine.start();
    assert.equal((await engine.whenEnded(await lab.submit(engine, noop))).state, "succeeded");
    const before = heard;
    assert.ok(before > 0);
    leave();
    await engine.whenEnded(await lab.submit(engine, noop));
    assert.equal(heard, before);
  });
});
