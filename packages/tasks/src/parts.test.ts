import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { AppError, ManualClock, systemClock } from "@sinter/kit";
import { isDatabaseAway } from "./database-errors.ts";
import { task } from "./definition.ts";
import { createTaskEngine } from "./engine.ts";
import { createGate } from "./gate.ts";
import { ProgressScale, Throttle } from "./progress-meter.ts";
import { DEFAULT_RETRY_POLICIES, delayAfter, isRetryable, type RetryPolicy } from "./retry-policy.ts";
import { deepFreeze, toStoredJson, toStoredText } from "./stored-json.ts";
import { openLab } from "./testing/engine-lab.ts";

const systemError = (code: string, syscall: string): Error =>
  Object.assign(new Error(code), { code, syscall });
const sqlError = (code: string): Error => Object.assign(new Error("sql"), { code });

/** All pauses of a policy together, at their longest. */
const total = ({ attempts, firstDelayMs, delayMsMax }: RetryPolicy): number =>
  Array.from({ length: attempts - 1 }, (_, index) => Math.min(firstDelayMs * 2 ** index, delayMsMax)).reduce(
    (sum, pause) => sum + pause,
    0,
  );

describe("what may be tried again", () => {
  const cases: [string, unknown, boolean][] = [
    ["an answer that says so", new AppError("unavailable", "AWAY", "Away."), true],
    ["a refusal", new AppError("conflict", "BUSY", "Busy."), false],
    ["a plain error", new Error("Boom"), false],
    ["something that is no error", "text", false],
    ["a refused connection to the database", systemError("ECONNREFUSED", "connect"), true],
    ["a socket that is not there", systemError("ENOENT", "connect"), true],
    ["a file that is not there", systemError("ENOENT", "open"), false],
    ["a server shutting down", sqlError("57P01"), true],
    ["a lost connection", new Error("Connection terminated unexpectedly"), true],
    [
      "a lost connection wrapped by a query builder",
      new Error("Failed query", { cause: new Error("Connection terminated") }),
      true,
    ],
    ["a deadlock", sqlError("40P01"), true],
    ["a unique violation", sqlError("23505"), false],
    [
      "a refusal caused by a lost connection",
      new AppError("invalid", "BAD", "Bad.", { cause: sqlError("57P01") }),
      false,
    ],
  ];
  for (const [name, error, expected] of cases) {
    test(`${name}: ${expected ? "yes" : "no"}`, () => assert.equal(isRetryable(error), expected));
  }

  test("a chain of causes that bites its tail ends", () => {
    const error: Error = new Error("a");
    error.cause = error;
    assert.equal(isDatabaseAway(error), false);
  });

  test("pauses double up to their longest, and are up to a fifth shorter", () => {
    const policy = { attempts: 9, firstDelayMs: 1_000, delayMsMax: 15_000 };
    for (const [failures, full] of [1_000, 2_000, 4_000, 8_000, 15_000, 15_000].entries()) {
      const delay = delayAfter(failures + 1, policy);
      assert.ok(delay <= full && delay >= full * 0.8, `${delay} after ${failures + 1}`);
    }
  });

  test("the default policies last as long as they say", () => {
    assert.equal(total(DEFAULT_RETRY_POLICIES.run), 30_000);
    assert.equal(Math.round(total(DEFAULT_RETRY_POLICIES.undo) / 60_000), 6);
    assert.equal(Math.round(total(DEFAULT_RETRY_POLICIES.noReturn) / 60_000), 14);
  });
});

describe("progress scale", () => {
  const cases: [number[], number, number, number][] = [
    [[1, 1], 0, 0, 0],
    [[1, 1], 1, 0, 50],
    [[1, 3], 1, 0.5, 62],
    [[1, 3], 1, 1, 99],
    [[1, 1], 0, 5, 50],
    [[1, 1], 0, -5, 0],
    [[0, 0], 1, 1, 0],
    [[0, 1], 1, 0.5, 50],
  ];
  for (const [weights, position, fraction, percent] of cases) {
    test(`step ${position} of weights ${weights.join()} at ${fraction}: ${percent} %`, () =>
      assert.equal(new ProgressScale(weights).percent(position, fraction), percent));
  }
});

describe("throttle", () => {
  test("works at once, then once for all requests of a quarter of a second", async () => {
    const clock = new ManualClock();
    let done = 0;
    const throttle = new Throttle(clock, async () => void done++);
    throttle.request();
    await turns();
    assert.equal(done, 1);
    for (let request = 0; request < 10; request++) throttle.request();
    await turns();
    assert.equal(done, 1);
    clock.advance(250);
    await turns();
    assert.equal(done, 2);
    clock.advance(10_000);
    await turns();
    assert.equal(done, 2);
  });

  test("does not lose a request that comes while it works", async () => {
    const clock = new ManualClock();
    let done = 0;
    const throttle: Throttle = new Throttle(clock, async () => {
      if (++done === 1) throttle.request();
    });
    throttle.request();
    await turns();
    clock.advance(250);
    await turns();
    assert.equal(done, 2);
  });

  test("being quiet drops what waits, waits for what works, and lets later requests through", async () => {
    const clock = new ManualClock();
    const work = Promise.withResolvers<void>();
    let done = 0;
    const throttle = new Throttle(clock, async () => {
      if (done === 0) await work.promise;
      done++;
    });
    throttle.request();
    await turns();
    throttle.request();
    const quiet = throttle.quiet();
    let isQuiet = false;
    void quiet.then(() => (isQuiet = true));
    await turns();
    assert.equal(isQuiet, false);
    work.resolve();
    await quiet;
    assert.equal(done, 1);
    throttle.request();
    clock.advance(250);
    await turns();
    assert.equal(done, 2);
  });
});

