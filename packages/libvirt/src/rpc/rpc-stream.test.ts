import assert from "node:assert/strict";
import { once } from "node:events";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { after, before, describe, it } from "node:test";
import type { Connection } from "../connection.ts";
import type { Domain } from "../domain.ts";
import { ConnectionLostError, isLibvirtError } from "../errors.ts";
import { CONSOLE } from "../protocol/flags.ts";
import {
  type PrivateLibvirtd,
  startPrivateLibvirtd,
  TINY_GUEST_GREETING,
  tinyGuestXml,
  writeTinyGuestDisk,
} from "../testing/index.ts";
import { RpcStream, STREAM_BUFFER_MAX_BYTES } from "./rpc-stream.ts";

/** Reads until the text is there; fails when the stream ends before. */
async function readUntil(stream: Readable, wanted: string): Promise<string> {
  let text = "";
  while (!text.includes(wanted)) {
    const chunk = stream.read() as Buffer | null;
    if (chunk) text += chunk.toString("latin1");
    else await once(stream, "readable", { signal: AbortSignal.timeout(20_000) });
    assert.ok(!stream.readableEnded, `ended after ${JSON.stringify(text)}`);
  }
  return text;
}

async function whole(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer); // RpcStream has no encoding
  return Buffer.concat(chunks);
}

/** The abort of the console before travels ahead on the same socket, but the daemon hangs up on its own time. */
async function openWhenFree(guest: Domain): Promise<RpcStream> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    try {
      return await guest.openConsole();
    } catch (error) {
      if (!isLibvirtError(error, "OPERATION_FAILED") || Date.now() > deadline) throw error;
    }
  }
}

describe("streams of a real guest", () => {
  let libvirtd: PrivateLibvirtd;
  let connection: Connection;
  let guest: Domain;

  before(async () => {
    libvirtd = await startPrivateLibvirtd();
    const disk = join(libvirtd.directory, "guest.img");
    await writeTinyGuestDisk(disk);
    connection = await libvirtd.connect();
    const xml = tinyGuestXml("streams", {
      devices: {
        disks: [
          {
            type: "file",
            device: "disk",
            driver: { name: "qemu", type: "raw" },
            source: { file: disk },
            target: { dev: "hda", bus: "ide" },
          },
        ],
        graphics: [{ type: "vnc", autoport: true }],
        videos: [{ model: { type: "vga" } }],
      },
    });
    guest = await (await connection.defineDomain(xml)).start(1); // paused, to miss nothing of the greeting
  });
  after(async () => {
    await libvirtd[Symbol.asyncDispose]();
  });

  it("a console is read and written", async () => {
    const console = await guest.openConsole();
    await guest.resume();
    assert.ok((await readUntil(console, "ready\r\n")).endsWith(TINY_GUEST_GREETING));
    console.write("hello, guest\n");
    await readUntil(console, "hello, guest\n");
    console.end();
    console.resume(); // a Duplex closes when its readable side was read to the end
    await once(console, "close");
    assert.equal(console.errored, null);
  });

  it("a second one is refused, takes over with force, and the first sees its end", async () => {
    const first = await openWhenFree(guest);
    await assert.rejects(guest.openConsole(), (error) => isLibvirtError(error, "OPERATION_FAILED"));
    const closed = new Promise((resolve) => first.on("close", resolve));
    const errors: unknown[] = [];
    first.on("error", (error) => errors.push(error)).resume();
    const second = await guest.openConsole({ flags: CONSOLE.force });
    await closed;
    assert.ok(
      errors.every((error) => isLibvirtError(error)),
      String(errors),
    );
    second.write("still here");
    await readUntil(second, "still here");
    second.destroy();
  });

  it("destroying one aborts it, and the console is free again", async () => {
    const console = await openWhenFree(guest);
    console.write("unread");
    console.destroy();
    await once(console, "close");
    (await openWhenFree(guest)).destroy();
    assert.ok(await connection.version());
  });

  it("a console that is not there fails when it is opened", async () => {
    await assert.rejects(guest.openConsole({ device: "nothing" }), (error) => isLibvirtError(error));
  });

  it("who gives up while a console is being opened leaves none behind", async () => {
    await libvirtd.freeze();
    const giveUp = new AbortController();
    const opening = connection.openStream(
      "domainOpenConsole",
      { dom: guest.ref, devName: null, flags: CONSOLE.force },
      { signal: giveUp.signal },
    );
    giveUp.abort(new Error("not any more"));
    try {
      await assert.rejects(opening, /not any more/);
    } finally {
      await libvirtd.thaw();
    }
    (await openWhenFree(guest)).destroy();
  });

  it("screenshots arrive whole, many at a time and again and again", async () => {
    // The daemon may send data before its answer; a hundred rounds meet that many times.
    for (let round = 0; round < 25; round++) {
      const shots = await Promise.all([1, 2, 3, 4].map(() => guest.screenshot()));
      for (const { mime, stream } of shots) {
        const picture = await whole(stream);
        assert.equal(mime, "image/png");
        assert.equal(picture.subarray(1, 4).toString(), "PNG");
        assert.equal(picture.subarray(-8, -4).toString(), "IEND");
      }
    }
  });

  it("a lost connection ends its streams with the reason", async () => {
    const own = await libvirtd.connect();
    const console = await own.domain(guest.ref).openConsole({ flags: CONSOLE.force });
    const error = once(console, "error");
    await libvirtd.stop("SIGKILL");
    assert.ok((await error)[0] instanceof ConnectionLostError);
    await libvirtd.start();
    // The guest does not care about its daemon.
    await using again = await libvirtd.connect();
    assert.equal((await again.domain(guest.ref).status()).state, "running");
  });
});

