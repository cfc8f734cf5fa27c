import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";
import { waitFor } from "@sinter/kit";
import { MEDIA_DETACHED } from "@sinter/southbound";
import { WebSocket } from "ws";
import { OPERATOR } from "../testing/compute-world.ts";
import { type MediaWorld, mediaWorld } from "../testing/media-world.ts";
import { TEST_SITE } from "../testing/test-app.ts";

const SOON = { timeoutMs: 10_000, intervalMs: 5 };

describe("the CD drive of a VM", () => {
  let world: MediaWorld;
  let rescue: string;
  before(async () => {
    world = await mediaWorld();
    rescue = await world.compute.addIso("rescue.iso");
  });
  after(() => world[Symbol.asyncDispose]());

  const simOf = (uuid: string) => {
    const sim = world.compute.sims.find((each) => each.vms.has(uuid));
    assert.ok(sim, "the VM is on a host");
    return sim;
  };
  const cdOf = (uuid: string) => {
    const vm = simOf(uuid).vms.get(uuid);
    return (vm?.live ?? vm?.spec)?.cdrom ?? null;
  };
  const shown = async (vm: { wireId: string }) =>
    (await world.call("GET", `/service/sites/${TEST_SITE}/vms/${vm.wireId}`)).body;
  const inList = async (vm: { wireId: string }): Promise<string> => {
    const { body } = await world.call("GET", `/service/sites/${TEST_SITE}/vms?vmId=${vm.wireId}`);
    return body.vms[0].cdRomStatus;
  };

  test("a file of the library is attached, shown and detached, while the VM runs and while it is stopped", async () => {
    for (const isBooted of [true, false]) {
      const vm = await world.vm({ isBooted });
      assert.deepEqual([await inList(vm), (await shown(vm)).cdRom], ["empty", null]);
      const attached = await world.act(vm, "attachCdrom", { protocol: "file", devicePath: rescue });
      assert.deepEqual([attached.status, attached.body.urn.endsWith(vm.wireId)], [200, true]);
      assert.deepEqual(cdOf(vm.uuid), {
        kind: "iso",
        datastoreId: String(world.datastoreId),
        name: "rescue.iso",
      });
      const { cdRomStatus, cdRom } = await shown(vm);
      assert.deepEqual(
        [cdRomStatus, await inList(vm), cdRom.kind, cdRom.devicePath],
        ["fill", "fill", "iso", rescue],
      );
      const described = await world.act(vm, "describeCdrom");
      assert.deepEqual([described.body.devicePath, described.body.cdRom.name], [rescue, "rescue.iso"]);
      assert.match(described.body.attachCdromTime, /^\d{4}-\d\d-\d\d /);
      const [iso] = (await world.call("GET", "/sinter/v1/isos")).body.isos;
      assert.deepEqual(iso.attachedVms, [`urn:sites:${TEST_SITE}:vms:${vm.wireId}`]);
      const removal = await world.call("DELETE", `/sinter/v1/isos/${iso.id}`);
      assert.match(removal.body.errorDes, new RegExp(`in the CD drive of vm \\(${vm.wireId}\\)`));
      assert.equal((await world.act(vm, "detachCdrom")).status, 200);
      assert.equal(cdOf(vm.uuid), null);
      assert.deepEqual([await inList(vm), (await shown(vm)).cdRom], ["empty", null]);
    }
  });

  test("what the contract refuses it refuses by its codes", async () => {
    const vm = await world.vm();
    const attach = async (body: object): Promise<string> =>
      (await world.act(vm, "attachCdrom", body)).body.errorCode;
    for (const protocol of ["cifs", "sff", "localpy", "nfs"])
      assert.equal(await attach({ protocol, devicePath: "//192.0.2.1/share/x.iso" }), "10300343", protocol);
    assert.equal(await attach({ devicePath: "//192.0.2.1/share/x.iso" }), "10300343", "cifs is the default");
    assert.equal(await attach({ protocol: "file", devicePath: "rescue.iso" }), "10301035");
    assert.equal(await attach({ protocol: "file" }), "10301035");
    assert.equal(
      await attach({ protocol: "file", devicePath: `${world.datastoreId}@nosuch.iso` }),
      "10800110",
    );
    assert.equal((await world.act(vm, "detachCdrom")).body.errorCode, "10300034");
    assert.equal(
      (await world.act(vm, "attachCdrom", { protocol: "datastore", devicePath: rescue })).status,
      200,
    );
    assert.equal(await attach({ devicePath: rescue }), "10300033");
    assert.equal(
      (await world.act(vm, "attachBrowserCdrom", { name: "x", sizeBytes: 1 })).body.errorCode,
      "10300033",
    );
    await world.act(vm, "detachCdrom");
    const { pool } = world.compute.database;
    await pool.query("update datastore_hosts set state = 'abnormal'");
    assert.equal(await attach({ devicePath: rescue }), "10800109");
    await pool.query("update datastore_hosts set state = 'connected'");
    // The library believes in a file that the host does not find: the task says so.
    world.compute.store.isos.delete("rescue.iso");
    await assert.rejects(world.act(vm, "attachCdrom", { devicePath: rescue }), /ISO_NOT_FOUND/);
    world.compute.store.isos.set("rescue.iso", { sizeBytes: 4096, modifiedAt: 0 });
    assert.equal((await shown(vm)).cdRom, null, "it was taken back");
  });

  test("a VM may have a CD from its first start", async () => {
    const vm = await world.vm({ cdRomDevicePath: rescue });
    assert.equal((await shown(vm)).cdRom.devicePath, rescue);
    assert.notEqual(cdOf(vm.uuid), null);
    await assert.rejects(world.vm({ cdRomDevicePath: `${world.datastoreId}@nosuch.iso` }), {
      code: "ISO_NOT_FOUND",
    });
    await world.compute.done(await world.compute.vms.remove(OPERATOR, vm.id, { isKeepingDisks: false }));
  });

  test("the drive sits where the guest's system sees it", async () => {
    const vm = await world.vm();
    assert.equal(simOf(vm.uuid).vms.get(vm.uuid)?.spec.cdromBus, "scsi");
    await world.compute.done(await world.compute.vms.stop(OPERATOR, vm.id, "force"));
    const request = { osOptions: { osType: "Windows" as const }, name: "windows" };
    await world.compute.done(await world.compute.vms.modify(OPERATOR, vm.id, request));
    assert.equal(simOf(vm.uuid).vms.get(vm.uuid)?.spec.cdromBus, "sata");
  });

  describe("CMP-29: with a file of a browser", () => {
    const content = randomBytes(3 * 1024 * 1024 + 5);
    const file = { name: "local.iso", sizeBytes: content.length };
    interface Browser {
      readonly socket: WebSocket;
      readonly asked: { offset: number; length: number }[];
      /** Path of the next connection. */
      resume: string;
    }

    /** What the portal does in the user's browser. */
    async function hand(path: string, headers: Record<string, string> = {}): Promise<Browser> {
      const socket = new WebSocket(`ws://${world.address}${path}`, {
        headers: { "x-auth-token": world.token, ...headers },
      });
      const browser: Browser = { socket, asked: [], resume: "" };
      socket.on("message", (data: Buffer) => {
        const message = JSON.parse(data.toString()) as {
          resume?: string;
          id: number;
          offset: number;
          length: number;
        };
        if (message.resume !== undefined) {
          browser.resume = message.resume;
          return;
        }
        const { id, offset, length } = message;
        browser.asked.push({ offset, length });
        const head = Buffer.alloc(4);
        head.writeUInt32BE(id);
        socket.send(Buffer.concat([head, content.subarray(offset, offset + length)]));
      });
      await new Promise<void>((resolve, reject) => {
        socket.once("open", resolve);
        socket.once("error", reject);
      });
      await waitFor("the next ticket", () => browser.resume || undefined, SOON);
      return browser;
    }
    const attached = async () => {
      const vm = await world.vm();
      const { status, body } = await world.act(vm, "attachBrowserCdrom", file);
      assert.equal(status, 200);
      return { vm, path: body.path as string };
    };
    const refused = async (path: string, token = world.token): Promise<boolean> =>
      await hand(path, { "x-auth-token": token }).then(
        () => false,
        (error: Error) => /40[013]/.test(error.message),
      );

    test("the guest reads what it asks for, and nothing else travels or is stored", async () => {
      const free = world.compute.store.freeBytes;
      const { vm, path } = await attached();
      assert.match(path, /^\/sinter\/v1\/media\/[\w-]{43}$/);
      const { cdRom } = await shown(vm);
      assert.deepEqual(
        [cdRom.kind, cdRom.name, cdRom.isLost, await inList(vm)],
        ["browser", "local.iso", false, "fill"],
      );
      const browser = await hand(path);
      const sim = simOf(vm.uuid);
      assert.deepEqual(await sim.readCd(vm.uuid, 2_000_000, 3000), content.subarray(2_000_000, 2_003_000));
      const bytes = browser.asked.reduce((sum, { length }) => sum + length, 0);
      assert.ok(bytes <= 512 * 1024, `${bytes} bytes were asked for`);
      assert.equal(world.compute.store.freeBytes, free);
      const closed = once(browser.socket, "close", { signal: AbortSignal.timeout(10_000) });
      assert.equal((await world.act(vm, "detachCdrom")).status, 200);
      const [code] = (await closed) as [number];
      assert.equal(code, MEDIA_DETACHED);
      const { rows } = await world.compute.database.pool.query(
        "select count(*)::int as n from browser_media",
      );
      assert.equal(rows[0].n, 0);
    });

    test("a ticket is good once, for a minute, for its user and for those who may operate", async () => {
      const { vm, path } = await attached();
      const other = await world.served.loginAs("operator");
      assert.equal(await refused(path, other), true, "another user");
      assert.equal(await refused(path, ""), true, "nobody");
      assert.equal(await refused(`${path.slice(0, -1)}x`), true, "a guess");
      const browser = await hand(path);
      assert.equal(await refused(path), true, "a second time");
      browser.socket.terminate();
      await world.act(vm, "detachCdrom");
      assert.equal(await refused(browser.resume), true, "after the medium was detached");

      const late = await attached();
      await world.compute.database.pool.query(
        "update browser_media set ticket_expires_at = now() - interval '1 s'",
      );
      assert.equal(await refused(late.path), true, "too late");
      await world.act(late.vm, "detachCdrom");
    });

    test("a browser that is lost comes back with the next ticket, and reads go on", async () => {
      const { vm, path } = await attached();
      const browser = await hand(path);
      browser.socket.terminate();
      const reading = simOf(vm.uuid).readCd(vm.uuid, 0, 10);
      const again = await hand(browser.resume);
      assert.deepEqual(await reading, content.subarray(0, 10));
      again.socket.terminate();
      await world.act(vm, "detachCdrom");
    });

    test("a window that is closed: reads fail at once, the medium stays, is shown as lost and can be detached", async () => {
      for (const code of [1000, 1001, 4000]) {
        const { vm, path } = await attached();
        const browser = await hand(path);
        await simOf(vm.uuid).readCd(vm.uuid, 0, 10);
        browser.socket.close(code);
        await waitFor(
          "the end",
          async () => {
            const { cdrom } = await world.compute.fleet
              .agent(world.compute.hostIds[world.compute.sims.indexOf(simOf(vm.uuid))] ?? 0)
              .getVm({ vmUuid: vm.uuid });
            return (cdrom?.kind === "browser" && !cdrom.isOpen) || undefined;
          },
          SOON,
        );
        await assert.rejects(simOf(vm.uuid).readCd(vm.uuid, 0, 10), /nobody hands the file out/);
        for (const hostId of world.compute.hostIds)
          await world.compute.reconciler.reconcileVm(hostId, vm.uuid);
        assert.deepEqual([(await shown(vm)).cdRom.isLost, await inList(vm)], [true, "fill"]);
        assert.equal((await world.act(vm, "detachCdrom")).status, 200);
        assert.equal((await shown(vm)).cdRom, null);
      }
    });

    test("a VM whose browser is gone starts with an empty drive, and is shown so", async () => {
      const { vm, path } = await attached();
      const browser = await hand(path);
      const sim = simOf(vm.uuid);
      await world.compute.done(await world.compute.vms.stop(OPERATOR, vm.id, "force"));
      browser.socket.close();
      await once(browser.socket, "close", { signal: AbortSignal.timeout(10_000) });
      await waitFor(
        "the end",
        () => [...sim.browserMedia.values()].every((each) => each.state === "ended") || undefined,
        SOON,
      );
      await world.compute.done(await world.compute.vms.start(OPERATOR, vm.id));
      assert.equal(cdOf(vm.uuid), null);
      for (const hostId of world.compute.hostIds) await world.compute.reconciler.reconcileVm(hostId, vm.uuid);
      assert.deepEqual([(await shown(vm)).cdRom, await inList(vm)], [null, "empty"]);
    });

    test("a restart of the agent ends the medium, and the browser hears of the lost host", async () => {
      const { vm, path } = await attached();
      const browser = await hand(path);
      const closed = once(browser.socket, "close", { signal: AbortSignal.timeout(10_000) });
      simOf(vm.uuid).restartAgent();
      const [code] = (await closed) as [number];
      assert.ok(code === 1012 || code === MEDIA_DETACHED, String(code));
      await assert.rejects(simOf(vm.uuid).readCd(vm.uuid, 0, 10));
      assert.equal((await world.act(vm, "detachCdrom")).status, 200);
    });
  });
});
