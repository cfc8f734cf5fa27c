import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { AppError } from "@sinter/kit";
import type { WireTask } from "@sinter/northbound";
import { ApiError, collect, createClient, readUrl, TaskFailure } from "./index.ts";
import { CODES_BY_KIND } from "./error-kinds.ts";
import { pathOf } from "./references.ts";
import { type ContractServer, refuse, SITE_ID, startContractServer } from "./testing/index.ts";

const TASK_URI = `/service/sites/${SITE_ID}/tasks/8784`;
const VM_URN = `urn:sites:${SITE_ID}:vms:i-00000034`;
const VM_URI = `/service/sites/${SITE_ID}/vms/i-00000034`;

function clientOf(server: ContractServer, change: Partial<Parameters<typeof createClient>[0]> = {}) {
  const { url, ca, userName, password } = server;
  return createClient({ url, ca, userName, password, ...change });
}

function task(change: Partial<WireTask>): WireTask {
  return {
    urn: `urn:sites:${SITE_ID}:tasks:8784`,
    uri: TASK_URI,
    type: "CreateVmTask",
    entityUrn: VM_URN,
    entityName: "web",
    startTime: "1767225600000",
    finishTime: "",
    user: "admin",
    status: "running",
    progress: 0,
    reason: "",
    reasonDes: "",
    cancelable: true,
    cancelled: false,
    params: {},
    ...change,
  };
}

test("logs in at the first call with the SHA-256 of the password, and sends the token from then on", async () => {
  await using server = await startContractServer();
  await using client = clientOf(server);
  server.answer(`GET ${server.siteUri}/clusters`, { clusters: [] });

  assert.deepEqual(await client.clusters.list(), []);

  const [login, sites, clusters] = server.requests;
  assert.equal(login?.headers["x-auth-user"], "admin");
  assert.equal(login?.headers["x-auth-key"], createHash("sha256").update(server.password).digest("hex"));
  assert.equal(login?.text, "");
  assert.equal(login?.headers["content-length"], "0");
  assert.equal(sites?.path, "/service/sites");
  assert.equal(clusters?.headers["x-auth-token"], client.session.token);
  assert.match(clusters?.headers.accept ?? "", /^application\/json;version=8\.0/);
  assert.equal(server.requests.length, 3);
});

test("a token alone is enough, and its end is told as 'not logged in'", async () => {
  await using server = await startContractServer();
  await using first = clientOf(server);
  await first.session.login();
  const { url, ca } = server;
  await using client = createClient({ url, ca, token: first.session.token ?? "" });
  assert.equal((await client.sites.own()).name, "site");

  server.expireSessions();
  await assert.rejects(client.sites.list(), (error) => {
    assert.ok(error instanceof ApiError);
    assert.equal(error.status, 401);
    assert.equal(error.errorCode, "10000002");
    assert.equal(error.kind, "unauthenticated");
    return true;
  });
});

test("an expired session is renewed once, by one login for all calls that meet it", async () => {
  await using server = await startContractServer();
  await using client = clientOf(server);
  server.answer(`GET ${server.siteUri}/vms`, { total: 0, vms: [] });
  await client.vms.list();
  server.expireSessions();
  const before = server.requests.length;

  await Promise.all(Array.from({ length: 8 }, () => client.vms.list()));

  const logins = server.requests.slice(before).filter((request) => request.path === "/service/session");
  assert.equal(logins.length, 1);
});

test("a manager that refuses every token is not asked for ever", async () => {
  await using server = await startContractServer();
  await using client = clientOf(server);
  await client.session.login();
  server.answer("GET /service/sites", refuse(401, "10000002", "no"));

  await assert.rejects(client.sites.list(), { errorCode: "10000002", status: 401 });

  assert.equal(server.requests.filter((request) => request.path === "/service/sites").length, 2);
});

test("a wrong password is told with the manager's code and never retried", async () => {
  await using server = await startContractServer();
  await using client = clientOf(server, { password: "wrong" });
  await assert.rejects(client.sites.list(), { errorCode: "10100103", kind: "unauthenticated" });
  assert.equal(server.requests.length, 1);
});

test("logout ends the session at the manager and forgives one that has ended", async () => {
  await using server = await startContractServer();
  await using client = clientOf(server);
  await client.session.login();
  const token = client.session.token ?? "";
  await client.session.logout();
  assert.equal(client.session.token, undefined);
  await using other = clientOf(server, { password: undefined as never, token });
  await assert.rejects(other.sites.list(), { status: 401 });
  await other.session.logout();
});