/** A stream without a connection, and what it asks of one. */
function port(): { stream: RpcStream; calls: string[]; finishing: Promise<void> } {
  const calls: string[] = [];
  const finishing = Promise.withResolvers<void>();
  const stream = new RpcStream({
    send: (chunk, done) => {
      calls.push(`send ${chunk.length}`);
      done();
    },
    finish: () => {
      calls.push("finish");
      finishing.resolve();
    },
    abort: () => calls.push("abort"),
    forget: () => calls.push("forget"),
  });
  return { stream, calls, finishing: finishing.promise };
}

describe("a stream by itself", () => {
  it("cuts what is written into packets libvirt takes", async () => {
    const { stream, calls, finishing } = port();
    stream.resume();
    stream.end(Buffer.alloc(600_000));
    await finishing;
    assert.deepEqual(calls, ["send 262120", "send 262120", "send 75760", "finish"]);
    stream.settle();
    await once(stream, "close");
    assert.deepEqual(calls.slice(4), ["forget"]);
  });

  it("finish waits for the daemon, and its error is the stream's", async () => {
    const { stream, finishing } = port();
    stream.resume();
    stream.end("x");
    await finishing;
    const error = once(stream, "error");
    stream.settle(new Error("disk full"));
    assert.match(String((await error)[0]), /disk full/);
    assert.equal(stream.writableFinished, false);
  });

  it("the daemon's end of data finishes the stream once it is read", async () => {
    const { stream, calls, finishing } = port();
    stream.receive(Buffer.from("last words"));
    stream.receive(Buffer.alloc(0));
    assert.deepEqual(calls, []);
    const reading = whole(stream);
    assert.equal((await reading).toString(), "last words");
    await finishing;
    assert.deepEqual(calls, ["finish"]);
  });

  it("destroying aborts exactly once", async () => {
    const { stream, calls } = port();
    stream.destroy();
    await once(stream, "close");
    stream.destroy();
    stream.receive(Buffer.from("late"));
    stream.settle();
    assert.deepEqual(calls, ["abort", "forget"]);
  });

  it("a reader that leaves too much unread loses the stream, not the connection its memory", async () => {
    const { stream, calls } = port();
    const error = once(stream, "error");
    const chunk = Buffer.alloc(1024 * 1024);
    for (let bytes = 0; bytes <= STREAM_BUFFER_MAX_BYTES; bytes += chunk.length) stream.receive(chunk);
    assert.match(String((await error)[0]), /left unread/);
    assert.deepEqual(calls, ["abort"]);
  });
});
