import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { AppError, silentLog } from "@sinter/kit";
import { WebSocket } from "ws";
import type { Actor } from "../identity/user.ts";
import type { Door } from "./doors.ts";
import { joinSocket } from "./socket-pipe.ts";
import { createUpgrades, type UpgradeDefinition } from "./upgrades.ts";
import { createWireErrors } from "./wire-errors.ts";

const TOKEN = "0DCCC508-62AC-4DED-B815-E48485D1F8D80";
const OPERATOR: Actor = { userId: "1", userName: "olga", roles: ["operator"], access: "operate" };

interface World extends AsyncDisposable {
  /** Of each door. */
  readonly hosts: Record<Door, string>;
  readonly upgrades: ReturnType<typeof createUpgrades>;
  /** "101" with the first message, or the refusal. */
  ask(door: Door, path: string, headers?: Record<string, string>, protocols?: string[]): Promise<unknown[]>;
}

/** Both doors, without TLS: what is decided here does not depend on it. */
async function openWorld(...definitions: UpgradeDefinition[]): Promise<World> {
  const upgrades = createUpgrades({
    authenticate: async (token) => (token === TOKEN ? OPERATOR : undefined),
    errors: createWireErrors([]),
    log: silentLog,
  });
  for (const definition of definitions) upgrades.register(definition);
  const servers = { api: createServer(), portal: createServer() };
  for (const door of ["api", "portal"] as const) {
    upgrades.attach(servers[door], door);
    servers[door].listen(0, "127.0.0.1");
    await once(servers[door], "listening");
  }
  const hostOf = (door: Door): string => `127.0.0.1:${(servers[door].address() as AddressInfo).port}`;
  const hosts = { api: hostOf("api"), portal: hostOf("portal") };
  return {
    hosts,
    upgrades,
    ask: async (door, path, headers = {}, protocols = []) => {
      const client = new WebSocket(`ws://${hosts[door]}${path}`, protocols, { headers });
      try {
        return await new Promise<unknown[]>((resolve, reject) => {
          client.on("error", reject);
          client.on("message", (data: Buffer) => resolve(["101", data.toString(), client.protocol]));
          client.on("unexpected-response", (_request, response) => {
            let text = "";
            response.on("data", (chunk: Buffer) => (text += chunk.toString()));
            response.on("end", () => {
              resolve([response.statusCode, (JSON.parse(text) as { errorCode: string }).errorCode]);
            });
          });
        });
      } finally {
        client.on("error", () => {});
        client.terminate();
      }
    },
    [Symbol.asyncDispose]: async () => {
      upgrades.close();
      await Promise.all(
        Object.values(servers).map(
          (server) =>
            new Promise<void>((resolve) => {
              server.close(() => resolve());
              server.closeAllConnections();
            }),
        ),
      );
    },
  };
}

const echo = (definition: Partial<UpgradeDefinition> = {}): UpgradeDefinition => ({
  path: "/sinter/v1/things/:thingId/line",
  access: "operate",
  messageBytesMax: 1024,
  open: async ({ params, actor, query, door }) => {
    const text = [params.thingId, actor.userName, query.get("q"), door].join(" ");
    return (client) => client.send(text);
  },
  ...definition,
});

test("a token in the header opens a WebSocket on either door", async () => {
  await using world = await openWorld(echo());
  const headers = { "x-auth-token": TOKEN };
  assert.deepEqual(await world.ask("api", "/sinter/v1/things/a%20b/line?q=1", headers), [
    "101",
    "a b olga 1 api",
    "",
  ]);
  assert.deepEqual(await world.ask("portal", "/sinter//v1/things/7/line/", headers), [
    "101",
    "7 olga  portal",
    "",
  ]);
});

test("who may not is refused in the contract's form", async () => {
  await using world = await openWorld(
    echo(),
    echo({ path: "/administer", access: "administer" }),
    echo({
      path: "/missing",
      open: async () => {
        throw new AppError("notFound", "VM_NOT_FOUND", "There is no VM 1.");
      },
    }),
    echo({
      path: "/crash",
      open: async () => {
        throw new Error("secret");
      },
    }),
  );
  const headers = { "x-auth-token": TOKEN };
  assert.deepEqual(await world.ask("api", "/sinter/v1/things/7/line"), [401, "10000002"]);
  assert.deepEqual(await world.ask("api", "/sinter/v1/things/7/line", { "x-auth-token": "no" }), [
    401,
    "10000002",
  ]);
  assert.deepEqual(await world.ask("api", "/administer", headers), [403, "10000003"]);
  assert.deepEqual(await world.ask("api", "/elsewhere", headers), [404, "10000008"]);
  assert.deepEqual(await world.ask("api", "/sinter/v1/things/7/8/line", headers), [404, "10000008"]);
  assert.deepEqual(await world.ask("api", "/sinter/v1/things/%ff/line", headers), [400, "10000001"]);
  assert.deepEqual(await world.ask("api", "/missing", headers), [400, "10000008"]);
  assert.deepEqual(await world.ask("api", "/crash", headers), [500, "10000010"]);
});

