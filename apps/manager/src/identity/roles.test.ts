import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { RightList, RoleList, type SessionAnswer } from "@sinter/northbound";
import type { LightMyRequestResponse } from "fastify";
import { Check } from "typebox/value";
import { TEST_PASSWORD, testApp } from "../testing/test-app.ts";
import { keyOfPassword } from "./password.ts";
import { RIGHTS } from "./rights.ts";

const codeOf = (answer: LightMyRequestResponse): string =>
  answer.statusCode === 200 ? "ok" : answer.json<{ errorCode: string }>().errorCode;

async function openRoles() {
  const world = await testApp();
  const headers = { "x-auth-token": await world.login() };
  return {
    ...world,
    get: (url: string) => world.app.inject({ method: "GET", url, headers }),
    post: (url: string, payload: object) => world.app.inject({ method: "POST", url, headers, payload }),
  };
}

const READ = RIGHTS.filter(({ level }) => level === "read").map(({ id }) => id);
const OPERATE = RIGHTS.filter(({ level }) => level !== "administer").map(({ id }) => id);

describe("roles", () => {
  test("the tree of rights has two levels, and none for the modes that this system does not have", async () => {
    await using world = await openRoles();
    const list = (await world.get("/service/roles/getRights?rightType=1")).json<RightList>();
    assert.ok(Check(RightList, list));
    assert.equal(list.total, list.items.length);
    const leaves = list.items.flatMap(({ subitems }) => subitems.map(({ rightId }) => rightId));
    assert.deepEqual(
      leaves,
      RIGHTS.map(({ id }) => id),
    );
    assert.deepEqual((await world.get("/service/roles/getRights?rightType=3")).json(), {
      total: 0,
      itemSize: 0,
      items: [],
    });
    assert.equal(codeOf(await world.get("/service/roles/getRights?rightType=9")), "10100511");
  });

  test("a role is added, given, modified and removed; a user's access follows", async () => {
    await using world = await openRoles();
    assert.equal(
      (await world.post("/service/roles/add", { roleName: "Watcher", rightType: 1, popedom: READ })).body,
      "{}",
    );
    const token = await world.loginAs("Watcher");
    const access = async () => (await world.identity.authenticate(token))?.access;
    assert.equal(await access(), "read");
    assert.equal(
      codeOf(await world.post("/service/roles/mod", { roleName: "Watcher", popedom: OPERATE })),
      "ok",
    );
    assert.equal(await access(), "operate");
    const part = [...READ, "2001"];
    assert.equal(
      codeOf(await world.post("/service/roles/mod", { roleName: "Watcher", popedom: part })),
      "ok",
    );
    assert.equal(await access(), "read", "half of a level is not the level");
    const login = await world.app.inject({
      method: "POST",
      url: "/service/session",
      headers: { "x-auth-user": "test-Watcher", "x-auth-key": keyOfPassword(TEST_PASSWORD) },
    });
    assert.deepEqual(
      login.json<SessionAnswer>().privilegeIds,
      RIGHTS.map(({ id }) => id).filter((id) => !part.includes(id)),
    );
    const list = (await world.get("/service/roles/list?limit=100&offset=0")).json<RoleList>();
    assert.ok(Check(RoleList, list));
    assert.deepEqual(
      [list.total, list.itemSize, list.items.map(({ roleName }) => roleName)],
      [4, 4, ["Watcher", "administrator", "operator", "readonly"]],
    );
    assert.equal(codeOf(await world.post("/service/roles/rmv", { roleName: "Watcher" })), "10100503");
    const me = (await world.identity.authenticate(token))?.userId ?? "";
    await world.post(`/service/users/${me}/setRoles`, { roles: [] });
    assert.equal(codeOf(await world.post("/service/roles/rmv", { roleName: "Watcher" })), "ok");
    assert.equal(codeOf(await world.post("/service/roles/rmv", { roleName: "Watcher" })), "10100502");
  });

  test("what is wrong with a role has its code", async () => {
    await using world = await openRoles();
    const add = async (body: object) => codeOf(await world.post("/service/roles/add", body));
    assert.equal(await add({ roleName: "operator" }), "10100501");
    assert.equal(await add({ roleName: "short" }), "10100508");
    assert.equal(await add({ roleName: "x".repeat(21) }), "10100508");
    assert.equal(await add({ roleName: "9lives" }), "10100508");
    assert.equal(await add({ roleName: "with blank" }), "10100508");
    assert.equal(await add({ roleName: "MyErrorCodes" }), "10100508");
    assert.equal(await add({}), "10100508");
    assert.equal(await add({ roleName: "Watcher", popedom: ["1001", "nine"] }), "10100504");
    assert.equal(await add({ roleName: "Watcher", description: "a\nb" }), "10100509");
    assert.equal(await add({ roleName: "Watcher", rightType: 2 }), "10100422");
    assert.equal(await add({ roleName: "Watcher", popedom: ["1000", "1001", "1001"] }), "ok");
    const { items } = (await world.get("/service/roles/list")).json<RoleList>();
    assert.deepEqual(
      items.find(({ roleName }) => roleName === "Watcher")?.popedom,
      ["1001"],
      "areas have no effect",
    );
    assert.equal(
      codeOf(await world.post("/service/roles/mod", { roleName: "operator", popedom: [] })),
      "10100348",
    );
    assert.equal(codeOf(await world.post("/service/roles/rmv", { roleName: "operator" })), "10100347");
    assert.equal(codeOf(await world.post("/service/roles/mod", { roleName: "nosuch" })), "10100502");
  });

  test("a role cannot be removed while it is being given", async () => {
    await using world = await openRoles();
    for (let round = 0; round < 10; round++) {
      const roleName = `Racing${round}`;
      await world.post("/service/roles/add", { roleName, popedom: READ });
      const user = { userType: "2", userName: `racer${round}`, password: TEST_PASSWORD, roles: [roleName] };
      const [given, removed] = await Promise.all([
        world.post("/service/users", user),
        world.post("/service/roles/rmv", { roleName }),
      ]);
      const outcome = [codeOf(given), codeOf(removed)].join();
      assert.ok(["ok,10100503", "10100306,ok"].includes(outcome), outcome);
    }
  });
});
