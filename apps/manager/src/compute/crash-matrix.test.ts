import assert from "node:assert/strict";
import { CloneVmRequest, CreateVmRequest, readBody } from "@sinter/northbound";
import { GiB, silentLog } from "@sinter/kit";
import { crashMatrix } from "@sinter/testing";
import type { AnyTask, TaskEngine } from "@sinter/tasks";
import { OBJECT_ID_SEQUENCE } from "../database/ids.ts";
import { type ComputeWorld, computeWorld, OPERATOR } from "../testing/compute-world.ts";
import { growVolume, tuneVolume } from "../storage/change-volume.task.ts";
import { moveVolume } from "../storage/move-volume.task.ts";
import { createVolume, deleteVolume } from "../storage/volume.task.ts";
import { cloneVm, createVm } from "./create-vm.task.ts";
import { createProgressHub } from "./progress-hub.ts";
import { deleteVm } from "./delete-vm.task.ts";
import { modifyVm } from "./modify-vm.task.ts";
import { attachCdrom, detachCdrom } from "./vm-media.task.ts";
import { powerVm } from "./power-vm.task.ts";
import { attachNic, attachVolume, detachNic, detachVolume } from "./vm-devices.task.ts";

/*
 * Every task of the domain, failed, killed and done twice at every step. What is left is read from the database, from
 * both hosts and from the datastore, and compared with what was there before.
 */

interface Scene {
  /** Makes what the task works on; gives what submits it. */
  prepare(world: ComputeWorld): Promise<(tasks: TaskEngine) => Promise<{ taskId: number; id: number }>>;
  /** Throws unless the task has done what it promises. */
  done(world: ComputeWorld, id: number): Promise<void>;
  /** For what cannot be taken back: throws unless the world is as true as it can be. Default: all is as before. */
  left?(world: ComputeWorld, id: number): Promise<void>;
}

const clean = (world: ComputeWorld) =>
  readBody(CreateVmRequest, {
    name: "vm",
    location: world.urns.cluster,
    osOptions: { osType: "Linux" },
    vmConfig: {
      cpu: { quantity: 1 },
      memory: { quantityMB: 256 },
      disks: [
        { sequenceNum: 1, quantityGB: 1, datastoreUrn: world.urns.datastore, isThin: true },
        { sequenceNum: 2, quantityGB: 1, datastoreUrn: world.urns.datastore },
      ],
      nics: [{ portGroupUrn: world.urns.portGroup }],
    },
  });

async function vm(world: ComputeWorld, isBooted: boolean): Promise<number> {
  const begun = await world.vms.create(OPERATOR, { ...clean(world), autoBoot: isBooted });
  await world.done(begun);
  return begun.id;
}

async function volume(world: ComputeWorld): Promise<number> {
  const begun = await world.volumes.create(OPERATOR, {
    quantityGB: 1,
    datastoreUrn: world.urns.datastore,
    isThin: true,
  });
  await world.done(begun);
  return begun.id;
}

/** All that could be left behind, without what may change by itself (times, generations). */
async function everything(world: ComputeWorld): Promise<unknown> {
  const { rows } = await world.database.pool.query(`select
    (select coalesce(json_agg(json_build_object('id', id, 'state', state, 'name', name, 'template', is_template,
       'cpu', cpu, 'memory', memory, 'host', host_id, 'cdrom', cdrom) order by id), '[]') from vms) as vms,
    (select coalesce(json_agg(n order by mac), '[]') from nics n) as nics,
    (select coalesce(json_agg(json_build_object('id', id, 'status', status) order by id), '[]') from volumes) as volumes,
    (select coalesce(json_agg(a order by volume_id), '[]') from attachments a) as attachments,
    (select count(*) from task_locks) as locks, (select count(*) from host_cleanups) as cleanups,
    (select count(*) from task_secrets) as secrets, (select count(*) from browser_media) as media`);
  const domains = world.sims.map((sim) =>
    [...sim.vms.values()]
      .map(({ spec, power }) => ({
        id: spec.vmId,
        power,
        cpu: spec.cpu.count,
        disks: spec.disks.map((disk) => disk.volumeUuid).toSorted(),
        nics: spec.nics.map((nic) => nic.mac).toSorted(),
        cdrom: spec.cdrom,
      }))
      .toSorted((a, b) => a.id.localeCompare(b.id)),
  );
  const files = [...world.store.volumes()].map((each) => each.volumeUuid).toSorted();
  return { rows: rows[0], domains, files };
}

