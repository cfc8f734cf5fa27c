import assert from "node:assert/strict";
import { once } from "node:events";
import type { Duplex } from "node:stream";
import { describe, test } from "node:test";
import { guardScreen, guardedScreen, type GuardOptions, type GuardOutcome, linkedPair } from "./guard.ts";
import { joinServer } from "./join-server.ts";
import { answerChallenge } from "./password.ts";
import { RfbError } from "./protocol.ts";
import { readExactly } from "./read-exactly.ts";

const soon = (): AbortSignal => AbortSignal.timeout(5_000);

/** A guard before a screen that sends back what it gets. */
function guarded(changes: Partial<GuardOptions> = {}): {
  viewer: Duplex;
  outcome: Promise<GuardOutcome>;
  opened: () => number;
} {
  const [viewer, inside] = linkedPair();
  let opened = 0;
  const outcome = guardScreen(inside, {
    password: "s3cret",
    open: async () => {
      opened++;
      const [far, near] = linkedPair();
      near.pipe(near);
      return far;
    },
    ...changes,
  });
  return { viewer, outcome, opened: () => opened };
}

/** Everything that still comes, in hexadecimal. */
async function rest(stream: Duplex): Promise<string> {
  const chunks: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  await once(stream, "close", { signal: soon() });
  return Buffer.concat(chunks).toString("hex");
}

describe("a guard", () => {
  test("speaks 3.8 byte for byte, and joins who knows the password", async () => {
    const { viewer, outcome, opened } = guarded();
    assert.equal((await readExactly(viewer, 12)).toString(), "RFB 003.008\n");
    viewer.write("RFB 003.008\n");
    assert.deepEqual([...(await readExactly(viewer, 2))], [1, 2]);
    viewer.write(Buffer.from([2]));
    const challenge = await readExactly(viewer, 16);
    assert.equal(opened(), 0);
    viewer.write(answerChallenge(challenge, "s3cret"));
    assert.equal((await readExactly(viewer, 4)).readUInt32BE(), 0);
    assert.equal(await outcome, "joined");
    assert.equal(opened(), 1);
    viewer.write("hello");
    assert.equal((await readExactly(viewer, 5)).toString(), "hello");
    viewer.destroy();
  });

  test("speaks 3.7 and 3.3, which have no reasons and, in 3.3, no choice", async () => {
    for (const version of ["RFB 003.007\n", "RFB 003.003\n", "RFB 003.005\n"]) {
      for (const password of ["s3cret", "wrong"]) {
        const { viewer, outcome } = guarded();
        await readExactly(viewer, 12);
        viewer.write(version);
        if (version.includes("7")) {
          assert.deepEqual([...(await readExactly(viewer, 2))], [1, 2]);
          viewer.write(Buffer.from([2]));
        } else {
          assert.equal((await readExactly(viewer, 4)).readUInt32BE(), 2);
        }
        viewer.write(answerChallenge(await readExactly(viewer, 16), password));
        const isRight = password === "s3cret";
        assert.equal((await readExactly(viewer, 4)).readUInt32BE(), isRight ? 0 : 1);
        assert.equal(await outcome, isRight ? "joined" : "wrongPassword");
        if (!isRight) {
          viewer.end();
          assert.equal(await rest(viewer), "");
        }
        viewer.destroy();
      }
    }
  });

  test("a wrong password is told, opens nothing, and ends", async () => {
    const { viewer, outcome, opened } = guarded();
    await assert.rejects(
      joinServer(viewer, { password: "guess" }),
      (error: unknown) => error instanceof RfbError && error.message === "The password is wrong.",
    );
    assert.deepEqual([await outcome, opened()], ["wrongPassword", 0]);
  });

  test("a screen that cannot be opened is told apart from a wrong password", async () => {
    const { viewer, outcome } = guarded({
      open: async () => {
        throw new Error("/secret/path is gone");
      },
    });
    await assert.rejects(joinServer(viewer, { password: "s3cret" }), {
      message: "The screen cannot be reached.",
    });
    assert.equal(await outcome, "noScreen");
  });

  test("who does not keep to the protocol is cut without an answer", async () => {
    const cases: [name: string, bytes: Buffer][] = [
      ["no VNC", Buffer.from("GET / HTTP/1.1\r\n\r\n")],
      ["another major version", Buffer.from("RFB 004.000\n")],
      ["a kind of security that was not offered", Buffer.from("RFB 003.008\n\x01")],
    ];
    for (const [name, bytes] of cases) {
      const { viewer, outcome, opened } = guarded();
      const said = rest(viewer);
      viewer.write(bytes);
      assert.deepEqual([await outcome, opened()], ["left", 0], name);
      assert.match(await said, /^524642203030332e3030380a(0102[0-9a-f]{0,32})?$/, name);
    }
  });

  test("who says nothing is cut after a while, and who leaves is forgotten", async () => {
    const silent = guarded({ handshakeMsMax: 20 });
    assert.equal(await silent.outcome, "left");
    const leaving = guarded();
    leaving.viewer.destroy();
    assert.equal(await leaving.outcome, "left");
  });

  test("the password is the one of the moment, and the judge decides when it is looked at", async () => {
    let password = "before";
    const { viewer, outcome } = guarded({
      password: () => password,
      judge: async (isRight) => {
        password = "after";
        return isRight();
      },
    });
    await joinServer(viewer, { password: "after", signal: soon() });
    assert.equal(await outcome, "joined");
    viewer.destroy();
  });

  test("the end of the screen is the end of the viewer, and the reverse", async () => {
    const [far, near] = linkedPair();
    const viewer = guardedScreen({ password: "x", open: async () => far });
    await joinServer(viewer, { password: "x", signal: soon() });
    viewer.resume();
    const ended = once(viewer, "close", { signal: soon() });
    near.destroy();
    await ended;

    const [far2, near2] = linkedPair();
    const leaving = guardedScreen({ password: "x", open: async () => far2 });
    await joinServer(leaving, { password: "x", signal: soon() });
    const gone = once(near2, "close", { signal: soon() });
    leaving.destroy();
    await gone;
  });
});

