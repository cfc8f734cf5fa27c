import assert from "node:assert/strict";
import { test } from "node:test";
import { MovedClock, type PortalWorld, portalWorld } from "../testing/portal-world.ts";
import { TEST_PASSWORD } from "../testing/test-app.ts";

const SESSION = "/sinter/v1/session";
const HOUR_MS = 3_600_000;

/** Adds a user as the administrator; one of the portal must change the password first. */
async function addUser(world: PortalWorld, userName: string, userType = "2"): Promise<void> {
  const { cookie, csrf } = await world.login();
  const answer = await world.ask("portal", "/service/users", {
    method: "POST",
    headers: { cookie, "x-sinter-csrf": csrf },
    body: { userType, userName, password: TEST_PASSWORD, roles: ["operator"] },
  });
  assert.equal(answer.status, 200, answer.body);
}

test("logging in gives a cookie that scripts cannot read, and says who and where one is", async () => {
  await using world = await portalWorld();
  const { answer, cookie, csrf } = await world.login();
  assert.equal(answer.status, 200);
  assert.match(
    answer.headers["set-cookie"]?.join("; ") ?? "",
    /^sinter_session=[A-Z0-9-]{37}; Path=\/; HttpOnly; Secure; SameSite=Strict$/,
  );
  assert.equal(answer.headers["x-auth-token"], undefined, "the token is nowhere else");
  const token = cookie.replace("sinter_session=", "");
  assert.ok(!answer.body.includes(token));
  const { siteId, userId, privilegeIds, csrf: _csrf, ...rest } = answer.json();
  assert.match(String(siteId), /^[0-9A-F]{8}$/);
  assert.match(String(userId), /^[0-9a-f-]{36}$/);
  assert.deepEqual(privilegeIds, []);
  assert.deepEqual(rest, {
    userName: "admin",
    roles: ["administrator"],
    access: "administer",
    mustChangePassword: false,
    siteName: "site",
    siteUrn: `urn:sites:${String(siteId)}`,
    version: "0.1.0",
  });
  const current = await world.ask("portal", SESSION, { headers: { cookie } });
  assert.deepEqual([current.status, current.json()], [200, answer.json()]);
  assert.equal(csrf, current.json().csrf);
  assert.equal(
    (await world.ask("portal", "/service/sites", { headers: { cookie } })).status,
    200,
    "the same API",
  );
});

test("the same login on the API's port gives a token, and a cookie counts nothing there", async () => {
  await using world = await portalWorld();
  const body = { userName: "admin", password: world.password };
  const answer = await world.ask("api", SESSION, { method: "POST", body });
  assert.deepEqual([answer.status, answer.headers["set-cookie"], answer.json().csrf], [200, undefined, ""]);
  const token = String(answer.headers["x-auth-token"]);
  assert.equal((await world.ask("api", SESSION, { headers: { "x-auth-token": token } })).status, 200);
  assert.equal((await world.ask("portal", SESSION, { headers: { "x-auth-token": token } })).status, 200);
  const { cookie, csrf } = await world.login();
  const refused = await world.ask("api", SESSION, { headers: { cookie, "x-sinter-csrf": csrf } });
  assert.deepEqual([refused.status, refused.json().errorCode], [401, "10000002"]);
});

test("a change by cookie needs the session's own word, and no other site's page", async () => {
  await using world = await portalWorld();
  const { cookie, csrf } = await world.login();
  const other = await world.login();
  const change = async (headers: Record<string, string>): Promise<unknown[]> => {
    const answer = await world.ask("portal", "/service/roles/add", {
      method: "POST",
      headers: { cookie, ...headers },
      body: { roleName: "nothing", popedom: [] },
    });
    return [answer.status, answer.json().errorCode];
  };
  const refused = [403, "10000003"];
  assert.deepEqual(await change({}), refused, "no word");
  assert.deepEqual(await change({ "x-sinter-csrf": "" }), refused, "empty");
  assert.deepEqual(await change({ "x-sinter-csrf": other.csrf }), refused, "of another session");
  assert.deepEqual(
    await change({ "x-sinter-csrf": cookie.split("=")[1] ?? "" }),
    refused,
    "the token itself",
  );
  for (const origin of ["https://evil.example", "null", world.api, world.portal.replace("https", "http")])
    assert.deepEqual(await change({ "x-sinter-csrf": csrf, origin }), refused, origin);
  assert.deepEqual(await change({ "x-sinter-csrf": csrf, origin: world.portal }), [200, undefined]);
  // With a token there is nothing that a browser adds by itself.
  const headers = { "x-auth-token": cookie.split("=")[1] ?? "", origin: "https://tool.example" };
  const byToken = await world.ask("portal", "/service/roles/nothing", { method: "DELETE", headers });
  assert.notEqual(byToken.status, 403);
});

