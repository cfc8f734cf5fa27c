import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { seededRandom } from "./random.ts";

const numbers = (seed: number): number[] => Array.from({ length: 20 }, seededRandom(seed).next);

describe("seededRandom", () => {
  test("repeats itself for the same seed and differs for another", () => {
    assert.deepEqual(numbers(7), numbers(7));
    assert.notDeepEqual(numbers(7), numbers(8));
  });

  test("stays within its bounds and reaches them", () => {
    const random = seededRandom(1);
    const seen = new Set(Array.from({ length: 500 }, () => random.below(4)));
    assert.deepEqual(seen, new Set([0, 1, 2, 3]));
  });

  test("shuffles without losing anything", () => {
    const items = Array.from({ length: 30 }, (_, index) => index);
    const shuffled = seededRandom(3).shuffled(items);
    assert.notDeepEqual(shuffled, items);
    assert.deepEqual(
      shuffled.toSorted((a, b) => a - b),
      items,
    );
  });
});
