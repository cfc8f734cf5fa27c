import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { ConnectionLostError, NotConnectedError } from "./errors.ts";
import { openReconnecting, type ReconnectingConnection } from "./reconnecting-connection.ts";
import { type PrivateLibvirtd, startPrivateLibvirtd, tinyGuestXml } from "./testing/index.ts";

const FAST = { backoffMinMs: 10, backoffMaxMs: 50 };

/** Resolves with the reason of the next loss. */
async function nextLoss(connection: ReconnectingConnection): Promise<Error> {
  const { promise, resolve } = Promise.withResolvers<Error>();
  const watching = connection.onLost(resolve);
  const reason = await promise;
  watching[Symbol.dispose]();
  return reason;
}

async function nextConnection(connection: ReconnectingConnection): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const watching = connection.onConnected(resolve);
  await promise;
  watching[Symbol.dispose]();
}

describe("a connection that comes back", () => {
  let libvirtd: PrivateLibvirtd;
  const open = () => openReconnecting({ endpoint: { socketPath: libvirtd.socketPath }, ...FAST });

  before(async () => {
    libvirtd = await startPrivateLibvirtd();
  });
  after(async () => {
    await libvirtd[Symbol.asyncDispose]();
  });

  it("comes back after the daemon restarted, with its domains and its subscriptions", async () => {
    await using connection = open();
    await connection.connected();
    const guest = await connection.createDomain(tinyGuestXml("survivor"));
    const seen: string[] = [];
    const suspended = Promise.withResolvers<void>();
    await connection.on("domainLifecycle", ({ event, domain }) => {
      if (domain.uuid !== guest.uuid) return;
      seen.push(event);
      if (event === "suspended") suspended.resolve();
    });
    const lost = nextLoss(connection);
    await libvirtd.stop();
    assert.ok((await lost) instanceof ConnectionLostError);
    assert.equal(connection.isConnected, false);
    await assert.rejects(connection.version(), (error) => {
      return error instanceof NotConnectedError && /There is no connection to libvirt: /.test(error.message);
    });
    const back = nextConnection(connection);
    await libvirtd.start();
    await back;
    // QEMU went on, and handle and handler are the old ones.
    assert.equal((await guest.status()).state, "running");
    await guest.suspend();
    await suspended.promise;
    assert.equal(seen.filter((event) => event === "suspended").length, 1);
    await guest.destroy();
  });

  it("a call under way when the daemon dies fails, and is not sent again", async () => {
    await using connection = open();
    await connection.connected();
    await libvirtd.freeze();
    const call = connection.createDomain(tinyGuestXml("never-twice"));
    const failed = assert.rejects(call, ConnectionLostError);
    await libvirtd.stop("SIGKILL");
    await failed;
    await libvirtd.start();
    await connection.connected(AbortSignal.timeout(10_000));
    assert.equal(await connection.findDomain({ name: "never-twice" }), undefined);
  });

  it("what is subscribed while it is down counts from the next connection on", async () => {
    await libvirtd.stop();
    await using connection = open();
    const heard = Promise.withResolvers<string>();
    const subscription = await connection.on("domainLifecycle", ({ event }) => heard.resolve(event));
    await libvirtd.start();
    await connection.connected(AbortSignal.timeout(10_000));
    const domain = await connection.defineDomain(tinyGuestXml("later"));
    assert.equal(await heard.promise, "defined");
    await subscription.unsubscribe();
    await domain.undefine();
  });

  it("unsubscribed stays unsubscribed after a reconnection", async () => {
    await using connection = open();
    await connection.connected();
    let calls = 0;
    const first = await connection.on("domainMetadataChange", () => calls++);
    await first.unsubscribe();
    const back = nextConnection(connection);
    await libvirtd.stop("SIGKILL");
    await libvirtd.start();
    await back;
    const heard = Promise.withResolvers<void>();
    const second = await connection.on("domainMetadataChange", () => heard.resolve());
    const domain = await connection.defineDomain(tinyGuestXml("titled"));
    await domain.setTitle("a title");
    await heard.promise;
    assert.equal(calls, 0);
    await second.unsubscribe();
    await domain.undefine();
  });

  it("waiting for a connection can be given up, and ends with the closing", async () => {
    const connection = openReconnecting({
      endpoint: { socketPath: `${libvirtd.directory}/nobody` },
      ...FAST,
    });
    await assert.rejects(connection.connected(AbortSignal.timeout(50)), /timeout/i);
    assert.match(String(connection.lastError), /Cannot connect/);
    const waiting = assert.rejects(connection.connected(), NotConnectedError);
    await connection.close();
    await waiting;
    await assert.rejects(connection.connected(), NotConnectedError);
    await assert.rejects(connection.version(), /was closed/);
    await connection.close();
  });

  it("closing while connected says goodbye and is not a loss", async () => {
    const connection = open();
    await connection.connected();
    let losses = 0;
    connection.onLost(() => losses++);
    await connection.close();
    assert.equal(losses, 0);
    assert.equal(connection.isConnected, false);
  });
});
