import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ManualClock } from "@sinter/kit";
import { TEST_PASSWORD, type TestApp, testApp, testAppOn } from "../testing/test-app.ts";
import { keyOfPassword } from "./password.ts";

const MINUTE = 60_000;

const ask = (world: TestApp, token: string, url = "/sinter/v1/session") =>
  world.app.inject({ method: "GET", url, headers: { "x-auth-token": token } });

const put = (world: TestApp, token: string, url: string, payload: object) =>
  world.app.inject({ method: "PUT", url, headers: { "x-auth-token": token }, payload });

async function idOf(world: TestApp, token: string): Promise<string> {
  return (await ask(world, token)).json<{ userId: string }>().userId;
}

describe("sessions", () => {
  test("unknown, malformed and missing tokens are 401 with 10000002, with an empty body for the OpenStack drivers", async () => {
    await using world = await testApp();
    const tokens = ["0DCCC508-62AC-4DED-B815-E48485D1F8D80", "' or 1=1 --", "x".repeat(4_000), "ünïcode", ""];
    for (const token of tokens) {
      const answer = await ask(world, Buffer.from(token).toString("latin1"));
      assert.equal(answer.statusCode, 401, token.slice(0, 40));
      assert.equal(answer.json<{ errorCode: string }>().errorCode, "10000002");
    }
    const nova = await world.app.inject({
      method: "GET",
      url: "/sinter/v1/session",
      headers: { "user-agent": "VRM-HTTP-Client for OpenStack", "x-auth-token": tokens[0] },
    });
    assert.deepEqual([nova.statusCode, nova.body, nova.headers["content-length"]], [401, "", "0"]);
  });

  test("logout ends that session at once, answers {} and leaves the user's others", async () => {
    await using world = await testApp();
    const [one, other] = [await world.login(), await world.login()];
    const answer = await world.app.inject({
      method: "DELETE",
      url: "/service/session",
      headers: { "x-auth-token": one },
    });
    assert.deepEqual([answer.statusCode, answer.body], [200, "{}"]);
    assert.equal((await ask(world, one)).statusCode, 401);
    assert.equal((await ask(world, other)).statusCode, 200);
  });

  test("each use extends a session; one that rests ends", async () => {
    const clock = new ManualClock();
    await using world = await testApp({ clock, identity: { sessionValidityMs: 10 * MINUTE } });
    const token = await world.login();
    for (let round = 0; round < 5; round++) {
      clock.advance(9 * MINUTE);
      assert.equal((await ask(world, token)).statusCode, 200, `after ${(round + 1) * 9} minutes`);
    }
    clock.advance(10 * MINUTE - 1);
    assert.equal((await ask(world, token)).statusCode, 200);
    clock.advance(10 * MINUTE);
    assert.equal((await ask(world, token)).statusCode, 401);
  });

  test("sessions survive a restart, with what they were used since", async () => {
    const clock = new ManualClock();
    const identity = { sessionValidityMs: 10 * MINUTE };
    await using world = await testApp({ clock, identity });
    const token = await world.login();
    clock.advance(8 * MINUTE);
    assert.equal((await ask(world, token)).statusCode, 200);
    await world.identity[Symbol.asyncDispose]();
    clock.advance(8 * MINUTE);
    await using restarted = await testAppOn({ ...world, name: world.databaseName }, { clock, identity });
    assert.equal((await ask(restarted, token)).statusCode, 200, "was used 8 minutes ago");
  });

  test("sweeping removes what has expired and keeps what was used meanwhile", async () => {
    const clock = new ManualClock();
    await using world = await testApp({ clock, identity: { sessionValidityMs: 10 * MINUTE } });
    const [resting, used] = [await world.login(), await world.login()];
    clock.advance(5 * MINUTE);
    await ask(world, used);
    clock.advance(6 * MINUTE);
    assert.equal(await world.identity.sweep(), 1);
    assert.equal((await ask(world, resting)).statusCode, 401);
    assert.equal((await ask(world, used)).statusCode, 200);
  });

  test("only hashes of tokens are stored", async () => {
    await using world = await testApp();
    const token = await world.login();
    await ask(world, token);
    const { rows } = await world.database.pool.query("select * from sessions");
    assert.equal(rows.length, 1);
    assert.ok(!JSON.stringify(rows).includes(token));
  });

  test("connectNum: no more sessions than allowed, also when many log in at once; ended ones make room", async () => {
    const clock = new ManualClock();
    await using world = await testApp({ clock, identity: { sessionValidityMs: 10 * MINUTE } });
    const admin = await world.login();
    const made = await world.app.inject({
      method: "POST",
      url: "/service/users",
      headers: { "x-auth-token": admin },
      payload: {
        userName: "worker",
        userType: "2",
        password: TEST_PASSWORD,
        roles: ["operator"],
        connectNum: 3,
      },
    });
    assert.equal(made.statusCode, 200, made.body);
    const login = () =>
      world.app.inject({
        method: "POST",
        url: "/service/session",
        headers: { "x-auth-user": "worker", "x-auth-key": keyOfPassword(TEST_PASSWORD) },
      });
    const answers = await Promise.all(Array.from({ length: 12 }, login));
    assert.equal(answers.filter(({ statusCode }) => statusCode === 200).length, 3);
    const refused = answers.filter(({ statusCode }) => statusCode !== 200);
    assert.ok(refused.every((answer) => answer.json<{ errorCode: string }>().errorCode === "10100112"));
    clock.advance(11 * MINUTE);
    assert.equal((await login()).statusCode, 200);
  });

  test("what is changed on a user or a role counts from the next request on", async () => {
    await using world = await testApp();
    const admin = await world.login();
    const token = await world.loginAs("operator");
    const userId = await idOf(world, token);
    const access = async () => {
      const answer = await ask(world, token);
      return answer.statusCode === 200 ? answer.json<{ access: string }>().access : answer.statusCode;
    };
    assert.equal(await access(), "operate");
    await put(world, admin, `/service/users/${userId}`, { roles: ["readonly"] });
    assert.equal(await access(), "read");
    await put(world, admin, `/service/users/${userId}`, { roles: ["readonly", "administrator"] });
    assert.equal(await access(), "read", "of two roles the one that denies wins");
    await put(world, admin, `/service/users/${userId}`, { manageStatus: 3 });
    assert.equal(await access(), 401);
    await put(world, admin, `/service/users/${userId}`, { manageStatus: 0, roles: ["administrator"] });
    assert.equal(await access(), "administer", "the session was only suspended");
    await world.app.inject({
      method: "DELETE",
      url: `/service/users/${userId}`,
      headers: { "x-auth-token": admin },
    });
    assert.equal(await access(), 401);
  });

  test("no request that begins after a logout was answered gets through", async () => {
    await using world = await testApp();
    for (let round = 0; round < 20; round++) {
      const token = await world.login();
      // Half of the rounds with a session that the cache has not seen yet.
      if (round % 2 === 0) await ask(world, token);
      const racing = Array.from({ length: 10 }, () => ask(world, token));
      await world.app.inject({
        method: "DELETE",
        url: "/service/session",
        headers: { "x-auth-token": token },
      });
      const after = await Promise.all(Array.from({ length: 5 }, () => ask(world, token)));
      assert.ok(
        after.every(({ statusCode }) => statusCode === 401),
        `round ${round}`,
      );
      await Promise.all(racing);
      assert.equal((await ask(world, token)).statusCode, 401);
    }
  });

  test("knowing who asks costs no query", async (t) => {
    await using world = await testApp();
    const token = await world.login();
    await world.identity.authenticate(token);
    const CALLS = 20_000;
    const startedAt = performance.now();
    for (let call = 0; call < CALLS; call++) await world.identity.authenticate(token);
    const eachUs = ((performance.now() - startedAt) * 1_000) / CALLS;
    t.diagnostic(`${eachUs.toFixed(1)} µs for each request`);
    assert.ok(eachUs < 100, `${eachUs} µs`);
  });
});
