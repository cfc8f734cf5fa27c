import assert from "node:assert/strict";
import { test } from "node:test";
import { logIn, run } from "./testing/run.ts";
import { SITE_URN, startWorld } from "./testing/world.ts";

const LISTS = {
  "host ls": /^NAME.*ACCELERATOR.*\nh1 +65 +normal +198\.18\.1\.11 +2 +23\.4 GiB +emulated +main\n/,
  "cluster ls": /main +117 +4000 +0/,
  "datastore ls": /fast +41 +NORMAL +LOCALPOME +100 GiB +90 GiB +1 +\/srv\/fast/,
  "switch ls": /edge +1 +1 +1500/,
  "portgroup ls": /lan +44 +edge +10 +access\n *lan +45 +core/,
  "volume ls": /data +58 +USE +20 GiB +thin +normal +fast +no/,
};
for (const [words, expected] of Object.entries(LISTS)) {
  test(`sinter ${words}: a table, and the wire's objects as JSON`, async () => {
    await using world = await startWorld();
    await logIn(world);
    const table = await run(world, words.split(" "));
    assert.equal(table.code, 0, table.stderr);
    assert.match(table.stdout, expected);
    const json = await run(world, [...words.split(" "), "--json"]);
    const items = JSON.parse(json.stdout);
    assert.ok(Array.isArray(items) && items.length > 0);
    assert.ok(items.every((item: { urn: string }) => item.urn.startsWith(SITE_URN)));
    assert.equal(json.stderr, "");
  });
}

test("port groups of one name: told apart by their switch or id", async () => {
  await using world = await startWorld();
  await logIn(world);
  const ambiguous = await run(world, ["vm", "create", "x", "--nic", "lan"]);
  assert.equal(ambiguous.code, 2);
  assert.match(ambiguous.stderr, /44 +edge\/lan\n +45 +core\/lan/);
  for (const nic of ["core/lan", "45", `${SITE_URN}:dvswitchs:2:portgroups:45`]) {
    assert.equal((await run(world, ["vm", "create", "x", "--nic", nic])).code, 0, nic);
    const body = world.asked("POST /vms").at(-1)?.body as { vmConfig: { nics: { portGroupUrn: string }[] } };
    assert.equal(body.vmConfig.nics[0]?.portGroupUrn, `${SITE_URN}:dvswitchs:2:portgroups:45`);
  }
  assert.equal((await run(world, ["vm", "create", "x", "--nic", "nowhere"])).code, 4);
});

test("maintenance: enter and exit by name", async () => {
  await using world = await startWorld();
  await logIn(world);
  world.server.answer(`POST ${world.server.siteUri}/hosts/65/action/enterMaintenanceMode`, {});
  world.server.answer(`POST ${world.server.siteUri}/hosts/65/action/exitMaintenanceMode`, {});
  assert.match((await run(world, ["host", "maintenance", "enter", "h1"])).stdout, /maintenance mode/);
  const left = await run(world, ["host", "maintenance", "exit", "65", "--json"]);
  assert.equal(JSON.parse(left.stdout).name, "h1");
  assert.equal((await run(world, ["host", "maintenance", "enter", "h9"])).code, 4);
});

test("a join token: the command alone on standard output, ready to be piped", async () => {
  await using world = await startWorld();
  await logIn(world);
  const created = {
    id: "t-1",
    token: "SECRET",
    expiresAt: "1767225600000",
    command: "sinter-agent join vrm -",
  };
  world.server.answer("POST /sinter/v1/join-tokens", created);
  const result = await run(world, ["host", "join-token", "--cluster", "main", "--minutes", "5"]);
  assert.equal(result.stdout, "sinter-agent join vrm -\n");
  assert.match(result.stderr, /until 2026-01-01 00:00 UTC/);
  assert.deepEqual(world.server.requests.at(-1)?.body, {
    clusterUrn: `${SITE_URN}:clusters:117`,
    validMinutes: 5,
  });
  assert.deepEqual(JSON.parse((await run(world, ["host", "join-token", "--json"])).stdout), created);
});

test("images of a datastore", async () => {
  await using world = await startWorld();
  await logIn(world);
  const files = [{ name: "debian.qcow2", type: "qcow2", size: 41_943_040, virtualSize: 268_435_456 }];
  world.server.answer(`GET ${world.server.siteUri}/datastores/41/file`, { total: 1, files });
  assert.match(
    (await run(world, ["datastore", "images", "fast"])).stdout,
    /debian\.qcow2 +qcow2 +40 MiB +256 MiB/,
  );
});