test("a cookie without its word is none where a route looks at the session by itself", async () => {
  await using world = await portalWorld();
  const { cookie } = await world.login();
  const answer = await world.ask("portal", "/service/users/password/modify", {
    method: "POST",
    headers: { cookie },
    body: { userName: "admin", oldPassword: world.password, password: "Another-Horse8" },
  });
  assert.deepEqual([answer.status, answer.json().errorCode], [401, "10000002"]);
  assert.equal((await world.login()).answer.status, 200, "the password is as it was");
});

test("another site's page cannot log a browser in", async () => {
  await using world = await portalWorld();
  const answer = await world.ask("portal", SESSION, {
    method: "POST",
    headers: { origin: "https://evil.example" },
    body: { userName: "admin", password: world.password },
  });
  assert.deepEqual([answer.status, answer.headers["set-cookie"]], [403, undefined]);
});

test("a wrong login is 401 with its code; the fifth locks, and says until when", async () => {
  await using world = await portalWorld();
  await addUser(world, "olga");
  const wrong = async (userName: string): Promise<Record<string, unknown>> => {
    const { answer } = await world.login(userName, "Wrong-Horse7");
    assert.deepEqual([answer.status, answer.headers["set-cookie"]], [401, undefined]);
    return answer.json();
  };
  for (let attempt = 0; attempt < 4; attempt++) assert.equal((await wrong("olga")).errorCode, "10100103");
  const before = Date.now();
  for (const code of ["10100113", "10100116"]) {
    const { errorCode, errorDes, lockedUntil } = await wrong("olga");
    assert.equal(errorCode, code);
    assert.match(String(errorDes), /locked.* 5 minutes/);
    const until = Date.parse(String(lockedUntil)) - before;
    assert.ok(until > 290_000 && until < 310_000, `${until} ms`);
  }
  // Also for the right password, and for names that nobody has.
  assert.equal((await world.login("olga", TEST_PASSWORD)).answer.json().errorCode, "10100116");
  assert.equal((await wrong("nobody")).errorCode, "10100103");
  assert.equal((await world.login("admin", "")).answer.status, 401);
  const { body, headers } = { body: { userName: "admin" }, headers: { origin: world.portal } };
  assert.equal(
    (await world.ask("portal", SESSION, { method: "POST", headers, body })).status,
    400,
    "no password",
  );
});

test("a password that must be changed opens a session for that alone", async () => {
  await using world = await portalWorld();
  await addUser(world, "peter", "0");
  const { cookie, csrf, answer } = await world.login("peter", TEST_PASSWORD);
  assert.deepEqual(
    [answer.status, answer.json().mustChangePassword, answer.json().access],
    [200, true, "session"],
  );
  const headers = { cookie, "x-sinter-csrf": csrf };
  for (const url of ["/service/sites", "/sinter/v1/changes", "/service/users"])
    assert.equal((await world.ask("portal", url, { headers })).status, 403, url);
  const change = (oldPassword: string, newPassword: string) =>
    world.ask("portal", `${SESSION}/password`, {
      method: "PUT",
      headers,
      body: { oldPassword, newPassword },
    });
  assert.equal((await change("Wrong-Horse7", "Another-Horse8")).json().errorCode, "10100318");
  assert.equal((await change(TEST_PASSWORD, "short")).json().errorCode, "10100122");
  const elsewhere = await world.login("peter", TEST_PASSWORD);
  const changed = await change(TEST_PASSWORD, "Another-Horse8");
  assert.deepEqual(
    [changed.status, changed.json().mustChangePassword, changed.json().access],
    [200, false, "operate"],
  );
  assert.equal((await world.ask("portal", "/service/sites", { headers })).status, 200, "the session goes on");
  const ended = await world.ask("portal", SESSION, { headers: { cookie: elsewhere.cookie } });
  assert.equal(ended.status, 401, "other sessions end");
  assert.equal((await world.login("peter", TEST_PASSWORD)).answer.status, 401);
  assert.equal((await world.login("peter", "Another-Horse8")).answer.json().mustChangePassword, false);
});

