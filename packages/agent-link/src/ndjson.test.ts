import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { LINE_LENGTH_MAX, NdjsonDecoder } from "./ndjson.ts";

describe("NDJSON", () => {
  test("lines cut anywhere, also within a character, come out whole", () => {
    const bytes = Buffer.from('{"a":"½"}\n\n{"b":[1,2]}\r\n"c"\n');
    for (let at = 0; at <= bytes.length; at++) {
      const { values, garbage } = decode([bytes.subarray(0, at), bytes.subarray(at)]);
      assert.deepEqual(values, [{ a: "½" }, { b: [1, 2] }, "c"]);
      assert.deepEqual(garbage, []);
    }
  });

  test("garbage costs its own line only", () => {
    const { values, garbage } = decode(["{]\n1\n", Buffer.from([0xff, 0xfe, 0x0a]), "2\n3"]);
    assert.deepEqual(values, [1, 2]);
    assert.equal(garbage.length, 2);
  });

  test("an endless line is skipped to its end without being kept", () => {
    const piece = "x".repeat(LINE_LENGTH_MAX);
    const { values, garbage } = decode([piece, piece, piece, "\n1\n", `${piece}y\n2\n`]);
    assert.deepEqual(values, [1, 2]);
    assert.deepEqual(garbage, ["x".repeat(80), "x".repeat(80)]);
  });
});

function decode(chunks: (string | Buffer)[]): { values: unknown[]; garbage: string[] } {
  const garbage: string[] = [];
  const decoder = new NdjsonDecoder((start) => garbage.push(start));
  return { values: chunks.flatMap((chunk) => decoder.push(Buffer.from(chunk))), garbage };
}
