import assert from "node:assert/strict";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { silentLog } from "@sinter/kit";
import { PrivatePostgres } from "@sinter/postgres";
import { Pool } from "pg";
import { createTaskEngine, type TaskEngine } from "./engine.ts";
import type { FaultHook } from "./fault.ts";
import { Meeting, migrateTasks, QUICK } from "./testing/engine-lab.ts";
import { interrupted } from "./testing/interrupted-task.ts";

/** Enough attempts to outlast a restart of the server. */
const PATIENT = { attempts: 100, firstDelayMs: 20, delayMsMax: 200 };

interface World extends AsyncDisposable {
  readonly server: PrivatePostgres;
  readonly pool: Pool;
  engine(linger: (signal: AbortSignal) => Promise<void>, fault?: FaultHook): TaskEngine;
  submit(engine: TaskEngine): Promise<number>;
}

/** A server that keeps its word over a power cut, for one test alone. */
async function openWorld(): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), "sinter-restart-"));
  await chmod(folder, 0o755);
  const server = await PrivatePostgres.start({
    dataDir: join(folder, "data"),
    socketDir: join(folder, "socket"),
    log: silentLog,
    durable: true,
  });
  await migrateTasks(server.url());
  const pool = new Pool({ connectionString: server.url() });
  pool.on("error", () => {});
  const engines: TaskEngine[] = [];
  return {
    server,
    pool,
    engine: (linger, fault) => {
      const engine = createTaskEngine({
        pool,
        definitions: [interrupted],
        ports: { pool, linger },
        log: silentLog,
        graceMs: 30_000,
        retry: { run: PATIENT, undo: PATIENT, noReturn: QUICK },
        ...(fault === undefined ? {} : { fault }),
      });
      engines.push(engine);
      return engine;
    },
    submit: (engine) =>
      engine.submit(pool, interrupted, {
        input: {},
        entity: { urn: "urn:1", name: "" },
        user: "",
        locks: [],
      }),
    [Symbol.asyncDispose]: async () => {
      await Promise.all(engines.map((engine) => engine.stop()));
      await pool.end();
      await server.stop();
      await rm(folder, { recursive: true });
    },
  };
}

async function expectAllEffects(world: World): Promise<void> {
  const { rows } = await world.pool.query("select name from effects order by 1");
  assert.deepEqual(rows, [{ name: "first" }, { name: "second" }, { name: "third" }]);
}

describe("a restart of PostgreSQL", { timeout: 240_000 }, () => {
  for (const how of ["restart", "kill9"] as const) {
    test(`in the middle of a step (${how}) is outlasted; what was recorded is not done again`, async () => {
      await using world = await openWorld();
      const meeting = new Meeting();
      const engine = world.engine((signal) => meeting.visit(signal));
      engine.start();
      const taskId = await world.submit(engine);
      await meeting.arrived;
      if (how === "restart") await world.server.restart();
      else {
        await world.server.kill9();
        meeting.letGo(); // the step ends while there is nobody to tell
        await world.server.start();
      }
      meeting.letGo();
      const ended = await engine.whenEnded(taskId);
      assert.equal(ended.state, "succeeded");
      assert.equal(meeting.visits, 1);
      await expectAllEffects(world);
    });
  }

  test("inside the transaction of a database step: its statements are there once", async () => {
    await using world = await openWorld();
    let restarts = 0;
    const engine = world.engine(
      async () => {},
      async ({ step, phase }) => {
        if (step === "third" && phase === "after-run" && restarts++ === 0) await world.server.restart();
        return undefined;
      },
    );
    engine.start();
    const taskId = await world.submit(engine);
    assert.equal((await engine.whenEnded(taskId)).state, "succeeded");
    assert.equal(restarts, 2);
    await expectAllEffects(world);
  });

  test("while a task unwinds does not keep it from ending with nothing left", async () => {
    await using world = await openWorld();
    let restarts = 0;
    const engine = world.engine(
      async () => {},
      async ({ step, phase }) => {
        if (step === "third" && phase === "after-run") return "fail";
        if (step === "second" && phase === "before-undo" && restarts++ === 0)
          await world.server.kill9().then(() => world.server.start());
        return undefined;
      },
    );
    engine.start();
    const taskId = await world.submit(engine);
    assert.equal((await engine.whenEnded(taskId)).state, "failed");
    assert.equal(restarts, 1);
    assert.deepEqual((await world.pool.query("select * from effects")).rows, []);
  });

  test("is not needed at all to begin: an engine started before its database waits for it", async () => {
    await using world = await openWorld();
    await world.server.stop();
    const engine = world.engine(async () => {});
    engine.start();
    await new Promise((resolve) => setImmediate(resolve));
    await world.server.start();
    assert.equal((await engine.whenEnded(await world.submit(engine))).state, "succeeded");
  });
});
