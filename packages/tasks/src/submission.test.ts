import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { AppError } from "@sinter/kit";
import { randomSource } from "@sinter/testing";
import { task } from "./definition.ts";
import { openLab } from "./testing/engine-lab.ts";

const noop = task<{ value?: number }>("noop").step("only", {
  run: () => undefined,
  noUndo: "nothing is made",
});
const ENTITY = { urn: "urn:1", name: "one" };

describe("submit", { timeout: 60_000 }, () => {
  test("leaves nothing when the caller's transaction rolls back", async () => {
    await using lab = await openLab();
    const engine = lab.engine([noop]);
    engine.start();
    const client = await lab.pool.connect();
    await client.query("begin");
    await client.query("insert into effects values ('domain row')");
    const taskId = await engine.submit(client, noop, {
      input: {},
      entity: ENTITY,
      user: "",
      locks: ["urn:1"],
    });
    assert.equal((await client.query("select * from task_tasks where id = $1", [taskId])).rowCount, 1);
    await client.query("rollback");
    client.release();
    for (const table of ["task_tasks", "task_steps", "task_locks", "task_secrets", "effects"]) {
      assert.deepEqual(await lab.rows(`select * from ${table}`), [], table);
    }
  });

  test("writes with the domain's rows, and the engine starts upon the commit", async () => {
    await using lab = await openLab();
    // No poll helps it: only the notification.
    const engine = lab.engine([noop], { pollMs: 3_600_000 });
    engine.start();
    const ended = Promise.withResolvers<void>();
    engine.onChange(({ state }) => {
      if (state === "succeeded") ended.resolve();
    });
    await lab.submit(engine, noop);
    await ended.promise;
  });

  test("takes ids from the sequence it is told", async () => {
    await using lab = await openLab();
    await lab.pool.query("create sequence object_ids start 7001");
    const engine = lab.engine([noop], { idSequence: "object_ids" });
    assert.equal(await lab.submit(engine, noop), 7001);
    assert.equal(await lab.submit(engine, noop), 7002);
  });

  test("refuses a task the engine was not given", async () => {
    await using lab = await openLab();
    const other = task("other").step("only", { run: () => undefined, noUndo: "nothing is made" });
    await assert.rejects(lab.submit(lab.engine([noop]), other), /was not given/);
  });
});

