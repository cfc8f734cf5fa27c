import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { type DemoClient, goClient, javaClient, ok, refused, urnOf } from "./clients.ts";
import type { Access, Answer } from "./wire.ts";

type Json = Answer["json"];

/** Runs every scene; throws at the first answer that a client would stumble over. */
export async function runDemo(access: Access, say: (line: string) => void = console.log): Promise<void> {
  const startedAt = Date.now();
  await javaLife(access, say);
  await goTemplateDeployment(access, say);
  await lastRefusals(access, say);
  say(`Every call answered as the clients need it, in ${((Date.now() - startedAt) / 1000).toFixed(1)} s.`);
}

/** A task as terraform and KubeOperator wait for it: polled by its uri until progress is 100. */
async function finished(client: DemoClient, answer: Json, say: (line: string) => void): Promise<Json> {
  assert.match(answer.taskUri, /^\/service\/sites\/[0-9A-F]{8}\/tasks\/\d+$/);
  assert.equal(urnOf(answer.taskUri), answer.taskUrn);
  for (let polls = 1; ; polls++) {
    const task = ok(await client.get(answer.taskUri));
    assert.ok(["waiting", "running", "cancelling", "success", "failed"].includes(task.status), task.status);
    assert.ok(Number.isInteger(task.progress));
    if (task.progress === 100) {
      assert.equal(task.status, "success", `${task.type}: ${task.reason} ${task.reasonDes}`);
      say(`    ${task.type} ${task.entityName}: success after ${polls} polls`);
      return task;
    }
    assert.ok(polls < 600, "the task does not end");
    await sleep(500);
  }
}

