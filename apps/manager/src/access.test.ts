import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { silentLog } from "@sinter/kit";
import { testDatabase } from "@sinter/testing";
import { composeManager, type Manager } from "./compose.ts";
import { describeRoutes } from "./http/openapi.ts";
import { describeAccess } from "./testing/describe-access.ts";
import { TEST_PASSWORD, TEST_PASSWORD_COST } from "./testing/test-app.ts";

/** The whole manager as it is composed, without its background work. */
async function openManager(): Promise<AsyncDisposable & { manager: Manager; admin: string }> {
  const stateDir = await mkdtemp(join(tmpdir(), "sinter-access-"));
  const database = await testDatabase();
  const adminPasswordFile = join(stateDir, "password");
  const manager = await composeManager({
    config: { databaseUrl: database.url, stateDir, adminPasswordFile },
    log: silentLog,
    identity: { passwordCost: TEST_PASSWORD_COST },
  });
  return {
    manager,
    admin: await logIn(manager, "admin", (await readFile(adminPasswordFile, "utf8")).trim()),
    [Symbol.asyncDispose]: async () => {
      await manager.stop();
      await database[Symbol.asyncDispose]();
      await rm(stateDir, { recursive: true, force: true });
    },
  };
}

async function logIn({ app }: Manager, userName: string, password: string): Promise<string> {
  const headers = { "x-auth-user": userName, "x-auth-key": password, "x-encript-algorithm": "1" };
  const answer = await app.inject({ method: "POST", url: "/service/session", headers });
  return String(answer.headers["x-auth-token"]);
}

describeAccess("the manager", async () => {
  const { manager, admin, [Symbol.asyncDispose]: dispose } = await openManager();
  const headers = { "x-auth-token": admin };
  const post = async (url: string, payload: object): Promise<void> => {
    const answer = await manager.app.inject({ method: "POST", url, headers, payload });
    assert.equal(answer.statusCode, 200, answer.body);
  };
  await post("/service/roles/add", { roleName: "nothing" });
  const tokenOf = async (role: string): Promise<string> => {
    await post("/service/users", {
      userType: "2",
      userName: `a-${role}`,
      password: TEST_PASSWORD,
      roles: [role],
    });
    return await logIn(manager, `a-${role}`, TEST_PASSWORD);
  };
  return {
    app: manager.app,
    tokens: {
      session: await tokenOf("nothing"),
      read: await tokenOf("readonly"),
      operate: await tokenOf("operator"),
      administer: admin,
    },
    [Symbol.asyncDispose]: dispose,
  };
});

test("every route of the manager can be described, and every answer that changes something is recorded", async () => {
  await using world = await openManager();
  const { app } = world.manager;
  const document = describeRoutes(app.routeRecords, "0");
  assert.ok(Object.keys(document.paths).length > 60, `${Object.keys(document.paths).length} paths`);
  const headers = { "x-auth-token": world.admin };
  const records = async (): Promise<number> =>
    (await app.inject({ method: "GET", url: "/sinter/v1/audit?limit=1", headers })).json<{ total: number }>()
      .total;
  const before = await records();
  const changing = app.routeRecords.filter(({ method }) => method !== "GET");
  for (const { method, url } of changing) await app.inject({ method, url: url.replaceAll(/:\w+/g, "1") });
  assert.equal(
    (await records()) - before,
    Math.min(changing.length, 60),
    "up to the limit for callers without a session",
  );
});
