import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ManualClock } from "@sinter/kit";
import { UserList, type WireUser } from "@sinter/northbound";
import type { LightMyRequestResponse } from "fastify";
import { Check } from "typebox/value";
import { TEST_PASSWORD, TEST_SITE, type TestApp, type TestAppOptions, testApp } from "../testing/test-app.ts";
import { keyOfPassword } from "./password.ts";

interface Client {
  get(url: string): Promise<LightMyRequestResponse>;
  post(url: string, payload?: unknown): Promise<LightMyRequestResponse>;
  put(url: string, payload: unknown): Promise<LightMyRequestResponse>;
  remove(url: string): Promise<LightMyRequestResponse>;
}

async function clientOf(world: TestApp, token?: string): Promise<Client> {
  const headers = { "x-auth-token": token ?? (await world.login()) };
  const call = (method: "GET" | "POST" | "PUT" | "DELETE", url: string, payload?: unknown) =>
    world.app.inject({
      method,
      url,
      headers,
      ...(payload === undefined
        ? {}
        : { payload: typeof payload === "string" ? payload : JSON.stringify(payload) }),
    });
  return {
    get: (url) => call("GET", url),
    post: (url, payload) => call("POST", url, payload),
    put: (url, payload) => call("PUT", url, payload),
    remove: (url) => call("DELETE", url),
  };
}

const codeOf = (answer: LightMyRequestResponse): string =>
  answer.statusCode === 200 ? "ok" : answer.json<{ errorCode: string }>().errorCode;

const user = (more: object = {}) => ({
  userType: "2",
  userName: "gandalf",
  password: TEST_PASSWORD,
  roles: ["operator"],
  ...more,
});

async function openUsers(options: TestAppOptions = {}) {
  const world = await testApp(options);
  const client = await clientOf(world);
  return {
    ...world,
    ...client,
    create: async (more: object = {}): Promise<string> => {
      const answer = await client.post("/service/users", user(more));
      assert.equal(answer.statusCode, 200, answer.body);
      return answer.json<{ userId: string }>().userId;
    },
    find: async (userId: string): Promise<WireUser> =>
      (await client.get(`/service/users/${userId}`)).json<WireUser>(),
  };
}

