import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { run } from "@sinter/kit";

const REPORTER = fileURLToPath(new URL("reporter.ts", import.meta.url));

/** What the reporter prints of a test file with this content, run by a node of its own. */
async function report(content: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "sinter-reporter-"));
  try {
    const file = join(folder, "sample.test.mjs");
    await writeFile(file, `import { before, describe, test } from "node:test";\n${content}`);
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const args = ["--test", "--test-isolation=none", `--test-reporter=${REPORTER}`, file];
    const { stdout } = await run(process.execPath, args, { env, okCodes: [0, 1] });
    return stdout;
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe("reporter", () => {
  test("says only the counts when all is well", async () => {
    assert.equal(
      await report('test("a", () => {}); describe("b", () => test("c", () => {}));'),
      "2 passed, 0 failed\n",
    );
  });

  test("prints a failure whole, and each once", async () => {
    const output = await report(
      'describe("outer", () => test("inner", () => { throw new Error("first line\\nsecond line", { cause: new Error("the root") }); }));',
    );
    for (const part of ["FAILED inner", "sample.test.mjs:2", "second line", "the root"])
      assert.match(output, new RegExp(part));
    assert.equal(output.match(/FAILED/g)?.length, 1);
    assert.match(output, /\n0 passed, 1 failed\n$/);
  });

  test("counts a hook that breaks and the test it kept from running", async () => {
    const output = await report(
      'describe("d", () => { before(() => { throw new Error("hook broke"); }); test("t", () => {}); });',
    );
    assert.match(output, /hook broke/);
    assert.match(output, /\n0 passed, 2 failed\n$/);
  });

  test("counts and names what was skipped", async () => {
    const output = await report('test("a", { skip: "no disk" }, () => {}); test("b", () => {});');
    assert.equal(output, "SKIPPED a: no disk\n1 passed, 0 failed, 1 skipped\n");
  });

  test("passes on what tests print and their messages", async () => {
    const output = await report('test("a", (t) => { t.diagnostic("seed 42"); console.log("printed"); });');
    assert.match(output, /^printed$/m);
    assert.match(output, /^seed 42$/m);
  });
});
