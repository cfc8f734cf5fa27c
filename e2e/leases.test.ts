import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { waitFor } from "@sinter/kit";
import type { LabHost } from "@sinter/lab";
import { becomes, openScene, outcome, type Scene } from "./scene.ts";

/*
 * The first promise: no disk is written by two hosts, whatever the manager believes. Two hosts, their own sanlock and
 * libvirtd, one shared datastore; an I/O timeout of 2 s, so that a silent host is dead after 8 * 2 + 60 s.
 */

const IO_TIMEOUT_S = 2;
const LOSES_LEASE_S = 8 * IO_TIMEOUT_S;
const DEAD_S = LOSES_LEASE_S + 60;

describe("leases on a shared datastore", { timeout: 900_000 }, () => {
  let scene: Scene;
  before(async () => {
    scene = await openScene(2);
  });
  after(() => scene?.stand[Symbol.asyncDispose]());

  const idOf = (uri: string): string => uri.split("/").at(-1) ?? "";
  const otherThan = (host: LabHost): LabHost => {
    const other = scene.stand.lab.hosts.find(({ name }) => name !== host.name);
    assert.ok(other);
    return other;
  };
  const virsh = async (host: LabHost, ...args: string[]): Promise<{ ok: boolean; said: string }> => {
    const { code, stdout, stderr } = await scene.stand.lab.exec(host, "virsh", args, {
      okCodes: [0, 1],
      timeoutMs: 200_000,
    });
    return { ok: code === 0, said: `${stdout}${stderr}` };
  };
  /** The VM's definition with a disk that QEMU itself would let two hosts write: only its lease stands between. */
  const copyXml = async (from: LabHost, uri: string, to: LabHost): Promise<string> => {
    const { said } = await virsh(from, "dumpxml", "--inactive", idOf(uri));
    assert.match(said, /<lease>/);
    const xml = said
      .replace("type='qcow2'", "type='raw'")
      .replace(/<target dev='vda'[^>]*>/, "$&<shareable/>")
      // A port on a switch is the agent's to make.
      .replace(/<interface[\s\S]*<\/interface>/, "");
    const path = `/run/${idOf(uri)}.xml`;
    await writeFile(await to.path(path), xml);
    return path;
  };
  const running = async (name: string): Promise<{ uri: string; host: LabHost; other: LabHost }> => {
    const uri = await scene.create({ ...scene.bare(name), autoBoot: true });
    const host = await scene.hostOf(uri);
    return { uri, host, other: otherThan(host) };
  };

  test("VIM-02, VIM-03: a copy of a VM's XML starts on one host only, by raw virsh", async () => {
    const { uri, host, other } = await running("copied");
    await scene.client.tasks.wait(await scene.client.vms.stop(uri, "force"), { timeoutMs: 60_000 });
    const [here, there] = [await copyXml(host, uri, host), await copyXml(host, uri, other)];
    const first = await virsh(host, "create", here);
    assert.ok(first.ok, first.said);
    const second = await virsh(other, "create", there);
    assert.equal(second.ok, false);
    assert.match(second.said, /Lease is held by another host|Failed to acquire lock/);
    // What was paused has given its leases up; what then starts keeps it from going on, and so does what it wrote.
    await virsh(host, "suspend", idOf(uri));
    const third = await virsh(other, "create", there);
    assert.ok(third.ok, third.said);
    assert.equal((await virsh(host, "resume", idOf(uri))).ok, false);
    await virsh(other, "destroy", idOf(uri));
    await becomes(scene, uri, "pause");
    assert.equal(await outcome(scene.client, await scene.client.vms.resume(uri)), "failed 10300057");
    await scene.client.tasks.wait(await scene.client.vms.stop(uri, "force"), { timeoutMs: 60_000 });
    await scene.remove(uri);
  });

  test("VIM-05: killing QEMU frees its lease at once", async () => {
    const { uri, host, other } = await running("killed");
    const path = await copyXml(host, uri, other);
    const refused = await virsh(other, "create", path);
    assert.equal(refused.ok, false);
    await host.kill({ vm: idOf(uri) });
    const begin = performance.now();
    await waitFor("the start elsewhere", async () => (await virsh(other, "create", path)).ok || undefined, {
      timeoutMs: 10_000,
      intervalMs: 50,
    });
    assert.ok(performance.now() - begin < 5_000);
    await virsh(other, "destroy", idOf(uri));
    await becomes(scene, uri, "stopped");
    await scene.remove(uri);
  });

  test("VIM-02: work on a disk's files outside of QEMU waits for its lease as well", async () => {
    const { uri, host, other } = await running("worked-on");
    const { client } = scene;
    await client.tasks.wait(await client.vms.stop(uri, "force"), { timeoutMs: 60_000 });
    const { said } = await virsh(host, "dumpxml", "--inactive", idOf(uri));
    const [, lockspace, key, path] =
      /<lockspace>(.*)<\/lockspace>\s*<key>(.*)<\/key>\s*<target path='(.*)'\/>/.exec(said) ?? [];
    const hold = ["client", "command", "-r", `${lockspace}:${key}:${path}:0`, "-c", "/bin/sleep", "5"];
    const holder = scene.stand.lab.exec(other, "sanlock", hold);
    await waitFor(
      "The lease being held",
      async () => ((await client.vms.leases(uri)).disks[0]?.ownerHostName === other.name ? true : undefined),
      { timeoutMs: 4_000, intervalMs: 100 },
    );
    const answer = await client.vms.remove(uri);
    const isThere = async (): Promise<boolean> => {
      const { code } = await scene.stand.lab.exec(other, "test", ["-e", path ?? ""], { okCodes: [0, 1] });
      return code === 0;
    };
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    assert.ok(await isThere(), "removed while another host had its lease");
    await holder;
    await client.tasks.wait(answer, { timeoutMs: 60_000 });
    assert.equal(await isThere(), false);
  });

  test("VIM-02: a manager that believes a running VM to be elsewhere cannot start it there", async () => {
    const { uri, host, other } = await running("twice");
    const pid = await scene.pidOf(host, uri);
    await believe(uri, other);
    assert.equal(await outcome(scene.client, await scene.client.vms.start(uri)), "failed 10300057");
    assert.equal(await scene.pidOf(host, uri), pid);
    assert.equal(await scene.pidOf(other, uri), undefined);
    await believe(uri, host);
    await becomes(scene, uri, "running", 90_000);
    await scene.remove(uri);
  });

  /** Writes an untruth into the manager's own table. */
  async function believe(uri: string, host: LabHost): Promise<void> {
    const { Client } = (await import("pg")).default;
    const session = new Client({ connectionString: scene.stand.postgres.url("sinter") });
    await session.connect();
    try {
      await session.query(
        "update vms set state = 'stopped', host_id = (select id from hosts where name = $2) where id = $1",
        [Number.parseInt(idOf(uri).slice(2), 16), host.name],
      );
    } finally {
      await session.end();
    }
  }

  test("VIM-06: a host without its storage network loses the VMs with leases, and only those", async () => {
    const { uri, host, other } = await running("cut-off");
    const local = `<domain type='qemu'><name>local</name><memory unit='MiB'>32</memory>
      <os><type arch='x86_64' machine='q35'>hvm</type></os></domain>`;
    await writeFile(await host.path("/run/local.xml"), local);
    assert.ok((await virsh(host, "create", "/run/local.xml")).ok);
    await host.cut("storage");
    const begin = performance.now();
    await waitFor(
      "The end of the VM that lost its lease",
      async () => ((await scene.pidOf(host, uri)) === undefined ? true : undefined),
      { timeoutMs: (LOSES_LEASE_S + 15) * 1000, intervalMs: 200 },
    );
    const seconds = (performance.now() - begin) / 1000;
    assert.ok(seconds > LOSES_LEASE_S / 2 && seconds < LOSES_LEASE_S + 15, `${seconds} s`);
    assert.match((await virsh(host, "list", "--name")).said, /local/);
    assert.equal((await scene.client.hosts.list({ name: host.name })).items[0]?.status, "normal");
    await becomes(scene, uri, "stopped");
    await host.mend("storage");
    // Its place was lost with the heartbeat; it is taken again by itself.
    await waitFor(
      "The host's place in the lockspace",
      async () => {
        const { hosts } = await scene.client.datastores.leases(scene.datastore);
        return hosts.find(({ hostName }) => hostName === host.name)?.status === "joined" ? true : undefined;
      },
      { timeoutMs: 120_000, intervalMs: 500 },
    );
    assert.equal(await outcome(scene.client, await scene.client.vms.start(uri)), "success");
    await virsh(host, "destroy", "local");
    assert.ok(other);
    await scene.remove(uri);
  });

  test("VIM-06: a host whose sanlock is killed ends its VMs before another host may have their disks", async () => {
    const { uri, host } = await running("unguarded");
    const idle = Math.floor(performance.now());
    await host.kill("sanlock");
    await host.start("sanlock");
    const state = async () =>
      (await scene.client.datastores.leases(scene.datastore)).hosts.find(
        ({ hostName }) => hostName === host.name,
      );
    await waitFor(
      "The host without a place, though its sanlock runs again",
      async () => ((await state())?.reason.includes(idOf(uri)) ? true : undefined),
      { timeoutMs: 15_000, intervalMs: 200 },
    );
    await waitFor(
      "The end of the VM",
      async () => ((await scene.pidOf(host, uri)) === undefined ? true : undefined),
      { timeoutMs: (DEAD_S - 20) * 1000, intervalMs: 200 },
    );
    assert.ok(performance.now() - idle < DEAD_S * 1000);
    await becomes(scene, uri, "stopped");
    await waitFor("Its place", async () => ((await state())?.status === "joined" ? true : undefined), {
      timeoutMs: 60_000,
      intervalMs: 500,
    });
    assert.equal(await outcome(scene.client, await scene.client.vms.start(uri)), "success");
    await scene.remove(uri);
  });

  test("VIM-05, VIM-07: a host without power is waited for, and its VM then starts elsewhere", async (t) => {
    const { client } = scene;
    const { uri, host, other } = await running("orphan");
    const owners = (await client.vms.leases(uri)).disks;
    assert.deepEqual(
      owners.map(({ ownerHostName, ownerStatus }) => [ownerHostName, ownerStatus]),
      [[host.name, "live"]],
    );
    const [entry] = (await client.hosts.list({ name: host.name })).items;
    await host.powerOff();
    const begin = performance.now();
    await becomes(scene, uri, "unknown");
    assert.equal(
      await outcome(client, await client.hosts.remove(entry?.uri ?? "", { force: true })),
      "success",
    );
    const answer = await client.vms.start(uri);
    await waitFor(
      "The reason for waiting",
      async () => {
        const { steps } = await client.tasks.getWithSteps(answer.taskUri);
        const said = JSON.stringify(steps);
        return said.includes("waiting until its lease is free") && said.includes(host.uuid)
          ? true
          : undefined;
      },
      { timeoutMs: 30_000 },
    );
    await client.tasks.wait(answer, { timeoutMs: (DEAD_S + 90) * 1000 });
    const seconds = (performance.now() - begin) / 1000;
    t.diagnostic(`from the power cut to the start elsewhere: ${seconds.toFixed(1)} s`);
    assert.ok(seconds > LOSES_LEASE_S, "it may not be taken before the other host has lost it");
    assert.equal((await scene.hostOf(uri)).name, other.name);
    assert.equal(await scene.status(uri), "running");
    await scene.remove(uri);
  });
});
