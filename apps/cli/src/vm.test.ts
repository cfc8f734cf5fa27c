import assert from "node:assert/strict";
import { test } from "node:test";
import { refuse } from "@sinter/client/testing";
import { logIn, run } from "./testing/run.ts";
import { SITE_URN, startWorld } from "./testing/world.ts";

const JSON_TASK = { status: "success", progress: 100 };

test("VMs are listed over all pages; as JSON they are the wire's objects and nothing else", async () => {
  await using world = await startWorld();
  await logIn(world);
  for (let index = 0; index < 130; index++) world.addVm(`vm-${index}`);
  world.addVm("golden", { isTemplate: true });
  const table = await run(world, ["vm", "ls"]);
  assert.equal(table.code, 0, table.stderr);
  assert.equal(table.stdout.trim().split("\n").length, 131);
  assert.match(table.stdout, /^NAME +ID +STATUS +CPU +MEMORY +IP +HOST +CLUSTER\n/);
  assert.match(table.stdout, /vm-0 +i-00000034 +stopped +2 +2 GiB +- +- +main/);

  const json = await run(world, ["vm", "ls", "--json"]);
  assert.equal(json.stderr, "");
  const vms = JSON.parse(json.stdout);
  assert.equal(vms.length, 130);
  assert.deepEqual(vms[0], world.vms[0]);

  const templates = JSON.parse((await run(world, ["vm", "ls", "--templates", "--json"])).stdout);
  assert.deepEqual(
    templates.map((vm: { name: string }) => vm.name),
    ["golden"],
  );
  assert.deepEqual(JSON.parse((await run(world, ["vm", "ls", "--name", "nothing", "--json"])).stdout), []);
});

test("a VM goes by name, id in any case, URN and URI", async () => {
  await using world = await startWorld();
  await logIn(world);
  const vm = world.addVm("web");
  world.addVm("web-2");
  for (const text of ["web", "i-00000034", "I-00000034", vm.urn, vm.uri]) {
    const result = await run(world, ["vm", "show", text, "--json"]);
    assert.equal(result.code, 0, result.stderr);
    assert.equal(JSON.parse(result.stdout).urn, vm.urn, text);
  }
});

test("an unknown name: exit code 4, and the name that was perhaps meant", async () => {
  await using world = await startWorld();
  await logIn(world);
  world.addVm("Web");
  const result = await run(world, ["vm", "show", "web"]);
  assert.equal(result.code, 4);
  assert.match(result.stderr, /There is no VM "web"\.\nDid you mean Web\? See all: sinter vm ls/);
  assert.equal((await run(world, ["vm", "show", "i-FFFFFFFF"])).code, 4);
  assert.equal((await run(world, ["vm", "show", `${SITE_URN}:vms:i-FFFFFFFF`])).code, 4);
  assert.equal((await run(world, ["vm", "show", "urn:../../users"])).code, 2);
});

test("an ambiguous name: exit code 2 with the ids to choose from, and nothing is done", async () => {
  await using world = await startWorld();
  await logIn(world);
  const first = world.addVm("web", { status: "running" });
  const second = world.addVm("web");
  const result = await run(world, ["vm", "start", "web"]);
  assert.equal(result.code, 2);
  for (const vm of [first, second]) assert.ok(result.stderr.includes(vm.urn.slice(-10)), result.stderr);
  assert.equal(world.asked("POST /vms/*/action/start").length, 0);
});

test("create: every option becomes what the contract says", async () => {
  await using world = await startWorld();
  await logIn(world);
  const devices = "--disk 20G:thin:fast --disk 100:lazy --nic edge/lan:28:6e:d4:88:c6:2d --nic dmz";
  const words = `vm create web --cpu 4 --memory 2G --cluster main --image debian.qcow2 ${devices} --os-type Other`;
  const result = await run(world, [...words.split(" "), "--description", "the web"]);
  assert.equal(result.code, 0, result.stderr);
  const [request] = world.asked("POST /vms");
  const datastoreUrn = `${SITE_URN}:datastores:41`;
  assert.deepEqual(request?.body, {
    name: "web",
    description: "the web",
    location: `${SITE_URN}:clusters:117`,
    vmConfig: {
      cpu: { quantity: 4 },
      memory: { quantityMB: 2048 },
      disks: [
        { sequenceNum: 1, quantityGB: 20, datastoreUrn, isThin: true, sourceImage: "debian.qcow2" },
        { sequenceNum: 2, quantityGB: 100, datastoreUrn, isThin: false, volType: 1 },
      ],
      nics: [
        { portGroupUrn: `${SITE_URN}:dvswitchs:1:portgroups:44`, mac: "28:6e:d4:88:c6:2d" },
        { portGroupUrn: `${SITE_URN}:dvswitchs:2:portgroups:46` },
      ],
    },
    osOptions: { osType: "Other", osVersion: 402 },
    autoBoot: true,
  });
  assert.match(result.stdout, /VM web \(i-00000034\) was created and is running on h1\./);
});

