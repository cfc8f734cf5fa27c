import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, get, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { silentLog } from "@sinter/kit";
import pg from "pg";
import { portalWorld } from "../testing/portal-world.ts";
import { ChangeBatch } from "./change-batch.ts";
import { type ChangeStream, createChangeStream } from "./change-stream.ts";

/** Events of a stream, as a browser reads them. */
function eventsOf(stream: IncomingMessage) {
  const events: { name: string; data: unknown }[] = [];
  const waiting: { wants: (event: { name: string; data: unknown }) => boolean; found: () => void }[] = [];
  let rest = "";
  stream.setEncoding("utf8");
  stream.on("data", (chunk: string) => {
    const blocks = (rest + chunk).split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) {
      const name = /^event: (.*)$/m.exec(block)?.[1];
      const data = /^data: (.*)$/m.exec(block)?.[1];
      if (name === undefined || data === undefined) continue;
      const event = { name, data: JSON.parse(data) as unknown };
      events.push(event);
      for (const { wants, found } of waiting) if (wants(event)) found();
    }
  });
  return {
    events,
    next: (wants: (event: { name: string; data: unknown }) => boolean): Promise<void> =>
      new Promise((found) => waiting.push({ wants, found })),
  };
}

test("two browsers see a change within two seconds, whoever made it", async () => {
  await using world = await portalWorld();
  const { cookie } = await world.login();
  const first = await world.open("portal", "/sinter/v1/changes", { cookie });
  const second = await world.open("portal", "/sinter/v1/changes", { cookie });
  assert.equal(first.headers["content-type"], "text/event-stream; charset=utf-8");
  assert.equal(first.headers["cache-control"], "no-store");
  assert.equal(first.headers["x-content-type-options"], "nosniff");
  const browsers = [eventsOf(first), eventsOf(second)];
  const isOurs = ({ name, data }: { name: string; data: unknown }): boolean =>
    name === "change" && (data as { kind: string }).kind === "clusters";
  const seen = Promise.all(browsers.map(({ next }) => next(isOurs)));
  const client = new pg.Client({ connectionString: world.databaseUrl });
  await client.connect();
  try {
    const startedAt = performance.now();
    await client.query("insert into clusters (id, name) values (77, 'by hand')");
    await seen;
    const tookMs = performance.now() - startedAt;
    assert.ok(tookMs < 2_000, `${tookMs} ms`);
  } finally {
    await client.end();
  }
  const siteId = /"siteId":"([0-9A-F]{8})"/.exec((await world.login()).answer.body)?.[1];
  for (const { events } of browsers)
    assert.deepEqual(events.find(isOurs)?.data, {
      kind: "clusters",
      urns: [`urn:sites:${siteId}:clusters:77`],
    });
  first.destroy();
  second.destroy();
});

test("the stream is also for tokens on the API's port, and ends when the manager stops", async () => {
  let stream: IncomingMessage | undefined;
  let ended: Promise<unknown> | undefined;
  {
    await using world = await portalWorld();
    const { cookie } = await world.login();
    const token = cookie.replace("sinter_session=", "");
    stream = await world.open("api", "/sinter/v1/changes", { "x-auth-token": token });
    assert.equal(stream.statusCode, 200);
    stream.resume();
    ended = once(stream, "end");
  }
  await ended;
});

