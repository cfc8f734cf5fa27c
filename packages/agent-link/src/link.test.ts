import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, request as httpsRequest } from "node:https";
import type { AddressInfo } from "node:net";
import { PassThrough } from "node:stream";
import { after, before, describe, test } from "node:test";
import { connect, type TLSSocket } from "node:tls";
import { AppError, silentLog, waitFor } from "@sinter/kit";
import {
  type AgentApi,
  type AgentEvent,
  agentName,
  type CallContext,
  CALLS,
  MANAGER_NAME,
} from "@sinter/southbound";
import {
  type AgentClient,
  type AgentServer,
  CALL_NAMES,
  connectAgent,
  serveAgent,
  type ServeAgentOptions,
  type TlsIdentity,
} from "./index.ts";
import { createTestPki, sampleInputs, sampleVm, type TestPki } from "./testing/index.ts";

type Handler = (name: string, input: Record<string, unknown>, context: CallContext) => Promise<unknown>;

const hasCode = (code: string, reason?: string) => (error: unknown) =>
  error instanceof AppError &&
  error.code === code &&
  (reason === undefined || error.params["reason"] === reason);

/** An agent whose calls are one function, behind a real server, and a client to it. */
class TestAgent implements AsyncDisposable {
  readonly hostUuid = randomUUID();
  readonly listeners = new Set<(event: AgentEvent) => void>();
  readonly lines: PassThrough[] = [];
  handler: Handler = async (name, input) => ({ name, input });
  stalled = false;
  identity!: TlsIdentity;
  server!: AgentServer;
  client!: AgentClient;

  static async start(pki: TestPki, options: Partial<ServeAgentOptions> = {}): Promise<TestAgent> {
    const agent = new TestAgent();
    agent.identity = await pki.agent(agent.hostUuid);
    agent.server = await serveAgent({
      api: agent.api(),
      host: "127.0.0.1",
      port: 0,
      tls: () => agent.identity,
      managerName: MANAGER_NAME,
      log: silentLog,
      events: {
        hello: () => ({ hostUuid: agent.hostUuid, bootId: "boot-1", agentStartedAt: 1 }),
        subscribe: (listener) => {
          agent.listeners.add(listener);
          return () => agent.listeners.delete(listener);
        },
        isStalled: () => agent.stalled,
      },
      openConsole: () => {
        const line = new PassThrough();
        agent.lines.push(line);
        return line;
      },
      openScreen: (_vmUuid, password) => {
        const line = new PassThrough();
        agent.lines.push(line);
        line.write(`a screen behind ${password}`);
        return line;
      },
      ...options,
    });
    agent.client = agent.connect(pki.manager);
    return agent;
  }

  api(): AgentApi {
    const entries = CALL_NAMES.map((name) => [
      name,
      (input: Record<string, unknown>, context: CallContext) => this.handler(name, input, context),
    ]);
    return Object.fromEntries(entries) as AgentApi; // one function stands in for all
  }

  connect(
    tls: TlsIdentity | (() => TlsIdentity),
    changes: { hostUuid?: string; silenceMsMax?: number } = {},
  ) {
    return connectAgent({
      hostUuid: this.hostUuid,
      address: "127.0.0.1",
      port: this.server.port,
      tls,
      log: silentLog,
      ...changes,
    });
  }

  emit(event: AgentEvent): void {
    for (const listener of this.listeners) listener(event);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.close();
    await this.server.close(0);
  }
}

/** A request by hand, for what our own client would never send. */
async function rawRequest(
  agent: TestAgent,
  identity: TlsIdentity,
  request: { method: string; path: string; body?: string; headers?: Record<string, string> },
): Promise<{ status: number; reply: { code: string; message: string; params: Record<string, unknown> } }> {
  const sent = httpsRequest({
    host: "127.0.0.1",
    port: agent.server.port,
    servername: agentName(agent.hostUuid),
    ...identity,
    agent: false,
    method: request.method,
    path: request.path,
    headers: {
      ...(request.body === undefined ? {} : { "content-type": "application/json" }),
      ...request.headers,
    },
  });
  sent.end(request.body);
  const [response] = await once(sent, "response");
  const text = (await response.setEncoding("utf8").toArray()).join("");
  return { status: response.statusCode, reply: JSON.parse(text) };
}

