import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ProtocolError } from "../errors.ts";
import { struct, text, u32 } from "../xdr/codec.ts";
import {
  encodeFrame,
  encodeRawFrame,
  FRAME_MAX_BYTES,
  FrameDecoder,
  type Frame,
  type FrameHeader,
} from "./frame.ts";

const header: FrameHeader = { program: 0x20008086, version: 1, procedure: 23, type: 0, serial: 7, status: 0 };

it("a frame has the layout of virNetMessageHeader", () => {
  const frame = encodeFrame(header, struct({ name: text(9), flags: u32 }), { name: "vm", flags: 1 });
  assert.equal(
    frame.toString("hex"),
    [
      "00000028",
      "20008086",
      "00000001",
      "00000017",
      "00000000",
      "00000007",
      "00000000",
      "00000002",
      "766d0000",
      "00000001",
    ].join(""),
  );
});

/** Small and repeatable: xorshift. */
function random(seed: number): () => number {
  let state = seed || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

it("packets come out whole however the bytes are cut", (t) => {
  const seed = Date.now() % 2 ** 31;
  t.diagnostic(`seed ${seed}`);
  const next = random(seed);
  const payloads = Array.from({ length: 60 }, (_, index) =>
    Buffer.alloc(Math.floor(next() ** 4 * 100_000), index + 1),
  );
  const bytes = Buffer.concat(
    payloads.map((payload, serial) => encodeRawFrame({ ...header, serial }, payload)),
  );
  const decoder = new FrameDecoder();
  const frames: Frame[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = 1 + Math.floor(next() ** 3 * 70_000);
    frames.push(...decoder.push(bytes.subarray(at, at + size)));
    at += size;
  }
  assert.deepEqual(
    frames.map(({ serial }) => serial),
    payloads.map((_, serial) => serial),
  );
  for (const [index, payload] of payloads.entries()) assert.ok(frames[index]?.payload.equals(payload));
});

describe("an impossible length is refused before anything is collected", () => {
  for (const length of [0, 4, 27, FRAME_MAX_BYTES + 1, 0xffff_ffff]) {
    it(`${length}`, () => {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(length);
      assert.throws(() => new FrameDecoder().push(bytes), ProtocolError);
    });
  }
  it("the largest that libvirt sends is taken", () => {
    const payload = Buffer.alloc(FRAME_MAX_BYTES - 28);
    const [frame] = new FrameDecoder().push(encodeRawFrame(header, payload));
    assert.equal(frame?.payload.length, payload.length);
    assert.throws(() => encodeRawFrame(header, Buffer.alloc(FRAME_MAX_BYTES - 27)), ProtocolError);
  });
});

it("a large announced packet costs nothing until its bytes come", () => {
  const before = process.memoryUsage().arrayBuffers;
  const decoders = Array.from({ length: 20 }, () => {
    const decoder = new FrameDecoder();
    const start = Buffer.alloc(64);
    start.writeUInt32BE(FRAME_MAX_BYTES);
    assert.deepEqual(decoder.push(start), []);
    return decoder;
  });
  assert.equal(decoders.length, 20);
  assert.ok(process.memoryUsage().arrayBuffers - before < 8 * 1024 * 1024);
});
