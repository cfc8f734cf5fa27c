import assert from "node:assert/strict";
import type { Duplex } from "node:stream";
import { test } from "node:test";
import { linkedPair } from "./guard.ts";
import { RfbError } from "./protocol.ts";
import { readExactly } from "./read-exactly.ts";
import { Viewer } from "./viewer.ts";

/** A server without a password, up to the viewer's first wishes. */
async function serve(server: Duplex, width: number, height: number): Promise<void> {
  server.write("RFB 003.008\n");
  await readExactly(server, 12);
  server.write(Buffer.from([1, 1]));
  await readExactly(server, 1);
  server.write(Buffer.alloc(4));
  assert.deepEqual([...(await readExactly(server, 1))], [1], "asks to share");
  const init = Buffer.alloc(24);
  init.writeUInt16BE(width, 0);
  init.writeUInt16BE(height, 2);
  init.writeUInt32BE(4, 20);
  server.write(Buffer.concat([init, Buffer.from("name")]));
  const [type] = await readExactly(server, 20);
  assert.equal(type, 0);
  const wishes = await readExactly(server, 12);
  assert.equal(wishes.toString("hex"), "0200000200000000ffffff21");
}

function update(
  ...rectangles: (readonly [head: readonly number[], encoding: number, body: Buffer])[]
): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt16BE(rectangles.length, 2);
  return Buffer.concat([
    head,
    ...rectangles.flatMap(([place, encoding, body]) => {
      const bytes = Buffer.alloc(12);
      for (const [index, value] of place.entries()) bytes.writeUInt16BE(value, index * 2);
      bytes.writeInt32BE(encoding, 8);
      return [bytes, body];
    }),
  ]);
}

const pixels = (count: number, value: number): Buffer => Buffer.alloc(count * 4, value);

test("a look puts rectangles together, past bells and clipboards and a change of size", async () => {
  const [near, server] = linkedPair();
  const serving = (async () => {
    await serve(server, 4, 2);
    await readExactly(server, 10);
    server.write(Buffer.from([2]));
    server.write(Buffer.concat([Buffer.from([3, 0, 0, 0, 0, 0, 0, 2]), Buffer.from("hi")]));
    server.write(update([[0, 0, 2, 2], 0, pixels(4, 1)]));
    server.write(update([[0, 0, 2, 1], -223, Buffer.alloc(0)]));
    const again = await readExactly(server, 10);
    assert.equal(again.toString("hex"), "03000000000000020001");
    server.write(update([[0, 0, 1, 1], 0, pixels(1, 7)], [[1, 0, 1, 1], 0, pixels(1, 8)]));
  })();
  using viewer = await Viewer.open(near, { signal: AbortSignal.timeout(5_000) });
  assert.deepEqual([viewer.name, viewer.size], ["name", { width: 4, height: 2 }]);
  const picture = await viewer.look();
  assert.deepEqual([picture.width, picture.height, [...picture.pixels]], [2, 1, [7, 7, 7, 7, 8, 8, 8, 8]]);
  await serving;
});

test("keys are pressed and released, capitals with Shift", async () => {
  const [near, server] = linkedPair();
  const serving = serve(server, 1, 1);
  using viewer = await Viewer.open(near, { signal: AbortSignal.timeout(5_000) });
  await serving;
  await viewer.type("aB\n");
  const events: string[] = [];
  for (let index = 0; index < 8; index++) events.push((await readExactly(server, 8)).toString("hex"));
  assert.deepEqual(
    events.map((event) => `${event.slice(2, 4)} ${event.slice(12)}`),
    ["01 0061", "00 0061", "01 ffe1", "01 0042", "00 0042", "00 ffe1", "01 ff0d", "00 ff0d"],
  );
});

test("what a server may not send ends the viewer instead of its memory", async () => {
  const cases: [name: string, bytes: Buffer, why: RegExp][] = [
    ["an unknown message", Buffer.from([200]), /unknown type 200/],
    ["an encoding that was not offered", update([[0, 0, 1, 1], 16, Buffer.alloc(0)]), /encoding 16/],
    ["a huge rectangle", update([[0, 0, 60_000, 60_000], 0, Buffer.alloc(0)]), /too large/],
    ["a huge clipboard", Buffer.from([3, 0, 0, 0, 255, 0, 0, 0]), /too long/],
  ];
  for (const [name, bytes, why] of cases) {
    const [near, server] = linkedPair();
    const serving = serve(server, 1, 1);
    using viewer = await Viewer.open(near, { signal: AbortSignal.timeout(5_000) });
    await serving;
    server.write(bytes);
    await assert.rejects(
      viewer.look(),
      (error: unknown) => error instanceof RfbError && why.test(error.message),
      name,
    );
  }
});
