import assert from "node:assert/strict";
import { once } from "node:events";
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from "node:http2";
import { test } from "node:test";
import pg from "pg";
import { type PortalWorld, portalWorld } from "../testing/portal-world.ts";

/* Browsers speak HTTP/2 with the portal's port; the other tests HTTP/1.1. Both must mean the same. */

interface Browser extends AsyncDisposable {
  readonly session: ClientHttp2Session;
  send(headers: OutgoingHttpHeaders, body?: object): Promise<[IncomingHttpHeaders, string]>;
  open(headers: OutgoingHttpHeaders): Promise<[IncomingHttpHeaders, ClientHttp2Stream]>;
}

async function openBrowser(world: PortalWorld): Promise<Browser> {
  const session = connect(world.portal, { ca: world.ca, servername: "localhost" });
  session.on("error", () => {});
  await once(session, "connect");
  const { host } = new URL(world.portal);
  const open: Browser["open"] = async (headers) => {
    const stream = session.request({ ":authority": host, ...headers });
    const [answer] = (await once(stream, "response")) as [IncomingHttpHeaders];
    return [answer, stream];
  };
  return {
    session,
    open,
    send: async (headers, body) => {
      const stream = session.request({ ":authority": host, ...headers }, { endStream: body === undefined });
      if (body !== undefined) stream.end(JSON.stringify(body));
      const [answer] = (await once(stream, "response")) as [IncomingHttpHeaders];
      let text = "";
      stream.setEncoding("utf8");
      for await (const chunk of stream) text += String(chunk);
      return [answer, text];
    },
    [Symbol.asyncDispose]: async () => {
      session.destroy();
    },
  };
}

async function login(world: PortalWorld, browser: Browser): Promise<{ cookie: string; csrf: string }> {
  const [headers, text] = await browser.send(
    { ":method": "POST", ":path": "/sinter/v1/session", origin: world.portal },
    { userName: "admin", password: world.password },
  );
  assert.equal(headers[":status"], 200, text);
  const { csrf } = JSON.parse(text) as { csrf: string };
  return { cookie: headers["set-cookie"]?.[0]?.split(";")[0] ?? "", csrf };
}

test("by HTTP/2 pages, files and the API are the same, and so is who is refused", async () => {
  await using world = await portalWorld();
  await using browser = await openBrowser(world);
  const [page, html] = await browser.send({ ":path": "/", accept: "text/html" });
  assert.equal(page[":status"], 200);
  assert.match(html, /^<!doctype html>/);
  assert.ok(String(page["content-security-policy"]).includes(`wss://${new URL(world.portal).host}`));
  assert.equal(page["strict-transport-security"], "max-age=31536000");
  const [file, text] = await browser.send({ ":path": "/assets/index-C2gSpqnv.js", "accept-encoding": "br" });
  assert.deepEqual([file["content-encoding"], file["content-length"], text], ["br", "2", "BR"]);
  const [head] = await browser.send({ ":method": "HEAD", ":path": "/icon.svg" });
  assert.deepEqual([head[":status"], head["content-length"]], [200, "6"]);

  const { cookie, csrf } = await login(world, browser);
  const change = async (headers: OutgoingHttpHeaders): Promise<unknown> => {
    const call = { ":method": "POST", ":path": "/service/roles/add", cookie, ...headers };
    return (await browser.send(call, { roleName: "nothing", popedom: [] }))[0][":status"];
  };
  assert.equal(await change({}), 403);
  assert.equal(await change({ "x-sinter-csrf": csrf, origin: "https://evil.example" }), 403);
  assert.equal(await change({ "x-sinter-csrf": csrf, origin: world.portal }), 200);
  const [missing, body] = await browser.send({ ":path": "/service/nothing", cookie });
  assert.deepEqual([missing[":status"], JSON.parse(body).errorCode], [404, "10000008"]);
  const [secret] = await browser.send({ ":path": "/../secret.txt" });
  assert.equal(secret[":status"], 404);
});

