import assert from "node:assert/strict";
import { randomBytes, randomInt } from "node:crypto";
import { describe, test } from "node:test";
import { silentLog, waitFor } from "@sinter/kit";
import { MEDIA_ENDED, type MediaChannel } from "@sinter/southbound";
import { RemoteFile, type RemoteFileOptions } from "./remote-file.ts";

interface Asked {
  readonly id: number;
  readonly offset: number;
  readonly length: number;
}

/** A browser that hands out a file, and remembers what it was asked. */
class Browser implements MediaChannel {
  readonly asked: Asked[] = [];
  readonly #file: Buffer;
  closedWith: number | undefined;
  /** False: it only remembers. */
  answers = true;
  #hear: (message: string | Buffer) => void = () => {};
  #onClose: (code: number) => void = () => {};

  constructor(file: Buffer) {
    this.#file = file;
  }
  send(message: string | Uint8Array): void {
    const asked = JSON.parse(String(message)) as Asked;
    this.asked.push(asked);
    if (this.answers) setImmediate(() => this.answer(asked));
  }
  answer({ id, offset, length }: Asked): void {
    const head = Buffer.alloc(4);
    head.writeUInt32BE(id);
    this.say(Buffer.concat([head, this.#file.subarray(offset, offset + length)]));
  }
  say(message: string | Buffer): void {
    if (this.closedWith === undefined) this.#hear(message);
  }
  onMessage(listener: (message: string | Buffer) => void): void {
    this.#hear = listener;
  }
  onClose(listener: (code: number) => void): void {
    this.#onClose = listener;
  }
  close(code: number): void {
    this.lose(code);
  }
  lose(code = 1006): void {
    if (this.closedWith !== undefined) return;
    this.closedWith = code;
    this.#onClose(code);
  }
}

const PIECE = 1000;
const content = randomBytes(100 * PIECE + 17);
const GONE = /nobody hands the file out/;

function opened(options: Partial<RemoteFileOptions> = {}): { file: RemoteFile; browser: Browser } {
  const file = new RemoteFile({
    sizeBytes: content.length,
    log: silentLog,
    pieceBytes: PIECE,
    graceMs: 5_000,
    ...options,
  });
  const browser = new Browser(content);
  file.attach(browser);
  return { file, browser };
}

describe("CMP-29: a file in a browser", () => {
  test("nothing is asked for before it is read, and then little more than is read", async () => {
    const { file, browser } = opened();
    assert.deepEqual(browser.asked, []);
    assert.deepEqual(await file.read(50_500, 10), content.subarray(50_500, 50_510));
    assert.deepEqual(
      browser.asked.map(({ offset, length }) => [offset, length]),
      [[50_000, PIECE]],
    );
    await file.read(50_990, 5);
    assert.equal(browser.asked.length, 5, "who reads on gets four pieces more");
    await file.read(50_000, 4 * PIECE);
    assert.ok(browser.asked.every(({ offset }) => offset >= 50_000 && offset < 58_000));
    assert.equal(new Set(browser.asked.map(({ offset }) => offset)).size, browser.asked.length, "each once");
    file.end();
  });

  test("any range comes as it is, the last odd bytes as well", async () => {
    const { file } = opened({ cacheBytesMax: 7 * PIECE });
    for (let round = 0; round < 200; round++) {
      const offset = randomInt(content.length);
      const length = randomInt(Math.min(content.length - offset, 9 * PIECE) + 1);
      assert.deepEqual(
        await file.read(offset, length),
        content.subarray(offset, offset + length),
        `${offset}+${length}`,
      );
    }
    assert.deepEqual(await file.read(0, content.length), content);
    file.end();
  });

  test("no more is kept than may be, what was read last the longest", async () => {
    const { file, browser } = opened({ cacheBytesMax: 2 * PIECE });
    for (const piece of [10, 30, 10, 50, 10]) await file.read(piece * PIECE, 1);
    assert.deepEqual(
      browser.asked.map(({ offset }) => offset / PIECE),
      [10, 30, 50],
    );
    await file.read(30 * PIECE, 1);
    assert.equal(browser.asked.length, 4);
    file.end();
  });

  test("a few requests are on their way at once, the others wait", async () => {
    const { file, browser } = opened();
    browser.answers = false;
    const whole = file.read(0, content.length);
    assert.equal(browser.asked.length, 8);
    browser.answers = true;
    for (const asked of browser.asked.slice()) browser.answer(asked);
    assert.deepEqual(await whole, content);
    file.end();
  });

  test("a browser that is lost and comes back in time: reads wait, and nothing is lost", async () => {
    const { file, browser } = opened();
    browser.answers = false;
    const reading = file.read(0, 10);
    browser.lose();
    assert.equal(file.state, "waiting");
    const later = file.read(20_000, 10);
    const again = new Browser(content);
    file.attach(again);
    assert.deepEqual(await reading, content.subarray(0, 10));
    assert.deepEqual(await later, content.subarray(20_000, 20_010));
    file.end();
  });

  test("a second connection takes the first one's place; late answers of that one count for nothing", async () => {
    const { file, browser } = opened();
    browser.answers = false;
    const reading = file.read(0, 10);
    const second = new Browser(content);
    second.answers = false;
    file.attach(second);
    assert.notEqual(browser.closedWith, undefined);
    browser.closedWith = undefined;
    const wrong = Buffer.alloc(4 + PIECE, 1);
    wrong.writeUInt32BE(browser.asked[0]?.id ?? 0);
    browser.say(wrong);
    second.answer(second.asked[0] as Asked);
    assert.deepEqual(await reading, content.subarray(0, 10));
    file.end();
  });

  test("a browser that does not come back, or says it is gone: every read fails", async () => {
    const ends: [string, (browser: Browser) => void][] = [
      ["lost for good", (browser) => browser.lose()],
      ["closed", (browser) => browser.lose(MEDIA_ENDED)],
    ];
    for (const [how, end] of ends) {
      let told = 0;
      const { file, browser } = opened({ graceMs: 20, onEnded: () => told++ });
      await file.read(0, 10);
      browser.answers = false;
      const pending = file.read(50_000, 10);
      end(browser);
      await assert.rejects(pending, GONE, how);
      await assert.rejects(file.read(0, 10), GONE, "also what had been read");
      assert.deepEqual([file.state, told], ["ended", 1]);
      const late = new Browser(content);
      file.attach(late);
      assert.notEqual(late.closedWith, undefined);
    }
  });

  test("nobody ever comes: reads fail after the grace", async () => {
    const file = new RemoteFile({ sizeBytes: 10, log: silentLog, graceMs: 20 });
    await assert.rejects(file.read(0, 1), GONE);
  });

  test("a piece that the browser cannot read fails alone", async () => {
    const { file, browser } = opened();
    browser.answers = false;
    const reading = file.read(0, 10);
    browser.say(JSON.stringify({ id: browser.asked[0]?.id, error: "the file has changed" }));
    await assert.rejects(reading, /the file has changed/);
    browser.answers = true;
    assert.deepEqual(await file.read(0, 10), content.subarray(0, 10), "asked anew");
    file.end();
  });

  test("a piece that does not come in time fails alone", async () => {
    const { file, browser } = opened({ answerMsMax: 20 });
    browser.answers = false;
    await assert.rejects(file.read(0, 10), /not answered in time/);
    const late = browser.asked[0] as Asked;
    browser.answer(late);
    browser.answers = true;
    assert.deepEqual(await file.read(0, 10), content.subarray(0, 10));
    file.end();
  });

  test("who breaks the protocol is left", async () => {
    const breaches: ((asked: Asked) => string | Buffer)[] = [
      () => "no JSON",
      () => "{}",
      () => Buffer.alloc(3),
      ({ id }) => Buffer.concat([Buffer.from([0, 0, 0, id]), Buffer.alloc(PIECE - 1)]),
      ({ id }) => Buffer.concat([Buffer.from([0, 0, 0, id]), Buffer.alloc(PIECE + 1)]),
    ];
    for (const [index, breach] of breaches.entries()) {
      const { file, browser } = opened();
      browser.answers = false;
      const reading = file.read(0, 10);
      const rejected = assert.rejects(reading, GONE, `breach ${index}`);
      await waitFor("the request", () => browser.asked[0], { timeoutMs: 1_000, intervalMs: 1 });
      browser.say(breach(browser.asked[0] as Asked));
      await rejected;
      assert.notEqual(browser.closedWith, undefined);
    }
  });
});