describe("users", () => {
  test("a user is created, listed, modified, and deleted, with and without the site in the path", async () => {
    for (const base of [
      "/service",
      `/service/sites/${TEST_SITE}`,
      `/service/sites/${TEST_SITE.toLowerCase()}`,
    ]) {
      await using world = await openUsers();
      const made = await world.post(
        `${base}/users`,
        user({ email: "g@example.org", contact: "+49 (30) 123-4" }),
      );
      assert.equal(made.statusCode, 200, made.body);
      const { userId, userName } = made.json<{ userId: string; userName: string }>();
      assert.equal(userName, "gandalf");
      const list = (await world.get(`${base}/users?limit=100&offset=0&userType=2`)).json<UserList>();
      assert.ok(Check(UserList, list));
      assert.deepEqual(
        list.users.map(({ createTime, ...shown }) => ({ ...shown, hasTime: /^\d{10}$/.test(createTime) })),
        [
          {
            userId,
            userType: "2",
            userName: "gandalf",
            roles: ["operator"],
            email: "g@example.org",
            contact: "+49 (30) 123-4",
            description: "",
            connectNum: 0,
            rightType: 1,
            manageStatus: 0,
            hasTime: true,
          },
        ],
      );
      const changes = { roles: ["readonly"], description: "white", connectNum: 4, email: "" };
      const modified = await world.put(`${base}/users/${userId}`, changes);
      assert.deepEqual([modified.statusCode, modified.body], [200, "{}"]);
      const now = await world.find(userId);
      assert.deepEqual(
        [now.roles, now.description, now.connectNum, now.email],
        [["readonly"], "white", 4, ""],
      );
      assert.equal(now.contact, "+49 (30) 123-4", "absent fields stay");
      assert.equal(
        (await world.post(`${base}/users/${userId}/setRoles`, { roles: ["administrator"] })).body,
        "{}",
      );
      assert.deepEqual((await world.find(userId)).roles, ["administrator"]);
      assert.equal((await world.remove(`${base}/users/${userId}`)).body, "{}");
      assert.equal(codeOf(await world.get(`${base}/users/${userId}`)), "10100307");
    }
  });

  test("what is wrong with a new user has its code", async (t) => {
    await using world = await openUsers();
    await world.create();
    const cases: Record<string, [object, string]> = {
      "taken name": [{}, "10100305"],
      "taken name in another case and width": [{ userName: "ＧANDALF" }, "10100305"],
      "empty name": [{ userName: "" }, "10100309"],
      "long name": [{ userName: "a".repeat(65) }, "10100309"],
      "longest name": [{ userName: "a".repeat(64) }, "ok"],
      "endless name": [{ userName: "a".repeat(100_000) }, "10100309"],
      "name with blanks": [{ userName: "a b" }, "10100310"],
      "name with a slash": [{ userName: "../admin" }, "10100310"],
      "name with markup": [{ userName: "<script>" }, "10100310"],
      "name with a quote": [{ userName: "o'hara" }, "10100310"],
      "name with a zero character": [{ userName: "a\u0000b" }, "10100309"],
      "name that looks like a failure": [{ userName: "errorCode" }, "10100310"],
      "name with a line break": [{ userName: "a\nb" }, "10100310"],
      "Chinese name": [{ userName: "管理员" }, "ok"],
      "missing name": [{ userName: null }, "10100309"],
      "missing password": [{ userName: "u1", password: null }, "10100120"],
      "short password": [{ userName: "u1", password: "Ab-1" }, "10100122"],
      "simple password": [{ userName: "u1", password: "abcdefgh" }, "10100123"],
      "password with the name": [{ userName: "u123", password: "X-u123-yz" }, "10100126"],
      "Chinese password": [{ userName: "u1", password: "密码密码密码密码Ab1" }, "10100122"],
      "unknown role": [{ userName: "u1", roles: ["operator", "king"] }, "10100306"],
      "role that is SQL": [{ userName: "u1", roles: ["'; drop table users; --"] }, "10100306"],
      "wrong e-mail": [{ userName: "u1", email: "nobody" }, "10100303"],
      "wrong phone": [{ userName: "u1", contact: "call me" }, "10100302"],
      "long phone": [{ userName: "u1", contact: "1".repeat(26) }, "10100302"],
      "description of two lines": [{ userName: "u1", description: "a\nb" }, "10100304"],
      "long description": [{ userName: "u1", description: "x".repeat(1_025) }, "10100304"],
      "negative connections": [{ userName: "u1", connectNum: -1 }, "10100055"],
      "domain user": [{ userName: "u1", userType: "1" }, "10100339"],
      "unknown type": [{ userName: "u1", userType: "9" }, "10100337"],
      "three-role mode": [{ userName: "u1", rightType: 2 }, "10100422"],
      "right type out of range": [{ userName: "u1", rightType: 99 }, "10100058"],
      "type as a number, count as text, fields in another case": [
        { userName: undefined, USERNAME: "u2", userType: 2, connectNum: "3" },
        "ok",
      ],
    };
    for (const [name, [more, expected]] of Object.entries(cases)) {
      await t.test(name, async () => {
        const answer = await world.post("/service/users", user(more));
        assert.equal(codeOf(answer), expected, answer.body);
        assert.ok(!answer.body.includes(TEST_PASSWORD));
      });
    }
  });

  test("lists filter, count and page", async () => {
    const clock = new ManualClock();
    await using world = await openUsers({ clock });
    for (let index = 0; index < 12; index++) {
      clock.advance(60_000);
      await world.create({
        userName: `Worker-${String(index).padStart(2, "0")}`,
        userType: index % 2 === 0 ? "0" : "2",
      });
    }
    const names = async (query: string): Promise<[number, number, string[]]> => {
      const answer = await world.get(`/service/users?${query}`);
      assert.equal(answer.statusCode, 200, answer.body);
      const { total, itemSize, users } = answer.json<UserList>();
      assert.equal(itemSize, users.length);
      return [total, itemSize, users.map(({ userName }) => userName)];
    };
    assert.equal((await names(""))[0], 13);
    assert.deepEqual(await names("userName=worker-0&limit=3&offset=8"), [10, 2, ["Worker-08", "Worker-09"]]);
    assert.deepEqual((await names("userName=WORKER-11"))[2], ["Worker-11"]);
    assert.deepEqual(await names("userName=&userType=2&limit=1&offset=1"), [6, 1, ["Worker-03"]]);
    assert.deepEqual(await names("limit=2&offset=500"), [13, 0, []]);
    assert.deepEqual((await names("limit=-1&offset=-1"))[1], 13);
    assert.deepEqual((await names("limit=0&offset=1"))[1], 13);
    assert.equal((await names("userName=%25"))[0], 0, "a percent sign is a letter like any other");
    assert.equal((await names("userName=_orker"))[0], 0);
    assert.equal((await names("userName='%20or%201=1"))[0], 0);
    assert.equal((await names("nosuch=1&roles=operator"))[0], 12);
    const start = clock.now() - 60_000;
    assert.equal((await names(`createStartTime=${start}`))[0], 2);
    assert.equal((await names(`createStopTime=${Math.floor(start / 1000) - 60}`))[0], 11);
    assert.equal(codeOf(await world.get("/service/users?limit=x")), "10000013");
    assert.equal(codeOf(await world.get("/service/users?offset=x")), "10000016");
  });

  test("manageStatus tells who is locked, by wrong passwords or by an administrator", async () => {
    const clock = new ManualClock();
    await using world = await openUsers({ clock });
    const userId = await world.create();
    const status = async () => (await world.find(userId)).manageStatus;
    const counts = async () =>
      await Promise.all(
        [0, 1, 2, 3].map(
          async (state) => (await world.get(`/service/users?manageStatus=${state}`)).json<UserList>().total,
        ),
      );
    const enter = async (password = TEST_PASSWORD) => {
      const headers = { "x-auth-user": "gandalf", "x-auth-key": password, "x-encript-algorithm": "1" };
      return codeOf(await world.app.inject({ method: "POST", url: "/service/session", headers }));
    };
    assert.deepEqual([await status(), await counts()], [0, [2, 0, 0, 0]]);
    for (let attempt = 0; attempt < 5; attempt++) await enter("Wrong-Horse7");
    assert.deepEqual([await status(), await counts()], [1, [1, 1, 0, 0]]);
    assert.equal(codeOf(await world.post("/service/users/unLockUser", { userId })), "ok");
    assert.deepEqual([await status(), await enter()], [0, "ok"]);
    assert.equal(codeOf(await world.post("/service/users/lockUser", { userId })), "ok");
    assert.deepEqual([await status(), await enter(), await counts()], [2, "10100117", [1, 0, 1, 0]]);
    assert.equal(await enter("Wrong-Horse7"), "10100103", "said only to whoever knows the password");
    await world.put(`/service/users/${userId}`, { manageStatus: 3 });
    assert.deepEqual([await status(), await enter(), await counts()], [3, "10100353", [1, 0, 0, 1]]);
    await world.put(`/service/users/${userId}`, { manageStatus: 0, roles: [] });
    assert.deepEqual([await status(), await enter()], [0, "10100354"]);
  });

  test("nobody can lock the last door: the built-in administrator, and oneself", async () => {
    await using world = await openUsers();
    const all = (await world.get("/service/users")).json<UserList>().users;
    const adminId = all.find(({ userName }) => userName === "admin")?.userId ?? "";
    assert.equal(codeOf(await world.remove(`/service/users/${adminId}`)), "10100314");
    assert.equal(codeOf(await world.post("/service/users/lockUser", { userId: adminId })), "10100059");
    assert.equal(
      codeOf(await world.post(`/service/users/${adminId}/setRoles`, { roles: ["readonly"] })),
      "10100308",
    );
    assert.equal(codeOf(await world.put(`/service/users/${adminId}`, { userName: "root" })), "10100308");
    assert.equal(codeOf(await world.put(`/service/users/${adminId}`, { description: "me" })), "ok");

    const otherId = await world.create({ userName: "second", roles: ["administrator"] });
    const other = await clientOf(world, await world.login("second"));
    assert.equal(codeOf(await other.remove(`/service/users/${otherId}`)), "10100312");
    assert.equal(codeOf(await other.post("/service/users/lockUser", { userId: adminId })), "10100308");
    assert.equal(codeOf(await other.remove(`/service/users/${adminId}`)), "10100314");
    assert.equal(codeOf(await world.remove(`/service/users/${otherId}`)), "ok");
  });

  test("ids that are none, and bodies that are none", async () => {
    await using world = await openUsers();
    for (const id of [
      "1",
      "..%2f..",
      "%00",
      "' or 1=1",
      "00000000-0000-0000-0000-000000000000",
      "a".repeat(200),
    ]) {
      assert.equal(codeOf(await world.get(`/service/users/${encodeURIComponent(id)}`)), "10100307", id);
      assert.equal(codeOf(await world.put(`/service/users/${encodeURIComponent(id)}`, {})), "10100307", id);
      assert.equal(codeOf(await world.remove(`/service/users/${encodeURIComponent(id)}`)), "10100307", id);
    }
    for (const body of ["[", '"text"', "[]", "7", '{"userName":{"a":1}}']) {
      const answer = await world.post("/service/users", body);
      assert.equal(answer.statusCode, 400, body);
      assert.match(codeOf(answer), /^\d{8}$/);
    }
    const deep = `${'{"a":'.repeat(5_000)}1${"}".repeat(5_000)}`;
    assert.equal((await world.post("/service/users", deep)).statusCode, 400);
    assert.equal(
      (await world.post("/service/users", `{"userName":"${"x".repeat(2_000_000)}"}`)).statusCode,
      400,
    );
  });

  test("logging in while one is deleted ends in a session that is worth nothing, or in none", async () => {
    await using world = await openUsers();
    for (let round = 0; round < 10; round++) {
      const userId = await world.create({ userName: `leaving${round}`, connectNum: round % 2 });
      const [entered] = await Promise.allSettled([
        world.login(`leaving${round}`),
        world.remove(`/service/users/${userId}`),
      ]);
      if (entered.status === "fulfilled") {
        assert.equal(await world.identity.authenticate(entered.value), undefined);
      } else assert.match(String(entered.reason), /10100103/);
    }
  });

  test("two who create one name at once: one wins", async () => {
    await using world = await openUsers();
    const answers = await Promise.all(Array.from({ length: 8 }, () => world.post("/service/users", user())));
    assert.deepEqual(
      answers.map(codeOf).toSorted(),
      [...Array.from({ length: 7 }, () => "10100305"), "ok"].toSorted(),
    );
  });
});

