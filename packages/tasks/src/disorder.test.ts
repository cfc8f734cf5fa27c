import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { AppError } from "@sinter/kit";
import { type RandomSource, randomSource } from "@sinter/testing";
import { Pool } from "pg";
import { task } from "./definition.ts";
import type { CancelOutcome, TaskEngine } from "./engine.ts";
import type { Fault } from "./fault.ts";
import { hasEnded, type TaskView } from "./task-view.ts";
import { openFlakyProxy } from "./testing/flaky-proxy.ts";
import { openLab } from "./testing/engine-lab.ts";

interface Input {
  readonly name: string;
}

interface Ports {
  /** The world outside the database: what each task has made there. */
  readonly outside: Set<string>;
  readonly pause: () => Promise<void>;
}

const effect = "insert into effects values ($1)";
const noEffect = "delete from effects where name = $1";

/** Effects inside and outside of the database; those inside must not be repeated, as their key says. */
const work = task<Input, Ports>("work")
  .dbStep("reserve", {
    run: async ({ input }, tx) => void (await tx.query(effect, [`${input.name} reserved`])),
    undo: async ({ input }, tx) => await tx.query(noEffect, [`${input.name} reserved`]),
  })
  .step("build", {
    run: async ({ input, ports }) => {
      await ports.pause();
      ports.outside.add(`${input.name} half`);
      await ports.pause();
      ports.outside.add(`${input.name} built`);
    },
    undo: async ({ input, ports }) => {
      ports.outside.delete(`${input.name} built`);
      await ports.pause();
      ports.outside.delete(`${input.name} half`);
    },
  })
  .dbStep("settle", {
    run: async ({ input }, tx) => void (await tx.query(effect, [`${input.name} settled`])),
    undo: async ({ input }, tx) => await tx.query(noEffect, [`${input.name} settled`]),
  })
  .pointOfNoReturn()
  .step("open", { run: ({ input, ports }) => void ports.outside.add(`${input.name} open`) });

const INSIDE = ["reserved", "settled"];
const OUTSIDE = ["half", "built", "open"];

