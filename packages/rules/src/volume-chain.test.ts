import assert from "node:assert/strict";
import { test } from "node:test";
import { folded, nextFold, type VolumeChain } from "./volume-chain.ts";

const chain = (
  active: string,
  overlays: Record<string, string>,
  kept: readonly string[] = [],
): VolumeChain => ({
  active,
  overlays: Object.entries(overlays).map(([file, backing]) => ({ file, backing })),
  kept: new Set(kept),
});

/** Folds until nothing is left to do; what was done, and what is left. */
function foldAll(start: VolumeChain): { steps: string[]; left: VolumeChain } {
  let left = start;
  const steps: string[] = [];
  for (let fold = nextFold(left); fold; fold = nextFold(left)) {
    steps.push(fold.kind === "remove" ? `remove ${fold.file}` : `${fold.file} into ${fold.into}`);
    left = folded(left, fold);
    assert.ok(steps.length < 100, "it comes to an end");
  }
  return { steps, left };
}

test("SNP-09: without snapshots only the base is left", () => {
  const { steps, left } = foldAll(chain("c", { a: "base", b: "a", c: "b" }));
  assert.deepEqual(steps, ["a into base", "b into base", "c into base"]);
  assert.deepEqual(left, chain("base", {}));
});

test("what snapshots keep stays; what lies between is merged downwards", () => {
  const { steps, left } = foldAll(chain("c", { a: "base", b: "a", c: "b" }, ["base", "b"]));
  assert.deepEqual(steps, ["b into a"]);
  assert.deepEqual(left, chain("c", { a: "base", c: "a" }, ["base", "a"]));
});

test("a file with two others upon it stays until one of them goes", () => {
  const forked = chain("c", { a: "base", b: "a", c: "a" }, ["base", "b"]);
  assert.equal(nextFold(forked), undefined);
  const { steps, left } = foldAll({ ...forked, kept: new Set(["base"]) });
  assert.deepEqual(steps, ["remove b", "c into a"]);
  assert.deepEqual(left, chain("a", { a: "base" }, ["base"]));
});

test("random trees: folding keeps what is kept and the present, and leaves no file that could go", () => {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
  console.log(`seed ${seed}`);
  let state = seed;
  const random = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  for (let round = 0; round < 500; round++) {
    const files = ["base"];
    const overlays: Record<string, string> = {};
    for (let n = 0; n < random(12); n++) {
      overlays[`f${n}`] = files[random(files.length)] ?? "base";
      files.push(`f${n}`);
    }
    const leaves = files.filter((file) => !Object.values(overlays).includes(file));
    const active = leaves[random(leaves.length)] ?? "base";
    const kept = files.filter((file) => file !== active && random(3) === 0);
    const { left } = foldAll(chain(active, overlays, kept));
    assert.equal(left.kept.size, kept.length, "each kept file is still a file of its own");
    const above = (file: string): number => left.overlays.filter(({ backing }) => backing === file).length;
    assert.equal(above(left.active), 0);
    for (const { file } of left.overlays) {
      const isNeeded = file === left.active || left.kept.has(file);
      assert.ok(isNeeded || above(file) > 1, `${file} could go (round ${round})`);
    }
  }
});
