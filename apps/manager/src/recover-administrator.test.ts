import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { run } from "@sinter/kit";
import { TEST_PASSWORD, testApp } from "./testing/test-app.ts";

const PROGRAM = fileURLToPath(new URL("recover-administrator.ts", import.meta.url));

describe("recovering the administrator", () => {
  test("OPS-10: the program gives a new password, while the manager runs, and leaves a record", async () => {
    const stateDir = await mkdtemp(join(tmpdir(), "sinter-recover-"));
    try {
      await using world = await testApp();
      const env = { ...process.env, SINTER_DATABASE_URL: world.url, SINTER_STATE_DIR: stateDir };
      const { stdout, stderr } = await run(process.execPath, [PROGRAM], { env });
      const password = /^The administrator is "admin" with the password (\S+)\n$/.exec(stdout)?.[1];
      assert.ok(password, stdout);
      assert.ok(!stderr.includes(password));
      assert.ok(await world.login("admin", password));
      await assert.rejects(world.login("admin", TEST_PASSWORD), /10100103/);
      const { rows } = await world.database.pool.query("select user_name, method, path from audit_records");
      assert.deepEqual(rows, [{ user_name: "admin", method: "LOCAL", path: "recover-administrator" }]);
    } finally {
      await rm(stateDir, { recursive: true, force: true });
    }
  });

  test("without a configuration it says what is missing", async () => {
    const env = { ...process.env, SINTER_DATABASE_URL: "", SINTER_STATE_DIR: "" };
    const { code, stderr } = await run(process.execPath, [PROGRAM], { env, okCodes: [2] });
    assert.equal(code, 2);
    assert.match(stderr, /databaseUrl/);
  });
});
