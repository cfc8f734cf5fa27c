import assert from "node:assert/strict";
import { test } from "node:test";
import { CreateVmRequest, readBody, SnapshotTree, vmWireId, WireSnapshot } from "@sinter/northbound";
import { Value } from "typebox/value";
import { vmWireErrors } from "../compute/index.ts";
import { computeWorld, OPERATOR } from "../testing/compute-world.ts";
import { TEST_SITE, testAppOn } from "../testing/test-app.ts";
import { registerSnapshotRoutes, snapshotWireErrors } from "./index.ts";

/** The routes over HTTP, with a stopped VM of one disk. */
async function open() {
  const world = await computeWorld();
  const { database } = world;
  const served = await testAppOn(
    { database, url: "", name: "" },
    {
      errors: [vmWireErrors, snapshotWireErrors],
      extend: (app) =>
        registerSnapshotRoutes(app, { snapshots: world.snapshots, database, siteId: () => TEST_SITE }),
    },
  );
  const begun = await world.vms.create(
    OPERATOR,
    readBody(CreateVmRequest, {
      name: "vm",
      location: world.urns.cluster,
      autoBoot: false,
      osOptions: { osType: "Linux" },
      vmConfig: {
        cpu: { quantity: 1 },
        memory: { quantityMB: 256 },
        disks: [{ sequenceNum: 1, quantityGB: 1, datastoreUrn: world.urns.datastore }],
      },
    }),
  );
  await world.done(begun);
  const path = `/service/sites/${TEST_SITE}/vms/${vmWireId(begun.id)}/snapshots`;
  const token = await served.login();
  const call = async (
    method: "GET" | "POST" | "PUT" | "DELETE",
    url: string,
    payload?: object,
    as = token,
  ) => {
    const answer = await served.app.inject({
      method,
      url,
      headers: { "x-auth-token": as },
      ...(payload === undefined ? {} : { payload }),
    });
    const body = answer.json();
    if (typeof body.taskUri === "string")
      await world.done({ taskId: Number(body.taskUri.split("/").at(-1)) });
    return { status: answer.statusCode, body };
  };
  return {
    world,
    served,
    path,
    call,
    [Symbol.asyncDispose]: async () => {
      await served[Symbol.asyncDispose]();
      await world[Symbol.asyncDispose]();
    },
  };
}

test("the calls of contract 2.13, as its clients make them", async () => {
  await using http = await open();
  const { path, call } = http;
  assert.deepEqual((await call("GET", path)).body, {
    currentSnapshot: { urn: null, uri: null, name: null },
    rootSnapshots: [],
  });
  // One client sends numbers and booleans as text.
  const made = await call("POST", path, { name: "first", needMemoryShot: "false", isConsistent: "True" });
  assert.equal(made.status, 200);
  assert.match(made.body.urn, /^urn:sites:43BC08E8:vms:i-[0-9A-F]{8}:snapshots:\d+$/);
  assert.match(made.body.uri, /^\/service\/sites\/43BC08E8\/vms\/i-[0-9A-F]{8}\/snapshots\/\d+$/);

  const tree = (await call("GET", path)).body;
  assert.ok(Value.Check(SnapshotTree, tree), JSON.stringify(tree));
  assert.equal(tree.currentSnapshot.uri, made.body.uri);
  assert.deepEqual(tree.rootSnapshots[0]?.childSnapshots, []);

  const detail = (await call("GET", `${made.body.uri}?refreshflag=true`)).body;
  assert.ok(Value.Check(WireSnapshot, detail), JSON.stringify(detail));
  assert.deepEqual(
    [detail.status, detail.type, detail.coreNum, detail.memorySize, detail.volumeSizeSum, detail.creator],
    ["ready", "normal", 1, 256, 1024, "admin"],
  );
  assert.match(detail.createTime, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
  assert.equal(detail.volsnapshots[0]?.snapNameOnDev.split(".").at(-1), "raw", "the base is frozen");

  assert.deepEqual((await call("PUT", made.body.uri, { name: "renamed" })).body, {});
  assert.equal((await call("GET", made.body.uri)).body.name, "renamed");
  assert.equal((await call("POST", `${made.body.uri}/action/resumevm`)).status, 200);
  assert.equal((await call("DELETE", made.body.uri)).status, 200);
  const gone = await call("GET", made.body.uri);
  assert.deepEqual([gone.status, gone.body.errorCode], [400, "10300109"]);
});

test("what is wrong with a request has the contract's code", async () => {
  await using http = await open();
  const { path, call, served } = http;
  const code = async (...args: Parameters<typeof call>): Promise<string> =>
    (await call(...args)).body.errorCode;
  assert.equal(await code("POST", path, {}), "10000012");
  assert.equal(await code("POST", path, { name: "x".repeat(257) }), "10000012");
  assert.equal(await code("POST", path, { name: "x", description: "y".repeat(1025) }), "10000018");
  assert.equal(await code("POST", path, { name: "x", needMemoryShot: "perhaps" }), "10000019");
  assert.equal(await code("POST", path, { name: "x", isConsistent: 7 }), "10000020");
  assert.equal(await code("POST", path, { name: "x", needMemoryShot: true }), "10300119");
  assert.equal(await code("DELETE", `${path}/nonsense`), "10300109");
  assert.equal(await code("GET", path.replace(/i-[0-9A-F]+/, "i-FFFFFFFF")), "10300001");
  assert.deepEqual((await call("GET", path)).body.rootSnapshots, []);
  const { read } = await served.accessTokens();
  assert.equal((await call("POST", path, { name: "x" }, read)).status, 403);
  assert.equal((await call("GET", path, undefined, read)).status, 200);
});