test("a cookie counts on the portal's door only, and only from the portal's own page", async () => {
  await using world = await openWorld(echo());
  const path = "/sinter/v1/things/7/line";
  const cookie = `other=1; sinter_session=${TOKEN}`;
  const own = { cookie, origin: `https://${world.hosts.portal}` };
  assert.deepEqual(await world.ask("portal", path, own), ["101", "7 olga  portal", ""]);
  assert.deepEqual(await world.ask("portal", path, { cookie }), [403, "10000003"], "no origin");
  for (const origin of [
    "https://evil.example",
    `https://127.0.0.1:1`,
    `http://${world.hosts.portal}`,
    "null",
  ]) {
    assert.deepEqual(await world.ask("portal", path, { cookie, origin }), [403, "10000003"], origin);
  }
  assert.deepEqual(await world.ask("api", path, { cookie, origin: `https://${world.hosts.api}` }), [
    401,
    "10000002",
  ]);
});

test("a handler of its own tickets decides by itself, but not for another site's page on the portal", async () => {
  await using world = await openWorld(
    echo({ path: "/tickets/:thingId", access: "public", subprotocol: "binary" }),
  );
  assert.deepEqual(await world.ask("portal", "/tickets/5"), ["101", "5   portal", ""]);
  assert.deepEqual(await world.ask("api", "/tickets/5", {}, ["other", "binary"]), [
    "101",
    "5   api",
    "binary",
  ]);
  assert.deepEqual(await world.ask("api", "/tickets/5", { "x-auth-token": TOKEN }), [
    "101",
    "5 olga  api",
    "",
  ]);
  const foreign = { origin: "https://evil.example" };
  assert.deepEqual(await world.ask("portal", "/tickets/5", foreign), [403, "10000003"]);
});

test("a client that goes while its handler still works is noticed, also by a handler that asks too late", async () => {
  const begun = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  const gone: string[] = [];
  const all = Promise.withResolvers<void>();
  await using world = await openWorld(
    echo({
      path: "/slow",
      open: async ({ onGone }) => {
        onGone(() => {
          gone.push("early");
          goOn.resolve();
        });
        begun.resolve();
        await goOn.promise;
        onGone(() => {
          gone.push("late");
          all.resolve();
        });
        return () => gone.push("connected");
      },
    }),
  );
  const client = new WebSocket(`ws://${world.hosts.api}/slow`, { headers: { "x-auth-token": TOKEN } });
  client.on("error", () => {});
  await begun.promise;
  client.terminate();
  await all.promise;
  assert.deepEqual(gone, ["early", "late"]);
});

test("a message that is too long cuts the client; two handlers of one path are a mistake", async () => {
  const gone = Promise.withResolvers<void>();
  await using world = await openWorld(
    echo({
      open: async ({ onGone }) => {
        onGone(() => gone.resolve());
        return (client) => client.send("ready");
      },
    }),
  );
  assert.throws(() => world.upgrades.register(echo()), /Two handlers/);
  const client = new WebSocket(`ws://${world.hosts.api}/sinter/v1/things/7/line`, {
    headers: { "x-auth-token": TOKEN },
  });
  client.on("error", () => {});
  await once(client, "message");
  client.send(Buffer.alloc(2048));
  const [code] = (await once(client, "close")) as [number];
  assert.equal(code, 1009);
  await gone.promise;
});

test("when the manager stops every client is told, and nobody gets in any more", async () => {
  await using world = await openWorld(echo());
  const client = new WebSocket(`ws://${world.hosts.api}/sinter/v1/things/7/line`, {
    headers: { "x-auth-token": TOKEN },
  });
  await once(client, "message");
  const closed = once(client, "close");
  world.upgrades.close();
  const [code] = (await closed) as [number];
  assert.equal(code, 1001);
  await assert.rejects(
    world.ask("api", "/sinter/v1/things/7/line", { "x-auth-token": TOKEN }),
    /hang up|ECONNRESET/,
  );
});

test("a slow reader holds the stream back, and the end of either side is the other's", async () => {
  const stream = new PassThrough({ highWaterMark: 64 * 1024 });
  await using world = await openWorld(
    echo({ messageBytesMax: 64 * 1024 * 1024, open: async () => (client) => joinSocket(client, stream) }),
  );
  const client = new WebSocket(`ws://${world.hosts.api}/sinter/v1/things/7/line`, {
    headers: { "x-auth-token": TOKEN },
  });
  await once(client, "open");
  client.pause();
  let written = 0;
  const chunk = Buffer.alloc(64 * 1024);
  // Far more than the sockets of both sides take: it must come to a stop.
  while (written < 256 * 1024 * 1024 && (await isRoom(stream, chunk))) written += chunk.length;
  assert.ok(written < 128 * 1024 * 1024, `${written} bytes went into memory`);
  client.resume();
  let received = 0;
  const whole = Promise.withResolvers<void>();
  client.on("message", (data: Buffer) => {
    received += data.length;
    if (received >= written) whole.resolve();
  });
  await whole.promise;
  const closed = once(client, "close");
  stream.end();
  const [code] = (await closed) as [number];
  assert.equal(code, 1000);
});

/** Writes; false when there was no room for a second. */
async function isRoom(stream: PassThrough, chunk: Buffer): Promise<boolean> {
  if (stream.write(chunk)) return true;
  const late = AbortSignal.timeout(1_000);
  return await once(stream, "drain", { signal: late }).then(
    () => true,
    () => false,
  );
}
