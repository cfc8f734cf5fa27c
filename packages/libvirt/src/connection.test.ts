import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { connect as connectSocket, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type Connection, connect } from "./connection.ts";
import {
  AuthenticationError,
  CallTimeoutError,
  ConnectionLostError,
  isLibvirtError,
  isNotFound,
  isWrongState,
  LibvirtError,
  NotConnectedError,
  ProtocolError,
} from "./errors.ts";
import { encodeFrame, encodeRawFrame, type Frame, FrameDecoder } from "./rpc/frame.ts";
import { REMOTE_PROGRAM } from "./protocol/generated/protocol.ts";
import { PROCEDURES } from "./protocol/procedures.ts";
import { KEEPALIVE_PROCEDURE, KEEPALIVE_PROGRAM } from "./rpc/keepalive.ts";
import { type PrivateLibvirtd, startPrivateLibvirtd, tinyGuestXml } from "./testing/index.ts";
import { i32, optional, struct, text } from "./xdr/codec.ts";
import { XdrError } from "./xdr/error.ts";

const NO_UUID = "00000000-0000-4000-8000-000000000000";

describe("calls to a real libvirtd", () => {
  let libvirtd: PrivateLibvirtd;
  let connection: Connection;

  before(async () => {
    libvirtd = await startPrivateLibvirtd();
    connection = await libvirtd.connect();
  });
  after(async () => {
    await libvirtd[Symbol.asyncDispose]();
  });

  it("an error of libvirt carries its code, its domain and the procedure", async () => {
    const call = connection.domainByName("nobody");
    await assert.rejects(call, (error) => {
      assert.ok(error instanceof LibvirtError);
      assert.deepEqual(
        {
          code: error.code,
          codeName: error.codeName,
          domain: error.domain,
          level: error.level,
          procedure: error.procedure,
        },
        { code: 42, codeName: "NO_DOMAIN", domain: 10, level: 2, procedure: "domainLookupByName" },
      );
      assert.match(error.message, /no domain with matching name 'nobody'/);
      assert.ok(isNotFound(error) && !isWrongState(error));
      return true;
    });
  });

  it("answers find their callers, two hundred at once", async () => {
    const names = Array.from({ length: 200 }, (_, index) => `vm-${index}`);
    const found = await Promise.allSettled(names.map((name) => connection.domainByName(name)));
    for (const [index, result] of found.entries()) {
      assert.ok(result.status === "rejected" && String(result.reason).includes(`'vm-${index}'`));
    }
  });

  it("two callers do not disturb each other when one of them fails", async () => {
    const [version, missing, hostname] = await Promise.allSettled([
      connection.version(),
      connection.domainByUuid(NO_UUID),
      connection.hostname(),
    ]);
    assert.deepEqual(
      [version.status, missing.status, hostname.status],
      ["fulfilled", "rejected", "fulfilled"],
    );
  });

  it("arguments that do not fit are refused before anything is sent", async () => {
    await assert.rejects(connection.call("domainLookupByID", { id: 2 ** 31 }), XdrError);
    await assert.rejects(connection.call("domainLookupByUUID", { uuid: "no uuid" }), TypeError);
    assert.equal((await connection.hostname()).length > 0, true);
  });

  it("a reply of megabytes arrives whole", async () => {
    const description = "x".repeat(3_500_000);
    const domain = await connection.defineDomain(tinyGuestXml("large", { description }));
    const [once, again] = await Promise.all([domain.xml(), domain.xml()]);
    assert.ok(once.includes(description) && again.includes(description));
    await domain.undefine();
  });

  it("a request over libvirt's limit fails alone", async () => {
    await assert.rejects(connection.defineDomain("x".repeat(5_000_000)), /xml: string of 5000000 exceeds/);
    assert.ok(await connection.version());
  });

  it("a procedure that is not in the table can be written down", async () => {
    const connectGetMaxVcpus = {
      number: 5,
      args: struct({ type: optional(text(64)) }),
      reply: struct({ max: i32 }),
    };
    assert.ok((await connection.invoke(connectGetMaxVcpus, { type: "qemu" })).max > 1);
    // Written down wrongly, it fails, and harms nothing else.
    const wrong = { ...connectGetMaxVcpus, reply: struct({ max: i32, more: i32 }) };
    await assert.rejects(connection.invoke(wrong, { type: "qemu" }), ProtocolError);
    assert.ok(await connection.version());
  });

  it("a caller that gives up leaves the others alone", async () => {
    const reason = new Error("had enough");
    const controller = new AbortController();
    const call = connection.call("connectGetCapabilities", undefined, { signal: controller.signal });
    controller.abort(reason);
    await assert.rejects(call, reason);
    await assert.rejects(
      connection.call("connectGetVersion", undefined, { signal: controller.signal }),
      reason,
    );
    assert.ok(await connection.version());
  });

  it("a daemon that hangs: the call times out, and its late answer is dropped", async () => {
    await using other = await libvirtd.connect();
    await libvirtd.freeze();
    try {
      await assert.rejects(other.call("connectGetVersion", undefined, { timeoutMs: 100 }), (error) => {
        assert.ok(error instanceof CallTimeoutError);
        return /connectGetVersion got no answer in 100 ms/.test(error.message);
      });
    } finally {
      await libvirtd.thaw();
    }
    assert.ok(await other.version());
  });

  it("a daemon that hangs for long: the keepalive ends the connection and all that waits", async () => {
    const other = await libvirtd.connect({ keepalive: { intervalMs: 50, count: 2 } });
    await libvirtd.freeze();
    try {
      const started = performance.now();
      const calls = [other.call("connectGetVersion"), other.call("connectGetHostname")];
      for (const call of calls)
        await assert.rejects(
          call,
          (error) => error instanceof ConnectionLostError && /ping/.test(error.message),
        );
      assert.match(String(await other.ended), /has not answered any ping/);
      assert.ok(performance.now() - started < 5000);
      await assert.rejects(other.version(), NotConnectedError);
    } finally {
      await libvirtd.thaw();
    }
  });

  it("closing ends waiting calls, and a closed connection says so", async () => {
    const other = await libvirtd.connect();
    await libvirtd.freeze();
    const call = other.call("connectGetHostname");
    const refused = assert.rejects(call, NotConnectedError);
    try {
      await other.close(); // its goodbye is not answered either
    } finally {
      await libvirtd.thaw();
    }
    await refused;
    await other.close();
    assert.equal(await other.ended, undefined);
    await assert.rejects(other.version(), NotConnectedError);
  });

  it("a daemon that is killed fails every waiting call at once", async () => {
    await using own = await startPrivateLibvirtd();
    const other = await own.connect();
    await own.freeze();
    const calls = Array.from({ length: 20 }, () => other.call("connectGetCapabilities"));
    const all = Promise.allSettled(calls);
    await own.stop("SIGKILL");
    const errors = (await all).map((result) =>
      result.status === "rejected" ? (result.reason as Error) : undefined,
    );
    // Four were sent, whose outcome nobody knows; the others never were.
    assert.equal(errors.filter((error) => error instanceof ConnectionLostError).length, 4);
    assert.equal(errors.filter((error) => error instanceof NotConnectedError).length, 16);
  });

  it("nobody at the socket, and a driver that is not there, are told apart", async () => {
    await assert.rejects(
      connect({ endpoint: { socketPath: join(libvirtd.directory, "none") } }),
      NotConnectedError,
    );
    await assert.rejects(connect({ endpoint: { host: "127.0.0.1", port: 1 } }), NotConnectedError);
    await assert.rejects(libvirtd.connect({ driver: "nonsense:///x" }), LibvirtError);
  });

  it("a read-only connection may look and not touch", async () => {
    const readOnly = await connect({ uri: libvirtd.uri, readOnly: true });
    assert.ok(await readOnly.version());
    await assert.rejects(readOnly.defineDomain(tinyGuestXml("never")), (error) =>
      isLibvirtError(error, "OPERATION_DENIED"),
    );
    await readOnly.close();
  });
});