test("create without a place or a datastore takes the only one, and asks when there are several", async () => {
  await using world = await startWorld();
  await logIn(world);
  const { server } = world;
  assert.equal((await run(world, ["vm", "create", "a", "--disk", "1", "--no-start"])).code, 0);
  assert.equal((world.asked("POST /vms")[0]?.body as { autoBoot?: boolean } | undefined)?.autoBoot, false);

  server.answer(`GET ${server.siteUri}/datastores`, listOf(store(1, "old", "ABNORMAL"), store(2, "new")));
  assert.equal((await run(world, ["vm", "create", "b", "--disk", "1"])).code, 0);
  server.answer(`GET ${server.siteUri}/datastores`, listOf(store(1, "one"), store(2, "two")));
  const datastores = await run(world, ["vm", "create", "c", "--disk", "1"]);
  assert.equal(datastores.code, 2);
  assert.match(datastores.stderr, /one, two/);

  server.answer(`GET ${server.siteUri}/clusters`, { clusters: [cluster(1, "east"), cluster(2, "west")] });
  const places = await run(world, ["vm", "create", "d"]);
  assert.equal(places.code, 2);
  assert.match(places.stderr, /east \(1\), west \(2\)/);
  assert.equal(world.asked("POST /vms").length, 2);
});

test("create: what cannot be is told before anything is asked of the manager", async () => {
  await using world = await startWorld();
  await logIn(world);
  const before = world.server.requests.length;
  const wrong = [
    ["vm", "create"],
    ["vm", "create", ""],
    ["vm", "create", "x", "--memory", "lots"],
    ["vm", "create", "x", "--cpu", "0"],
    ["vm", "create", "x", "--disk", "huge"],
    ["vm", "create", "x", "--image", "a.qcow2"],
    ["vm", "create", "x", "--cluster", "a", "--host", "b"],
    ["vm", "create", "x", "--os-type", "BeOS"],
    ["vm", "set", "x"],
  ];
  for (const words of wrong) {
    const { code, stderr } = await run(world, words);
    assert.equal(code, 2, `${words.join(" ")}: ${stderr}`);
  }
  assert.deepEqual(world.asked("POST /vms"), []);
  assert.equal(world.server.requests.length, before);
});

test("power: each verb is its own call, waits for the task and says what is now", async () => {
  await using world = await startWorld();
  await logIn(world);
  const vm = world.addVm("web");
  const verbs: [words: string[], status: string, said: RegExp][] = [
    [["start", "web"], "running", /VM web is running\./],
    [["suspend", "web"], "pause", /VM web is suspended\./],
    [["resume", "web"], "running", /VM web is running\./],
    [["hibernate", "web"], "hibernated", /VM web is hibernated\./],
    [["stop", "web", "--force"], "stopped", /VM web is stopped\./],
  ];
  for (const [words, status, said] of verbs) {
    const result = await run(world, ["vm", ...words]);
    assert.equal(result.code, 0, result.stderr);
    assert.equal(vm.status, status);
    assert.match(result.stdout, said);
    assert.match(result.stderr, /VmPowerTask web: success, 100 %/);
  }
  assert.deepEqual(world.asked("POST /vms/*/action/stop")[0]?.body, { mode: "force" });
  assert.equal(world.asked("POST /vms/*/action/start")[0]?.text, "");
});

