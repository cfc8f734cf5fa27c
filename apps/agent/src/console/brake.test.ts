import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "@sinter/kit";
import { Brake } from "./brake.ts";

/** Resolves whether the promise is settled once all that can go on has done so. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const mark = (): void => {
    settled = true;
  };
  promise.then(mark, mark);
  await new Promise((resolve) => setImmediate(resolve));
  return settled;
}

test("who was never wrong does not wait, and each wrong answer doubles the wait for the next", async () => {
  const clock = new ManualClock();
  const brake = new Brake(clock);
  const judge = async (isRight: boolean): Promise<boolean> => brake.judge("peer", () => isRight);
  const first = judge(false);
  assert.ok(await isSettled(first));
  assert.equal(await first, false);
  for (const wait of [500, 1_000, 2_000, 4_000, 8_000, 8_000]) {
    const next = judge(false);
    clock.advance(wait - 1);
    assert.ok(!(await isSettled(next)), `${wait} ms are not over`);
    clock.advance(1);
    assert.ok(await isSettled(next), `${wait} ms are over`);
  }
  clock.advance(8_000);
  assert.equal(await judge(true), true);
  assert.ok(await isSettled(judge(false)), "a right answer is a new beginning");
});

test("many connections at once are looked at one after the other, and do not delay another peer", async () => {
  const clock = new ManualClock();
  const brake = new Brake(clock);
  let looked = 0;
  const guesses = Array.from({ length: 5 }, () =>
    brake.judge("guesser", () => {
      looked++;
      return false;
    }),
  );
  await isSettled(Promise.all(guesses));
  assert.equal(looked, 1);
  assert.equal(await brake.judge("other", () => true), true);
  for (const wait of [500, 1_000, 2_000, 4_000]) {
    clock.advance(wait);
    await isSettled(Promise.all(guesses));
  }
  assert.equal(looked, 5);
});

test("failures are forgotten after ten minutes", async () => {
  const clock = new ManualClock();
  const brake = new Brake(clock);
  await brake.judge("old", () => false);
  clock.advance(11 * 60_000);
  await brake.judge("other", () => false);
  assert.equal(await brake.judge("old", () => false), false);
  const next = brake.judge("old", () => false);
  clock.advance(500);
  assert.ok(await isSettled(next), "as after the first failure");
});