/** A stream alone, on a server without TLS. */
async function openStreams(options: { pingEveryMs?: number } = {}) {
  const changes: ChangeStream = createChangeStream({
    siteId: () => "43BC08E8",
    log: silentLog,
    gatherMs: 20,
    ...options,
  });
  let isAllowed = true;
  const server = createServer((request, response) => {
    try {
      changes.open(response, { userId: String(request.url), isStillAllowed: async () => isAllowed });
    } catch (error) {
      response.writeHead(503).end(String((error as { code?: string }).code));
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    changes,
    forbid: () => {
      isAllowed = false;
    },
    connect: async (user = "/u"): Promise<IncomingMessage> => {
      const call = get({ host: "127.0.0.1", port, path: user, agent: false });
      const [response] = (await once(call, "response")) as [IncomingMessage];
      response.on("error", () => {});
      return response;
    },
    [Symbol.asyncDispose]: async () => {
      changes.close();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

test("changes of a moment are one event of each kind; many objects are null", async () => {
  await using world = await openStreams();
  const { events, next } = eventsOf(await world.connect());
  const last = next(({ data }) => (data as { kind: string }).kind === "portGroups");
  for (let id = 1; id <= 101; id++) world.changes.announce({ kind: "hosts", ids: [String(id)] });
  for (const ids of [["26"], ["26", "27"], null, ["28"]]) world.changes.announce({ kind: "clusters", ids });
  world.changes.announce({ kind: "vms", ids: ["52", "52"] });
  world.changes.announce({ kind: "vms", ids: ["53"] });
  world.changes.announce({ kind: "isos", ids: ["9"] });
  world.changes.announce({ kind: "portGroups", ids: ["3:4"] });
  await last;
  assert.deepEqual(
    events.map(({ data }) => data),
    [
      { kind: "hosts", urns: null },
      { kind: "clusters", urns: null },
      { kind: "vms", urns: ["urn:sites:43BC08E8:vms:i-00000034", "urn:sites:43BC08E8:vms:i-00000035"] },
      { kind: "isos", urns: null },
      { kind: "portGroups", urns: ["urn:sites:43BC08E8:dvswitchs:3:portgroups:4"] },
    ],
  );
});

test("a browser that does not read is cut, and costs the others nothing", async () => {
  await using world = await openStreams();
  const slow = await world.connect("/slow");
  const good = eventsOf(await world.connect("/good"));
  slow.pause();
  const cut = new Promise<void>((resolve) => slow.once("close", resolve));
  assert.equal(world.changes.count(), 2);
  const ids = Array.from({ length: 100 }, (_, index) => String(index + 1_000_000_000));
  // The sockets of both sides take some megabytes before anything is unread in the manager.
  for (let round = 0; round < 20_000 && world.changes.count() === 2; round++) {
    const arrived = good.next(() => true);
    world.changes.announce({ kind: "volumes", ids });
    for (const kind of ["datastores", "clusters", "hosts", "tasks"]) world.changes.announce({ kind, ids });
    await arrived;
  }
  assert.equal(world.changes.count(), 1);
  slow.resume();
  await cut;
  const arrived = good.next(() => true);
  world.changes.announce({ kind: "sites", ids: null });
  await arrived;
});

test("a user may have 32 windows; another user is not concerned, and closing one makes room", async () => {
  await using world = await openStreams();
  const windows = await Promise.all(Array.from({ length: 32 }, () => world.connect("/many")));
  const refused = await world.connect("/many");
  assert.equal(refused.statusCode, 503);
  refused.setEncoding("utf8");
  assert.deepEqual(await refused.toArray(), ["TOO_MANY_STREAMS"]);
  assert.equal((await world.connect("/other")).statusCode, 200);
  const [window] = windows;
  const before = world.changes.count();
  window?.destroy();
  while (world.changes.count() === before) await new Promise((resolve) => setImmediate(resolve));
  assert.equal((await world.connect("/many")).statusCode, 200);
});

test("a stream whose reader may no longer read ends at the next ping", async () => {
  await using world = await openStreams({ pingEveryMs: 20 });
  const stream = await world.connect();
  const { next } = eventsOf(stream);
  await next(({ name }) => name === "ping");
  const ended = once(stream, "end");
  world.forbid();
  await ended;
});

test("what is gathered is handed out once", () => {
  const batch = new ChangeBatch();
  batch.add({ kind: "vms", ids: ["1"] });
  assert.equal(batch.take("43BC08E8").length, 1);
  assert.deepEqual(batch.take("43BC08E8"), []);
  batch.add({ kind: "portGroups", ids: ["4"] });
  assert.deepEqual(batch.take("43BC08E8"), [{ kind: "portGroups", urns: null }], "without its switch");
});
