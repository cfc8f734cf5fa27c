import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { guestReady, runInGuest } from "./guest-shell.ts";
import { openScene, outcome, type Scene } from "./scene.ts";

/* Snapshots and linked clones of real guests, through the API: what comes back is looked at inside the guest. */

describe("snapshots of a real guest", { timeout: 900_000 }, () => {
  let scene: Scene;
  before(async () => {
    scene = await openScene(1);
  });
  after(() => scene?.stand[Symbol.asyncDispose]());

  const inGuest = (uri: string, line: string): Promise<string> => runInGuest(scene, uri, line);
  const ready = (uri: string): Promise<void> => guestReady(scene, uri);

  const run = async (answer: { taskUri: string }): Promise<void> => {
    assert.equal(await outcome(scene.client, answer), "success");
  };

  const take = async (uri: string, name: string, how: object = {}): Promise<string> => {
    const answer = await scene.client.snapshots.take(uri, { name, ...how });
    await run({ taskUri: answer.taskUri });
    return answer.uri ?? "";
  };

  test("SNP-03, SNP-05, SNP-06: consistent, with memory, deleted while it runs", async () => {
    const uri = await scene.create(scene.guest("snapped"));
    await ready(uri);

    // Written without sync: only a guest that was asked has it on its disk.
    await inGuest(uri, "echo kept > /root/file");
    const consistent = await take(uri, "consistent", { isConsistent: true });
    await inGuest(uri, "rm /root/file; sync");

    await inGuest(uri, "echo remembered > /run/only-in-memory; (sleep 7777 >/dev/null 2>&1 &)");
    const withMemory = await take(uri, "with memory", { needMemoryShot: true });
    await inGuest(uri, "rm /run/only-in-memory; killall sleep");

    await run(await scene.client.snapshots.revert(withMemory));
    assert.equal(await scene.status(uri), "running");
    await ready(uri);
    assert.equal(await inGuest(uri, "cat /run/only-in-memory"), "remembered");
    assert.match(await inGuest(uri, "ps"), /sleep 7777/);

    await run(await scene.client.snapshots.revert(consistent));
    await ready(uri);
    assert.equal(await inGuest(uri, "cat /root/file"), "kept");
    assert.match(await inGuest(uri, "cat /run/only-in-memory 2>&1 || true"), /No such/);

    // SNP-09: both go while the guest runs, and it still reads what it read.
    await inGuest(uri, "dd if=/dev/urandom of=/root/big bs=1M count=8 2>/dev/null; sync");
    const sum = await inGuest(uri, "md5sum /root/big");
    for (const snapshot of [consistent, withMemory]) await run(await scene.client.snapshots.remove(snapshot));
    await inGuest(uri, "echo 3 > /proc/sys/vm/drop_caches");
    assert.equal(await inGuest(uri, "md5sum /root/big"), sum);
    assert.deepEqual((await scene.client.snapshots.tree(uri)).rootSnapshots, []);
    const host = await scene.hostOf(uri);
    const { stdout } = await scene.stand.lab.exec(host, "virsh", ["domblklist", uri.split("/").at(-1) ?? ""]);
    assert.doesNotMatch(stdout, /delta-/, "the VM is on its own file again");
    await scene.remove(uri);
  });

  test("SNP-12: a linked clone boots from the base of another VM, which then cannot start", async () => {
    const base = await scene.create({ ...scene.guest("mother"), autoBoot: false });
    const answer = await scene.client.vms.clone(base, { name: "linked", isLinkClone: true });
    await run(answer);
    const clone = answer.uri ?? "";
    await ready(clone);
    const disk = (await scene.client.vms.get(clone)).vmConfig?.disks?.[0];
    const volume = await scene.client.volumes.get(disk?.volumeUrn ?? "");
    assert.ok(volume.linkCloneParent !== null && volume.volProvisionSize < 100, "it has little of its own");
    await assert.rejects(scene.client.vms.start(base), { errorCode: "10300415" });
    await assert.rejects(scene.client.vms.remove(base), { errorCode: "10300415" });
    await scene.remove(clone);
    await scene.remove(base);
  });
});
