import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { KiB, MiB } from "@sinter/kit";
import { CreateVmRequest, readBody } from "@sinter/northbound";
import { type ComputeWorld, computeWorld, OPERATOR } from "../testing/compute-world.ts";
import { convertedTo } from "./volume-changes.service.ts";

describe("volumes that change", () => {
  let world: ComputeWorld;
  before(async () => {
    world = await computeWorld();
  });
  after(() => world[Symbol.asyncDispose]());

  async function vm(isBooted: boolean): Promise<{ id: number; volumeId: number }> {
    const begun = await world.vms.create(
      OPERATOR,
      readBody(CreateVmRequest, {
        name: "vm",
        location: world.urns.cluster,
        osOptions: { osType: "Linux" },
        autoBoot: isBooted,
        vmConfig: {
          cpu: { quantity: 1 },
          memory: { quantityMB: 256 },
          disks: [{ sequenceNum: 1, quantityGB: 1, datastoreUrn: world.urns.datastore, isThin: true }],
        },
      }),
    );
    await world.done(begun);
    const { disks } = await world.vms.get(begun.id);
    return { id: begun.id, volumeId: disks[0]?.volume.id ?? 0 };
  }
  const sizes = async (volumeId: number): Promise<number[]> => {
    const { uuid, sizeBytes } = await world.volumes.get(volumeId);
    return [sizeBytes / MiB, (world.store.find(uuid)?.sizeBytes ?? 0) / MiB];
  };

  test("STO-18, STO-19: a disk grows under a running VM and without one, and never shrinks", async () => {
    for (const isBooted of [true, false]) {
      const { volumeId } = await vm(isBooted);
      const begun = await world.volumes.grow(OPERATOR, volumeId, { size: 3 * 1024 });
      assert.equal((await world.volumes.get(volumeId)).status, "resizing");
      await world.done(begun);
      assert.deepEqual(await sizes(volumeId), [3072, 3072]);
      for (const size of [1024, 3072]) {
        await assert.rejects(world.volumes.grow(OPERATOR, volumeId, { size }), { code: "VOLUME_SIZE_WRONG" });
      }
      assert.deepEqual(await sizes(volumeId), [3072, 3072]);
    }
  });

  test("a normal volume that does not fit, one with snapshots and one of a busy VM do not grow", async () => {
    const begun = await world.volumes.create(OPERATOR, { quantityGB: 1, datastoreUrn: world.urns.datastore });
    await world.done(begun);
    await assert.rejects(world.volumes.grow(OPERATOR, begun.id, { size: 1024 * 1024 }), {
      code: "DATASTORE_TOO_SMALL",
    });
    const { id, volumeId } = await vm(true);
    await world.done(await world.snapshots.create(OPERATOR, id, { name: "s" }));
    await assert.rejects(world.volumes.grow(OPERATOR, volumeId, { size: 4096 }), {
      code: "VOLUME_HAS_SNAPSHOTS",
    });
    const paused = await vm(true);
    await world.done(await world.vms.pause(OPERATOR, paused.id));
    await assert.rejects(world.volumes.grow(OPERATOR, paused.volumeId, { size: 4096 }), {
      code: "VM_WRONG_STATE",
    });
    await assert.rejects(world.volumes.grow(OPERATOR, 999_999, { size: 4096 }), { code: "VOLUME_NOT_FOUND" });
  });

  test("STO-25: limits change at once where the VM runs, and are refused for shared volumes", async () => {
    const { id, volumeId } = await vm(true);
    const limits = { maxReadBytes: 2048, maxWriteBytes: 0, maxReadRequest: 0, maxWriteRequest: 300 };
    await world.done(await world.volumes.tune(OPERATOR, volumeId, limits));
    const { ioLimits } = await world.volumes.get(volumeId);
    const { uuid } = (await world.vms.get(id)).vm;
    const live = world.sims.map((sim) => sim.vms.get(uuid)?.live).find((each) => each)?.disks[0];
    assert.deepEqual([ioLimits.readBytesPerSec, live?.readBytesPerSec], [2048 * KiB, 2048 * KiB]);
    assert.deepEqual([ioLimits.writeIops, live?.writeIops], [300, 300]);
    const begun = await world.volumes.create(OPERATOR, {
      quantityGB: 1,
      datastoreUrn: world.urns.datastore,
      type: "share",
    });
    await world.done(begun);
    await assert.rejects(world.volumes.tune(OPERATOR, begun.id, limits), { code: "SHARED_LIMITS" });
  });

  test("isFormat overwrites what goes: of a volume, and of a VM's disks", async () => {
    const wiped = () => world.sims.flatMap((sim) => sim.calls("wipeVolume"));
    const begun = await world.volumes.create(OPERATOR, { quantityGB: 1, datastoreUrn: world.urns.datastore });
    await world.done(begun);
    await world.done(await world.volumes.remove(OPERATOR, begun.id, { isWiped: true }));
    assert.equal(wiped().length, 1);
    const { id } = await vm(true);
    await world.done(await world.vms.remove(OPERATOR, id, { isKeepingDisks: false, isWiping: true }));
    assert.equal(wiped().length, 2);
  });

  test("STO-13, STO-14: a non-persistent disk is told to the host; its VM neither hibernates nor grows it", async () => {
    const { id, volumeId } = await vm(false);
    const change = { indepDisk: true, persistentDisk: false };
    await assert.rejects(world.volumes.modify(volumeId, { persistentDisk: false }), {
      code: "NON_PERSISTENT_DEPENDENT",
    });
    await world.volumes.modify(volumeId, change);
    await world.done(await world.vms.start(OPERATOR, id));
    const { uuid } = (await world.vms.get(id)).vm;
    const live = world.sims.map((sim) => sim.vms.get(uuid)?.live).find((each) => each);
    assert.equal(live?.disks[0]?.transient, true);
    await assert.rejects(world.vms.hibernate(OPERATOR, id), { code: "HIBERNATE_NON_PERSISTENT" });
    await assert.rejects(world.volumes.grow(OPERATOR, volumeId, { size: 2048 }), {
      code: "NON_PERSISTENT_RUNS",
    });
    await assert.rejects(world.volumes.modify(volumeId, { persistentDisk: true }), {
      code: "PERSISTENCE_FIXED",
    });
    await world.done(await world.vms.stop(OPERATOR, id, "force"));
    await world.done(await world.volumes.grow(OPERATOR, volumeId, { size: 2048 }));
    assert.deepEqual(await sizes(volumeId), [2048, 2048]);
  });

  test("STO-24: a shared volume is attached to two VMs, an ordinary one to one", async () => {
    const [one, other] = [await vm(true), await vm(true)];
    for (const type of ["share", "normal"] as const) {
      const begun = await world.volumes.create(OPERATOR, {
        quantityGB: 1,
        datastoreUrn: world.urns.datastore,
        type,
      });
      await world.done(begun);
      const volUrn = `urn:sites:00000000:volumes:${begun.id}`;
      await world.done(await world.vms.attachVolume(OPERATOR, one.id, { volUrn }));
      const second = world.vms.attachVolume(OPERATOR, other.id, { volUrn });
      if (type === "normal") await assert.rejects(second, { code: "VOLUME_ATTACHED" });
      else {
        await world.done(await second);
        assert.equal((await world.volumes.get(begun.id)).attachedTo.length, 2);
        await assert.rejects(world.volumes.grow(OPERATOR, begun.id, { size: 2048 }), {
          code: "SHARED_VOLUME_RUNS",
        });
      }
    }
  });

  test("SMG-02, SMG-03, SMG-06: a stopped VM's disk moves; what cannot is refused with its reason", async () => {
    const datastoreUrn = await world.addDatastore();
    const move = (volumeId: number, over: object = {}) =>
      world.volumes.move(OPERATOR, volumeId, { datastoreUrn, speed: 100, ...over });
    const running = await vm(true);
    await assert.rejects(move(running.volumeId), { code: "VM_WRONG_STATE" });
    const { id, volumeId } = await vm(false);
    const here = { datastoreUrn: world.urns.datastore };
    await assert.rejects(move(volumeId, here), { code: "MOVE_WITHIN_DATASTORE" });
    await assert.rejects(move(volumeId, { migrateType: 2 }), { code: "MOVE_CONVERSION" });
    const begun = await move(volumeId);
    assert.equal((await world.volumes.get(volumeId)).status, "copying");
    await world.done(begun);
    assert.equal((await world.volumes.get(volumeId)).datastoreName, "other");
    await world.done(await world.vms.start(OPERATOR, id));
    await world.done(await world.vms.stop(OPERATOR, id, "force"));
    const shared = await world.volumes.create(OPERATOR, { quantityGB: 1, type: "share", ...here });
    await world.done(shared);
    await assert.rejects(move(shared.id), { code: "MOVE_REFUSED" });
    await world.done(await world.snapshots.create(OPERATOR, id, { name: "s" }));
    await assert.rejects(move(volumeId, here), { code: "VOLUME_HAS_SNAPSHOTS" });
    const big = await world.volumes.create(OPERATOR, { quantityGB: 2, ...here });
    await world.done(big);
    await world.database.pool.query("update datastores set free_bytes = 1000000 where name = 'other'");
    await assert.rejects(move(big.id), { code: "DATASTORE_TOO_SMALL" });
    await world.database.pool.query("update datastores set free_bytes = 90000000000 where name = 'other'");
    await world.done(await move(big.id, { migrateType: 1 }));
    const moved = await world.volumes.get(big.id);
    assert.deepEqual([moved.provisioning, moved.format], ["thin", "qcow2"]);
  });

  test("SMG-11: which kinds a volume may become", () => {
    const table = (["thick", "lazy", "thin"] as const).map((is) =>
      [undefined, 0, 1, 2].map((wanted) => {
        try {
          return convertedTo(is, wanted);
        } catch {
          return "refused";
        }
      }),
    );
    assert.deepEqual(table, [
      ["thick", "lazy", "thin", "thick"],
      ["thin", "lazy", "thin", "refused"],
      ["thin", "refused", "thin", "refused"],
    ]);
  });
});