const REFUSALS = [
  { status: 400, code: "10300001", kind: "notFound", retryable: false },
  { status: 400, code: "10420004", kind: "notFound", retryable: false },
  { status: 400, code: "10300094", kind: "conflict", retryable: false },
  { status: 400, code: "10300101", kind: "conflict", retryable: false },
  { status: 400, code: "10300003", kind: "invalid", retryable: false },
  { status: 403, code: "10000003", kind: "forbidden", retryable: false },
  { status: 404, code: "10000008", kind: "notFound", retryable: false },
  { status: 500, code: "10000010", kind: "internal", retryable: false },
  { status: 500, code: "10200300", kind: "unavailable", retryable: true },
  { status: 503, code: "10000005", kind: "unavailable", retryable: true },
] as const;
for (const { status, code, kind, retryable } of REFUSALS) {
  test(`a refusal ${status} ${code} is ${kind}`, async () => {
    await using server = await startContractServer();
    await using client = clientOf(server);
    server.answer(`GET ${VM_URI}`, refuse(status, code, "why it is so"));
    await assert.rejects(client.vms.get(VM_URN), (error) => {
      assert.ok(error instanceof ApiError);
      const { status: itsStatus, errorCode, message } = error;
      assert.deepEqual(
        { itsStatus, errorCode, message, kind: error.kind, retryable: error.retryable },
        { itsStatus: status, errorCode: code, message: "why it is so", kind, retryable },
      );
      return true;
    });
  });
}

test("an answer that is not the manager's is told so, whatever its status", async () => {
  await using server = await startContractServer();
  await using client = clientOf(server);
  server.answer(`GET ${VM_URI}`, { status: 200, text: "<html>" });
  await assert.rejects(client.vms.get(VM_URN), { code: "NOT_A_MANAGER" });
  server.answer(`GET ${VM_URI}`, { status: 502, text: "<html>bad gateway" });
  await assert.rejects(client.vms.get(VM_URN), { status: 502, errorCode: "", kind: "unavailable" });
});

test("an empty success is an empty object", async () => {
  await using server = await startContractServer();
  await using client = clientOf(server);
  server.answer(`POST ${server.siteUri}/hosts/65/action/enterMaintenanceMode`, { status: 200, text: "" });
  await client.hosts.enterMaintenance(`urn:sites:${SITE_ID}:hosts:65`);
});

test("a language, a filter and a repeated parameter reach the manager as the contract wants them", async () => {
  await using server = await startContractServer();
  await using client = clientOf(server, { language: "zh_CN" });
  server.answer(`GET ${server.siteUri}/vms`, { total: 0, vms: [] });
  const vmurns = [VM_URN, VM_URN];
  await client.vms.list({ name: "a b 虚", isTemplate: false, limit: 10, vmurns });
  const asked = server.requests.at(-1);
  assert.equal(asked?.headers["accept-language"], "zh_CN");
  assert.equal(asked?.query.get("name"), "a b 虚");
  assert.equal(asked?.query.get("isTemplate"), "false");
  assert.deepEqual(asked?.query.getAll("vmurns"), vmurns);
});

test("iterating reads every page once and stops by total, by a short page and by an empty list", async () => {
  await using server = await startContractServer();
  await using client = clientOf(server);
  const all = Array.from({ length: 250 }, (_, index) => ({ urn: `urn:vm:${index}` }));
  server.answer(`GET ${server.siteUri}/vms`, ({ query }) => {
    const offset = Number(query.get("offset"));
    return { total: all.length, vms: all.slice(offset, offset + Number(query.get("limit"))) };
  });
  const before = server.requests.length;
  assert.equal((await collect(client.vms.iterate())).length, 250);
  const pages = server.requests.slice(before).filter((request) => request.path.endsWith("/vms"));
  assert.deepEqual(
    pages.map((request) => request.query.get("offset")),
    ["0", "100", "200"],
  );

  server.answer(`GET ${server.siteUri}/vms`, { total: 7, vms: [] });
  assert.deepEqual(await collect(client.vms.iterate()), []);
});

test("an object that moves between pages is seen once", async () => {
  await using server = await startContractServer();
  await using client = clientOf(server);
  server.answer(`GET ${server.siteUri}/vms`, ({ query }) =>
    query.get("offset") === "0"
      ? { total: 3, vms: [{ urn: "a" }, { urn: "b" }] }
      : { total: 3, vms: [{ urn: "b" }] },
  );
  assert.deepEqual(
    (await collect(client.vms.iterate())).map((vm) => vm.urn),
    ["a", "b"],
  );
});

test("waiting for a task tells each change of progress and ends with the task", async () => {
  await using server = await startContractServer();
  await using client = clientOf(server);
  const states = [
    task({ status: "waiting" }),
    task({ progress: 40 }),
    task({ progress: 40 }),
    task({ status: "success", progress: 100 }),
  ];
  server.answer(`GET ${TASK_URI}`, () => states.shift() ?? assert.fail("asked after the end"));
  const seen: string[] = [];
  const done = await client.tasks.wait(
    { urn: VM_URN, uri: VM_URI, taskUrn: "urn:x", taskUri: TASK_URI },
    { onProgress: ({ status, progress }) => seen.push(`${status} ${progress}`) },
  );
  assert.equal(done.status, "success");
  assert.deepEqual(seen, ["waiting 0", "running 40", "success 100"]);
});