describe("gate", () => {
  test("lets a bounded number through in order, also after failures", async () => {
    const gate = createGate(2);
    let inside = 0;
    let most = 0;
    const order: number[] = [];
    const results = await Promise.allSettled(
      Array.from({ length: 10 }, (_, index) =>
        gate(async () => {
          order.push(index);
          most = Math.max(most, ++inside);
          await turns();
          inside--;
          if (index === 3) throw new Error("one fails");
        }),
      ),
    );
    assert.equal(most, 2);
    assert.deepEqual(order, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert.equal(results.filter(({ status }) => status === "rejected").length, 1);
  });
});

describe("stored JSON", () => {
  test("holds nothing that PostgreSQL refuses, also in keys and beside escaped text", () => {
    assert.equal(toStoredJson({ a: ["x\0y", { b: "\ud800" }] }), '{"a":["xy",{"b":"\ufffd"}]}');
    assert.equal(toStoredJson({ "k\0": "\\u0000" }), '{"k":"\\\\u0000"}');
    assert.equal(toStoredJson(undefined), "null");
    assert.throws(() => toStoredJson({ n: 1n }), TypeError);
  });

  test("text is cut to its length without cutting a character in two", () => {
    assert.equal(toStoredText("abcdef", 4), "abc…");
    assert.equal(toStoredText("abcd", 4), "abcd");
    assert.ok(toStoredText("ab😀def", 4).isWellFormed());
  });

  test("freezing reaches everything and stands a cycle", () => {
    const value: { list: number[]; self?: unknown } = { list: [1] };
    value.self = value;
    deepFreeze(value);
    assert.ok(Object.isFrozen(value.list));
  });
});

describe("definitions", () => {
  test("may not name two steps alike", () => {
    const step = { run: () => undefined, noUndo: "nothing" };
    assert.throws(() => task("twice").step("a", step).step("a", step), /two steps named a/);
  });

  test("are refused by an engine when they have no steps or share a type", async () => {
    await using lab = await openLab();
    const { pool } = lab;
    const log = { ...console, child: () => log } as never;
    const one = task("one").step("a", { run: () => undefined, noUndo: "nothing" });
    assert.throws(() => createTaskEngine({ pool, log, definitions: [task("none")], ports: {} }), /no steps/);
    assert.throws(
      () => createTaskEngine({ pool, log, definitions: [one, one], ports: {} }),
      /two tasks of the type/,
    );
  });

  test("are not changed by adding to them: each step makes a new one", () => {
    const base = task("base").step("a", { run: () => 1, noUndo: "nothing" });
    const left = base.step("b", { run: ({ done }) => done.a, noUndo: "nothing" });
    const right = base.pointOfNoReturn().step("c", { run: ({ done }) => done.a });
    assert.deepEqual(
      [base, left, right].map(({ steps, noReturnAt }) => [steps.map(({ name }) => name).join(), noReturnAt]),
      [
        ["a", undefined],
        ["a,b", undefined],
        ["a,c", 1],
      ],
    );
  });

  test("know their types: input, outputs, ports and secrets", () => {
    const typed = task<{ a: number }, { port: () => string }, { word: string }>("typed")
      .step("one", {
        run: ({ input, ports, secret }) => `${input.a}${ports.port()}${secret.word}`,
        noUndo: "nothing",
      })
      .dbStep("two", { run: async ({ done }) => done.one.length, undo: ({ done }) => done.one.trim() });
    typed.step("three", {
      // @ts-expect-error an output has the type that its step gave
      run: ({ done }) => done.two.trim(),
      noUndo: "nothing",
    });
    // @ts-expect-error a step says how it is taken back, or why not
    typed.step("four", { run: () => undefined });
    // @ts-expect-error after the point of no return nothing is taken back
    typed.pointOfNoReturn().step("five", { run: () => undefined, undo: () => undefined });
    const other = task<object, { otherPort: number }>("other").step("a", {
      run: () => undefined,
      noUndo: "nothing",
    });
    const options = {
      pool: undefined as never,
      log: undefined as never,
      clock: systemClock,
      definitions: [typed, other],
    } as const;
    // @ts-expect-error an engine needs the ports of all its tasks
    assert.throws(() => createTaskEngine({ ...options, ports: { port: () => "" } }));
    assert.throws(() => createTaskEngine({ ...options, ports: { port: () => "", otherPort: 1 } }));
  });
});

/** Long enough for promises that only wait for each other. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}
