import assert from "node:assert/strict";
import { type AddressInfo, connect } from "node:net";
import { describe, test } from "node:test";
import { silentLog } from "@sinter/kit";
import { VoidAnswer } from "@sinter/northbound";
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import type { Actor } from "../identity/user.ts";
import { registerRoute, SITE } from "./route.ts";
import { createHttpServer, normalizeUrl } from "./server.ts";
import { createWireErrors } from "./wire-errors.ts";

const TOKEN = "0DCCC508-62AC-4DED-B815-E48485D1F8D80";
const OPERATOR: Actor = { userId: "1", userName: "olga", roles: ["operator"], access: "operate" };
const Thing = Type.Object({ name: Type.Optional(Type.String()) }, { title: "Thing" });

/** A server with routes that tell what reached them. */
function openServer(): { app: FastifyInstance; recorded: string[] } & AsyncDisposable {
  const recorded: string[] = [];
  const app = createHttpServer({
    siteId: () => "43BC08E8",
    authenticate: async (token) => (token === TOKEN ? OPERATOR : undefined),
    errors: createWireErrors([]),
    log: silentLog,
    onMutation: async (request, reply) => void recorded.push(`${request.method} ${reply.statusCode}`),
  });
  const reply = Type.Object({ seen: Type.Unknown() }, { title: "Seen" });
  registerRoute(app, {
    method: "GET",
    url: `${SITE}/things/:thingId`,
    access: "read",
    summary: "",
    reply,
    handle: async ({ params, query }) => ({ seen: [params.thingId, query.text("name") ?? null] }),
  });
  for (const method of ["POST", "PUT", "DELETE"] as const) {
    registerRoute(app, {
      method,
      url: `${SITE}/things`,
      access: "operate",
      summary: "",
      ...(method === "DELETE" ? {} : { body: Thing }),
      reply,
      handle: async ({ body }) => ({ seen: body ?? null }),
    });
  }
  registerRoute(app, {
    method: "POST",
    url: `${SITE}/things/query`,
    access: "read",
    summary: "",
    body: Thing,
    reply,
    handle: async ({ body }) => ({ seen: body }),
  });
  registerRoute(app, {
    method: "POST",
    url: "/sinter/v1/things/crash",
    access: "operate",
    summary: "",
    reply: VoidAnswer,
    handle: async () => {
      throw new Error("secret detail: select * from users");
    },
  });
  return { app, recorded, [Symbol.asyncDispose]: () => app.close() };
}

const HEADERS = { "x-auth-token": TOKEN };