test("a task that fails throws its reason; a cancelled one says so", async () => {
  await using server = await startContractServer();
  await using client = clientOf(server);
  const reason = { reason: "10410003", reasonDes: "The datastore is full." };
  server.answer(`GET ${TASK_URI}`, task({ status: "failed", progress: 100, ...reason }));
  await assert.rejects(client.tasks.wait(TASK_URI), (error) => {
    assert.ok(error instanceof TaskFailure);
    assert.equal(error.errorCode, "10410003");
    assert.equal(error.message, "The datastore is full.");
    assert.equal(error.task.uri, TASK_URI);
    return true;
  });
  server.answer(`GET ${TASK_URI}`, task({ status: "failed", progress: 100, cancelled: true }));
  await assert.rejects(client.tasks.wait(TASK_URI), {
    kind: "cancelled",
    message: "The task was cancelled.",
  });
});

test("a task that failed because a host is away ends the waiting at once, though the reason may pass", async () => {
  await using server = await startContractServer();
  await using client = clientOf(server);
  const reason = { reason: "10200300", reasonDes: "Host h1 does not answer." };
  server.answer(`GET ${TASK_URI}`, task({ status: "failed", progress: 100, ...reason }));
  await assert.rejects(client.tasks.wait(TASK_URI), {
    name: "TaskFailure",
    kind: "unavailable",
    retryable: true,
  });
});

test("every code has one kind", () => {
  const all = Object.values(CODES_BY_KIND).flatMap((codes) => codes.trim().split(/\s+/));
  assert.ok(all.every((code) => /^\d{8}$/.test(code)));
  assert.deepEqual(
    all.filter((code, index) => all.indexOf(code) !== index),
    [],
  );
});

test("waiting ends by time and by signal, and the task goes on", async () => {
  await using server = await startContractServer();
  await using client = clientOf(server);
  server.answer(`GET ${TASK_URI}`, task({}));
  await assert.rejects(client.tasks.wait(TASK_URI, { timeoutMs: 250 }), { code: "TASK_TIMEOUT" });
  const stop = new AbortController();
  const waiting = client.tasks.wait(TASK_URI, {
    signal: stop.signal,
    onProgress: () => stop.abort(new Error("enough")),
  });
  await assert.rejects(waiting, /enough/);
  assert.ok(!server.requests.some((request) => request.path.endsWith("/cancel")));
});

test("waiting outlasts a manager that restarts", async () => {
  await using server = await startContractServer();
  await using client = clientOf(server);
  server.answer(`GET ${TASK_URI}`, task({}));
  const sawTask = Promise.withResolvers<void>();
  const waiting = client.tasks.wait(TASK_URI, { onProgress: () => sawTask.resolve(), timeoutMs: 20_000 });
  await sawTask.promise;
  await server.stop();
  server.answer(`GET ${TASK_URI}`, task({ status: "success", progress: 100 }));
  await server.start();
  assert.equal((await waiting).status, "success");
});

test("nobody at the address: unavailable, with what was tried", async () => {
  const server = await startContractServer();
  await server.stop();
  await using client = clientOf(server);
  await assert.rejects(client.versions(), (error) => {
    assert.ok(error instanceof AppError);
    assert.equal(error.code, "MANAGER_UNREACHABLE");
    assert.equal(error.kind, "unavailable");
    assert.match(
      error.message,
      /^The manager at https:\/\/127\.0\.0\.1:\d+ does not answer: the connection was refused\.$/,
    );
    return true;
  });
});

test("a manager that accepts and stays silent is given up", async () => {
  await using server = await startContractServer();
  await using client = clientOf(server, { timeoutMs: 300 });
  await client.session.login();
  server.answer("GET /service/sites", () => new Promise(() => {}));
  await assert.rejects(client.sites.list(), { code: "MANAGER_TOO_SLOW", kind: "unavailable" });
});

test("references: URN, URI or object; nothing that could reach another path", () => {
  assert.equal(pathOf(VM_URN), VM_URI);
  assert.equal(pathOf(VM_URI), VM_URI);
  assert.equal(pathOf({ uri: VM_URI }), VM_URI);
  for (const bad of [
    "",
    "web",
    "/etc/passwd",
    "urn:sites:x:vms:../../users",
    "/service/sites/1?x=1",
    "/service//x",
  ]) {
    assert.throws(() => pathOf(bad), { code: "REFERENCE_INVALID" }, bad);
  }
});

test("addresses of managers as people write them", () => {
  const cases = {
    "vrm.example": "https://vrm.example:7443",
    "vrm.example:8443": "https://vrm.example:8443",
    "https://10.0.0.1/": "https://10.0.0.1:7443",
    "https://10.0.0.1:443/portal": "https://10.0.0.1",
    "[::1]:7443": "https://[::1]:7443",
    "http://127.0.0.1:7070": "http://127.0.0.1:7070",
  };
  for (const [text, origin] of Object.entries(cases)) assert.equal(readUrl(text).origin, origin, text);
  for (const bad of ["ftp://x", "https://", "a b"])
    assert.throws(() => readUrl(bad), { code: "URL_INVALID" }, bad);
});