function matrix(definition: AnyTask, scene: Scene): void {
  crashMatrix({
    definition,
    makeWorld: async () => {
      const world = await computeWorld();
      const submit = await scene.prepare(world);
      await world.tasks.stop();
      const before = await everything(world);
      let id = 0;
      return {
        engineOptions: {
          pool: world.database.pool,
          ports: {
            database: world.database,
            fleet: world.fleet,
            log: silentLog,
            progress: createProgressHub(),
          },
          log: silentLog,
          idSequence: OBJECT_ID_SEQUENCE,
        },
        submit: async (engine) => {
          const begun = await submit(engine);
          id = begun.id;
          return begun.taskId;
        },
        expectDone: async () => {
          await scene.done(world, id);
          const { rows } = await world.database.pool.query("select count(*)::int as n from task_locks");
          assert.equal(rows[0].n, 0);
        },
        expectNothingLeft: async () => {
          // What a reconciler would put right in its next round counts as right.
          for (const hostId of world.hostIds) await world.reconciler.reconcileHost(hostId);
          if (scene.left) return scene.left(world, id);
          assert.deepEqual(await everything(world), before);
        },
        dispose: async () => world[Symbol.asyncDispose](),
      };
    },
  });
}

const power = async (world: ComputeWorld, id: number): Promise<string | undefined> => {
  const { vm: row } = await world.vms.get(id);
  const sim = world.sims[world.hostIds.indexOf(row.hostId ?? 0)];
  const there = sim?.vms.get(row.uuid)?.power;
  assert.equal(world.sims.filter((each) => each.vms.has(row.uuid)).length, 1, "defined on one host");
  return `${row.state} ${there}`;
};

matrix(createVm, {
  prepare: async (world) => (tasks) => world.services(tasks).vms.create(OPERATOR, clean(world)),
  done: async (world, id) => {
    assert.equal(await power(world, id), "running running");
    assert.equal([...world.store.volumes()].length, 2);
  },
});

matrix(cloneVm, {
  prepare: async (world) => {
    const source = await vm(world, false);
    return (tasks) =>
      world
        .services(tasks)
        .vms.clone(
          OPERATOR,
          source,
          readBody(CloneVmRequest, { vmCustomization: { hostname: "h", password: "secret-1A" } }),
        );
  },
  done: async (world, id) => {
    assert.equal(await power(world, id), "running running");
    assert.equal([...world.store.volumes()].length, 4);
  },
});

for (const action of ["start", "pause", "hibernate", "stop"] as const) {
  matrix(powerVm, {
    prepare: async (world) => {
      const id = await vm(world, action !== "start");
      return (tasks) => {
        const { vms } = world.services(tasks);
        return action === "stop" ? vms.stop(OPERATOR, id, "force") : vms[action](OPERATOR, id);
      };
    },
    done: async (world, id) => {
      const ends = { start: "running", pause: "paused", hibernate: "hibernated", stop: "stopped" }[action];
      assert.equal(await power(world, id), `${ends} ${ends}`);
    },
    ...(action === "stop"
      ? {
          left: async (world: ComputeWorld, id: number) =>
            assert.match(String(await power(world, id)), /^(\w+) \1$/),
        }
      : {}),
  });
}

matrix(modifyVm, {
  prepare: async (world) => {
    const id = await vm(world, false);
    return (tasks) => world.services(tasks).vms.modify(OPERATOR, id, { name: "new", cpu: { quantity: 2 } });
  },
  done: async (world, id) => {
    const { vm: row } = await world.vms.get(id);
    assert.deepEqual([row.name, row.cpu.count], ["new", 2]);
    assert.equal(
      world.sims.flatMap((sim) => [...sim.vms.values()]).find((each) => each.spec.vmUuid === row.uuid)?.spec
        .cpu.count,
      2,
    );
  },
});

