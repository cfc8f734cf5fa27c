import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLog } from "@sinter/kit";
import { TASK_TABLES_SQL, task } from "@sinter/tasks";
import { Client, type Pool } from "pg";
import { crashMatrix } from "./crash-matrix.ts";
import { testDatabase } from "./test-database.ts";

interface ShelfInput {
  readonly name: string;
  readonly books: readonly string[];
}

interface ShelfPorts {
  readonly pool: Pool;
  readonly root: string;
}

/** A shelf is a row, a folder, and a file per book: effects in the database and outside of it. */
const buildShelf = task<ShelfInput, ShelfPorts, { seal: string }>("shelf.build")
  .dbStep("reserve", {
    run: async ({ input }, tx) => {
      await tx.query("update shelves set state = 'reserved', touched = touched + 1 where name = $1", [
        input.name,
      ]);
      return { label: `shelf-${input.name}` };
    },
    // The row itself was written with the submission.
    undo: async ({ input }, tx) => await tx.query("delete from shelves where name = $1", [input.name]),
  })
  .step("carpentry", {
    run: async ({ ports, done }) => await mkdir(join(ports.root, done.reserve.label), { recursive: true }),
    undo: async ({ ports, done }) =>
      await rm(join(ports.root, done.reserve.label), { recursive: true, force: true }),
  })
  .step("inspect", {
    run: async ({ ports, done }) => (await readdir(join(ports.root, done.reserve.label))).length,
    noUndo: "only looks",
  })
  .step("fill", {
    weight: 3,
    run: async ({ ports, done, input, progress, secret }) => {
      for (const [index, book] of input.books.entries()) {
        await writeFile(join(ports.root, done.reserve.label, book), secret.seal);
        progress((index + 1) / input.books.length, book);
      }
    },
    undo: async ({ ports, done, input }) => {
      for (const book of input.books) await rm(join(ports.root, done.reserve.label, book), { force: true });
    },
  })
  .pointOfNoReturn()
  .step("announce", {
    run: async ({ ports, done }) => await writeFile(join(ports.root, "announcement"), done.reserve.label),
  })
  .dbStep("open", {
    run: async ({ input }, tx) =>
      void (await tx.query("update shelves set state = 'open', touched = touched + 1 where name = $1", [
        input.name,
      ])),
  });

const migrate = async (url: string): Promise<void> => {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(TASK_TABLES_SQL);
    await client.query(
      "create table shelves (name text primary key, state text not null, touched integer not null)",
    );
  } finally {
    await client.end();
  }
};

crashMatrix({
  definition: buildShelf,
  makeWorld: async () => {
    const database = await testDatabase({ migrate, templateKey: "shelves" });
    const root = await mkdtemp(join(tmpdir(), "sinter-shelf-"));
    const pool = database.pool();
    return {
      engineOptions: { pool, ports: { pool, root }, log: silentLog },
      submit: async (engine) => {
        const client = await pool.connect();
        try {
          await client.query("begin");
          await client.query("insert into shelves values ('north', 'wanted', 0)");
          const taskId = await engine.submit(client, buildShelf, {
            input: { name: "north", books: ["a", "b"] },
            secret: { seal: "wax" },
            entity: { urn: "urn:shelves:north", name: "north" },
            user: "tester",
            locks: ["urn:shelves:north", "urn:rooms:1"],
          });
          await client.query("commit");
          return taskId;
        } finally {
          client.release();
        }
      },
      expectDone: async () => {
        const { rows } = await pool.query("select * from shelves");
        // Twice touched: a database step is done exactly once, however often it was tried.
        assert.deepEqual(rows, [{ name: "north", state: "open", touched: 2 }]);
        assert.deepEqual((await readdir(root)).toSorted(), ["announcement", "shelf-north"]);
        assert.deepEqual((await readdir(join(root, "shelf-north"))).toSorted(), ["a", "b"]);
        assert.equal(await readFile(join(root, "shelf-north", "a"), "utf8"), "wax");
      },
      expectNothingLeft: async () => {
        assert.deepEqual((await pool.query("select * from shelves")).rows, []);
        assert.deepEqual(await readdir(root), []);
      },
      dispose: async () => {
        await database[Symbol.asyncDispose]();
        await rm(root, { recursive: true });
      },
    };
  },
});