test("twenty windows wait for changes on one connection, and another request is still answered", async () => {
  await using world = await portalWorld();
  await using browser = await openBrowser(world);
  const { cookie } = await login(world, browser);
  const windows = await Promise.all(
    Array.from({ length: 20 }, () => browser.open({ ":path": "/sinter/v1/changes", cookie })),
  );
  const seen = windows.map(async ([headers, stream]) => {
    assert.equal(headers[":status"], 200);
    let text = "";
    for await (const chunk of stream) {
      text += String(chunk);
      if (text.includes('"clusters"')) return;
    }
  });
  const [headers] = await browser.send({ ":path": "/service/sites", cookie });
  assert.equal(headers[":status"], 200);
  const client = new pg.Client({ connectionString: world.databaseUrl });
  await client.connect();
  try {
    await client.query("insert into clusters (id, name) values (77, 'by hand')");
  } finally {
    await client.end();
  }
  await Promise.all(seen);
});

test("a list that goes out in pieces arrives whole", async () => {
  await using world = await portalWorld();
  await using browser = await openBrowser(world);
  const { cookie } = await login(world, browser);
  const client = new pg.Client({ connectionString: world.databaseUrl });
  await client.connect();
  try {
    await client.query(
      `insert into vms (id, uuid, name, state, cpu, memory, properties, os, vnc_password)
       select n, gen_random_uuid(), 'vm-' || n, 'stopped', $1, $2, $3, $4, 'x' from generate_series(1, 3000) n`,
      [
        {
          count: 2,
          coresPerSocket: 1,
          shares: 2000,
          reservationMhz: 0,
          limitMhz: 0,
          affinity: [],
          hotPlug: 0,
        },
        { sizeMiB: 1024, shares: 10_240, reservationMiB: 0, hotPlug: 0 },
        {
          bootOption: "disk",
          firmware: "bios",
          onGuestCrash: "notprocess",
          clockMode: "freeClock",
          others: {},
        },
        { type: "Linux", version: 0, guestOsName: "" },
      ],
    );
  } finally {
    await client.end();
  }
  const [, sites] = await browser.send({ ":path": "/service/sites", cookie });
  const { uri } = (JSON.parse(sites) as { sites: [{ uri: string }] }).sites[0];
  const [headers, text] = await browser.send({ ":path": `${uri}/vms?limit=0`, cookie });
  assert.equal(Number(headers["content-length"]), Buffer.byteLength(text));
  assert.ok(text.length > 1024 * 1024, `${text.length} characters`);
  assert.equal((JSON.parse(text) as { vms: unknown[] }).vms.length, 3000);
});

test("a window that is closed leaves no stream behind", async () => {
  await using world = await portalWorld();
  await using browser = await openBrowser(world);
  const { cookie } = await login(world, browser);
  const path = "/sinter/v1/changes";
  // More than a user may have open at once, one after the other.
  for (let window = 0; window < 40; window++) {
    const [headers, stream] = await browser.open({ ":path": path, cookie });
    assert.equal(headers[":status"], 200, `window ${window}`);
    stream.close();
    await once(stream, "close");
    // The other side has seen it when it answers something sent after it.
    await browser.send({ ":path": "/service/versions" });
  }
});

test("the manager stops in seconds although browsers stay connected", async () => {
  await using stack = new AsyncDisposableStack();
  const world = await portalWorld();
  let stopping: PromiseLike<void> | undefined;
  stack.defer(async () => stopping ?? world[Symbol.asyncDispose]());
  const browser = stack.use(await openBrowser(world));
  const { cookie } = await login(world, browser);
  await browser.open({ ":path": "/sinter/v1/changes", cookie });
  const startedAt = performance.now();
  stopping = world[Symbol.asyncDispose]();
  await stopping;
  const tookMs = performance.now() - startedAt;
  assert.ok(tookMs < 8_000, `${tookMs} ms`);
});
