import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { missingPrograms, runLong, runProgram } from "./programs.ts";

const SOURCES = fileURLToPath(new URL(".", import.meta.url));

test("nothing but the list of programs starts a process", async () => {
  const files = (await readdir(SOURCES, { recursive: true })).filter(
    (name) => name.endsWith(".ts") && !name.endsWith(".test.ts") && !name.startsWith("testing/"),
  );
  assert.ok(files.includes("programs.ts") && files.includes("vm/vm.service.ts"));
  for (const name of files) {
    if (name === "programs.ts") continue;
    const text = await readFile(join(SOURCES, name), "utf8");
    assert.doesNotMatch(text, /node:child_process/, name);
    // kit's own way to run a program; runProgram and others end in another word.
    assert.doesNotMatch(text, /import \{[^}]*\brun\b[^}]*\} from "@sinter\/kit"/, name);
  }
});

test("the caller's PATH decides nothing", async () => {
  const before = process.env["PATH"];
  process.env["PATH"] = "/nowhere";
  try {
    assert.deepEqual(await missingPrograms(["qemu-img", "ip"]), []);
    assert.match((await runProgram("qemu-img", ["--version"])).stdout, /^qemu-img version/);
  } finally {
    process.env["PATH"] = before;
  }
});

test("a long run that fails tells why, one that is aborted ends at once", async () => {
  const never = new AbortController().signal;
  await assert.rejects(runLong("qemu-img", ["info", "/nosuch"], { signal: never }), {
    code: "PROGRAM_FAILED",
    message: /No such file/,
  });
  await assert.rejects(
    runLong("qemu-img", ["--version"], { signal: AbortSignal.abort(new Error("stop")) }),
    /stop/,
  );
});
