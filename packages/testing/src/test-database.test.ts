import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Client } from "pg";
import { testDatabase } from "./test-database.ts";

const query = async (url: string, text: string): Promise<Record<string, unknown>[]> => {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
};

describe("testDatabase", () => {
  test("each database starts from the migrated template and sees nothing of the others", async () => {
    let migrations = 0;
    const options = {
      templateKey: "letters",
      migrate: async (url: string) => {
        migrations++;
        await query(url, "create table letters (letter text); insert into letters values ('a')");
      },
    };
    const databases = await Promise.all(Array.from({ length: 6 }, () => testDatabase(options)));
    try {
      await Promise.all(
        databases.map(({ url }, index) => query(url, `insert into letters values ('only ${index}')`)),
      );
      for (const [index, { url }] of databases.entries()) {
        assert.deepEqual(await query(url, "select letter from letters order by 1"), [
          { letter: "a" },
          { letter: `only ${index}` },
        ]);
      }
      assert.equal(migrations, 1);
    } finally {
      await Promise.all(databases.map((database) => database[Symbol.asyncDispose]()));
    }
  });

  test("disposing drops the database although somebody is connected", async () => {
    const database = await testDatabase();
    const pool = database.pool();
    const busy = await pool.connect();
    busy.on("error", () => {});
    await database[Symbol.asyncDispose]();
    busy.release(true);
    await assert.rejects(query(database.url, "select 1"), { code: "3D000" });
  });

  test("a migration without a name for its template is refused", async () => {
    await assert.rejects(testDatabase({ migrate: async () => {} }), /templateKey/);
  });
});
