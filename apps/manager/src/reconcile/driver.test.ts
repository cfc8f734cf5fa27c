import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock, silentLog } from "@sinter/kit";
import { createReconciler } from "./driver.ts";

const turns = async (count = 10): Promise<void> => {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
};

async function pass(clock: ManualClock, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 100) {
    clock.advance(Math.min(100, left));
    await turns(3);
  }
}

test("rounds come again and again, and a failure does not end them", async () => {
  const clock = new ManualClock();
  let rounds = 0;
  const reconciler = createReconciler<string>({
    name: "t",
    everyMs: 10_000,
    keys: () => ["a"],
    reconcile: async () => {
      rounds++;
      throw new Error("no");
    },
    log: silentLog,
    clock,
  });
  reconciler.start();
  await turns();
  assert.equal(rounds, 1, "at once");
  await pass(clock, 60_000);
  assert.ok(rounds >= 5 && rounds <= 8, `${rounds} rounds in a minute`);
  await reconciler.stop();
  const after = rounds;
  await pass(clock, 30_000);
  assert.equal(rounds, after, "none after stop");
  reconciler.start();
  await turns();
  assert.equal(rounds, after + 1, "may be started again");
  await reconciler.stop();
});

test("a round that cannot begin is followed by the next", async () => {
  const clock = new ManualClock();
  let asked = 0;
  let done = 0;
  const reconciler = createReconciler<string>({
    name: "t",
    everyMs: 10_000,
    keys: async () => {
      if (++asked === 1) throw new Error("the database is away");
      return ["a"];
    },
    reconcile: async () => void done++,
    log: silentLog,
    clock,
  });
  reconciler.start();
  await pass(clock, 15_000);
  assert.ok(done >= 1);
  await reconciler.stop();
});

test("never two at once for a key; a signal during the work repeats it once", async () => {
  let running = 0;
  let most = 0;
  let runs = 0;
  let release = Promise.withResolvers<void>();
  const reconciler = createReconciler<string>({
    name: "t",
    everyMs: 10_000,
    keys: () => [],
    reconcile: async () => {
      most = Math.max(most, ++running);
      runs++;
      await release.promise;
      running--;
    },
    log: silentLog,
  });
  reconciler.signal("a");
  await turns();
  for (let i = 0; i < 5; i++) reconciler.signal("a");
  await turns();
  assert.equal(runs, 1);
  const direct = reconciler.runOnce("a");
  await turns();
  assert.equal(runs, 1, "a direct call waits too");
  release.resolve();
  release = Promise.withResolvers<void>();
  release.resolve();
  await direct;
  await turns();
  assert.deepEqual([runs, most], [3, 1], "once for five signals, once for the direct call");
  await reconciler.stop();
});

test("keys are handed out over the time, not in one moment, and only so many at once", async () => {
  const clock = new ManualClock();
  const done: number[] = [];
  const reconciler = createReconciler<number>({
    name: "t",
    everyMs: 40_000,
    keys: () => Array.from({ length: 400 }, (_, i) => i),
    reconcile: async (key) => void done.push(key),
    log: silentLog,
    clock,
  });
  reconciler.start();
  await turns(20);
  assert.ok(done.length <= 20, `${done.length} in the first moment`);
  await pass(clock, 16_000);
  assert.ok(done.length > 100 && done.length < 300, `${done.length} at half time`);
  await pass(clock, 18_000);
  assert.equal(new Set(done).size, 400);
  await reconciler.stop();

  let running = 0;
  let most = 0;
  const wide = createReconciler<number>({
    name: "t",
    everyMs: 1000,
    width: 3,
    keys: () => [],
    reconcile: async () => {
      most = Math.max(most, ++running);
      await turns(2);
      running--;
    },
    log: silentLog,
  });
  for (let key = 0; key < 20; key++) wide.signal(key);
  await turns(60);
  assert.deepEqual([most, running], [3, 0]);
  await wide.stop();
});

test("runOnce tries every key and throws what failed", async () => {
  const tried: number[] = [];
  const reconciler = createReconciler<number>({
    name: "t",
    everyMs: 1000,
    keys: () => [1, 2, 3],
    reconcile: async (key) => {
      tried.push(key);
      if (key !== 2) throw new Error(`no ${key}`);
    },
    log: silentLog,
  });
  await assert.rejects(reconciler.runOnce(), (error: AggregateError) => error.errors.length === 2);
  assert.deepEqual(tried, [1, 2, 3]);
  await assert.rejects(reconciler.runOnce(3), /no 3/);
  await reconciler.stop();
});

test("stopping tells the work to end and waits for it", async () => {
  let ended = false;
  const reconciler = createReconciler<string>({
    name: "t",
    everyMs: 1000,
    keys: () => ["a"],
    reconcile: (_key, signal) =>
      new Promise((resolve) => {
        signal.addEventListener("abort", () =>
          setImmediate(() => {
            ended = true;
            resolve();
          }),
        );
      }),
    log: silentLog,
  });
  reconciler.start();
  await turns();
  await reconciler.stop();
  assert.equal(ended, true);
});
