import assert from "node:assert/strict";
import { test } from "node:test";
import { logIn, run } from "./testing/run.ts";
import { SITE_URI, SITE_URN, startWorld } from "./testing/world.ts";

/** A VM with two snapshots, one after the other, and a third of the same name as the second. */
async function worldWithTree() {
  const world = await startWorld();
  await logIn(world);
  const vm = world.addVm("web");
  const node = (id: number, name: string, childSnapshots: unknown[] = []) => ({
    urn: `${vm.urn}:snapshots:${id}`,
    uri: `${vm.uri}/snapshots/${id}`,
    name,
    description: "",
    createTime: "2026-01-02 03:04:05",
    type: "normal",
    status: "ready",
    includingMemorySnapshot: id === 7,
    childSnapshots,
  });
  const current = { urn: `${vm.urn}:snapshots:8`, uri: `${vm.uri}/snapshots/8`, name: "later" };
  const rootSnapshots = [node(7, "first", [node(8, "later"), node(9, "twice"), node(10, "twice")])];
  const task = {
    urn: current.urn,
    uri: current.uri,
    taskUrn: `${SITE_URN}:tasks:1`,
    taskUri: `${SITE_URI}/tasks/1`,
  };
  world.server.answer(`GET ${SITE_URI}/vms/*/snapshots`, () => ({ currentSnapshot: current, rootSnapshots }));
  world.server.answer(`POST ${SITE_URI}/vms/*/snapshots`, () => task);
  world.server.answer(`DELETE ${SITE_URI}/vms/*/snapshots/*`, () => task);
  world.server.answer(`POST ${SITE_URI}/vms/*/snapshots/*/action/resumevm`, () => task);
  return world;
}

test("snapshots are shown as a tree, with the present marked", async () => {
  await using world = await worldWithTree();
  const { stdout, stderr, code } = await run(world, ["vm", "snapshot", "ls", "web"]);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^first +7 +ready .* yes +-$/m);
  assert.match(stdout, /^ {2}later +8 +ready .* no +the VM's present$/m);
  const json = await run(world, ["vm", "snapshot", "ls", "web", "--json"]);
  assert.equal(JSON.parse(json.stdout).currentSnapshot.name, "later");
});

test("take, revert and rm send what the contract says; names that are there twice go by id", async () => {
  await using world = await worldWithTree();
  const words = "vm snapshot take web now --memory --description why --no-wait".split(" ");
  const taken = await run(world, words);
  assert.equal(taken.code, 0, taken.stderr);
  assert.deepEqual(world.asked("POST /vms/*/snapshots")[0]?.body, {
    name: "now",
    description: "why",
    isConsistent: false,
    needMemoryShot: true,
  });
  assert.equal((await run(world, "vm snapshot revert web first --yes --no-wait".split(" "))).code, 0);
  assert.ok(world.server.requests.some(({ path }) => path.endsWith("/snapshots/7/action/resumevm")));
  const twice = await run(world, "vm snapshot rm web twice --yes --no-wait".split(" "));
  assert.equal(twice.code, 2);
  assert.match(twice.stderr, /more than one snapshot[\s\S]* 9 [\s\S]* 10 /);
  assert.equal((await run(world, "vm snapshot rm web 10 --yes --no-wait".split(" "))).code, 0);
  assert.equal((await run(world, "vm snapshot show web nosuch".split(" "))).code, 4);
});
