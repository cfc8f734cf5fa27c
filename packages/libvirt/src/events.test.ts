import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import type { Connection } from "./connection.ts";
import type { Domain } from "./domain.ts";
import { DOMAIN_EVENTS, type DomainEventName, type DomainEvents, EventHub, readEvent } from "./events.ts";
import { AFFECT } from "./protocol/flags.ts";
import { REMOTE_EVENTS } from "./protocol/generated/protocol.ts";
import { param } from "./protocol/typed-params.ts";
import { type PrivateLibvirtd, startPrivateLibvirtd, tinyGuestXml } from "./testing/index.ts";
import { encode } from "./xdr/codec.ts";

const run = promisify(execFile);
const DEADLINE_MS = 10_000;

/** Collects events of one kind; `next` waits for the first that fits, seen already or to come. */
async function watch<E extends DomainEventName>(
  connection: Connection,
  name: E,
  options?: { domain?: string },
) {
  const seen: DomainEvents[E][] = [];
  let arrived = Promise.withResolvers<void>();
  const subscription = await connection.on(
    name,
    (event) => {
      seen.push(event);
      arrived.resolve();
      arrived = Promise.withResolvers();
    },
    options,
  );
  return {
    seen,
    async next(fits: (event: DomainEvents[E]) => boolean = () => true): Promise<DomainEvents[E]> {
      const late = AbortSignal.timeout(DEADLINE_MS);
      for (;;) {
        const found = seen.find(fits);
        if (found) return found;
        const expired = Promise.withResolvers<never>();
        const expire = () => expired.reject(new Error(`no such ${name}; seen: ${JSON.stringify(seen)}`));
        late.addEventListener("abort", expire, { once: true });
        await Promise.race([arrived.promise, expired.promise]);
        late.removeEventListener("abort", expire);
      }
    },
    [Symbol.asyncDispose]: () => subscription.unsubscribe(),
  };
}

