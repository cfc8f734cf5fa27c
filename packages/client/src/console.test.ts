import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { createClient } from "./index.ts";
import { SITE_ID, startContractServer } from "./testing/index.ts";

const VM_URN = `urn:sites:${SITE_ID}:vms:i-00000034`;

test("a console is a stream of bytes both ways, and loses nothing that comes with the handshake", async () => {
  await using server = await startContractServer();
  const { url, ca, userName, password } = server;
  await using client = createClient({ url, ca, userName, password });
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, index) => index));
  server.onConsole((socket, vmId) => {
    socket.send(Buffer.from(`${vmId} login: `));
    socket.on("message", (data: Buffer) => socket.send(data));
  });
  const stream = await client.openConsole(VM_URN);
  const [greeting] = (await once(stream, "data")) as [Buffer];
  assert.equal(greeting.toString(), "i-00000034 login: ");
  stream.write(bytes);
  const [echoed] = (await once(stream, "data")) as [Buffer];
  assert.ok(echoed.equals(bytes));
  stream.end();
  await once(stream, "close");
  const upgrade = server.requests.at(-1);
  assert.equal(upgrade?.headers["x-auth-token"], client.session.token);
});

test("a refused console throws the manager's reason", async () => {
  await using server = await startContractServer();
  const { url, ca, userName, password } = server;
  await using client = createClient({ url, ca, userName, password });
  await assert.rejects(client.openConsole(VM_URN), { errorCode: "10300470", kind: "conflict" });
});

test("a console renews an expired session first", async () => {
  await using server = await startContractServer();
  const { url, ca, userName, password } = server;
  await using client = createClient({ url, ca, userName, password, token: "TOO-OLD" });
  server.onConsole((socket) => socket.close());
  const stream = await client.openConsole(VM_URN);
  stream.resume();
  await once(stream, "end");
});

test("a console that the manager closes ends; one that breaks fails", async () => {
  await using server = await startContractServer();
  const { url, ca, userName, password } = server;
  await using client = createClient({ url, ca, userName, password });
  server.onConsole((socket) => {
    socket.send(Buffer.from("bye"));
    socket.close(1000);
  });
  const stream = await client.openConsole(VM_URN);
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  assert.equal(Buffer.concat(chunks).toString(), "bye");

  server.onConsole((socket) => socket.terminate());
  const lost = await client.openConsole(VM_URN);
  await assert.rejects(once(lost.resume(), "end"), { code: "CONSOLE_LOST" });
  server.onConsole((socket) => socket.close(1011, "The host does not answer"));
  const told = await client.openConsole(VM_URN);
  await assert.rejects(once(told.resume(), "end"), /The host does not answer/);
});
