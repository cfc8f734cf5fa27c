import { describe, expect, test } from "vitest";
import {
  createMediaReader,
  encodeAnswer,
  parseGreeting,
  type MediaActivity,
  type MediaFile,
  parseRequest,
  PICTURE_PARTS,
} from "./browser-media.ts";

function fileOf(size: number): MediaFile {
  const bytes = Uint8Array.from({ length: size }, (_, index) => index % 251);
  return {
    name: "tools.iso",
    size,
    slice: (from, to) => ({ arrayBuffer: () => Promise.resolve(bytes.slice(from, to).buffer) }),
  };
}

function talk(file: MediaFile) {
  const sent: (string | ArrayBuffer)[] = [];
  const activity: MediaActivity[] = [];
  const reader = createMediaReader(file, (now) => activity.push(now));
  const socket = { send: (message: string | ArrayBuffer) => void sent.push(message), close: () => {} };
  return { sent, activity, ask: (text: string) => reader.answer(socket, text) };
}

describe("CMP-29: a CD that is a file of the browser", () => {
  test("answers a read with its id and exactly the bytes asked for", async () => {
    const { sent, ask } = talk(fileOf(5000));
    await ask(JSON.stringify({ id: 0x01020304, offset: 2048, length: 3 }));
    expect([...new Uint8Array(sent[0] as ArrayBuffer)]).toEqual([
      1,
      2,
      3,
      4,
      2048 % 251,
      2049 % 251,
      2050 % 251,
    ]);
  });

  test("reads the last byte, and an empty read is answered", async () => {
    const { sent, ask } = talk(fileOf(10));
    await ask('{"id":1,"offset":9,"length":1}');
    await ask('{"id":2,"offset":10,"length":0}');
    expect((sent[0] as ArrayBuffer).byteLength).toBe(5);
    expect((sent[1] as ArrayBuffer).byteLength).toBe(4);
  });

  test.each([
    ['{"id":7,"offset":9,"length":2}', "the file has 10 bytes"],
    ['{"id":7,"offset":0,"length":99999999}', "a read has at most"],
  ])("refuses %s", async (text, why) => {
    const { sent, ask } = talk(fileOf(10));
    await ask(text);
    expect(JSON.parse(sent[0] as string)).toMatchObject({ id: 7, error: expect.stringContaining(why) });
  });

  test("says so when the file cannot be read, or has become shorter", async () => {
    const gone = talk({
      name: "a",
      size: 10,
      slice: () => ({ arrayBuffer: () => Promise.reject(new Error("gone")) }),
    });
    await gone.ask('{"id":1,"offset":0,"length":4}');
    expect(gone.sent).toEqual(['{"id":1,"error":"gone"}']);
    const short = talk({
      name: "a",
      size: 10,
      slice: () => ({ arrayBuffer: () => Promise.resolve(new ArrayBuffer(2)) }),
    });
    await short.ask('{"id":1,"offset":0,"length":4}');
    expect(short.sent).toEqual(['{"id":1,"error":"the file has changed"}']);
    expect(short.activity).toEqual([]);
  });

  test.each([
    "",
    "[]",
    "null",
    '{"id":-1,"offset":0,"length":1}',
    '{"id":1,"offset":0.5,"length":1}',
    '{"id":1}',
  ])("does not take %s for a request", (text) => expect(parseRequest(text)).toBeUndefined());

  test("a connection that was lost is resumed at the manager's own path, and nowhere else", () => {
    expect(parseGreeting('{"resume":"/sinter/v1/media/abc","sizeBytes":5}')).toEqual({
      resume: "/sinter/v1/media/abc",
    });
    expect(parseGreeting('{"resume":"//elsewhere/x"}')).toBeUndefined();
    expect(parseGreeting('{"id":1,"offset":0,"length":1}')).toBeUndefined();
    expect(parseGreeting("no")).toBeUndefined();
  });

  test("an id above 2^31 keeps its value", () => {
    expect(new DataView(encodeAnswer(0xfffffffe, new ArrayBuffer(0))).getUint32(0)).toBe(0xfffffffe);
  });

  test("counts what was read and marks where", async () => {
    const { activity, ask } = talk(fileOf(PICTURE_PARTS * 100));
    await ask('{"id":1,"offset":0,"length":100}');
    await ask(`{"id":2,"offset":${(PICTURE_PARTS - 1) * 100},"length":100}`);
    const last = activity.at(-1);
    expect(last).toMatchObject({ reads: 2, bytes: 200 });
    expect(last?.touched.filter(Boolean)).toHaveLength(2);
    expect(last?.touched[0] && last.touched[PICTURE_PARTS - 1]).toBe(true);
  });
});