matrix(attachVolume, {
  prepare: async (world) => {
    const [id, volumeId] = [await vm(world, true), await volume(world)];
    const volUrn = `urn:sites:00000000:volumes:${volumeId}`;
    return (tasks) => world.services(tasks).vms.attachVolume(OPERATOR, id, { volUrn });
  },
  done: async (world, id) => assert.equal((await world.vms.get(id)).disks.length, 3),
});

matrix(detachVolume, {
  prepare: async (world) => {
    const [id, volumeId] = [await vm(world, true), await volume(world)];
    const volUrn = `urn:sites:00000000:volumes:${volumeId}`;
    await world.done(await world.vms.attachVolume(OPERATOR, id, { volUrn }));
    return (tasks) => world.services(tasks).vms.detachVolume(OPERATOR, id, { volUrn });
  },
  done: async (world, id) => assert.equal((await world.vms.get(id)).disks.length, 2),
});

matrix(attachNic, {
  prepare: async (world) => {
    const id = await vm(world, true);
    return (tasks) =>
      world.services(tasks).vms.attachNic(OPERATOR, id, { portGroupUrn: world.urns.portGroup });
  },
  done: async (world, id) => assert.equal((await world.vms.get(id)).nics.length, 2),
});

matrix(detachNic, {
  prepare: async (world) => {
    const id = await vm(world, true);
    return (tasks) => world.services(tasks).vms.detachNic(OPERATOR, id, 0);
  },
  done: async (world, id) => assert.equal((await world.vms.get(id)).nics.length, 0),
});

const ISO = "rescue.iso";

/** A VM, and a file in the library. */
async function vmAndIso(world: ComputeWorld, isBooted: boolean): Promise<{ id: number; devicePath: string }> {
  return { id: await vm(world, isBooted), devicePath: await world.addIso(ISO) };
}

/** Name of the file in the drive by the row and by the host that has the VM. */
const cdOf = async (world: ComputeWorld, id: number): Promise<unknown[]> => {
  const { vm: row } = await world.vms.get(id);
  const spec = world.sims.map((sim) => sim.vms.get(row.uuid)?.spec).find((each) => each !== undefined);
  return [row.cdrom?.name, spec?.cdrom?.kind === "iso" ? spec.cdrom.name : spec?.cdrom?.kind];
};

for (const isBooted of [true, false]) {
  matrix(attachCdrom, {
    prepare: async (world) => {
      const { id, devicePath } = await vmAndIso(world, isBooted);
      return (tasks) => world.services(tasks).vms.attachCdrom(OPERATOR, id, { devicePath });
    },
    done: async (world, id) => assert.deepEqual(await cdOf(world, id), [ISO, ISO]),
  });
}

matrix(attachCdrom, {
  prepare: async (world) => {
    const id = await vm(world, true);
    const request = { name: "local.iso", sizeBytes: 4096 };
    return (tasks) => world.services(tasks).vms.attachBrowserCdrom(OPERATOR, id, request);
  },
  done: async (world, id) => assert.deepEqual(await cdOf(world, id), ["local.iso", "browser"]),
});

matrix(detachCdrom, {
  prepare: async (world) => {
    const { id, devicePath } = await vmAndIso(world, true);
    await world.done(await world.vms.attachCdrom(OPERATOR, id, { devicePath }));
    return (tasks) => world.services(tasks).vms.detachCdrom(OPERATOR, id);
  },
  done: async (world, id) => assert.deepEqual(await cdOf(world, id), [undefined, undefined]),
});

matrix(deleteVm, {
  prepare: async (world) => {
    const id = await vm(world, true);
    return (tasks) => world.services(tasks).vms.remove(OPERATOR, id, { isKeepingDisks: false });
  },
  done: async (world) => {
    assert.deepEqual(
      world.sims.map((sim) => sim.vms.size),
      [0, 0],
    );
    assert.equal([...world.store.volumes()].length, 0);
    const { rows } = await world.database.pool.query(
      "select (select count(*) from vms) + (select count(*) from volumes) as n",
    );
    assert.equal(rows[0].n, "0");
  },
});