test("with --json the finished task is all that is printed; with --no-wait the task's address", async () => {
  await using world = await startWorld();
  await logIn(world);
  world.addVm("web");
  const waited = await run(world, ["vm", "start", "web", "--json"]);
  assert.equal(waited.stderr, "");
  const task = JSON.parse(waited.stdout);
  assert.deepEqual({ status: task.status, progress: task.progress }, JSON_TASK);
  const answered = await run(world, ["vm", "stop", "web", "--no-wait", "--json"]);
  assert.equal(JSON.parse(answered.stdout).taskUri, "/service/sites/43BC08E8/tasks/8785");
  const told = await run(world, ["vm", "suspend", "i-00000034", "--no-wait"]);
  assert.match(told.stdout, /sinter task watch \d+/);
});

test("a refused call and a failed task: their own exit codes and words", async () => {
  await using world = await startWorld();
  await logIn(world);
  world.addVm("web", { status: "running" });
  const refused = await run(world, ["vm", "start", "web"]);
  assert.equal(refused.code, 5);
  assert.match(refused.stderr, /VM web is running already\. \(10300094\)/);

  world.failNextTask("10800126", "No host has 2048 MB free.");
  const failed = await run(world, ["vm", "stop", "web"]);
  assert.equal(failed.code, 1);
  assert.match(
    failed.stderr,
    /No host has 2048 MB free\. \(10800126\)\nSee its steps: sinter task show 8784/,
  );

  world.failNextTask("10800126", "No host has 2048 MB free.");
  const json = await run(world, ["vm", "stop", "web", "--json"]);
  assert.equal(json.stdout, "");
  assert.equal(JSON.parse(json.stderr).errorCode, "10800126");
});

test("Ctrl-C while waiting leaves the task running and says how to go on", async () => {
  await using world = await startWorld();
  await logIn(world);
  const vm = world.addVm("web");
  const held = world.holdTasks();
  const result = await run(world, ["vm", "start", "web"], {
    onError: (text, interrupt) => {
      if (text.includes("running, 0 %")) interrupt();
    },
  });
  assert.equal(result.code, 130);
  assert.match(
    result.stderr,
    /Task 8784 goes on\. Watch it: sinter task watch 8784\. Cancel it: sinter task cancel 8784/,
  );
  assert.equal(world.asked("POST /tasks/*/cancel").length, 0);
  held.release();
  assert.equal((await run(world, ["task", "watch", "8784"])).code, 0);
  assert.equal(vm.status, "running");
});

test("deleting asks first, does nothing without a yes, and cannot be done blindly", async () => {
  await using world = await startWorld();
  await logIn(world);
  world.addVm("web");
  const piped = await run(world, ["vm", "rm", "web"], { input: "y\n" });
  assert.equal(piped.code, 2);
  assert.match(piped.stderr, /--yes/);
  const declined = await run(world, ["vm", "rm", "web"], { isTerminal: true, input: "n\r" });
  assert.equal(declined.code, 1);
  assert.match(declined.stderr, /Delete VM web \(i-00000034, stopped\) with all its disks\?/);
  const interrupted = await run(world, ["vm", "rm", "web"], { isTerminal: true, input: "\u0003" });
  assert.equal(interrupted.code, 130);
  assert.equal(world.vms.length, 1);
  assert.equal((await run(world, ["vm", "rm", "web", "--yes", "--keep-disks"])).code, 0);
  assert.equal(world.asked("DELETE /vms/*")[0]?.query.get("isReserveDisks"), "1");
  assert.equal(world.vms.length, 0);
});

test("rename and set send only what changes", async () => {
  await using world = await startWorld();
  await logIn(world);
  world.addVm("web");
  assert.equal((await run(world, ["vm", "rename", "web", "007"])).code, 0);
  assert.deepEqual(world.asked("PUT /vms/*")[0]?.body, { name: "007" });
  const words = ["vm", "set", "007", "--cpu", "8", "--memory", "4G", "--boot", "cdrom", "--no-template"];
  assert.equal((await run(world, words)).code, 0);
  assert.deepEqual(world.asked("PUT /vms/*")[1]?.body, {
    cpu: { quantity: 8 },
    memory: { quantityMB: 4096 },
    properties: { bootOption: "cdrom" },
    isTemplate: false,
  });
});