const modify = (world: TestApp, body: object, token?: string) =>
  world.app.inject({
    method: "POST",
    url: "/service/users/password/modify",
    headers: token === undefined ? {} : { "x-auth-token": token },
    payload: body,
  });

describe("passwords", () => {
  test("a user changes the own password; the other sessions end", async () => {
    const clock = new ManualClock();
    await using world = await openUsers({ clock });
    const userId = await world.create();
    const [token, other] = [await world.login("gandalf"), await world.login("gandalf")];
    const change = (more: object = {}) =>
      modify(world, { userId, oldPassword: TEST_PASSWORD, password: "New-Horse8", ...more }, token);
    clock.advance(1_000);
    const users = (await world.get("/service/users?userName=admin")).json<UserList>().users;
    assert.equal(codeOf(await change({ userId: users[0]?.userId })), "10100107", "somebody else's");
    assert.equal(codeOf(await change({ oldPassword: "Wrong-Horse7" })), "10100318");
    assert.equal(codeOf(await change({ password: "short" })), "10100122");
    assert.equal(codeOf(await change({ password: TEST_PASSWORD })), "10100322", "the present one");
    assert.equal(codeOf(await change()), "ok");
    assert.ok(await world.identity.authenticate(token), "the session through which it was asked stays");
    assert.equal(await world.identity.authenticate(other), undefined);
    await assert.rejects(world.login("gandalf"), /10100103/);
    assert.ok(await world.login("gandalf", "New-Horse8"));
    const again = { oldPassword: "New-Horse8", password: "Newer-Horse9" };
    assert.equal(codeOf(await change(again)), "10100321", "too soon");
    clock.advance(5 * 60_000);
    assert.equal(codeOf(await change(again)), "ok");
  });

  test("the last five passwords do not come back, the sixth may", async () => {
    const clock = new ManualClock();
    await using world = await openUsers({ clock, identity: { passwordPolicy: { changeIntervalMs: 0 } } });
    const userId = await world.create({ password: "Password-0" });
    const token = await world.login("gandalf", "Password-0");
    const change = async (from: number, to: number) => {
      clock.advance(1_000);
      return codeOf(
        await modify(world, { userId, oldPassword: `Password-${from}`, password: `Password-${to}` }, token),
      );
    };
    for (let index = 0; index < 5; index++) assert.equal(await change(index, index + 1), "ok");
    for (let earlier = 1; earlier <= 5; earlier++)
      assert.equal(await change(5, earlier), "10100322", `${earlier}`);
    assert.equal(await change(5, 0), "ok");
    const { rows } = await world.database.pool.query("select * from password_history");
    assert.equal(rows.length, 4, "no more is kept than is compared");
  });

  test("who must change the password cannot log in before, and can change it without a session", async () => {
    await using world = await openUsers();
    const userId = await world.create({ userType: "0" });
    await assert.rejects(world.login("gandalf"), /10100108/);
    await assert.rejects(world.login("gandalf", "Wrong-Horse7"), /10100103/);
    const change = (more: object) => modify(world, { password: "New-Horse8", ...more });
    assert.equal(codeOf(await change({ userId, oldPassword: "Wrong-Horse7" })), "10100103");
    assert.equal(codeOf(await change({ userName: "nobody", oldPassword: TEST_PASSWORD })), "10100103");
    assert.equal(codeOf(await change({ userId: "none", oldPassword: TEST_PASSWORD })), "10100103");
    assert.equal(codeOf(await change({ userName: "gandalf", oldPassword: TEST_PASSWORD })), "ok");
    const token = await world.login("gandalf", "New-Horse8");
    assert.equal(
      (await change({ userId, oldPassword: "New-Horse8", password: "Newer-Horse9" })).statusCode,
      401,
    );
    const expired = await modify(
      world,
      { oldPassword: "New-Horse8", password: "Newer-Horse9" },
      "0DCCC508-EXPIRED",
    );
    assert.equal(expired.statusCode, 401, "a token that has ended is not no token");
    assert.ok(await world.identity.authenticate(token));
  });

  test("guessing an old password without a session locks like guessing at a login", async () => {
    await using world = await openUsers();
    const userId = await world.create({ userType: "0" });
    const codes: string[] = [];
    for (let attempt = 0; attempt < 6; attempt++) {
      codes.push(
        codeOf(await modify(world, { userId, oldPassword: `Wrong-Horse${attempt}`, password: "New-Horse8" })),
      );
    }
    assert.deepEqual(codes.slice(3), ["10100103", "10100113", "10100116"]);
    await assert.rejects(world.login("gandalf"), /10100116/);
  });

  test("an expired password is refused with 10100109 and can be changed without a session", async () => {
    const clock = new ManualClock();
    await using world = await openUsers({ clock, identity: { passwordPolicy: { validDays: 90 } } });
    await world.create();
    clock.advance(90 * 86_400_000);
    await assert.rejects(world.login("gandalf"), /10100109/);
    const change = { userName: "gandalf", oldPassword: TEST_PASSWORD, password: "New-Horse8" };
    assert.equal(codeOf(await modify(world, change)), "ok");
    assert.ok(await world.login("gandalf", "New-Horse8"));
  });

  test("an administrator resets a password: sessions end, a person must change it, a program need not", async () => {
    await using world = await openUsers();
    const reset = async (userId: string, password: string) =>
      codeOf(await world.post("/service/users/password/reset", { userId, password }));
    const programId = await world.create();
    const token = await world.login("gandalf");
    assert.equal(await reset(programId, "short"), "10100122");
    assert.equal(await reset(programId, TEST_PASSWORD), "10100322");
    assert.equal(await reset("none", "New-Horse8"), "10100307");
    assert.equal(await reset(programId, "New-Horse8"), "ok");
    assert.equal(await world.identity.authenticate(token), undefined);
    assert.ok(await world.login("gandalf", "New-Horse8"));

    const personId = await world.create({ userName: "frodo", userType: "0" });
    assert.equal(await reset(personId, "New-Horse8"), "ok");
    await assert.rejects(world.login("frodo", "New-Horse8"), /10100108/);
  });

  test("no password is stored in clear, nor as the hash that clients send", async () => {
    await using world = await openUsers();
    const userId = await world.create({ userType: "0" });
    await modify(world, { userId, oldPassword: TEST_PASSWORD, password: "New-Horse8" });
    for (const table of ["users", "password_history", "sessions", "settings"]) {
      const { rows } = await world.database.pool.query(`select * from ${table}`);
      const text = JSON.stringify(rows);
      for (const password of [TEST_PASSWORD, "New-Horse8"]) {
        assert.ok(!text.includes(password) && !text.includes(keyOfPassword(password)), table);
      }
    }
  });
});

