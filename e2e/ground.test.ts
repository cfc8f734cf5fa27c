import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { run, waitFor } from "@sinter/kit";
import { runInGuest, waitForGuestAgent } from "@sinter/lab";
import { findPostgresPrograms } from "@sinter/postgres";
import pg from "pg";
import { openScene, type Scene } from "./scene.ts";

/* What everything else stands on: one door, guests kept apart, the manager's state in a database one can save. */

describe("one host with guests", { timeout: 600_000 }, () => {
  let scene: Scene;
  before(async () => {
    scene = await openScene(1);
  });
  after(() => scene?.stand[Symbol.asyncDispose]());

  const domainOf = (uri: string): string => uri.split("/").at(-1) ?? "";
  const answers = async (uri: string): Promise<void> =>
    waitForGuestAgent(scene.stand.lab, await scene.hostOf(uri), domainOf(uri));
  const inGuest = async (uri: string, path: string, args: readonly string[]): Promise<string> =>
    (await runInGuest(scene.stand.lab, await scene.hostOf(uri), domainOf(uri), path, args)).stdout;

  test("GEN-02, GEN-03: one address and one login reach every kind of object", async () => {
    const { client } = scene;
    const uri = await scene.create({ ...scene.bare("seen"), autoBoot: false });
    const [sites, clusters, hosts, vms, datastores, volumes, switches, groups, users] = await Promise.all([
      client.sites.list(),
      client.clusters.list(),
      client.hosts.list(),
      client.vms.list(),
      client.datastores.list(),
      client.volumes.list(),
      client.switches.list(),
      client.portGroups.list(),
      client.users.list(),
    ]);
    assert.equal(sites.length, 1);
    assert.ok(clusters.length > 0 && switches.length > 0);
    for (const page of [hosts, vms, datastores, volumes, groups, users]) assert.ok(page.items.length > 0);
    await scene.remove(uri);
  });

  test("CMP-22, CMP-23: a NIC is virtio or e1000 as it was asked for, and its disk speaks virtio", async () => {
    const wish = scene.guest("models");
    const [nic] = wish.vmConfig.nics ?? [];
    const uri = await scene.create({
      ...wish,
      vmConfig: {
        ...wish.vmConfig,
        nics: [
          { ...nic, virtIo: 1 },
          { ...nic, name: "eth1", virtIo: 2 },
        ],
      },
    });
    await answers(uri);
    const script = 'cd /sys/bus/pci/devices; for d in *; do echo "$(cat $d/vendor) $(cat $d/device)"; done';
    const devices = await inGuest(uri, "/bin/sh", ["-c", script]);
    assert.match(devices, /0x8086 0x100e/, "the e1000");
    assert.match(devices, /0x1af4 0x10(00|41)/, "the virtio NIC");
    assert.match(devices, /0x1af4 0x10(01|42)/, "the virtio disk");
    assert.match(await inGuest(uri, "/bin/ls", ["/sys/bus/virtio/drivers/virtio_blk"]), /virtio\d/);
    await scene.remove(uri);
  });

  test("GEN-08, CMP-30: a guest whose kernel panics leaves its neighbour on the same CPU running", async () => {
    const [victim, neighbour] = await Promise.all([
      scene.create(scene.guest("victim")),
      scene.create(scene.guest("neighbour")),
    ]);
    const host = await scene.hostOf(victim);
    await Promise.all([answers(victim), answers(neighbour)]);
    const pid = await scene.pidOf(host, neighbour);
    const uptime = async (): Promise<number> =>
      Number((await inGuest(neighbour, "/bin/cat", ["/proc/uptime"])).split(" ")[0]);
    const uptimeBefore = await uptime();
    const crash = "echo 1 > /proc/sys/kernel/sysrq; echo c > /proc/sysrq-trigger";
    const command = { execute: "guest-exec", arguments: { path: "/bin/sh", arg: ["-c", crash] } };
    const domain = victim.split("/").at(-1) ?? "";
    // Its agent may or may not live long enough to answer.
    await scene.stand.lab
      .exec(host, "virsh", ["qemu-agent-command", "--timeout", "5", domain, JSON.stringify(command)])
      .catch(() => {});
    await waitFor(
      "The victim falling silent",
      async () => ((await scene.client.vms.get(victim)).pvDriverStatus === "running" ? undefined : true),
      { timeoutMs: 90_000, intervalMs: 500 },
    );
    assert.ok((await uptime()) > uptimeBefore, "the neighbour's time goes on");
    assert.equal(await scene.pidOf(host, neighbour), pid);
    await Promise.all([scene.remove(victim), scene.remove(neighbour)]);
  });

  test("VRM-09: a dump of the database, restored, is the same estate", async () => {
    const { client, stand } = scene;
    const uri = await scene.create({ ...scene.bare("dumped"), autoBoot: false });
    const estate = async (): Promise<unknown> =>
      Promise.all([
        client.vms
          .list({ detail: 2 })
          .then(({ items }) => items.map((vm) => ({ ...vm, observedTime: undefined }))),
        client.volumes.list(),
        client.clusters.list(),
        client.users.list(),
        client.tasks.list().then(({ items }) => items.map((task) => task.urn)),
      ]);
    const saved = await estate();
    const directory = dirname((await findPostgresPrograms("")).postgres);
    const folder = await mkdtemp(join("/var/tmp", "sinter-dump-"));
    const session = new pg.Client({ connectionString: stand.postgres.url() });
    try {
      await stand.manager.stop();
      const file = join(folder, "dump");
      await run(join(directory, "pg_dump"), ["-Fc", "-f", file, stand.postgres.url("sinter")]);
      await session.connect();
      await session.query("drop database sinter");
      await session.query("create database sinter");
      await run(join(directory, "pg_restore"), ["--exit-on-error", "-d", stand.postgres.url("sinter"), file]);
      await stand.manager.start();
      assert.deepEqual(await estate(), saved);
    } finally {
      await session.end();
      await rm(folder, { recursive: true, force: true });
    }
    // It is not only read: work goes on.
    await waitFor(
      "The host being seen",
      async () => ((await client.hosts.list()).items[0]?.status === "normal" ? true : undefined),
      { timeoutMs: 60_000, intervalMs: 300 },
    );
    await scene.remove(uri);
  });
});