/** The whole life of one VM with the Java SDK's calls. */
async function javaLife(access: Access, say: (line: string) => void): Promise<void> {
  const client = javaClient(access);
  say(`${client.name}: the life of a VM`);
  const versions = ok(await client.get("/service/versions")).versions;
  assert.match(versions.at(-1).version, /^v\d+\.\d+$/);
  const session = ok(await client.login());
  assert.ok(Number.isInteger(session.validity) && Number.isInteger(session.rightType));
  const site = ok(await client.get("/service/sites")).sites[0];
  assert.equal(urnOf(site.uri), site.urn);
  const hosts = ok(await client.get(`${site.uri}/hosts`));
  assert.equal(hosts.total, hosts.hosts.length);
  const cluster = ok(await client.get(`${site.uri}/clusters`)).clusters[0];
  const os = ok(await client.get(`${site.uri}/vms/osversions`)).linux.find((each: Json) => each.id === 302);
  assert.ok(os, "the other Linux (64 bit) of the list");
  const dvs = ok(await client.get(`${site.uri}/dvswitchs`)).dvSwitchs[0];
  const group = ok(await client.get(`${dvs.uri}/portgroups`)).portGroups[0];
  assert.ok(group.urn.split(":").length >= 7);
  const datastore = ok(await client.get(`${site.uri}/datastores`)).datastores[0];
  assert.equal(datastore.status, "NORMAL");
  say(
    `    ${hosts.total} hosts, cluster ${cluster.name}, datastore ${datastore.name}, port group ${group.name}`,
  );

  const created = ok(
    await client.post(`${site.uri}/vms`, {
      name: "demo-java",
      description: "made by npm run demo:api",
      location: cluster.urn,
      autoBoot: true,
      osOptions: { osType: "Linux", osVersion: os.id },
      vmConfig: {
        cpu: { quantity: 1, reservation: 0 },
        memory: { quantityMB: 128 },
        disks: [{ sequenceNum: 1, quantityGB: 1, datastoreUrn: datastore.urn, isThin: true, volType: 0 }],
        nics: [{ name: "eth0", portGroupUrn: group.urn, mac: null, sequenceNum: 0 }],
        properties: {
          bootOption: "disk",
          clockMode: "freeClock",
          isEnableHa: true,
          vmFaultProcess: "notprocess",
        },
      },
    }),
  );
  assert.match(created.uri, /\/vms\/i-[0-9A-F]{8}$/);
  // The new VM can be read before its task has ended.
  assert.ok(["creating", "starting", "running"].includes(ok(await client.get(created.uri)).status));
  refused(await client.post(`${created.uri}/action/start`), "10300101");
  await finished(client, created, say);
  let vm = ok(await client.get(created.uri));
  assert.equal(vm.status, "running");
  assert.equal(typeof vm.vncAcessInfo.vncPort, "number");
  assert.ok(vm.vncAcessInfo.vncPort > 0 && vm.vncAcessInfo.hostIp, "a running VM has a console");
  assert.equal(vm.vmConfig.nics[0].ip, "0.0.0.0");
  assert.equal(vm.vmConfig.cpu.weight, 1000);

  refused(await client.post(`${vm.uri}/action/start`), "10300094");
  for (const [action, status] of [
    ["pause", "pause"],
    ["resume", "running"],
    ["hibernate", "hibernated"],
    ["start", "running"],
  ]) {
    await finished(client, ok(await client.post(`${vm.uri}/action/${action}`)), say);
    assert.equal(ok(await client.get(vm.uri)).status, status, String(action));
  }
  await finished(client, ok(await client.post(`${vm.uri}/action/reboot`, { mode: "force" })), say);
  // Without an operating system nobody answers a safe stop: the client then forces it.
  refused(await client.post(`${vm.uri}/action/stop`, { mode: "safe" }), "10300026");
  await finished(client, ok(await client.post(`${vm.uri}/action/stop`, { mode: "force" })), say);
  refused(await client.post(`${vm.uri}/action/stop`, { mode: "force" }), "10300092");
  vm = ok(await client.get(vm.uri));
  assert.equal(vm.status, "stopped");
  assert.equal(vm.vncAcessInfo.vncPort, -1);

  await finished(
    client,
    ok(
      await client.put(vm.uri, {
        name: "demo-java-2",
        cpu: { quantity: 2, coresPerSocket: 2, weight: 4000, limit: 0, reservation: 0 },
        memory: { quantityMB: 192 },
      }),
    ),
    say,
  );
  vm = ok(await client.get(vm.uri));
  assert.deepEqual(
    [vm.name, vm.vmConfig.cpu.quantity, vm.vmConfig.memory.quantityMB],
    ["demo-java-2", 2, 192],
  );

  const volume = ok(
    await client.post(`${site.uri}/volumes`, {
      name: "data",
      quantityGB: 1,
      datastoreUrn: datastore.urn,
      isThin: true,
      type: "normal",
    }),
  );
  assert.ok(["CREATING", "USE"].includes(ok(await client.get(volume.uri)).status));
  await finished(client, volume, say);
  refused(await client.post(`${vm.uri}/action/detachvol`, { volUrn: volume.urn }), "10300037");
  await finished(client, ok(await client.post(`${vm.uri}/action/attachvol`, { volUrn: volume.urn })), say);
  assert.equal(ok(await client.get(vm.uri)).vmConfig.disks.length, 2);
  refused(await client.delete(volume.uri), "10300057");
  await finished(client, ok(await client.post(`${vm.uri}/action/detachvol`, { volUrn: volume.urn })), say);
  await finished(client, ok(await client.delete(volume.uri)), say);
  refused(await client.get(volume.uri), "10420004");

  const counts = ok(await client.get(`${site.uri}/vms/statistics`));
  assert.ok(counts.total >= 1);
  const found = ok(
    await client.get(
      `${site.uri}/vms?limit=1&offset=0&name=DEMO-JAVA&uuid=${vm.uuid.toUpperCase()}&unknown=1`,
    ),
  );
  assert.deepEqual([found.total, found.vms[0].urn], [1, vm.urn]);
  const metrics = ok(
    await client.post(`${site.uri}/monitors/objectmetric-realtimedata`, [
      { urn: hosts.hosts[0].urn, metricId: ["cpu_usage", "mem_usage"] },
    ]),
  );
  assert.deepEqual(
    metrics.items[0].value.map((value: Json) => value.metricId),
    ["cpu_usage", "mem_usage"],
  );

  await finished(client, ok(await client.delete(vm.uri)), say);
  refused(await client.get(vm.uri), "10300001");
  ok(await client.delete("/service/session"));
  refused(await client.get(`${site.uri}/vms`), "10000002", 401);
  client.close();
}