function reply(frame: Frame, payload: Buffer, status = 0): Buffer {
  return encodeRawFrame({ ...frame, type: 1, status }, payload);
}

/** Opens as a libvirtd without authentication does. */
function opening(frame: Frame, socket: Socket): boolean {
  if (frame.program !== REMOTE_PROGRAM) return false;
  if (frame.procedure === PROCEDURES.authList.number) {
    socket.write(encodeFrame({ ...frame, type: 1 }, PROCEDURES.authList.reply, { types: [0] }));
  } else if (frame.procedure === PROCEDURES.connectOpen.number) {
    socket.write(reply(frame, Buffer.alloc(0)));
  } else return false;
  return true;
}

describe("a peer that does not speak libvirt's protocol", () => {
  let directory: string;
  let server: Server;
  let answer: (frame: Frame, socket: Socket) => void;
  const endpoint = () => ({ socketPath: join(directory, "peer.sock") });

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "libvirt-peer-"));
    server = createServer((socket) => {
      const decoder = new FrameDecoder();
      socket.on("error", () => {});
      socket.on("data", (chunk: Buffer) => {
        for (const frame of decoder.push(chunk)) answer(frame, socket);
      });
    });
    const { promise, resolve } = Promise.withResolvers<void>();
    server.listen(endpoint().socketPath, resolve);
    await promise;
  });
  after(async () => {
    server.close();
    await rm(directory, { recursive: true, force: true });
  });

  const nonsense: [name: string, send: (frame: Frame) => Buffer][] = [
    ["a length below the header's", () => Buffer.from("00000008deadbeef", "hex")],
    ["a length over 32 MiB", () => Buffer.from("7fffffff20008086", "hex")],
    ["an answer to nothing", (frame) => reply({ ...frame, serial: 4711 }, Buffer.alloc(0))],
    ["an unknown type of packet", (frame) => encodeRawFrame({ ...frame, type: 9 }, Buffer.alloc(0))],
    ["HTTP", () => Buffer.from("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")],
  ];
  for (const [name, send] of nonsense) {
    it(`${name} ends the connection`, async () => {
      answer = (frame, socket) => opening(frame, socket) || socket.write(send(frame));
      const connection = await connect({ endpoint: endpoint() });
      const calls = [connection.version(), connection.hostname()];
      for (const call of calls) await assert.rejects(call, ConnectionLostError);
      assert.match(String(await connection.ended), /not its protocol/);
    });
  }

  it("a reply of another layout fails its call alone", async () => {
    answer = (frame, socket) => {
      if (opening(frame, socket)) return;
      const version = frame.procedure === PROCEDURES.connectGetVersion.number;
      socket.write(reply(frame, version ? Buffer.alloc(8) : Buffer.alloc(4)));
    };
    await using connection = await connect({ endpoint: endpoint() });
    await assert.rejects(
      connection.freeMemory(),
      /nodeGetFreeMemory does not fit its layout: freeMem: 8 bytes wanted/,
    );
    assert.equal(await connection.version(), "0.0.0");
  });

  it("an error that cannot be read fails its call alone", async () => {
    answer = (frame, socket) => opening(frame, socket) || socket.write(reply(frame, Buffer.alloc(4), 1));
    await using connection = await connect({ endpoint: endpoint() });
    await assert.rejects(connection.version(), /error of connectGetVersion does not fit its layout/);
    assert.equal(connection.closed, false);
  });

  it("an end in the middle of a packet fails the call", async () => {
    answer = (frame, socket) => {
      if (!opening(frame, socket)) socket.end(reply(frame, Buffer.alloc(8)).subarray(0, 30));
    };
    const connection = await connect({ endpoint: endpoint() });
    await assert.rejects(
      connection.version(),
      /connectGetVersion got no answer. libvirt closed the connection/,
    );
  });

  it("pings are answered", async () => {
    const pong = Promise.withResolvers<Frame>();
    answer = (frame, socket) => {
      if (frame.program === KEEPALIVE_PROGRAM) pong.resolve(frame);
      else if (opening(frame, socket)) {
        if (frame.procedure !== PROCEDURES.connectOpen.number) return;
        socket.write(
          encodeRawFrame(
            { program: KEEPALIVE_PROGRAM, version: 1, procedure: 1, type: 2, serial: 0, status: 0 },
            Buffer.alloc(0),
          ),
        );
      } else socket.write(reply(frame, Buffer.alloc(0)));
    };
    const connection = await connect({ endpoint: endpoint() });
    const { procedure, type, payload } = await pong.promise;
    await connection.close();
    assert.deepEqual({ procedure, type, length: payload.length }, { procedure: 2, type: 2, length: 0 });
  });

  it("pings that are answered keep a silent connection", async () => {
    let pings = 0;
    const enough = Promise.withResolvers<void>();
    answer = (frame, socket) => {
      if (opening(frame, socket)) return;
      if (frame.program !== KEEPALIVE_PROGRAM) socket.write(reply(frame, Buffer.alloc(0)));
      else if (frame.procedure === KEEPALIVE_PROCEDURE.ping) {
        socket.write(encodeRawFrame({ ...frame, procedure: KEEPALIVE_PROCEDURE.pong }, Buffer.alloc(0)));
        if (++pings === 10) enough.resolve();
      }
    };
    const connection = await connect({ endpoint: endpoint(), keepalive: { intervalMs: 10, count: 3 } });
    await Promise.race([enough.promise, connection.ended]);
    assert.equal(connection.closed, false);
    await connection.close();
  });

  it("a peer that accepts and then says nothing runs into the time for connecting", async () => {
    answer = () => {};
    await assert.rejects(connect({ endpoint: endpoint(), connectTimeoutMs: 100 }), (error) => {
      return error instanceof NotConnectedError && /did not answer in time/.test(error.message);
    });
  });

  it("calls over the limit of calls in flight wait here, and urgent or high-priority ones do not", async () => {
    const arrived: Frame[] = [];
    const three = Promise.withResolvers<void>();
    const four = Promise.withResolvers<Socket>();
    answer = (frame, socket) => {
      if (opening(frame, socket)) return;
      arrived.push(frame);
      if (arrived.length === 3) three.resolve();
      if (arrived.length === 4) four.resolve(socket);
      const [first] = arrived;
      if (arrived.length === 3 && first)
        socket.write(encodeFrame({ ...first, type: 1 }, text(99), "<first/>"));
    };
    await using connection = await connect({ endpoint: endpoint(), inFlightMax: 1 });
    const first = connection.capabilities();
    const others = [
      connection.capabilities(), // waits for the first
      connection.call("domainAbortJob", { dom: { name: "vm", uuid: NO_UUID, id: 1 } }, { urgent: true }),
      connection.version(),
    ];
    const ended = Promise.allSettled(others);
    await three.promise;
    const { connectGetCapabilities, connectGetVersion, domainAbortJob } = PROCEDURES;
    assert.deepEqual(
      arrived.map(({ procedure }) => procedure),
      [connectGetCapabilities.number, domainAbortJob.number, connectGetVersion.number],
    );
    assert.equal(await first, "<first/>");
    (await four.promise).destroy();
    assert.equal(arrived[3]?.procedure, connectGetCapabilities.number);
    await ended;
  });

  it("SASL is refused with the reason", async () => {
    answer = (frame, socket) =>
      socket.write(encodeFrame({ ...frame, type: 1 }, PROCEDURES.authList.reply, { types: [1] }));
    await assert.rejects(
      connect({ endpoint: endpoint() }),
      (error) => error instanceof AuthenticationError && /asks for SASL/.test(error.message),
    );
  });

  it("a socket that was never written to does not hold a signal back", async () => {
    answer = () => {};
    const controller = new AbortController();
    const attempt = connect({ endpoint: endpoint(), signal: controller.signal });
    const probe = connectSocket(endpoint().socketPath);
    probe.on("connect", () => controller.abort(new Error("changed my mind")));
    await assert.rejects(attempt, /changed my mind/);
    probe.destroy();
  });
});