describe("northbound server", () => {
  test("appendix B 1: no Accept and no content type is refused", async () => {
    await using world = openServer();
    const types = [
      "application/json",
      "application/json; charset=UTF-8",
      "application/json;charset=UTF-8",
      "appilcation/json;charset=UTF-8",
      "text/plain",
      "application/x-www-form-urlencoded",
      "multipart/form-data; boundary=x",
      "nonsense",
      "",
    ];
    const accepts = [
      "application/json;version=v8.0;charset=UTF-8;",
      "application/xml",
      "image/png;q=1",
      "*/*",
      "x",
    ];
    for (const type of types) {
      for (const accept of accepts) {
        const answer = await world.app.inject({
          method: "POST",
          url: "/service/sites/43BC08E8/things",
          headers: { ...HEADERS, accept, ...(type === "" ? {} : { "content-type": type }) },
          payload: '{"NAME":"x"}',
        });
        assert.deepEqual(
          [answer.statusCode, answer.body],
          [200, '{"seen":{"name":"x"}}'],
          `${type} ${accept}`,
        );
      }
    }
  });

  test("appendix B 2: null, {} and nothing are the same body; GET and DELETE may carry one", async () => {
    await using world = openServer();
    for (const method of ["POST", "PUT"] as const) {
      for (const payload of ["null", "{}", "", " \n", undefined]) {
        const answer = await world.app.inject({
          method,
          url: "/service/sites/43BC08E8/things",
          headers: HEADERS,
          ...(payload === undefined ? {} : { payload }),
        });
        assert.deepEqual([answer.statusCode, answer.body], [200, '{"seen":{}}'], String(payload));
      }
    }
    for (const payload of ["{}", "null", "not json at all", "{"]) {
      const headers = { ...HEADERS, "content-type": "application/json" };
      const url = "/service/sites/43BC08E8/things";
      assert.equal(
        (await world.app.inject({ method: "DELETE", url, headers, payload })).statusCode,
        200,
        payload,
      );
      assert.equal(
        (await world.app.inject({ method: "GET", url: `${url}/1`, headers, payload })).statusCode,
        200,
        payload,
      );
    }
  });

  test("appendix B 3: every answer has a Content-Length and is compact, one line of JSON", async () => {
    await using world = openServer();
    const asked = [
      { method: "GET", url: "/service/sites/43BC08E8/things/1" },
      { method: "POST", url: "/service/sites/43BC08E8/things" },
      { method: "POST", url: "/service/sites/43BC08E8/things", payload: "{" },
      { method: "GET", url: "/service/nosuch" },
      { method: "GET", url: "/service/sites/00000000/things/1" },
      { method: "POST", url: "/sinter/v1/things/crash" },
    ] as const;
    for (const request of asked) {
      const answer = await world.app.inject({ ...request, headers: HEADERS });
      assert.equal(answer.headers["content-length"], String(Buffer.byteLength(answer.body)), request.url);
      assert.match(String(answer.headers["content-type"]), /^application\/json/);
      assert.equal(answer.body, JSON.stringify(answer.json()), request.url);
    }
  });

  test("sites are found in any case, and others are no site", async () => {
    await using world = openServer();
    const get = async (url: string) =>
      (await world.app.inject({ method: "GET", url, headers: HEADERS })).statusCode;
    assert.equal(await get("/service/sites/43bc08e8/things/1"), 200);
    assert.equal(await get("/service/sites/43BC08E9/things/1"), 400);
  });

  test("paths come with blanks at the end and slashes too many; what cannot be decoded is refused in form", async () => {
    await using world = openServer();
    const seen = async (url: string) => {
      const answer = await world.app.inject({ method: "GET", url, headers: HEADERS });
      const body = answer.json<{ seen?: unknown; errorCode?: string }>();
      return answer.statusCode === 200 ? body.seen : [answer.statusCode, body.errorCode];
    };
    const base = "/service/sites/43BC08E8/things";
    assert.deepEqual(await seen(`${base}/1%20`), ["1", null]);
    assert.deepEqual(await seen(`//service//sites/43BC08E8/things/1/`), ["1", null]);
    assert.deepEqual(await seen(`${base}/1?name=a%20b`), ["1", "a b"]);
    assert.deepEqual(await seen(`${base}/1?name=`), ["1", null], "empty is absent");
    assert.equal(
      await seen(`${base}/..%2f..%2fetc%2fpasswd`).then((value) => JSON.stringify(value)),
      '["../../etc/passwd",null]',
    );
    assert.deepEqual(await seen(`${base}/%zz`), [400, "10000001"]);
    assert.deepEqual(await seen(`${base}/${"x".repeat(300)}`), [400, "10000001"]);
    assert.deepEqual(await seen(`${base}/../../../../etc/passwd`), [404, "10000008"]);
    assert.equal(normalizeUrl("/a /b%20?q=1 2"), "/a/b?q=1 2");
  });

  test("what is wrong with a body says so, and what is wrong in here says nothing", async () => {
    await using world = openServer();
    const post = (url: string, payload: string) =>
      world.app.inject({ method: "POST", url, headers: HEADERS, payload });
    const url = "/service/sites/43BC08E8/things";
    const cases = [
      "{",
      "[1",
      '{"name":{}}',
      '{"name":[1]}',
      '"x"',
      "7",
      `{"name":"${"x".repeat(1_100_000)}"}`,
    ];
    for (const payload of cases) {
      const answer = await post(url, payload);
      assert.deepEqual(
        [answer.statusCode, answer.json<{ errorCode: string }>().errorCode],
        [400, "10000001"],
        payload.slice(0, 20),
      );
    }
    const polluted = await post(url, '{"__proto__":{"name":"x"},"constructor":{"name":"y"}}');
    assert.deepEqual(polluted.json(), { seen: {} });
    const crash = await post("/sinter/v1/things/crash", "");
    assert.equal(crash.statusCode, 500);
    assert.doesNotMatch(crash.body, /secret|select/);
  });

  test("a change is recorded before it is answered, reading is not", async () => {
    await using world = openServer();
    const url = "/service/sites/43BC08E8/things";
    await world.app.inject({ method: "GET", url: `${url}/1`, headers: HEADERS });
    const asked = await world.app.inject({ method: "POST", url: `${url}/query`, headers: HEADERS });
    assert.equal(asked.statusCode, 200, "a question in a body is reading too");
    await world.app.inject({ method: "POST", url, headers: HEADERS });
    assert.deepEqual(world.recorded, ["POST 200"]);
    await world.app.inject({ method: "POST", url, payload: "{}" });
    await world.app.inject({ method: "POST", url, headers: HEADERS, payload: "{" });
    await world.app.inject({ method: "POST", url: "/sinter/v1/things/crash", headers: HEADERS });
    assert.deepEqual(world.recorded, ["POST 200", "POST 401", "POST 400", "POST 500"]);
  });

  test("a route without an access level cannot be registered", async () => {
    await using world = openServer();
    assert.throws(() => world.app.get("/open", async () => ({})), /\/open says no access level/);
  });

  test("bytes that are no HTTP end the connection, not the server", async () => {
    await using world = openServer();
    await world.app.listen({ host: "127.0.0.1", port: 0 });
    const { port } = world.app.server.address() as AddressInfo; // listening on TCP
    for (const bytes of [
      "\u0016\u0003\u0001\u0000",
      "GET",
      "BREW / HTTP/1.1\r\n\r\n",
      "GET / HTTP/1.1\r\nA: \u0000\r\n\r\n",
      `GET / HTTP/1.1\r\nX: ${"y".repeat(100_000)}\r\n\r\n`,
      "GET /service/sites?name=\u00e6\u009d\u008e HTTP/1.1\r\nHost: x\r\n\r\n",
      "GET /service/sites?name=a b HTTP/1.1\r\nHost: x\r\n\r\n",
    ]) {
      const answer = await speak(port, Buffer.from(bytes, "latin1"));
      // When more comes than is read, the reset may overtake the answer.
      assert.match(answer, /^(?:HTTP\/1\.1 4\d\d [^]*\{"errorCode":"10000001","errorDes":"[^"]*"\})?$/);
    }
    const answer = await fetch(`http://127.0.0.1:${port}/service/sites/43BC08E8/things/1`, {
      headers: HEADERS,
    });
    assert.equal(answer.status, 200);
  });
});

/** Sends bytes, and gives what comes back until the connection ends. */
function speak(port: number, bytes: Buffer): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const chunks: Buffer[] = [];
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    // Reset by the server is an end like any other here.
    socket.on("error", () => {});
    socket.on("close", () => resolve(Buffer.concat(chunks).toString("utf8")));
    socket.end(bytes);
  });
}
