import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { whileDatabaseIsAway } from "../testing/database-outage.ts";
import { type TestApp, testApp } from "../testing/test-app.ts";
import { registerHealthRoute } from "./health.routes.ts";
import { createMetrics, registerMetrics } from "./metrics.ts";

const open = (): Promise<TestApp> =>
  testApp({
    extend: (app, database, identity) => {
      registerHealthRoute(app, database);
      registerMetrics(app, { registry: createMetrics(database), authenticate: identity.authenticate });
    },
  });

describe("health and metrics", () => {
  test("health is public, and 503 with 10000005 while the database is away", async () => {
    await using world = await open();
    const ask = () => world.app.inject({ method: "GET", url: "/sinter/v1/health" });
    const well = await ask();
    assert.equal(well.statusCode, 200);
    assert.equal(well.json<{ status: string }>().status, "ok");

    await whileDatabaseIsAway(world.databaseName, async () => {
      const ill = await ask();
      assert.equal(ill.statusCode, 503, ill.body);
      assert.equal(ill.json<{ errorCode: string }>().errorCode, "10000005");
    });
    assert.equal((await ask()).statusCode, 200);
  });

  test("metrics are for this machine and for administrators", async () => {
    await using world = await open();
    const tokens = await world.accessTokens();
    const ask = (remoteAddress: string, token?: string) =>
      world.app.inject({
        method: "GET",
        url: "/metrics",
        remoteAddress,
        headers: token === undefined ? {} : { "x-auth-token": token },
      });
    assert.equal((await ask("10.1.2.3")).statusCode, 401);
    assert.equal((await ask("10.1.2.3", tokens.operate)).statusCode, 403);
    assert.equal((await ask("10.1.2.3", tokens.administer)).statusCode, 200);
    assert.equal((await ask("10.1.2.3", "0DCCC508-62AC-4DED-B815-E48485D1F8D80")).statusCode, 401);
    const local = await ask("127.0.0.1");
    assert.equal(local.statusCode, 200);
    assert.match(
      local.body,
      /sinter_http_request_seconds_count\{method="POST",route="\/service\/session",status="200"\}/,
    );
    assert.match(local.body, /process_resident_memory_bytes/);
    assert.doesNotMatch(local.body, /nosuchpath/);
    await world.app.inject({ method: "GET", url: "/nosuchpath" });
    assert.doesNotMatch((await ask("::1")).body, /nosuchpath/);
  });
});