describe("events of a real libvirtd", () => {
  let libvirtd: PrivateLibvirtd;
  let connection: Connection;
  let guest: Domain;
  const path = (file: string) => join(libvirtd.directory, file);

  before(async () => {
    libvirtd = await startPrivateLibvirtd();
    await run("qemu-img", ["create", "-q", "-f", "qcow2", path("disk.qcow2"), "4M"]);
    await run("qemu-img", ["create", "-q", "-f", "qcow2", path("stick.qcow2"), "1M"]);
    connection = await libvirtd.connect();
    const xml = tinyGuestXml("events", {
      devices: {
        controllers: [{ type: "usb", model: "qemu-xhci" }],
        disks: [
          {
            type: "file",
            device: "disk",
            driver: { name: "qemu", type: "qcow2" },
            source: { file: path("disk.qcow2") },
            target: { dev: "vda", bus: "virtio" },
          },
          { type: "file", device: "cdrom", target: { dev: "hda", bus: "ide" }, readonly: true },
        ],
      },
    });
    guest = await (await connection.defineDomain(xml)).start();
  });
  after(async () => {
    await libvirtd[Symbol.asyncDispose]();
  });

  it("the whole life of a domain, in order and in words", async () => {
    await using life = await watch(connection, "domainLifecycle");
    const domain = await connection.defineDomain(tinyGuestXml("life"));
    await domain.start();
    await domain.suspend();
    await domain.resume();
    await domain.destroy();
    await domain.undefine();
    await life.next(({ event }) => event === "undefined");
    // Whether QEMU still tells of its shutdown before it is gone is a race.
    const told = life.seen.filter(({ event }) => event !== "shutdown");
    assert.deepEqual(
      told.map(({ event, detail }) => `${event} ${detail}`),
      [
        "defined added",
        "resumed unpaused",
        "started booted",
        "suspended paused",
        "resumed unpaused",
        "stopped destroyed",
        "undefined removed",
      ],
    );
    assert.ok(life.seen.every((event) => event.domain.uuid === domain.uuid && event.domain.name === "life"));
  });

  it("a subscription to one domain hears nothing of another", async () => {
    await using one = await watch(connection, "domainLifecycle", { domain: guest.uuid.toUpperCase() });
    const other = await connection.createDomain(tinyGuestXml("other"));
    await other.destroy();
    await guest.suspend();
    await guest.resume();
    await one.next(({ event }) => event === "resumed");
    assert.deepEqual(
      one.seen.map(({ event }) => event),
      ["suspended", "resumed"],
    );
  });

  it("two handlers share one registration; what unsubscribed hears no more", async () => {
    const first = await watch(connection, "domainMetadataChange");
    await using second = await watch(connection, "domainMetadataChange");
    await guest.setTitle("one", AFFECT.config);
    await first.next();
    assert.equal((await second.next()).type, 1);
    assert.equal(second.seen.length, 1); // and not one for each of us
    await first[Symbol.asyncDispose]();
    await guest.setMetadata("urn:example", "e", "<e/>", AFFECT.config);
    assert.equal((await second.next(({ type }) => type === 2)).uri, "urn:example");
    assert.equal(first.seen.length, 1);
  });

  it("after the last one unsubscribed the daemon sends nothing, and one may begin anew", async () => {
    for (const title of ["two", "three"]) {
      await using watched = await watch(connection, "domainMetadataChange");
      await guest.setTitle(title, AFFECT.config);
      await watched.next();
      assert.equal(watched.seen.length, 1);
    }
  });

  it("reset is seen as a reboot", async () => {
    await using watched = await watch(connection, "domainReboot");
    await guest.reset();
    assert.equal((await watched.next()).domain.uuid, guest.uuid);
  });

  it("a device comes and goes", async () => {
    await using added = await watch(connection, "domainDeviceAdded");
    await using removed = await watch(connection, "domainDeviceRemoved");
    const stick = `<disk type='file'><driver name='qemu' type='qcow2'/><source file='${path("stick.qcow2")}'/><target dev='sda' bus='usb'/><alias name='ua-stick'/></disk>`;
    await guest.attachDevice(stick, AFFECT.live);
    assert.equal((await added.next()).deviceAlias, "ua-stick");
    await guest.detachAlias("ua-stick");
    assert.equal((await removed.next()).deviceAlias, "ua-stick");
  });

  it("a tray opens", async () => {
    await using tray = await watch(connection, "domainTrayChange");
    await guest.monitorCommand({ execute: "blockdev-open-tray", arguments: { id: "ide0-0-0", force: true } });
    assert.equal((await tray.next()).change, "opened");
  });

  it("a backup: its block job, and the job with figures", async () => {
    await using block = await watch(connection, "domainBlockJob");
    await using job = await watch(connection, "domainJobCompleted");
    const backupXml = `<domainbackup mode='push'><disks><disk name='vda' type='file'><target file='${path("backup.qcow2")}'/></disk></disks></domainbackup>`;
    await guest.call("domainBackupBegin", { backupXml, checkpointXml: null, flags: 0 });
    const { stats } = await job.next();
    assert.equal(stats["disk_total"], 4 * 1024 * 1024);
    assert.equal(stats["success"], true);
    const { disk, type, status } = await block.next();
    assert.deepEqual({ disk, type, status }, { disk: "vda", type: "backup", status: "completed" });
  });

  it("a read-only connection hears events as well", async () => {
    await using readOnly = await libvirtd.connect({ readOnly: true });
    await using watched = await watch(readOnly, "domainLifecycle");
    await guest.suspend();
    await guest.resume();
    await watched.next(({ event }) => event === "resumed");
  });
});