test("volumes: create, attach, detach from the VM that has it, delete", async () => {
  await using world = await startWorld();
  await logIn(world);
  const { server } = world;
  const vm = world.addVm("web");
  const volumeUrn = `${SITE_URN}:volumes:58`;
  const answer = { urn: volumeUrn, uri: "", taskUrn: "", taskUri: `${server.siteUri}/tasks/1` };
  server.answer(`GET ${server.siteUri}/tasks/1`, {
    uri: "",
    status: "success",
    progress: 100,
    entityName: "data",
  });
  server.answer(`POST ${server.siteUri}/volumes`, answer);
  server.answer(`DELETE ${server.siteUri}/volumes/58`, answer);
  server.answer(`POST ${server.siteUri}/volumes/58/action/expandVol`, answer);
  server.answer(`PUT ${server.siteUri}/volumes/58/modifyIOpropertyOfVolume`, answer);
  server.answer(`POST ${vm.uri}/action/attachvol`, answer);
  server.answer(`POST ${vm.uri}/action/detachvol`, answer);

  const create = ["volume", "create", "data", "--size", "1T", "--datastore", "fast", "--kind", "thin"];
  assert.match((await run(world, create)).stdout, /Volume data \(58\) was created on fast\./);
  assert.deepEqual(world.asked("POST /volumes")[0]?.body, {
    name: "data",
    quantityGB: 1024,
    datastoreUrn: `${SITE_URN}:datastores:41`,
    type: "normal",
    isThin: true,
  });
  assert.equal((await run(world, ["volume", "create", "data", "--size", "1T"])).code, 2);
  assert.equal((await run(world, ["volume", "attach", "data", "web", "--bus", "scsi"])).code, 0);
  assert.deepEqual(world.asked("POST /vms/*/action/attachvol")[0]?.body, {
    volUrn: volumeUrn,
    pciType: "SCSI",
  });
  assert.equal((await run(world, ["volume", "grow", "data", "2T"])).code, 0);
  assert.deepEqual(world.asked("POST /volumes/*/action/expandVol")[0]?.body, { size: 2 * 1024 * 1024 });
  server.answer(`POST ${server.siteUri}/volumes/58/action/migratevol`, answer);
  assert.equal((await run(world, ["volume", "move", "data", "fast", "--kind", "thin"])).code, 0);
  assert.deepEqual(world.asked("POST /volumes/*/action/migratevol")[0]?.body, {
    datastoreUrn: `${SITE_URN}:datastores:41`,
    speed: 1000,
    migrateType: 1,
  });
  const limit = ["volume", "limit", "data", "--read-kib", "0", "--write-kib", "0", "--write-iops", "0"];
  assert.equal((await run(world, [...limit, "--read-iops", "500"])).code, 0);
  assert.deepEqual(world.asked("PUT /volumes/*/modifyIOpropertyOfVolume")[0]?.body, {
    maxReadBytes: 0,
    maxWriteBytes: 0,
    maxReadRequest: 500,
    maxWriteRequest: 0,
  });
  assert.equal((await run(world, ["volume", "limit", "data", "--read-iops", "many"])).code, 2);
  const detached = await run(world, ["volume", "detach", "58"]);
  assert.equal(detached.code, 0, detached.stderr);
  assert.equal(world.asked("GET /vms").at(-1)?.query.get("scope"), volumeUrn);
  assert.deepEqual(world.asked("POST /vms/*/action/detachvol")[0]?.body, { volUrn: volumeUrn });
  assert.equal((await run(world, ["volume", "rm", "data", "--yes"])).code, 0);
  world.vms.length = 0;
  assert.equal((await run(world, ["volume", "detach", "data"])).code, 5);
});

test("tasks: list, show with steps, watch, cancel", async () => {
  await using world = await startWorld();
  await logIn(world);
  world.addVm("web");
  const held = world.holdTasks();
  await run(world, ["vm", "start", "web", "--no-wait"]);
  assert.match((await run(world, ["task", "ls"])).stdout, /8784 +VmPowerTask +web +running +0 %/);
  assert.match((await run(world, ["task", "show", "8784"])).stdout, /reserve +done +1 +- +- +on h1/);
  assert.equal(JSON.parse((await run(world, ["task", "show", "8784", "--json"])).stdout).type, "VmPowerTask");
  assert.match((await run(world, ["task", "cancel", "8784"])).stdout, /sinter task watch 8784/);
  held.release();
  const watched = await run(world, ["task", "watch", "8784"]);
  assert.equal(watched.code, 1);
  assert.match(watched.stderr, /The task was cancelled\. \(10800006\)/);
  assert.equal((await run(world, ["task", "show", "1"])).code, 4);
  assert.equal((await run(world, ["task", "show", "web"])).code, 4);
});

test("a limit of tasks asks for no more pages than it needs", async () => {
  await using world = await startWorld();
  await logIn(world);
  world.addVm("web");
  for (let index = 0; index < 4; index++) await run(world, ["vm", index % 2 ? "stop" : "start", "web"]);
  const listed = JSON.parse((await run(world, ["task", "ls", "--limit", "2", "--json"])).stdout);
  assert.deepEqual(
    listed.map((task: { urn: string }) => task.urn.split(":").at(-1)),
    ["8787", "8786"],
  );
  assert.equal(world.asked("GET /tasks").length, 1);
});
