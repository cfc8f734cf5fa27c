import assert from "node:assert/strict";
import { once } from "node:events";
import { get } from "node:https";
import { type AddressInfo, createServer } from "node:net";
import { test } from "node:test";
import type { ConnectionOptions } from "node:tls";
import { createTestPki } from "@sinter/agent-link/testing";
import { silentLog } from "@sinter/kit";
import { type ClientOptions, WebSocket } from "ws";
import { createUpgrades } from "../http/upgrades.ts";
import { createWireErrors } from "../http/wire-errors.ts";
import { createConsoleProxy } from "./console-proxy.ts";

async function openWorld(options: { port?: number; publicPort?: number; servesPublicPort?: boolean } = {}) {
  const pki = await createTestPki();
  const { key, cert, ca } = await pki.identity("localhost", "server");
  const upgrades = createUpgrades({
    authenticate: async () => undefined,
    errors: createWireErrors([]),
    log: silentLog,
  });
  upgrades.register({
    path: "/websockify",
    access: "public",
    subprotocol: "binary",
    messageBytesMax: 1024,
    open: async ({ query }) => {
      const text = `console ${query.get("token")}`;
      return (client) => client.send(text);
    },
  });
  const proxy = createConsoleProxy({
    upgrades,
    tls: { key, cert },
    host: "127.0.0.1",
    port: 0,
    publicPort: 0,
    servesPublicPort: true,
    ...options,
    log: silentLog,
  });
  await proxy.listen();
  return {
    proxy,
    ca,
    [Symbol.asyncDispose]: async () => {
      upgrades.close();
      await proxy.close();
    },
  };
}

async function greetingAt(port: number, ca: string): Promise<[string, string]> {
  const url = `wss://127.0.0.1:${port}/websockify?token=t`;
  // ws hands what it does not know to tls.connect.
  const options: ClientOptions & ConnectionOptions = { ca, servername: "localhost" };
  const client = new WebSocket(url, ["binary"], options);
  const [data] = (await once(client, "message")) as [Buffer];
  client.terminate();
  return [data.toString(), client.protocol];
}

test("CON-02, CON-03: consoles answer at both ports, over TLS, with sub-protocol binary", async () => {
  await using world = await openWorld();
  const { served, missing } = world.proxy.ports();
  assert.deepEqual([served.length, missing], [2, []]);
  assert.equal(world.proxy.publicPort(), served[1]);
  for (const port of served) {
    assert.deepEqual(await greetingAt(port, world.ca), ["console t", "binary"]);
  }
});

test("CON-02: a proxy in front may serve the public port; its number is told all the same", async () => {
  await using world = await openWorld({ publicPort: 6084, servesPublicPort: false });
  assert.equal(world.proxy.ports().served.length, 1);
  assert.equal(world.proxy.publicPort(), 6084);
});

test("a port that is taken is no reason not to start; nobody is sent there", async () => {
  const other = createServer();
  other.listen(0, "127.0.0.1");
  await once(other, "listening");
  const { port } = other.address() as AddressInfo;
  {
    await using world = await openWorld({ publicPort: port });
    assert.deepEqual(world.proxy.ports().missing, [port]);
    assert.equal(world.proxy.publicPort(), undefined);
    const [own = 0] = world.proxy.ports().served;
    assert.deepEqual(await greetingAt(own, world.ca), ["console t", "binary"]);
  }
  {
    await using behind = await openWorld({ port, publicPort: 6084, servesPublicPort: false });
    assert.equal(behind.proxy.publicPort(), undefined, "the front would pass on to nobody");
  }
  other.close();
});

test("these ports serve nothing but consoles", async () => {
  await using world = await openWorld();
  const [port] = world.proxy.ports().served;
  const answer = await new Promise<[number | undefined, string]>((resolve, reject) => {
    get(
      `https://127.0.0.1:${port}/service/versions`,
      { ca: world.ca, servername: "localhost" },
      (response) => {
        let text = "";
        response.on("data", (chunk: Buffer) => (text += chunk.toString()));
        response.on("end", () => resolve([response.statusCode, text]));
      },
    ).on("error", reject);
  });
  assert.equal(answer[0], 404);
  assert.equal((JSON.parse(answer[1]) as { errorCode: string }).errorCode, "10000008");
});
