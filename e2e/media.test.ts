import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { run, waitFor } from "@sinter/kit";
import { type LabHost, runInGuest, waitForGuestAgent } from "@sinter/lab";
import { WebSocket } from "ws";
import { openScene, type Scene } from "./scene.ts";

/* CDs of real VMs: from the library, and from a browser that a test plays (CMP-29). */

const MOUNT = "mount -t iso9660 -o ro /dev/sr0 /mnt";

describe("the CD drive of a real VM", { timeout: 600_000 }, () => {
  let scene: Scene;
  let folder: string;
  let iso: string;
  let uri: string;
  let host: LabHost;
  before(async () => {
    scene = await openScene(1);
    folder = await mkdtemp("/var/tmp/sinter-e2e-media-");
    const content = join(folder, "content");
    await mkdir(content);
    await writeFile(join(content, "hello.txt"), "hello from the CD");
    await writeFile(join(content, "large.bin"), randomBytes(12 * 1024 * 1024));
    iso = join(folder, "tools.iso");
    await run("genisoimage", ["-quiet", "-r", "-J", "-V", "TOOLS", "-o", iso, content]);
    uri = await scene.create(scene.guest("cd"));
    host = await scene.hostOf(uri);
    await waitForGuestAgent(scene.stand.lab, host, domain());
  });
  after(async () => {
    await scene?.stand[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  const domain = (): string => uri.split("/").at(-1) ?? "";
  const inGuest = (line: string) =>
    runInGuest(scene.stand.lab, host, domain(), "/bin/sh", ["-c", line], { timeoutMs: 90_000 });
  const ended = (answer: { taskUri: string }) =>
    scene.client.tasks.wait(answer.taskUri, { timeoutMs: 60_000 });
  const shown = async () => (await scene.client.vms.get(uri)).cdRom;

  test("a file is uploaded into the library, attached while the VM runs, read and taken out", async () => {
    const { client, datastore } = scene;
    const bytes = await readFile(iso);
    const totalBytes = bytes.length;
    let file = await client.isos.create({ name: "tools", datastoreUrn: datastore, sizeBytes: totalBytes });
    for (let first = 0; first < totalBytes; first = file.receivedBytes) {
      const piece = bytes.subarray(first, first + 8 * 1024 * 1024);
      file = await client.isos.put(file.id, { first, totalBytes, bytes: piece });
    }
    assert.deepEqual([file.status, file.name], ["ready", "tools.iso"]);
    const { stdout } = await run("sha256sum", [iso]);
    assert.equal(file.sha256, stdout.split(" ")[0]);
    const datastoreId = datastore.split(":").at(-1) ?? "";
    await ended(await client.vms.attachCd(uri, { datastoreId, name: "tools.iso" }));
    assert.equal((await shown())?.devicePath, `${datastoreId}@tools.iso`);
    const read = await inGuest(`${MOUNT} && cat /mnt/hello.txt; umount /mnt`);
    assert.deepEqual([read.stdout, read.code], ["hello from the CD", 0]);
    await assert.rejects(client.isos.remove(file.id), /in the CD drive of cd/);
    await ended(await client.vms.detachCd(uri));
    assert.equal(await shown(), null);
    await client.isos.remove(file.id);
    assert.deepEqual(await client.isos.list(), []);
  });

  test("CMP-29: a browser's file is read in parts; when the agent dies the guest gets errors, and the VM shows it", async () => {
    const { client, stand } = scene;
    const file = await open(iso, "r");
    try {
      const { size } = await file.stat();
      const answer = await client.vms.attachBrowserCd(uri, { name: "tools.iso", sizeBytes: size });
      const socket = new WebSocket(new URL(answer.path, stand.access.url.replace(/^http/, "ws")), {
        ca: stand.access.ca,
        headers: { "x-auth-token": client.session.token ?? "" },
      });
      let asked = 0;
      socket.on("error", () => {});
      const answerTo = async (data: Buffer): Promise<void> => {
        const { id, offset, length } = JSON.parse(data.toString()) as {
          id?: number;
          offset: number;
          length: number;
        };
        if (id === undefined) return;
        asked += length;
        const reply = Buffer.alloc(4 + length);
        reply.writeUInt32BE(id);
        await file.read(reply, 4, length, offset);
        socket.send(reply);
      };
      socket.on("message", (data: Buffer) => void answerTo(data));
      await ended(answer);
      const read = await inGuest(`${MOUNT} && cat /mnt/hello.txt`);
      assert.deepEqual([read.stdout, read.code], ["hello from the CD", 0]);
      assert.ok(asked > 0 && asked < size / 2, `${asked} of ${size} bytes were asked for`);

      await host.kill("agent");
      await host.restart("agent");
      const lost = await inGuest("dd if=/dev/sr0 of=/dev/null bs=2048 skip=4500 count=200");
      assert.notEqual(lost.code, 0);
      assert.match(lost.stderr, /I\/O error|Input\/output error/);
      await waitFor("the loss being shown", async () => (await shown())?.isLost || undefined, {
        timeoutMs: 60_000,
        intervalMs: 300,
      });
      await inGuest("umount /mnt");
      await ended(await client.vms.detachCd(uri));
      assert.equal(await shown(), null);
      socket.terminate();
    } finally {
      await file.close();
    }
  });
});