describe("joining a server", () => {
  /** What a server says, step by step; the viewer's answers are not looked at. */
  async function join(bytes: Buffer, password?: string): Promise<unknown> {
    const [viewer, server] = linkedPair();
    server.resume();
    server.end(bytes);
    return await joinServer(viewer, password === undefined ? {} : { password }).then(
      () => "joined",
      (error: unknown) => (error instanceof RfbError ? error.message : error),
    );
  }
  const version = Buffer.from("RFB 003.008\n");
  const say = (...parts: (Buffer | number[])[]) =>
    Buffer.concat([version, ...parts.map((part) => Buffer.from(part))]);

  test("without a password only where none is asked", async () => {
    assert.equal(await join(say([1, 1], [0, 0, 0, 0])), "joined");
    assert.equal(await join(say([2, 2, 1], [0, 0, 0, 0])), "joined");
    assert.equal(await join(say([1, 2])), "The VNC server asks for a password.");
    assert.match(String(await join(say([1, 19]), "x")), /does not offer/);
  });

  test("failures come with the server's reason, which is bounded", async () => {
    assert.equal(await join(say([0], [0, 0, 0, 4], Buffer.from("full"))), "full");
    assert.equal(await join(say([1, 1], [0, 0, 0, 1, 0, 0, 0, 2], Buffer.from("no"))), "no");
    assert.equal(await join(say([0], [0xff, 0xff, 0xff, 0xff])), "The VNC server refused.");
  });

  test("a server that is none, is too old or goes away", async () => {
    assert.equal(await join(Buffer.from("SSH-2.0-OpenSSH_9\r\n")), "This is no VNC connection.");
    assert.match(String(await join(Buffer.from("RFB 003.003\n"))), /too old/);
    assert.equal(await join(say([1])), "The other side has closed the connection.");
    assert.equal(await join(Buffer.alloc(0)), "The other side has closed the connection.");
  });
});

test("reading takes what was asked for and leaves the rest, however it arrives", async () => {
  const [a, b] = linkedPair();
  const reading = readExactly(b, 5);
  for (const part of ["he", "l", "lo wo"]) a.write(part);
  assert.equal((await reading).toString(), "hello");
  assert.equal((await readExactly(b, 0)).length, 0);
  a.end("rld");
  let text = "";
  for await (const chunk of b) text += String(chunk);
  assert.equal(text, " world");
  await assert.rejects(readExactly(b, 1), RfbError);
  const stop = new AbortController();
  const waiting = readExactly(linkedPair()[0], 1, stop.signal);
  stop.abort(new Error("enough"));
  await assert.rejects(waiting, /enough/);
});