describe("every event is read from its message", () => {
  const dom = { name: "vm", uuid: "11111111-2222-4333-8444-555555555555", id: 3 };
  const callbackId = 1;
  const cases: { [E in DomainEventName]: [message: Buffer, event: DomainEvents[E]] } = {
    domainLifecycle: [
      encode(REMOTE_EVENTS.domainEventCallbackLifecycle.message, {
        callbackId,
        msg: { dom, event: 5, detail: 3 },
      }),
      { domain: dom, event: "stopped", detail: "migrated" },
    ],
    domainReboot: [
      encode(REMOTE_EVENTS.domainEventCallbackReboot.message, { callbackId, msg: { dom } }),
      { domain: dom },
    ],
    domainWatchdog: [
      encode(REMOTE_EVENTS.domainEventCallbackWatchdog.message, { callbackId, msg: { dom, action: 2 } }),
      { domain: dom, action: "reset" },
    ],
    domainIoError: [
      encode(REMOTE_EVENTS.domainEventCallbackIoErrorReason.message, {
        callbackId,
        msg: { dom, srcPath: "/d.img", devAlias: "virtio-disk0", action: 1, reason: "enospc" },
      }),
      { domain: dom, sourcePath: "/d.img", deviceAlias: "virtio-disk0", action: "pause", reason: "enospc" },
    ],
    domainControlError: [
      encode(REMOTE_EVENTS.domainEventCallbackControlError.message, { callbackId, msg: { dom } }),
      { domain: dom },
    ],
    domainTrayChange: [
      encode(REMOTE_EVENTS.domainEventCallbackTrayChange.message, {
        callbackId,
        msg: { dom, devAlias: "ide0", reason: 1 },
      }),
      { domain: dom, deviceAlias: "ide0", change: "closed" },
    ],
    domainBalloonChange: [
      encode(REMOTE_EVENTS.domainEventCallbackBalloonChange.message, {
        callbackId,
        msg: { dom, actual: 4096n },
      }),
      { domain: dom, actualKiB: 4096 },
    ],
    domainDeviceRemoved: [
      encode(REMOTE_EVENTS.domainEventCallbackDeviceRemoved.message, {
        callbackId,
        msg: { dom, devAlias: "net0" },
      }),
      { domain: dom, deviceAlias: "net0" },
    ],
    domainBlockJob: [
      encode(REMOTE_EVENTS.domainEventBlockJob2.message, { callbackId, dom, dst: "vda", type: 4, status: 3 }),
      { domain: dom, disk: "vda", type: "activeCommit", status: "ready" },
    ],
    domainAgentLifecycle: [
      encode(REMOTE_EVENTS.domainEventCallbackAgentLifecycle.message, {
        callbackId,
        dom,
        state: 1,
        reason: 2,
      }),
      { domain: dom, state: "connected", reason: "channel" },
    ],
    domainDeviceAdded: [
      encode(REMOTE_EVENTS.domainEventCallbackDeviceAdded.message, { callbackId, dom, devAlias: "net1" }),
      { domain: dom, deviceAlias: "net1" },
    ],
    domainMigrationIteration: [
      encode(REMOTE_EVENTS.domainEventCallbackMigrationIteration.message, { callbackId, dom, iteration: 7 }),
      { domain: dom, iteration: 7 },
    ],
    domainJobCompleted: [
      encode(REMOTE_EVENTS.domainEventCallbackJobCompleted.message, {
        callbackId,
        dom,
        params: [param.ullong("time_elapsed", 12), param.boolean("success", true)],
      }),
      { domain: dom, stats: { time_elapsed: 12, success: true } },
    ],
    domainDeviceRemovalFailed: [
      encode(REMOTE_EVENTS.domainEventCallbackDeviceRemovalFailed.message, {
        callbackId,
        dom,
        devAlias: "net2",
      }),
      { domain: dom, deviceAlias: "net2" },
    ],
    domainMetadataChange: [
      encode(REMOTE_EVENTS.domainEventCallbackMetadataChange.message, {
        callbackId,
        dom,
        type: 2,
        nsuri: "urn:x",
      }),
      { domain: dom, type: 2, uri: "urn:x" },
    ],
    domainBlockThreshold: [
      encode(REMOTE_EVENTS.domainEventBlockThreshold.message, {
        callbackId,
        dom,
        dev: "vda",
        path: null,
        threshold: 100n,
        excess: 5n,
      }),
      { domain: dom, device: "vda", path: null, thresholdBytes: 100, excessBytes: 5 },
    ],
  };
  for (const name of Object.keys(DOMAIN_EVENTS) as DomainEventName[]) {
    it(name, () => {
      const [message, event] = cases[name];
      assert.deepEqual(readEvent(DOMAIN_EVENTS[name].procedure, message), { name, event });
    });
  }

  it("a word libvirt made up later is unknown, not an error", () => {
    const message = encode(REMOTE_EVENTS.domainEventCallbackLifecycle.message, {
      callbackId,
      msg: { dom, event: 99, detail: 1 },
    });
    const read = readEvent(DOMAIN_EVENTS.domainLifecycle.procedure, message);
    assert.deepEqual(read?.event, { domain: dom, event: "unknown", detail: "unknown" });
    assert.equal(readEvent(9999, message), undefined);
  });
});

it("a kind that cannot be registered is not kept", async () => {
  let registrations = 0;
  const hub = new EventHub({
    register: () => Promise.reject(new Error(`refused ${++registrations}`)),
    deregister: () => Promise.resolve(),
  });
  await assert.rejects(
    hub.on("domainReboot", () => {}),
    /refused 1/,
  );
  await assert.rejects(
    hub.on("domainReboot", () => {}),
    /refused 2/,
  );
  assert.deepEqual(hub.names, []);
});
