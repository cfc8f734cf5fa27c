import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { silentLog } from "@sinter/kit";
import { type AnyTask, TASK_TABLES_SQL, task } from "@sinter/tasks";
import { Client } from "pg";
import { crashCases, runCrashCase, type TaskWorld } from "./crash-matrix.ts";
import { testDatabase } from "./test-database.ts";

interface Ports {
  readonly root: string;
}

/** Tasks with one mistake each, and the cases of the matrix that must notice it. */
const MISTAKES: { mistake: string; definition: AnyTask; noticedBy: string[] }[] = [
  {
    mistake: "a run that cannot be repeated",
    definition: task<object, Ports>("folder.strict").step("make", {
      run: ({ ports }) => mkdir(join(ports.root, "a")),
      undo: ({ ports }) => rm(join(ports.root, "a"), { recursive: true, force: true }),
    }),
    noticedBy: ["runs with each step done twice", "goes on after a crash at make, after-run"],
  },
  {
    mistake: "a run that chooses its own id",
    definition: task<object, Ports>("file.random").step("make", {
      run: ({ ports }) => writeFile(join(ports.root, randomUUID()), ""),
      undo: async ({ ports }) => {
        for (const name of await readdir(ports.root)) await rm(join(ports.root, name));
      },
    }),
    noticedBy: ["runs with each step done twice", "goes on after a crash at make, after-run"],
  },
  {
    mistake: "an undo that insists on what was never made",
    definition: task<object, Ports>("folder.impatient").step("make", {
      run: ({ ports }) => mkdir(join(ports.root, "a"), { recursive: true }),
      undo: ({ ports }) => rm(join(ports.root, "a"), { recursive: true }),
    }),
    noticedBy: ["leaves nothing when it fails at make, before-run", "unwinds with each undo done twice"],
  },
  {
    mistake: "an effect without an undo",
    definition: task<object, Ports>("folder.forgotten")
      .step("make", {
        run: ({ ports }) => mkdir(join(ports.root, "a"), { recursive: true }),
        noUndo: "wrongly",
      })
      .step("settle", { run: () => undefined, noUndo: "nothing is made" }),
    noticedBy: [
      "leaves nothing when it fails at settle, before-run",
      "leaves nothing when it is cancelled at make, after-run",
    ],
  },
];

const migrate = async (url: string): Promise<void> => {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(TASK_TABLES_SQL);
  } finally {
    await client.end();
  }
};

async function makeWorld(definition: AnyTask): Promise<TaskWorld<AnyTask>> {
  const database = await testDatabase({ migrate, templateKey: "task tables" });
  const root = await mkdtemp(join(tmpdir(), "sinter-mistake-"));
  const pool = database.pool();
  return {
    engineOptions: { pool, ports: { root }, log: silentLog },
    submit: (engine) =>
      engine.submit(pool, definition, { input: {}, entity: { urn: "urn:1", name: "" }, user: "", locks: [] }),
    expectDone: async () => assert.equal((await readdir(root)).length, 1),
    expectNothingLeft: async () => assert.deepEqual(await readdir(root), []),
    dispose: async () => {
      await database[Symbol.asyncDispose]();
      await rm(root, { recursive: true });
    },
  };
}

describe("the crash matrix notices", () => {
  for (const { mistake, definition, noticedBy } of MISTAKES) {
    test(mistake, async () => {
      const options = { definition, makeWorld: () => makeWorld(definition), timeoutMs: 20_000 };
      const cases = crashCases(definition);
      await runCrashCase(options, { name: "runs", ends: "succeeded" });
      for (const name of noticedBy) {
        const found = cases.find((candidate) => candidate.name === name);
        assert.ok(found, `there is no case "${name}"`);
        await assert.rejects(runCrashCase(options, found), assert.AssertionError, name);
      }
    });
  }

  test("a place that the task never reaches", async () => {
    const definition = task<object, Ports>("folder.plain").step("make", {
      run: ({ ports }) => mkdir(join(ports.root, "a"), { recursive: true }),
      undo: ({ ports }) => rm(join(ports.root, "a"), { recursive: true, force: true }),
    });
    await assert.rejects(
      runCrashCase(
        { definition, makeWorld: () => makeWorld(definition) },
        {
          name: "nowhere",
          ends: "succeeded",
          fault: ({ step }) => (step === "elsewhere" ? "fail" : undefined),
        },
      ),
      /never reached/,
    );
  });
});
