import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { AppError, run, silentLog, waitFor } from "@sinter/kit";
import { type BlockSource, type NbdServer, serveNbd } from "./nbd-server.ts";
import { greeting, optionReply, OPTION_REPLY, REQUEST_MAGIC } from "./nbd-protocol.ts";

/* Against QEMU's own tools, and by hand where no tool would do what a hostile client does. */

describe("an NBD server", () => {
  // No multiple of anything.
  const content = randomBytes(3 * 1024 * 1024 + 1234);
  const reads: [number, number][] = [];
  let isBroken = false;
  const source: BlockSource = {
    sizeBytes: content.length,
    read: async (offset, length) => {
      reads.push([offset, length]);
      if (isBroken) throw new Error("gone");
      return content.subarray(offset, offset + length);
    },
  };
  let directory: string;
  let socketPath: string;
  let server: NbdServer;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "nbd-"));
    socketPath = join(directory, "s");
    server = await serveNbd({ socketPath, source, log: silentLog });
  });
  after(async () => {
    await server.close();
    await rm(directory, { recursive: true, force: true });
  });

  const url = (): string => `nbd+unix:///?socket=${socketPath}`;
  const options = (): string => `driver=nbd,server.type=unix,server.path=${socketPath}`;

  test("qemu-img sees its size", async () => {
    const { stdout } = await run("qemu-img", ["info", "--output=json", "-f", "raw", url()]);
    const size = (JSON.parse(stdout) as { "virtual-size": number })["virtual-size"];
    assert.equal(size, Math.ceil(content.length / 512) * 512);
  });

  test("qemu-img reads every byte of it", async () => {
    const copy = join(directory, "copy");
    await writeFile(copy, content);
    await run("qemu-img", ["compare", "-f", "raw", "-F", "raw", copy, url()]);
    const other = Buffer.from(content);
    other[content.length - 1] = (other[content.length - 1] ?? 0) ^ 1;
    await writeFile(copy, other);
    await assert.rejects(run("qemu-img", ["compare", "-f", "raw", "-F", "raw", copy, url()]), AppError);
  });

  test("what qemu-io asks for is all that is read", async () => {
    reads.length = 0;
    await run("qemu-io", ["-r", "--image-opts", options(), "-c", "read 1M 4k"]);
    assert.deepEqual(reads, [[1024 * 1024, 4096]]);
  });

  test("it cannot be written", async () => {
    const write = run("qemu-io", ["--image-opts", options(), "-c", "write 0 512"]);
    await assert.rejects(write, /[Rr]ead.only|Permission denied|not permitted/);
  });

  /** A client that says just these bytes and hears what comes until the end or until it has heard so much. */
  async function say(bytes: Buffer, expectBytes = Infinity): Promise<Buffer> {
    const socket: Socket = connect(socketPath);
    const parts: Buffer[] = [];
    const heard = (): Buffer => Buffer.concat(parts);
    let isOver = false;
    socket.on("data", (part: Buffer) => parts.push(part));
    socket.on("close", () => (isOver = true));
    socket.on("error", () => {});
    socket.write(bytes);
    await waitFor("an answer or the end", () => isOver || heard().length >= expectBytes || undefined, {
      timeoutMs: 5_000,
      intervalMs: 5,
    });
    socket.destroy();
    return heard();
  }
  const flags = Buffer.from([0, 0, 0, 3]);
  const option = (number: number, data: Buffer, length = data.length): Buffer => {
    const head = Buffer.alloc(16);
    head.write("IHAVEOPT", 0, "latin1");
    head.writeUInt32BE(number, 8);
    head.writeUInt32BE(length, 12);
    return Buffer.concat([head, data]);
  };
  const request = (type: number, offset: bigint, length: number): Buffer => {
    const bytes = Buffer.alloc(28);
    bytes.writeUInt32BE(REQUEST_MAGIC, 0);
    bytes.writeUInt16BE(type, 6);
    bytes.writeBigUInt64BE(7n, 8);
    bytes.writeBigUInt64BE(offset, 16);
    bytes.writeUInt32BE(length, 24);
    return bytes;
  };

  test("a source that fails is an input/output error, and the connection goes on", async () => {
    const hello = Buffer.concat([flags, option(1, Buffer.alloc(0))]);
    isBroken = true;
    try {
      await assert.rejects(run("qemu-io", ["-r", "--image-opts", options(), "-c", "read 0 512"]), AppError);
      const heard = await say(Buffer.concat([hello, request(0, 0n, 512), request(3, 0n, 0)]), 18 + 10 + 32);
      assert.deepEqual([heard.readUInt32BE(18 + 10 + 4), heard.length], [5, 18 + 10 + 32]);
    } finally {
      isBroken = false;
    }
    await run("qemu-io", ["-r", "--image-opts", options(), "-c", "read 0 512"]);
  });

  test("options nobody knows are refused and the talk goes on", async () => {
    const heard = await say(Buffer.concat([flags, option(8, Buffer.alloc(0)), option(2, Buffer.alloc(0))]));
    const answers = [optionReply(8, OPTION_REPLY.unsupported), optionReply(2, OPTION_REPLY.ack)];
    assert.deepEqual(heard, Buffer.concat([greeting(), ...answers]));
  });

  test("an export of another name is unknown", async () => {
    const name = Buffer.from("other");
    const data = Buffer.concat([Buffer.from([0, 0, 0, name.length]), name, Buffer.alloc(2)]);
    const heard = await say(Buffer.concat([flags, option(7, data)]), 18 + 20);
    assert.deepEqual(heard.subarray(18), optionReply(7, OPTION_REPLY.unknown));
  });

  test("who speaks nonsense is left: no client flags, endless options, no request", async () => {
    const cases = [
      Buffer.alloc(4),
      Buffer.concat([flags, Buffer.from("nonsense nonsense nonsense")]),
      Buffer.concat([flags, option(7, Buffer.alloc(0), 2 ** 31)]),
      Buffer.concat([flags, option(1, Buffer.alloc(0)), Buffer.alloc(28, 9)]),
    ];
    for (const bytes of cases) assert.ok((await say(bytes)).length <= 18 + 10);
  });

  test("a read beyond the end, an endless one and a command nobody knows are refused", async () => {
    reads.length = 0;
    const bad = [
      request(0, BigInt(content.length), 1),
      request(0, 2n ** 63n, 512),
      request(0, 0n, 2 ** 31),
      request(9, 0n, 0),
      request(4, 0n, 512),
    ];
    const hello = Buffer.concat([flags, option(1, Buffer.alloc(0))]);
    const heard = await say(Buffer.concat([hello, ...bad, request(2, 0n, 0)]), 18 + 10 + bad.length * 16);
    const errors = bad.map((_, index) => heard.readUInt32BE(18 + 10 + index * 16 + 4));
    assert.deepEqual(errors, [22, 22, 22, 22, 1]);
    assert.deepEqual(reads, []);
  });

  test("closing ends its connections and takes the socket away", async () => {
    const path = join(directory, "t");
    const own = await serveNbd({ socketPath: path, source, log: silentLog });
    const socket = connect(path);
    const ended = new Promise<void>((resolve) => socket.on("close", () => resolve()));
    await new Promise<void>((resolve) => socket.once("data", () => resolve()));
    await own.close();
    await ended;
    await assert.rejects(stat(path), { code: "ENOENT" });
  });
});
