import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as xdr from "./codec.ts";
import { XdrError } from "./error.ts";

const hex = (buffer: Uint8Array) => Buffer.from(buffer).toString("hex");
const unhex = (text: string) => Buffer.from(text.replaceAll(" ", ""), "hex");

describe("XDR codecs write the bytes of RFC 4506 and read them back", () => {
  const cases: [name: string, codec: xdr.Codec<unknown>, value: unknown, bytes: string][] = [];
  const add = <T>(name: string, codec: xdr.Codec<T>, value: T, bytes: string) =>
    cases.push([name, codec as xdr.Codec<unknown>, value, bytes]);
  add("u32", xdr.u32, 0xffff_fffe, "fffffffe");
  add("i32", xdr.i32, -2, "fffffffe");
  add("u64", xdr.u64, 0xffff_ffff_ffff_fffen, "fffffffffffffffe");
  add("i64", xdr.i64, -2n, "fffffffffffffffe");
  add("double", xdr.f64, 1.5, "3ff8000000000000");
  add("true", xdr.bool, true, "00000001");
  add("text with padding", xdr.text(10), "häuser", "00000007 68c3a475736572 00");
  add("empty text", xdr.text(10), "", "00000000");
  add("text without padding", xdr.text(10), "vm-1", "00000004 766d2d31");
  add("fixed opaque", xdr.opaque(3), Uint8Array.of(1, 2, 3), "01020300");
  add("variable opaque", xdr.bytes(5), Uint8Array.of(1, 2, 3, 4, 5), "00000005 0102030405000000");
  add("char array", xdr.charArray(4), "ab", "00000061 00000062 00000000 00000000");
  add("absent", xdr.optional(xdr.u32), null, "00000000");
  add("present", xdr.optional(xdr.u32), 7, "00000001 00000007");
  add("array", xdr.array(xdr.u32, 3), [1, 2], "00000002 00000001 00000002");
  add("empty array", xdr.array(xdr.u32, 3), [], "00000000");
  add(
    "struct",
    xdr.struct({ id: xdr.i32, name: xdr.text(9) }),
    { id: -1, name: "a" },
    "ffffffff 00000001 61000000",
  );
  const shape = xdr.union({ none: { tag: 0, codec: xdr.nothing }, size: { tag: 5, codec: xdr.u32 } });
  add("union", shape, { type: "size", value: 9 }, "00000005 00000009");
  add("union without content", shape, { type: "none", value: undefined }, "00000000");

  for (const [name, codec, value, bytes] of cases) {
    it(name, () => {
      assert.equal(hex(xdr.encode(codec, value)), bytes.replaceAll(" ", ""));
      assert.deepEqual(xdr.decode(codec, unhex(bytes)), value);
    });
  }
});

describe("XDR codecs refuse what does not fit, naming it", () => {
  const person = xdr.struct({ name: xdr.text(4), pets: xdr.array(xdr.struct({ kind: xdr.u32 }), 8) });
  const cases: [name: string, attempt: () => unknown, message: RegExp][] = [
    ["a negative u32", () => xdr.encode(xdr.u32, -1), /-1 does not fit u32/],
    ["a fraction", () => xdr.encode(xdr.i32, 0.5), /does not fit i32/],
    ["a u64 over 2^64", () => xdr.encode(xdr.u64, 1n << 64n), /does not fit u64/],
    ["a number for a bigint", () => xdr.encode(xdr.i64, 5 as unknown as bigint), /does not fit i64/],
    ["text over its limit", () => xdr.encode(xdr.text(3), "four"), /string of 4 exceeds the limit of 3/],
    ["text with a NUL", () => xdr.encode(xdr.text(9), "a\0b"), /NUL/],
    ["a wrong opaque length", () => xdr.encode(xdr.opaque(16), new Uint8Array(15)), /15 bytes/],
    ["too many elements", () => xdr.encode(xdr.array(xdr.u32, 1), [1, 2]), /array of 2 exceeds/],
    [
      "a length over the limit",
      () => xdr.decode(xdr.text(4), unhex("00000005 6162636465000000")),
      /string of 5/,
    ],
    [
      "a length over the bytes at hand",
      () => xdr.decode(xdr.text(64), unhex("00000020 61626364")),
      /32 bytes wanted/,
    ],
    [
      "a count over the bytes at hand",
      () => xdr.decode(xdr.array(xdr.u32, 1e9), unhex("3b9ac9ff 00000001")),
      /cannot be/,
    ],
    ["a boolean of 2", () => xdr.decode(xdr.bool, unhex("00000002")), /2 is not a boolean/],
    ["bytes that are left over", () => xdr.decode(xdr.u32, unhex("00000001 00000002")), /4 bytes are left/],
    ["an end too early", () => xdr.decode(xdr.u64, unhex("00000001")), /8 bytes wanted where 4 are left/],
    [
      "an unknown case",
      () => xdr.decode(xdr.union({ a: { tag: 1, codec: xdr.u32 } }), unhex("00000002")),
      /tag 2/,
    ],
    [
      "a field inside an array, by its path",
      () => xdr.decode(person, unhex("00000001 61000000 00000002 00000001")),
      /^pets: /,
    ],
  ];
  for (const [name, attempt, message] of cases) {
    it(name, () => {
      assert.throws(attempt, (error) => error instanceof XdrError && message.test(error.message));
    });
  }
});

it("a writer outgrows its first buffer in any kind of write", () => {
  // The write that needs the larger buffer must end up in it; 300 bytes shift where that happens.
  for (let lead = 200; lead < 300; lead++) {
    const value = { lead: "x".repeat(lead), number: 1, big: 2n, tail: "y".repeat(lead * 3), list: [3, 4] };
    const codec = xdr.struct({
      lead: xdr.text(4000),
      number: xdr.u32,
      big: xdr.i64,
      tail: xdr.text(4000),
      list: xdr.array(xdr.i32, 9),
    });
    assert.deepEqual(xdr.decode(codec, xdr.encode(codec, value)), value);
  }
});

it("what is read from a packet does not keep the packet", () => {
  const packet = Buffer.concat([unhex("00000003 010203 00"), Buffer.alloc(1000)]);
  const [small] = [xdr.decode(xdr.struct({ small: xdr.bytes(8), rest: xdr.opaque(1000) }), packet).small];
  packet.fill(0xff);
  assert.deepEqual(small, Uint8Array.of(1, 2, 3));
});
