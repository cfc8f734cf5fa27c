import assert from "node:assert/strict";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { run, silentLog, waitFor } from "@sinter/kit";
import { MEDIA_DETACHED, MEDIA_ENDED, type MediaChannel } from "@sinter/southbound";
import { createBrowserMedia } from "./browser-media.ts";
import { findQemuUser } from "./qemu-user.ts";

const ID = "00000000-0000-4000-8000-000000000001";
const SIZE = 4096;

class Browser implements MediaChannel {
  closedWith: number | undefined;
  #hear: (message: string | Buffer) => void = () => {};
  readonly #onClose: ((code: number) => void)[] = [];

  send(message: string | Uint8Array): void {
    const { id, length } = JSON.parse(String(message)) as { id: number; length: number };
    const answer = Buffer.alloc(4 + length, 7);
    answer.writeUInt32BE(id);
    setImmediate(() => this.#hear(answer));
  }
  onMessage(listener: (message: string | Buffer) => void): void {
    this.#hear = listener;
  }
  onClose(listener: (code: number) => void): void {
    this.#onClose.push(listener);
  }
  close(code: number): void {
    if (this.closedWith !== undefined) return;
    this.closedWith = code;
    for (const listener of this.#onClose) listener(code);
  }
}

async function opened(options: { graceMs?: number } = {}) {
  const directory = await mkdtemp(join(tmpdir(), "smedia-"));
  const ended: string[] = [];
  const media = createBrowserMedia({
    directory,
    log: silentLog,
    onEnded: (mediaId) => ended.push(mediaId),
    graceMs: options.graceMs ?? 5_000,
  });
  return {
    media,
    directory,
    ended,
    /** Whether a byte of it can be read, as QEMU would. */
    canRead: async (socket: string): Promise<boolean> => {
      const image = `driver=nbd,server.type=unix,server.path=${socket}`;
      return await run("qemu-io", ["-r", "--image-opts", image, "-c", "read 0 512"]).then(
        () => true,
        () => false,
      );
    },
    [Symbol.asyncDispose]: async () => {
      await media[Symbol.asyncDispose]();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

describe("CMP-29: media of browsers on a node", () => {
  test("a browser that comes before its medium is in a drive waits for that", async () => {
    await using bench = await opened();
    const browser = new Browser();
    bench.media.attach(ID, SIZE, browser);
    assert.equal(bench.media.find(ID), undefined);
    const socket = await bench.media.open(ID, SIZE);
    assert.equal(await bench.canRead(socket), true);
    assert.equal(await bench.media.open(ID, SIZE), socket, "opened again it is the same");
    assert.deepEqual(bench.media.ofSocket(socket), { mediaId: ID, isOpen: true });
    await bench.media.release(ID);
    await bench.media.release(ID);
    assert.deepEqual([browser.closedWith, bench.media.find(ID)], [MEDIA_DETACHED, undefined]);
    assert.deepEqual(await readdir(bench.directory), []);
  });

  test("one that has gone again before is forgotten", async () => {
    await using bench = await opened({ graceMs: 20 });
    const browser = new Browser();
    bench.media.attach(ID, SIZE, browser);
    browser.close(MEDIA_ENDED);
    const socket = await bench.media.open(ID, SIZE);
    assert.equal(await bench.canRead(socket), false, "nobody came within the grace");
    assert.deepEqual([bench.ended, bench.media.ofSocket(socket)], [[ID], { mediaId: ID, isOpen: false }]);
  });

  test("a file of another size than was said is not taken", async () => {
    await using bench = await opened();
    await bench.media.open(ID, SIZE);
    const browser = new Browser();
    bench.media.attach(ID, SIZE + 1, browser);
    assert.equal(browser.closedWith, MEDIA_DETACHED);
  });

  test("no more than some at once, neither media nor those who wait", async () => {
    await using bench = await opened();
    const idOf = (index: number): string => `${ID.slice(0, -2)}${String(index).padStart(2, "0")}`;
    for (let index = 0; index < 32; index++) await bench.media.open(idOf(index), SIZE);
    await assert.rejects(bench.media.open(idOf(32), SIZE), { code: "MEDIA_TOO_MANY", kind: "exhausted" });
    const waiting = Array.from({ length: 33 }, () => new Browser());
    for (const [index, browser] of waiting.entries()) bench.media.attach(idOf(40 + index), SIZE, browser);
    assert.deepEqual(waiting.map(({ closedWith }) => closedWith).filter(Boolean), [MEDIA_DETACHED]);
    await bench.media.release(idOf(0));
    await bench.media.open(idOf(32), SIZE);
  });

  test("sockets of a former life go, and those of this one stay", async () => {
    await using bench = await opened();
    await writeFile(join(bench.directory, "old.sock"), "");
    const socket = await bench.media.open(ID, SIZE);
    await bench.media.tidy();
    assert.deepEqual(await readdir(bench.directory), [`${ID}.sock`]);
    bench.media.attach(ID, SIZE, new Browser());
    await waitFor("a read", async () => (await bench.canRead(socket)) || undefined, { timeoutMs: 5_000 });
  });

  test("QEMU's user is found by the names that distributions give it", async () => {
    const directory = await mkdtemp(join(tmpdir(), "smedia-"));
    try {
      const file = join(directory, "passwd");
      await writeFile(
        file,
        "root:x:0:0::/root:/bin/sh\nlibvirt-qemu:x:64055:107::/var/lib/libvirt:/bin/false\n",
      );
      assert.deepEqual(await findQemuUser(file), { uid: 64_055, gid: 107 });
      await writeFile(file, "root:x:0:0::/root:/bin/sh\nqemu:x:107:107::/:/sbin/nologin\n");
      assert.deepEqual(await findQemuUser(file), { uid: 107, gid: 107 });
      await writeFile(file, "root:x:0:0::/root:/bin/sh\n");
      assert.equal(await findQemuUser(file), undefined);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
});