describe("the contract over mutual TLS", () => {
  let pki: TestPki;
  let agent: TestAgent;
  before(async () => {
    pki = await createTestPki();
    agent = await TestAgent.start(pki);
  });
  after(async () => {
    await agent[Symbol.asyncDispose]();
  });

  for (const name of CALL_NAMES) {
    test(`${name}: its input arrives whole`, async () => {
      const input = sampleInputs()[name];
      // One function for all calls: the table ties input to name, the compiler cannot.
      const call = agent.client[name].bind(agent.client) as (input: unknown) => Promise<unknown>;
      // The answer is JSON, in which bytes are what Buffer makes of them.
      assert.deepEqual(await call(input), { name, input: JSON.parse(JSON.stringify(input)) });
    });
  }

  test("a field that does not fit is named, and its value is not repeated", async () => {
    const cases: [() => Promise<unknown>, string][] = [
      [() => agent.client.getVm({ vmUuid: "NOT-A-UUID" }), "vmUuid"],
      [() => agent.client.getVm({ vmUuid: randomUUID().toUpperCase() }), "vmUuid"],
      [() => agent.client.stopVm({ vmUuid: randomUUID(), mode: "gently" as "safe", waitMs: 1 }), "mode"],
      [() => agent.client.stopVm({ vmUuid: randomUUID(), mode: "safe", waitMs: -1 }), "waitMs"],
      [
        () => agent.client.openVncGate({ vmUuid: randomUUID(), password: "123456789", seconds: 1 }),
        "password",
      ],
      [
        () =>
          agent.client.defineVm(sampleVm({ cpu: { ...sampleVm().cpu, count: "1" as unknown as number } })),
        "cpu.count",
      ],
      [() => agent.client.listVolumes({ datastoreId: "../../etc" }), "datastoreId"],
      [() => agent.client.removeSwitch({ switchId: "a/b" }), "switchId"],
    ];
    for (const [call, field] of cases) {
      await assert.rejects(call(), (error: unknown) => {
        assert.ok(error instanceof AppError);
        assert.equal(error.kind, "invalid");
        assert.equal(error.code, "BAD_REQUEST");
        assert.equal(error.params["field"], field);
        assert.doesNotMatch(error.message, /123456789|gently|\.\.|a\/b/);
        return true;
      });
    }
  });

  test("what is missing is named", async () => {
    const vm: Record<string, unknown> = { ...sampleVm() };
    delete vm["memoryMiB"];
    const path = `/v1/vms/${String(vm["vmUuid"])}`;
    const { status, reply } = await rawRequest(agent, pki.manager, {
      method: "PUT",
      path,
      body: JSON.stringify(vm),
    });
    assert.equal(status, 400);
    assert.equal(reply.params["field"], "memoryMiB");
  });

  test("path and body may not speak of two objects", async () => {
    const body = JSON.stringify(sampleVm());
    const { status, reply } = await rawRequest(agent, pki.manager, {
      method: "PUT",
      path: `/v1/vms/${randomUUID()}`,
      body,
    });
    assert.equal(status, 400);
    assert.equal(reply.params["field"], "vmUuid");
  });

  test("fields that this version does not know are left out", async () => {
    const vm = sampleVm();
    const { status, reply } = await rawRequest(agent, pki.manager, {
      method: "PUT",
      path: `/v1/vms/${vm.vmUuid}`,
      body: JSON.stringify({ ...vm, colour: "red", constructor: 1 }),
    });
    assert.equal(status, 200);
    assert.deepEqual((reply as unknown as { input: unknown }).input, vm);
  });

  const malformed: [string, { method: string; path: string; body?: string }, number, string][] = [
    ["an unknown path", { method: "GET", path: "/v1/nothing" }, 404, "UNKNOWN_CALL"],
    ["another version", { method: "GET", path: "/v2/host" }, 404, "UNKNOWN_CALL"],
    ["a known path with another method", { method: "DELETE", path: "/v1/host" }, 404, "UNKNOWN_CALL"],
    [
      "a body that is no JSON",
      { method: "POST", path: `/v1/vms/${randomUUID()}/stop`, body: "{" },
      400,
      "BAD_REQUEST",
    ],
    [
      "a body that is no object",
      { method: "POST", path: `/v1/vms/${randomUUID()}/stop`, body: "[]" },
      400,
      "BAD_REQUEST",
    ],
    ["a climbing path", { method: "GET", path: "/v1/vms/..%2f..%2fhost" }, 400, "BAD_REQUEST"],
    ["a broken escape", { method: "GET", path: "/v1/vms/%zz" }, 400, "BAD_REQUEST"],
  ];
  for (const [what, request, status, code] of malformed) {
    test(`${what} is answered with ${status} ${code}`, async () => {
      const answer = await rawRequest(agent, pki.manager, request);
      assert.equal(answer.status, status);
      assert.equal(answer.reply.code, code);
    });
  }

  test("failures keep kind, code, message and params", async () => {
    await using own = await TestAgent.start(pki);
    own.handler = async () => {
      throw new AppError("exhausted", "DATASTORE_FULL", "No room on ds1.", { params: { needed: 7 } });
    };
    await assert.rejects(own.client.getHost({}), (error: unknown) => {
      assert.ok(error instanceof AppError);
      assert.deepEqual(error.toJSON(), {
        kind: "exhausted",
        code: "DATASTORE_FULL",
        message: "No room on ds1.",
        params: { needed: 7 },
      });
      return true;
    });
    own.handler = async () => {
      throw new TypeError("x is not a function");
    };
    await assert.rejects(own.client.getHost({}), hasCode("INTERNAL"));
  });

  test("the operation id travels; one that would break a header does not", async () => {
    await using own = await TestAgent.start(pki);
    own.handler = async (_name, _input, context) => ({ got: context.operationId ?? null });
    assert.deepEqual(await own.client.getHost({}, { operationId: "42:create" }), { got: "42:create" });
    assert.deepEqual(await own.client.getHost({}), { got: null });
    const { reply } = await rawRequest(own, pki.manager, {
      method: "GET",
      path: "/v1/host",
      headers: { "sinter-operation": "a b" },
    });
    assert.equal(reply.params["field"], "sinter-operation");
  });

  test("large inputs and answers pass; a body beyond the limit is refused", async () => {
    const text = "x".repeat(3_500_000);
    const vmUuid = randomUUID();
    const guest = (argument: string) =>
      agent.client.guestCommand({
        vmUuid,
        command: "guest-file-write",
        arguments: { a: argument },
        timeoutMs: 1000,
      });
    const reply = (await guest(text)) as unknown as { input: { arguments: { a: string } } };
    assert.equal(reply.input.arguments.a.length, text.length);
    await assert.rejects(guest("x".repeat(4 * 1024 * 1024)), (error: unknown) => {
      // The server answers before the whole body has come and closes; either may be seen first.
      return hasCode("BODY_TOO_LARGE")(error) || hasCode("AGENT_AWAY", "reset")(error);
    });
    assert.deepEqual(await agent.client.getVm({ vmUuid }), { name: "getVm", input: { vmUuid } });
  });

  test("many calls at once keep their answers apart", async () => {
    const ids = Array.from({ length: 200 }, () => randomUUID());
    const answers = await Promise.all(ids.map((vmUuid) => agent.client.getVm({ vmUuid })));
    assert.deepEqual(
      answers,
      ids.map((vmUuid) => ({ name: "getVm", input: { vmUuid } })),
    );
  });

  test("long calls do not hold up quick ones", async () => {
    await using own = await TestAgent.start(pki);
    const release = Promise.withResolvers<void>();
    own.handler = async (name) => {
      if (name === "ensureVolume") await release.promise;
      return { name };
    };
    const long = Array.from({ length: 20 }, () => own.client.ensureVolume(sampleInputs().ensureVolume));
    assert.deepEqual(await own.client.getHost({}), { name: "getHost" });
    release.resolve();
    await Promise.all(long);
  });

  test("a caller who aborts gets CALL_CANCELLED at once, and the agent hears of it", async () => {
    await using own = await TestAgent.start(pki);
    const heard = Promise.withResolvers<unknown>();
    const started = Promise.withResolvers<void>();
    own.handler = (_name, _input, { signal }) => {
      started.resolve();
      return new Promise((_, reject) => {
        signal.addEventListener("abort", () => {
          heard.resolve(signal.reason);
          reject(signal.reason);
        });
      });
    };
    const abort = new AbortController();
    const call = own.client.ensureVolume(sampleInputs().ensureVolume, { signal: abort.signal });
    await started.promise;
    abort.abort();
    await assert.rejects(call, hasCode("CALL_CANCELLED"));
    assert.ok(hasCode("CALL_CANCELLED")(await heard.promise));
  });

  test("the signal of a call that was answered never aborts", async () => {
    await using own = await TestAgent.start(pki);
    let seen: AbortSignal | undefined;
    own.handler = async (_name, _input, { signal }) => {
      seen = signal;
      return {};
    };
    await own.client.getHost({});
    await own.client.close();
    await waitFor("the connection's end", () => (own.listeners.size === 0 ? true : undefined), {
      timeoutMs: 5_000,
    });
    assert.equal(seen?.aborted, false);
  });

  test("an agent that stalls is away when the time limit of the call ends", async () => {
    await using own = await TestAgent.start(pki);
    const aborted = Promise.withResolvers<void>();
    own.handler = (_name, _input, { signal }) => {
      signal.addEventListener("abort", () => aborted.resolve());
      return new Promise(() => {});
    };
    await assert.rejects(own.client.getHost({}, { timeoutMs: 100 }), hasCode("AGENT_AWAY", "timeout"));
    await aborted.promise;
  });

  test("nobody there: AGENT_AWAY says which host, where, and what to check", async () => {
    const gone = await TestAgent.start(pki);
    await gone.server.close(0);
    await assert.rejects(gone.client.getHost({}), (error: unknown) => {
      assert.ok(hasCode("AGENT_AWAY", "unreachable")(error));
      const { message, retryable } = error as AppError;
      assert.ok(retryable);
      assert.ok(message.includes(gone.hostUuid));
      assert.ok(message.includes(`127.0.0.1:${gone.server.port}`));
      assert.match(message, /Check/);
      return true;
    });
    await gone.client.close();
  });

  test("an agent that restarts is found again by the next call", async () => {
    await using own = await TestAgent.start(pki);
    await own.client.getHost({});
    const { port } = own.server;
    await own.server.close(0);
    own.server = await serveAgent({
      api: own.api(),
      host: "127.0.0.1",
      port,
      tls: () => own.identity,
      managerName: MANAGER_NAME,
      log: silentLog,
      events: {
        hello: () => ({ hostUuid: own.hostUuid, bootId: "b", agentStartedAt: 2 }),
        subscribe: () => () => {},
      },
    });
    assert.deepEqual(await own.client.getHost({}), { name: "getHost", input: {} });
  });

  test("a broken connection in the middle of a call is asked once more and then AGENT_AWAY", async () => {
    await using own = await TestAgent.start(pki);
    let asked = 0;
    own.handler = () => {
      asked++;
      own.server.drop();
      return new Promise(() => {});
    };
    await assert.rejects(own.client.getHost({}), hasCode("AGENT_AWAY", "reset"));
    assert.equal(asked, 2);
  });

  test("a closed client refuses calls and breaks off those under way", async () => {
    await using own = await TestAgent.start(pki);
    const started = Promise.withResolvers<void>();
    own.handler = () => {
      started.resolve();
      return new Promise(() => {});
    };
    const call = own.client.getHost({});
    await started.promise;
    await Promise.all([assert.rejects(call, hasCode("AGENT_AWAY", "closed")), own.client.close()]);
    await assert.rejects(own.client.getHost({}), hasCode("AGENT_AWAY", "closed"));
    await assert.rejects(own.client.openConsole(randomUUID()), hasCode("AGENT_AWAY", "closed"));
  });

  test("metrics are text of the agent's own, and absent unless given", async () => {
    await using own = await TestAgent.start(pki, {
      metrics: async () => ({ contentType: "application/json", body: `{"up":1}` }),
    });
    const given = await rawRequest(own, pki.manager, { method: "GET", path: "/metrics" });
    assert.deepEqual(given, { status: 200, reply: { up: 1 } as never });
    assert.equal((await rawRequest(agent, pki.manager, { method: "GET", path: "/metrics" })).status, 404);
  });

  describe("who may speak", () => {
    test("a client without a certificate ends in the handshake", async () => {
      const socket = connect({
        host: "127.0.0.1",
        port: agent.server.port,
        servername: agentName(agent.hostUuid),
        ca: pki.ca.certificatePem,
      });
      socket.write("GET /v1/host HTTP/1.1\r\nhost: x\r\n\r\n");
      const data: Buffer[] = [];
      socket.on("data", (chunk: Buffer) => data.push(chunk));
      const [error] = await once(socket, "error").catch((thrown: unknown) => [thrown]);
      assert.match(String(error), /certificate required|ECONNRESET/);
      assert.equal(Buffer.concat(data).toString(), "");
      socket.destroy();
    });

    test("TLS 1.2 is refused", async () => {
      const socket = connect({
        host: "127.0.0.1",
        port: agent.server.port,
        servername: agentName(agent.hostUuid),
        ...pki.manager,
        maxVersion: "TLSv1.2",
      });
      const [error] = await once(socket, "error");
      assert.match(String(error), /protocol version/);
    });

    test("a certificate of our authority under another name is not the manager", async () => {
      for (const name of ["other.sinter.internal", agentName(agent.hostUuid), "*.sinter.internal"]) {
        const other = agent.connect(await pki.identity(name, "client"));
        await assert.rejects(other.getHost({}), hasCode("NOT_THE_MANAGER"), name);
        await assert.rejects(other.openConsole(randomUUID()), hasCode("NOT_THE_MANAGER"), name);
        await other.close();
      }
    });

    test("an agent's certificate cannot be used to call another agent", async () => {
      const other = agent.connect(await pki.agent(randomUUID()));
      await assert.rejects(other.getHost({}), hasCode("AGENT_AWAY"));
      await other.close();
    });

    test("a manager of another authority is refused, by either side", async () => {
      const stranger = await createTestPki();
      const trustsUs = { ...stranger.manager, ca: pki.ca.certificatePem };
      const refused = agent.connect(trustsUs);
      await assert.rejects(refused.getHost({}), hasCode("AGENT_AWAY"));
      await refused.close();
      const distrusts = agent.connect(stranger.manager);
      await assert.rejects(distrusts.getHost({}), hasCode("AGENT_AWAY", "untrusted"));
      await assert.rejects(distrusts.openConsole(randomUUID()), hasCode("AGENT_AWAY", "untrusted"));
      await distrusts.close();
    });

    test("a host that answers at another's address is not taken for it", async () => {
      const mistaken = agent.connect(pki.manager, { hostUuid: randomUUID() });
      await assert.rejects(mistaken.getHost({}), hasCode("AGENT_AWAY", "untrusted"));
      await assert.rejects(mistaken.openConsole(randomUUID()), hasCode("AGENT_AWAY", "untrusted"));
      await assert.rejects(
        mistaken.events(new AbortController().signal)[Symbol.asyncIterator]().next(),
        (e) => hasCode("AGENT_AWAY", "untrusted")(e),
      );
      await mistaken.close();
    });
  });

  describe("rotation", () => {
    test("a new certificate serves new connections while the event stream goes on", async () => {
      await using own = await TestAgent.start(pki, { heartbeatMs: 20 });
      const abort = new AbortController();
      const events = own.client.events(abort.signal)[Symbol.asyncIterator]();
      assert.equal((await events.next()).value?.type, "hello");
      const oldSerial = await peerSerial(own, pki);
      own.identity = await pki.agent(own.hostUuid);
      own.server.reloadTls();
      assert.notEqual(await peerSerial(own, pki), oldSerial);
      assert.equal((await events.next()).value?.type, "heartbeat");
      assert.deepEqual(await own.client.getHost({}), { name: "getHost", input: {} });
      abort.abort();
      assert.deepEqual(await events.next(), { done: true, value: undefined });
      const plain = connect({
        host: "127.0.0.1",
        port: own.server.port,
        servername: agentName(own.hostUuid),
        ...pki.manager,
        maxVersion: "TLSv1.2",
      });
      assert.match(String((await once(plain, "error"))[0]), /protocol version/);
    });

    test("with a new authority the old manager is refused and the new one served", async () => {
      await using own = await TestAgent.start(pki);
      await own.client.getHost({});
      const next = await createTestPki();
      let identity = pki.manager;
      const client = own.connect(() => identity);
      own.identity = await next.agent(own.hostUuid);
      own.server.reloadTls();
      await assert.rejects(client.getHost({}), hasCode("AGENT_AWAY"));
      identity = next.manager;
      assert.deepEqual(await client.getHost({}), { name: "getHost", input: {} });
      await client.close();
    });
  });

  describe("events", () => {
    test("hello comes first, then events in order, heartbeats between", async () => {
      await using own = await TestAgent.start(pki, { heartbeatMs: 30 });
      const abort = new AbortController();
      const seen: AgentEvent[] = [];
      const vmUuid = randomUUID();
      for await (const event of own.client.events(abort.signal)) {
        seen.push(event);
        if (event.type === "hello") {
          own.emit({ type: "vmChanged", vmUuid });
          own.emit({ type: "progress", operationId: "1:2", percent: 50, message: "half — ½" });
        }
        if (event.type === "heartbeat") abort.abort();
      }
      assert.deepEqual(seen.slice(0, 3), [
        { type: "hello", hostUuid: own.hostUuid, bootId: "boot-1", agentStartedAt: 1 },
        { type: "vmChanged", vmUuid },
        { type: "progress", operationId: "1:2", percent: 50, message: "half — ½" },
      ]);
      assert.equal(seen[3]?.type, "heartbeat");
      await waitFor("the listener's removal", () => (own.listeners.size === 0 ? true : undefined), {
        timeoutMs: 5_000,
        intervalMs: 5,
      });
    });

    test("a consumer who leaves the loop leaves no connection", async () => {
      await using own = await TestAgent.start(pki);
      for await (const event of own.client.events(new AbortController().signal)) {
        assert.equal(event.type, "hello");
        break;
      }
      await waitFor("the listener's removal", () => (own.listeners.size === 0 ? true : undefined), {
        timeoutMs: 5_000,
        intervalMs: 5,
      });
    });

    test("an agent that stops beating is away", async () => {
      await using own = await TestAgent.start(pki, { heartbeatMs: 50 });
      const client = own.connect(pki.manager, { silenceMsMax: 1_000 });
      const events = client.events(new AbortController().signal)[Symbol.asyncIterator]();
      await events.next();
      own.stalled = true;
      await assert.rejects(
        async () => {
          for (;;) await events.next();
        },
        hasCode("AGENT_AWAY", "silent"),
      );
      await client.close();
    });

    test("a server that closes ends the stream with AGENT_AWAY", async () => {
      const own = await TestAgent.start(pki);
      const events = own.client.events(new AbortController().signal)[Symbol.asyncIterator]();
      await events.next();
      const end = assert.rejects(events.next(), hasCode("AGENT_AWAY", "reset"));
      await own.server.close();
      await end;
      await own.client.close();
    });

    test("a broken connection ends the stream with AGENT_AWAY", async () => {
      await using own = await TestAgent.start(pki);
      const events = own.client.events(new AbortController().signal)[Symbol.asyncIterator]();
      await events.next();
      const end = assert.rejects(events.next(), hasCode("AGENT_AWAY", "reset"));
      own.server.drop(agentName(randomUUID()));
      own.server.drop(agentName(own.hostUuid));
      await end;
    });

    test("garbage, and events of a newer agent, are passed over", async () => {
      const hostUuid = randomUUID();
      const vmUuid = randomUUID();
      const lines = [
        `{"type":"hello","hostUuid":"${hostUuid}","bootId":"b","agentStartedAt":1}`,
        "no JSON at all",
        '{"type":"teleported"}',
        "[]",
        "null",
        "x".repeat(200_000),
        `{"type":"vmChanged","vmUuid":"${vmUuid}"}`,
      ];
      const identity = await pki.agent(hostUuid);
      const server = createServer({ ...identity, requestCert: true }, (_request, response) => {
        response.end(lines.map((line) => `${line}\n`).join(""));
      });
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      const { port } = server.address() as AddressInfo;
      const client = connectAgent({
        hostUuid,
        address: "127.0.0.1",
        port,
        tls: pki.manager,
        log: silentLog,
      });
      const seen: AgentEvent["type"][] = [];
      await assert.rejects(
        async () => {
          for await (const event of client.events(new AbortController().signal)) seen.push(event.type);
        },
        hasCode("AGENT_AWAY", "reset"),
      );
      assert.deepEqual(seen, ["hello", "vmChanged"]);
      await client.close();
      server.close();
    });

    test("a reader that does not read is dropped, and others are not hurt", async () => {
      await using own = await TestAgent.start(pki);
      const abort = new AbortController();
      const good = own.client.events(abort.signal)[Symbol.asyncIterator]();
      await good.next();
      const slow = rawStream(own, pki);
      await once(slow, "readable");
      slow.pause();
      await waitFor("both streams", () => (own.listeners.size === 2 ? true : undefined), {
        timeoutMs: 5_000,
      });
      // More than the kernel's buffers on both ends can hold.
      const message = "x".repeat(32 * 1024);
      let read = 0;
      for (let i = 0; i < 2_000 && own.listeners.size === 2; i++) {
        own.emit({ type: "progress", operationId: "1", percent: 0, message });
        if ((await good.next()).value?.type === "progress") read++;
      }
      assert.equal(own.listeners.size, 1);
      assert.ok(read > 0);
      slow.destroy();
      abort.abort();
    });
  });

  describe("consoles", () => {
    test("bytes go both ways unchanged and the end is seen on both sides", async () => {
      await using own = await TestAgent.start(pki);
      const line = await own.client.openConsole(randomUUID());
      const sent = Buffer.from(Array.from({ length: 70_000 }, (_, i) => i % 256));
      line.write(sent);
      const got: Buffer[] = [];
      let size = 0;
      for await (const chunk of line) {
        got.push(chunk as Buffer);
        size += (chunk as Buffer).length;
        if (size >= sent.length) break;
      }
      assert.ok(Buffer.concat(got).equals(sent));
      line.destroy();
      const [far] = own.lines;
      assert.ok(far);
      if (!far.destroyed) await once(far, "close");
    });

    test("a line that ends on the host ends at the manager", async () => {
      await using own = await TestAgent.start(pki);
      const line = await own.client.openConsole(randomUUID());
      line.resume();
      own.lines[0]?.end();
      await once(line, "close");
    });

    test("a screen is opened with the password of the session, which must be one", async () => {
      await using own = await TestAgent.start(pki);
      const screen = await own.client.openScreen(randomUUID(), "s3cret!~");
      const [text] = (await once(screen, "data")) as [Buffer];
      assert.equal(text.toString(), "a screen behind s3cret!~");
      screen.destroy();
      for (const wrong of ["", "123456789", "two words", "\u00e9"]) {
        await assert.rejects(own.client.openScreen(randomUUID(), wrong), hasCode("BAD_REQUEST"), wrong);
      }
      await assert.rejects(own.client.openScreen("../x", "x"), hasCode("UNKNOWN_CALL"));
    });

    test("failures of opening come as those of calls", async () => {
      await using own = await TestAgent.start(pki, {
        openConsole: async () => {
          throw new AppError("conflict", "VM_NOT_RUNNING", "It is stopped.");
        },
      });
      await assert.rejects(own.client.openConsole(randomUUID()), hasCode("VM_NOT_RUNNING"));
      await assert.rejects(own.client.openConsole("../x"), hasCode("UNKNOWN_CALL"));
    });
  });
});

async function peerSerial(agent: TestAgent, pki: TestPki): Promise<string | undefined> {
  const socket = connect({
    host: "127.0.0.1",
    port: agent.server.port,
    servername: agentName(agent.hostUuid),
    ...pki.manager,
  });
  await once(socket, "secureConnect");
  const serial = socket.getPeerX509Certificate()?.serialNumber;
  socket.destroy();
  return serial;
}

function rawStream(agent: TestAgent, pki: TestPki): TLSSocket {
  const socket = connect({
    host: "127.0.0.1",
    port: agent.server.port,
    servername: agentName(agent.hostUuid),
    ...pki.manager,
  });
  socket.on("error", () => {});
  socket.write("GET /v1/events HTTP/1.1\r\nhost: x\r\n\r\n");
  return socket;
}

test("every call of the contract is in the table of samples", () => {
  assert.deepEqual(Object.keys(sampleInputs()).toSorted(), Object.keys(CALLS).toSorted());
});