test("clone: as the source, or with disks elsewhere", async () => {
  await using world = await startWorld();
  await logIn(world);
  const source = world.addVm("golden", {
    isTemplate: true,
    vmConfig: { disks: [{ sequenceNum: 1, quantityGB: 20, isThin: true }], nics: [] },
  });
  const { server } = world;
  server.answer(`POST ${source.uri}/action/clone`, () => {
    const vm = world.addVm("copy", { status: "running" });
    return { urn: vm.urn, uri: vm.uri, taskUrn: "", taskUri: `${server.siteUri}/tasks/1` };
  });
  server.answer(`GET ${server.siteUri}/tasks/1`, {
    uri: "",
    status: "success",
    progress: 100,
    entityName: "copy",
  });
  assert.equal((await run(world, ["vm", "clone", "golden", "copy"])).code, 0);
  assert.deepEqual(world.asked("POST /vms/*/action/clone")[0]?.body, {
    name: "copy",
    vmConfig: {},
    isTemplate: false,
    autoBoot: true,
  });
  const words = [
    "vm",
    "clone",
    "golden",
    "copy",
    "--datastore",
    "fast",
    "--host",
    "h1",
    "--no-start",
    "--cpu",
    "2",
  ];
  assert.equal((await run(world, words)).code, 0);
  assert.deepEqual(world.asked("POST /vms/*/action/clone")[1]?.body, {
    name: "copy",
    location: `${SITE_URN}:hosts:65`,
    vmConfig: {
      cpu: { quantity: 2 },
      disks: [
        {
          sequenceNum: 1,
          quantityGB: 20,
          isDataCopy: true,
          isThin: true,
          datastoreUrn: `${SITE_URN}:datastores:41`,
        },
      ],
    },
    isTemplate: false,
    autoBoot: false,
  });
});

test("the screen: where it is while the VM runs, and what to do when it does not", async () => {
  await using world = await startWorld();
  await logIn(world);
  const vncAcessInfo = { hostIp: "198.18.1.11", vncPort: 5901, vncPassword: "s3cret12" };
  world.addVm("web", { status: "running", vncAcessInfo });
  world.addVm("off");
  const shown = await run(world, ["vm", "vnc", "web"]);
  assert.match(shown.stdout, /198\.18\.1\.11:5901\nPassword +s3cret12/);
  assert.deepEqual(JSON.parse((await run(world, ["vm", "vnc", "web", "--json"])).stdout), vncAcessInfo);
  const off = await run(world, ["vm", "vnc", "off"]);
  assert.equal(off.code, 5);
  assert.match(off.stderr, /sinter vm start off/);
});

test("names of other people cannot steer the terminal", async () => {
  await using world = await startWorld();
  await logIn(world);
  world.addVm("evil\u001b[2J", { description: "\u009b31m" });
  for (const words of [
    ["vm", "ls"],
    ["vm", "show", "i-00000034"],
    ["vm", "start", "i-00000034"],
  ]) {
    const { stdout, stderr } = await run(world, words);
    // oxlint-disable-next-line no-control-regex
    assert.doesNotMatch(stdout + stderr, /[\u001b\u009b]/, words.join(" "));
  }
  const refusal = refuse(400, "10300015", "VM evil\u001b[2J is stopped.");
  world.server.answer(`POST ${world.vms[0]?.uri}/action/hibernate`, refusal);
  const refused = await run(world, ["vm", "hibernate", "i-00000034"]);
  assert.match(refused.stderr, /VM evil\\u001b\[2J is stopped\./);
  const json = await run(world, ["vm", "show", "i-00000034", "--json"]);
  // oxlint-disable-next-line no-control-regex
  assert.doesNotMatch(json.stdout, /[\u001b\u009b]/);
  assert.equal(JSON.parse(json.stdout).description, "\u009b31m");
});

test("a busy object is told with a way to see what works on it", async () => {
  await using world = await startWorld();
  await logIn(world);
  const vm = world.addVm("web");
  world.server.answer(`POST ${vm.uri}/action/start`, refuse(400, "10300101", "VM i-00000034 is busy."));
  const result = await run(world, ["vm", "start", "web"]);
  assert.equal(result.code, 5);
  assert.match(result.stderr, /sinter task ls --status running/);
});

const store = (id: number, name: string, status = "NORMAL") => ({
  urn: `${SITE_URN}:datastores:${id}`,
  name,
  status,
});

const listOf = (...datastores: object[]) => ({ total: datastores.length, datastores });

const cluster = (id: number, name: string) => ({ urn: `${SITE_URN}:clusters:${id}`, uri: "", name });