describe("the first administrator", () => {
  test("is made once, with a random password that is given back once", async () => {
    await using world = await testApp();
    assert.deepEqual(await world.identity.bootstrap(), { created: false, userName: "admin" });
    await world.database.pool.query("delete from users");
    const made = await Promise.all([world.identity.bootstrap(), world.identity.bootstrap()]);
    const passwords = made.flatMap((result) => (result.created ? [result.password] : []));
    assert.equal(passwords.length, 1, "two managers that start together make one");
    assert.ok((passwords[0] ?? "").length >= 18);
    assert.ok(await world.login("admin", passwords[0] ?? ""));
    await world.database.pool.query("delete from users");
    const other = await world.identity.bootstrap();
    assert.ok(other.created && other.password !== passwords[0], "no two are alike");
    await assert.rejects(world.identity.bootstrap({ adminPassword: "simple" }), { code: "PASSWORD_LENGTH" });
  });

  test("OPS-10: a lost password is replaced, which also lifts locks and ends sessions", async () => {
    await using world = await testApp();
    const token = await world.login();
    for (let attempt = 0; attempt < 5; attempt++) await world.login("admin", "Wrong-Horse7").catch(() => {});
    await assert.rejects(world.login(), /10100116/);
    const { userName, password } = await world.identity.recoverAdministrator();
    assert.equal(userName, "admin");
    assert.ok(await world.login("admin", password));
    assert.equal(await world.identity.authenticate(token), undefined);
    await assert.rejects(world.login(), /10100103/);
  });
});