describe("disorder", { timeout: 240_000 }, () => {
  test("any mix of failures, cancellations, crashes and restarts ends every task with all or nothing", async (t) => {
    const random = randomSource(t);
    await using lab = await openLab();
    const outside = new Set<string>();
    const ports: Ports = { outside, pause: () => pause(random) };
    const views = new Map<number, TaskView[]>();
    const names = new Map<number, string>();
    const outcomes = new Map<number, CancelOutcome>();
    let faults = 0;
    let hasCrashed = false;
    const newEngine = (isCalm: boolean): TaskEngine => {
      const engine = lab.engine([work], {
        ports,
        concurrency: 8,
        pollMs: 20,
        fault: () => (isCalm || faults > 150 ? undefined : randomFault(random, () => faults++)),
      });
      engine.onChange((view) => views.set(view.id, [...(views.get(view.id) ?? []), view]));
      hasCrashed = false;
      engine.crashed.then(
        () => (hasCrashed = true),
        () => {},
      );
      engine.start();
      return engine;
    };
    let engine = newEngine(false);
    let restarts = 0;
    for (let round = 0; round < 60; round++) {
      const name = `task ${round}`;
      const taskId = await lab.submit(engine, work, { input: { name } });
      names.set(taskId, name);
      await pause(random);
      if (random.chance(0.3)) {
        const victim = random.pick([...names.keys()]);
        const outcome = await engine.cancel(victim, "chaos");
        if (outcome === "ok") outcomes.set(victim, outcome);
      }
      if (hasCrashed || random.chance(0.1)) {
        await engine.stop();
        engine = newEngine(false);
        restarts++;
      }
    }
    await engine.stop();
    engine = newEngine(true);
    const tally: Record<string, number> = {};
    for (const [taskId, name] of names) {
      let ended = await engine.whenEnded(taskId);
      // Faults may have exhausted the attempts of an undo or of a step behind the point of no return.
      while (ended.state === "stuck") {
        await engine.retryStuck(taskId);
        ended = await engine.whenEnded(taskId);
      }
      tally[ended.state] = (tally[ended.state] ?? 0) + 1;
      assert.equal(ended.progress, 100);
      if (outcomes.has(taskId)) assert.equal(ended.state, "cancelled", name);
      const isAll = ended.state === "succeeded";
      for (const part of OUTSIDE)
        assert.equal(outside.has(`${name} ${part}`), isAll, `${name} ${ended.state} ${part}`);
      for (const part of INSIDE) {
        const rows = await lab.rows("select * from effects where name = $1", [`${name} ${part}`]);
        assert.equal(rows.length, isAll ? 1 : 0, `${name} ${ended.state} ${part}`);
      }
      checkViews(views.get(taskId) ?? []);
    }
    t.diagnostic(`${faults} faults, ${restarts} restarts, ends: ${JSON.stringify(tally)}`);
    assert.deepEqual(await lab.rows("select * from task_locks"), []);
  });

  test("connections that are cut when the server answers lose nothing and repeat no database step", async (t) => {
    const random = randomSource(t);
    await using lab = await openLab();
    const folder = await mkdtemp(join(tmpdir(), "sinter-proxy-"));
    let isCutting = false;
    const proxy = await openFlakyProxy(lab.url, folder, () => isCutting && random.chance(0.04));
    const pool = new Pool({ connectionString: proxy.url, max: 8 });
    pool.on("error", () => {});
    try {
      const outside = new Set<string>();
      const engine = lab.engine([work], {
        pool,
        ports: { outside, pause: () => pause(random) } satisfies Ports,
        graceMs: 30_000,
        // Attempts are not what is tested: a cut is a failure that passes.
        retry: {
          run: { attempts: 1_000, firstDelayMs: 1, delayMsMax: 5 },
          undo: { attempts: 1_000, firstDelayMs: 1, delayMsMax: 5 },
        },
      });
      engine.start();
      isCutting = true;
      const calm = lab.engine([work], { ports: { outside, pause: () => pause(random) } satisfies Ports });
      const ids = await Promise.all(
        Array.from({ length: 40 }, (_, index) =>
          lab.submit(calm, work, { input: { name: `task ${index}` } }),
        ),
      );
      for (const [index, id] of ids.entries()) {
        const ended = await calm.whenEnded(id);
        assert.equal(ended.state, "succeeded", `task ${index}: ${ended.reason?.message}`);
      }
      isCutting = false;
      t.diagnostic(`${proxy.cuts} connections were cut`);
      assert.ok(proxy.cuts >= 3);
      assert.equal(outside.size, 40 * OUTSIDE.length);
      assert.equal((await lab.rows("select * from effects")).length, 40 * INSIDE.length);
      await engine.stop();
    } finally {
      await pool.end();
      await proxy[Symbol.asyncDispose]();
      await rm(folder, { recursive: true });
    }
  });
});

/** A few turns of the event loop, sometimes a millisecond. */
async function pause(random: RandomSource): Promise<void> {
  if (random.chance(0.2)) return await new Promise((resolve) => setTimeout(resolve, 1));
  for (let turn = random.below(4); turn > 0; turn--) await new Promise((resolve) => setImmediate(resolve));
}

function randomFault(random: RandomSource, count: () => void): Fault {
  if (!random.chance(0.12)) return undefined;
  count();
  return random.pick<Fault>([
    "fail",
    "fail",
    "twice",
    "twice",
    "crash",
    new AppError("unavailable", "AWAY", "Away."),
  ]);
}

/** What a listener sees of one task, over all its engines. */
function checkViews(views: readonly TaskView[]): void {
  let progress = 0;
  for (const view of views) {
    assert.ok(view.progress >= progress, "progress fell");
    assert.equal(view.progress === 100, hasEnded(view.state));
    progress = view.progress;
  }
  assert.ok(views.filter(({ state }) => hasEnded(state)).length <= 1, "it ended more than once");
}