/** KubeOperator's and terraform's way: find everything by name, clone a template, wait for the network, destroy. */
async function goTemplateDeployment(access: Access, say: (line: string) => void): Promise<void> {
  const client = goClient(access);
  say(`${client.name}: a VM from a template`);
  ok(await client.login());
  const site = ok(await client.get("/service/sites")).sites[0];
  const cluster = ok(await client.get(`${site.uri}/clusters`)).clusters[0];
  const datastore = ok(await client.get(`${site.uri}/datastores`)).datastores[0];
  const dvs = ok(await client.get(`${site.uri}/dvswitchs`)).dvSwitchs[0];
  const everywhere = ok(await client.get(`${site.uri}/portgroups`)).portGroups;
  const group = ok(await client.get(`${dvs.uri}/portgroups`)).portGroups[0];
  assert.ok(everywhere.some((each: Json) => each.urn === group.urn));
  const onGroup = ok(await client.get(`${site.uri}/vms?scope=${group.urn}`));
  for (const each of onGroup.vms) for (const nic of each.vmConfig.nics) assert.equal(typeof nic.ip, "string");
  const templates = ok(await client.get(`${site.uri}/vms?isTemplate=true`)).vms;
  assert.ok(templates.length > 0, "a template to deploy from");
  const template = ok(await client.get(templates[0].uri));
  const sizeGB = template.vmConfig.disks[0].quantityGB;

  // The body as the SDK forms it: other case, no false and no zero.
  const cloned = ok(
    await client.post(`${template.uri}/action/clone`, {
      name: "demo-go",
      location: urnOf(cluster.uri),
      vmConfig: {
        cpu: { quantity: 1 },
        memory: { quantityMb: 256 },
        disks: [
          {
            sequenceNum: 1,
            quantityGb: sizeGB,
            isDataCopy: true,
            datastoreUrn: urnOf(datastore.uri),
            isThin: true,
          },
        ],
        nics: [{ name: "vmnic1", portGroupUrn: urnOf(group.uri) }],
      },
      vmCustomization: { osType: "Linux", hostname: "demo-go", nicSpecification: [{ sequenceNum: 1 }] },
    }),
  );
  assert.equal(ok(await client.get(cloned.uri)).status, "creating");
  await finished(client, cloned, say);
  say("    waiting for an address");
  for (let polls = 1; ; polls++) {
    const { vmConfig, osOptions } = ok(await client.get(cloned.uri));
    const ip = vmConfig.nics[0].ip;
    if (ip !== "" && ip !== "0.0.0.0") {
      say(`    ${osOptions.hostname || "the guest"} has ${ip}`);
      break;
    }
    assert.ok(polls < 240, "no address within 2 minutes");
    await sleep(500);
  }
  // Deleted while it runs, as the SDK's own test does.
  await finished(client, ok(await client.delete(cloned.uri)), say);
  refused(await client.get(cloned.uri), "10300001");
  ok(await client.delete("/service/session"));
  client.close();
}

/** What must be refused, and how. */
async function lastRefusals(access: Access, say: (line: string) => void): Promise<void> {
  say("What must be refused");
  const wrong = goClient({ ...access, password: `${access.password}x` });
  refused(await wrong.login(), "10100103");
  wrong.close();
  const client = goClient(access);
  ok(await client.login());
  const site = ok(await client.get("/service/sites")).sites[0];
  const cluster = ok(await client.get(`${site.uri}/clusters`)).clusters[0];
  const body = (vmConfig: object) => ({
    location: cluster.urn,
    osOptions: { osType: "Linux", osVersion: 302 },
    vmConfig,
  });
  const before = ok(await client.get(`${site.uri}/vms?limit=1`)).total;
  const cases: [string, object, string][] = [
    ["no vCPU", body({ cpu: { quantity: 0 }, memory: { quantityMB: 256 } }), "10300003"],
    ["too many vCPUs", body({ cpu: { quantity: 100000 }, memory: { quantityMB: 256 } }), "10300003"],
    ["little memory", body({ cpu: { quantity: 1 }, memory: { quantityMB: 1 } }), "10300006"],
    [
      "a wrong MAC",
      body({
        cpu: { quantity: 1 },
        memory: { quantityMB: 256 },
        nics: [{ mac: "zz", portGroupUrn: "urn:sites:00000000:dvswitchs:1:portgroups:1" }],
      }),
      "10300011",
    ],
    [
      "a location that is none",
      { ...body({ cpu: { quantity: 1 }, memory: { quantityMB: 256 } }), location: "here" },
      "10300067",
    ],
  ];
  for (const [what, request, code] of cases) {
    refused(await client.post(`${site.uri}/vms`, request), code);
    say(`    ${what}: ${code}`);
  }
  assert.equal(
    ok(await client.get(`${site.uri}/vms?limit=1`)).total,
    before,
    "a refused request changed something",
  );
  ok(await client.delete("/service/session"));
  client.close();
}