describe("locks", { timeout: 60_000 }, () => {
  test("a taken object is refused by name, with the task that has it, and nothing is written", async () => {
    await using lab = await openLab();
    const engine = lab.engine([noop]);
    const holder = await lab.submit(engine, noop, { locks: ["urn:b", "urn:a"] });
    const client = await lab.pool.connect();
    await client.query("begin");
    await assert.rejects(
      engine.submit(client, noop, { input: {}, entity: ENTITY, user: "", locks: ["urn:c", "urn:b"] }),
      (error) => {
        assert.ok(error instanceof AppError);
        assert.equal(error.kind, "conflict");
        assert.equal(error.code, "OBJECT_BUSY");
        assert.deepEqual(error.params, { urn: "urn:b", taskId: holder });
        return true;
      },
    );
    // The transaction is still good, and what is committed with it is no part of a task.
    await client.query("insert into effects values ('other work')");
    await client.query("commit");
    client.release();
    assert.deepEqual(
      await engine.lockedBy(["urn:a", "urn:b", "urn:c"]),
      new Map([
        ["urn:a", holder],
        ["urn:b", holder],
      ]),
    );
    assert.equal((await engine.list()).total, 1);
    assert.deepEqual(await lab.rows("select name from effects"), [{ name: "other work" }]);
  });

  test("a lock named twice is taken once", async () => {
    await using lab = await openLab();
    const engine = lab.engine([noop]);
    const taskId = await lab.submit(engine, noop, { locks: ["urn:a", "urn:a"] });
    assert.deepEqual(await engine.lockedBy(["urn:a"]), new Map([["urn:a", taskId]]));
  });

  test("of 50 submissions for one object exactly one wins", async () => {
    await using lab = await openLab();
    const engine = lab.engine([noop]);
    const outcomes = await Promise.allSettled(
      Array.from({ length: 50 }, () => lab.submit(engine, noop, { locks: ["urn:x", "urn:prize"] })),
    );
    const won = outcomes.filter(({ status }) => status === "fulfilled");
    assert.equal(won.length, 1);
    for (const outcome of outcomes) {
      if (outcome.status === "rejected") assert.equal(outcome.reason.code, "OBJECT_BUSY");
    }
    assert.equal((await engine.list()).total, 1);
    assert.equal((await lab.rows("select * from task_locks")).length, 2);
  });

  test("overlapping locks in any order neither deadlock nor overlap", async (t) => {
    const random = randomSource(t);
    await using lab = await openLab();
    const engine = lab.engine([noop]);
    const objects = Array.from({ length: 8 }, (_, index) => `urn:${index}`);
    const outcomes = await Promise.allSettled(
      Array.from({ length: 60 }, () => {
        const locks = random.shuffled(objects).slice(0, random.below(5));
        return lab.submit(engine, noop, { locks });
      }),
    );
    for (const outcome of outcomes) {
      if (outcome.status === "rejected")
        assert.equal(outcome.reason.code, "OBJECT_BUSY", String(outcome.reason));
    }
    const won = outcomes.filter(({ status }) => status === "fulfilled").length;
    assert.equal((await engine.list({ limit: 1 })).total, won);
    const orphans = await lab.rows(
      "select * from task_locks where task_id not in (select id from task_tasks)",
    );
    assert.deepEqual(orphans, []);
  });

  test("an object whose submission is rolled back goes to the one that waited for it", async () => {
    await using lab = await openLab();
    const engine = lab.engine([noop]);
    const first = await lab.pool.connect();
    await first.query("begin");
    await engine.submit(first, noop, { input: {}, entity: ENTITY, user: "", locks: ["urn:1"] });
    const second = lab.submit(engine, noop, { locks: ["urn:1"] });
    const waiting =
      "select count(*)::int as n from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()";
    while ((await lab.rows(waiting))[0]?.["n"] === 0);
    await first.query("rollback");
    first.release();
    const taskId = await second;
    assert.deepEqual(await engine.lockedBy(["urn:1"]), new Map([["urn:1", taskId]]));
  });
});

describe("secrets", { timeout: 60_000 }, () => {
  const secretive = task<{ name: string }, { seen: string[] }, { password: string }>("secretive")
    .step("use", {
      run: ({ secret, ports }) => void ports.seen.push(secret.password),
      noUndo: "nothing is made",
    })
    .step("fail", {
      run: ({ input }) => {
        if (input.name === "bad") throw new AppError("invalid", "BAD", "Bad name.");
      },
      undo: ({ secret, ports }) => void ports.seen.push(`undo ${secret.password}`),
    });
  const sealer = {
    seal: (plain: string) => Buffer.from(plain).toString("base64"),
    open: (sealed: string) => Buffer.from(sealed, "base64").toString(),
  };

  test("reach the steps, lie sealed in their own table, and are erased at the end", async () => {
    await using lab = await openLab();
    const seen: string[] = [];
    const engine = lab.engine([secretive], { ports: { seen }, sealer });
    const secret = { password: "swordfish" };
    const good = await lab.submit(engine, secretive, { input: { name: "good" }, secret });
    const bad = await lab.submit(engine, secretive, { input: { name: "bad" }, secret });
    assert.equal((await lab.rows("select * from task_secrets")).length, 2);
    for (const table of ["task_tasks", "task_steps", "task_secrets"]) {
      const text = JSON.stringify(await lab.rows(`select * from ${table}`));
      assert.ok(!text.includes("swordfish"), `${table} shows the secret`);
    }
    engine.start();
    assert.equal((await engine.whenEnded(good)).state, "succeeded");
    assert.equal((await engine.whenEnded(bad)).state, "failed");
    assert.deepEqual(seen.toSorted(), ["swordfish", "swordfish", "undo swordfish"]);
    assert.deepEqual(await lab.rows("select * from task_secrets"), []);
  });
});