matrix(createVolume, {
  prepare: async (world) => (tasks) =>
    world
      .services(tasks)
      .volumes.create(OPERATOR, { quantityGB: 1, datastoreUrn: world.urns.datastore, isThin: true }),
  done: async (world, id) => assert.equal((await world.volumes.get(id)).status, "inUse"),
});

/** A VM's first disk: its row, and the file of it that the simulated hosts have. */
async function systemDisk(world: ComputeWorld, id: number) {
  const disk = (await world.vms.get(id)).disks[0];
  assert.ok(disk);
  return { ...disk.volume, file: world.store.find(disk.volume.uuid) };
}

for (const isBooted of [true, false]) {
  matrix(growVolume, {
    prepare: async (world) => {
      const { id: volumeId } = await systemDisk(world, await vm(world, isBooted));
      return (tasks) => world.services(tasks).volumes.grow(OPERATOR, volumeId, { size: 2048 });
    },
    done: async (world, id) => {
      const row = await world.volumes.get(id);
      assert.deepEqual([row.status, row.sizeBytes], ["inUse", 2 * GiB]);
      assert.equal(world.store.find(row.uuid)?.sizeBytes, 2 * GiB);
    },
    left: async (world, id) => {
      const row = await world.volumes.get(id);
      assert.equal(row.status, "inUse");
      assert.equal(world.store.find(row.uuid)?.sizeBytes, row.sizeBytes, "the row says what is");
    },
  });
}

for (const hasVm of [true, false]) {
  matrix(moveVolume, {
    prepare: async (world) => {
      const datastoreUrn = await world.addDatastore();
      const volumeId = hasVm ? (await systemDisk(world, await vm(world, false))).id : await volume(world);
      world.store.write((await world.volumes.get(volumeId)).uuid, "base", "data");
      return (tasks) => world.services(tasks).volumes.move(OPERATOR, volumeId, { datastoreUrn, speed: 100 });
    },
    done: async (world, id) => {
      const { uuid, status, datastoreName } = await world.volumes.get(id);
      assert.deepEqual([status, datastoreName], ["inUse", "other"]);
      assert.equal(world.store.find(uuid), undefined);
      assert.deepEqual(world.otherStore.content(uuid, "base"), ["data"]);
      if (!hasVm) return;
      const specs = world.sims.flatMap((sim) => [...sim.vms.values()].map(({ spec }) => spec));
      const disk = specs.flatMap(({ disks }) => disks).find((each) => each.volumeUuid === uuid);
      const row = await world.volumes.get(id);
      assert.equal(disk?.datastoreId, String(row.datastoreId));
    },
    left: async (world, id) => {
      const { uuid, status, datastoreName } = await world.volumes.get(id);
      assert.deepEqual([status, datastoreName], ["inUse", "shared"]);
      assert.deepEqual(world.store.content(uuid, "base"), ["data"]);
      assert.equal(world.otherStore.find(uuid), undefined);
    },
  });
}

const limitsOf = async (world: ComputeWorld, volumeId: number): Promise<unknown[]> => {
  const { uuid, ioLimits } = await world.volumes.get(volumeId);
  const disks = world.sims.flatMap((sim) => [...sim.vms.values()].flatMap((each) => each.live?.disks ?? []));
  return [ioLimits.readIops, disks.find((disk) => disk.volumeUuid === uuid)?.readIops];
};

matrix(tuneVolume, {
  prepare: async (world) => {
    const { id: volumeId } = await systemDisk(world, await vm(world, true));
    const limits = { maxReadBytes: 0, maxWriteBytes: 0, maxReadRequest: 500, maxWriteRequest: 0 };
    return (tasks) => world.services(tasks).volumes.tune(OPERATOR, volumeId, limits);
  },
  done: async (world, id) => assert.deepEqual(await limitsOf(world, id), [500, 500]),
  left: async (world, id) => assert.deepEqual(await limitsOf(world, id), [0, 0]),
});

matrix(deleteVolume, {
  prepare: async (world) => {
    const id = await volume(world);
    return (tasks) => world.services(tasks).volumes.remove(OPERATOR, id, { isWiped: true });
  },
  done: async (world) => assert.equal([...world.store.volumes()].length, 0),
});