test("logging out ends the session and takes the cookie back", async () => {
  await using world = await portalWorld();
  const { cookie, csrf } = await world.login();
  const refused = await world.ask("portal", SESSION, { method: "DELETE", headers: { cookie } });
  assert.equal(refused.status, 403, "not by another site");
  const out = await world.ask("portal", SESSION, {
    method: "DELETE",
    headers: { cookie, "x-sinter-csrf": csrf },
  });
  assert.equal(out.status, 200);
  assert.match(
    out.headers["set-cookie"]?.[0] ?? "",
    /^sinter_session=;.*HttpOnly; Secure; SameSite=Strict; Max-Age=0$/,
  );
  assert.equal((await world.ask("portal", SESSION, { headers: { cookie } })).status, 401);
});

test("logins, refused ones and forged requests are in the audit", async () => {
  await using world = await portalWorld();
  await world.login("admin", "Wrong-Horse7");
  const { cookie } = await world.login();
  await world.ask("portal", "/service/roles/add", { method: "POST", headers: { cookie }, body: {} });
  const answer = await world.ask("portal", "/sinter/v1/audit?limit=10", { headers: { cookie } });
  const { records } = answer.json() as { records: Record<string, unknown>[] };
  assert.deepEqual(
    records.map(({ userName, path, status, errorCode }) => [userName, path, status, errorCode]).toReversed(),
    [
      ["admin", "/sinter/v1/session", 401, "10100103"],
      ["admin", "/sinter/v1/session", 200, ""],
      ["", "/service/roles/add", 403, "10000003"],
    ],
  );
});

test("a session ends after its time without use; what a page asks by itself does not prolong it", async () => {
  const clock = new MovedClock();
  await using world = await portalWorld({ clock, identity: { sessionValidityMs: HOUR_MS } });
  const { cookie } = await world.login();
  const isIn = async (headers: Record<string, string> = {}): Promise<boolean> =>
    (await world.ask("portal", "/service/sites", { headers: { cookie, ...headers } })).status === 200;
  for (let use = 0; use < 3; use++) {
    clock.move(0.7 * HOUR_MS);
    assert.ok(await isIn(), "each use prolongs it");
  }
  const background = { "x-sinter-background": "1" };
  clock.move(0.7 * HOUR_MS);
  assert.ok(await isIn(background));
  clock.move(0.4 * HOUR_MS);
  assert.equal(await isIn(background), false, "an open page alone does not");
  assert.equal(await isIn(), false);
});

test("a stream of changes ends with the session, and does not prolong it", async () => {
  const clock = new MovedClock();
  await using world = await portalWorld({
    clock,
    identity: { sessionValidityMs: HOUR_MS },
    pingEveryMs: 100,
  });
  const { cookie } = await world.login();
  const stream = await world.open("portal", "/sinter/v1/changes", { cookie });
  let text = "";
  stream.on("data", (chunk: Buffer) => (text += chunk.toString()));
  const ended = new Promise<void>((resolve) => stream.on("end", resolve));
  clock.move(0.9 * HOUR_MS);
  await new Promise<void>((resolve) => {
    stream.on("data", () => {
      if (text.split("event: ping").length > 3) resolve();
    });
  });
  clock.move(0.2 * HOUR_MS);
  await ended;
  assert.equal((await world.ask("portal", "/sinter/v1/changes", { headers: { cookie } })).status, 401);
});
