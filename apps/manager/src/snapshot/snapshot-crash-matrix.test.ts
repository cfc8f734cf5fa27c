import assert from "node:assert/strict";
import { silentLog } from "@sinter/kit";
import { CloneVmRequest, CreateVmRequest, readBody } from "@sinter/northbound";
import type { AnyTask, TaskEngine } from "@sinter/tasks";
import { crashMatrix } from "@sinter/testing";
import { createProgressHub } from "../compute/progress-hub.ts";
import { cloneVm } from "../compute/create-vm.task.ts";
import { OBJECT_ID_SEQUENCE } from "../database/ids.ts";
import { type ComputeWorld, computeWorld, OPERATOR } from "../testing/compute-world.ts";
import { createSnapshot, deleteSnapshot, revertSnapshot } from "./snapshot.task.ts";

/*
 * Every task on snapshots, failed, killed and done twice at every step. What guests would read is compared with what
 * they wrote, and the files that are there with those that the manager knows.
 */

interface Scene {
  prepare(world: ComputeWorld, vmId: number): Promise<(tasks: TaskEngine) => Promise<{ taskId: number }>>;
  done(world: ComputeWorld, vmId: number): Promise<void>;
}

async function makeVm(world: ComputeWorld, isBooted: boolean): Promise<number> {
  const begun = await world.vms.create(
    OPERATOR,
    readBody(CreateVmRequest, {
      name: "vm",
      location: world.urns.cluster,
      autoBoot: isBooted,
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
    }),
  );
  await world.done(begun);
  return begun.id;
}

/** Plays the guest: writes the token to every disk. */
async function write(world: ComputeWorld, vmId: number, token: string): Promise<void> {
  for (const { volume } of (await world.vms.get(vmId)).disks)
    world.store.write(volume.uuid, volume.activeFile, token);
}

/** What the guest reads on its disks. */
async function read(world: ComputeWorld, vmId: number): Promise<string[]> {
  const { disks } = await world.vms.get(vmId);
  return disks.map(({ volume }) => world.store.content(volume.uuid, volume.activeFile).join(" "));
}

async function take(
  world: ComputeWorld,
  vmId: number,
  name: string,
  needMemoryShot = false,
): Promise<number> {
  const begun = await world.snapshots.create(OPERATOR, vmId, { name, needMemoryShot });
  await world.done(begun);
  return begun.id;
}

/** Files by the manager's rows and in the datastore must be the same, and the VM on the one that the rows say. */
async function assertFilesAgree(world: ComputeWorld): Promise<void> {
  const { rows } = await world.database.pool.query(
    "select v.uuid, o.file, o.backing from volume_overlays o join volumes v on v.id = o.volume_id",
  );
  const known = rows.map(({ uuid, file, backing }) => `${uuid} ${file} upon ${backing}`).toSorted();
  const there = [...world.store.volumes()]
    .flatMap(({ volumeUuid, files }) =>
      [...files].map(([file, { backing }]) => (backing ? `${volumeUuid} ${file} upon ${backing}` : "")),
    )
    .filter((line) => line !== "")
    .toSorted();
  assert.deepEqual(there, known);
  const { rows: actives } = await world.database.pool.query("select uuid, active_file from volumes");
  for (const sim of world.sims) {
    for (const vm of sim.vms.values()) {
      for (const disk of [...vm.spec.disks, ...(vm.live?.disks ?? [])]) {
        const active = actives.find(({ uuid }) => uuid === disk.volumeUuid)?.active_file;
        assert.equal(disk.file ?? "base", active, "the VM is on the file that the manager knows");
      }
    }
  }
  const { rows: kept } = await world.database.pool.query(
    "select count(*)::int as n from snapshots where memory_volume_id is not null",
  );
  assert.equal(world.store.memories.size, kept[0].n, "memory is there for each snapshot that has it");
}

/** What must be as before when a task was taken back; what the guest reads included. */
async function everything(world: ComputeWorld): Promise<unknown> {
  const { rows } = await world.database.pool.query(`select
    (select coalesce(json_agg(json_build_object('id', id, 'state', state, 'host', host_id, 'cpu', cpu) order by id), '[]')
       from vms) as vms,
    (select coalesce(json_agg(json_build_object('id', id, 'status', status, 'active', active_file, 'size', size_bytes)
       order by id), '[]') from volumes) as volumes,
    (select coalesce(json_agg(s order by id), '[]') from snapshots s) as snapshots,
    (select coalesce(json_agg(o order by volume_id, file), '[]') from volume_overlays o) as overlays,
    (select count(*) from task_locks) as locks`);
  const contents = [];
  for (const { vmId } of (await world.database.pool.query(`select id::int as "vmId" from vms order by id`))
    .rows)
    contents.push(await read(world, vmId));
  return { rows: rows[0], contents };
}

function matrix(definition: AnyTask, isBooted: boolean, scene: Scene): void {
  crashMatrix({
    definition,
    makeWorld: async () => {
      const world = await computeWorld();
      const vmId = await makeVm(world, isBooted);
      await write(world, vmId, "a");
      const submit = await scene.prepare(world, vmId);
      await world.tasks.stop();
      const before = await everything(world);
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
        submit: async (engine) => (await submit(engine)).taskId,
        expectDone: async () => {
          await assertFilesAgree(world);
          await scene.done(world, vmId);
          const { rows } = await world.database.pool.query("select count(*)::int as n from task_locks");
          assert.equal(rows[0].n, 0);
          for (const hostId of world.hostIds) await world.reconciler.reconcileHost(hostId);
          await assertFilesAgree(world);
        },
        expectNothingLeft: async () => {
          await assertFilesAgree(world);
          assert.deepEqual(await everything(world), before);
          for (const hostId of world.hostIds) await world.reconciler.reconcileHost(hostId);
          await assertFilesAgree(world);
        },
        dispose: async () => world[Symbol.asyncDispose](),
      };
    },
  });
}

const stateOf = async (world: ComputeWorld, vmId: number): Promise<string> => {
  const { vm } = await world.vms.get(vmId);
  const there = world.sims.flatMap((sim) => sim.vms.get(vm.uuid)?.power ?? []);
  return [vm.state, ...there].join(" ");
};

for (const isBooted of [true, false]) {
  matrix(createSnapshot, isBooted, {
    prepare: async (world, vmId) => {
      await take(world, vmId, "earlier");
      await write(world, vmId, "b");
      const request = { name: "s", needMemoryShot: isBooted };
      return (tasks) => world.services(tasks).snapshots.create(OPERATOR, vmId, request);
    },
    done: async (world, vmId) => {
      await write(world, vmId, "c");
      assert.deepEqual(await read(world, vmId), ["a b c", "a b c"]);
      const [earlier, taken] = await world.snapshots.list(vmId);
      assert.deepEqual([taken?.status, taken?.isCurrent, taken?.parentId], ["ready", true, earlier?.id]);
    },
  });

  matrix(deleteSnapshot, isBooted, {
    prepare: async (world, vmId) => {
      const gone = await take(world, vmId, "first", isBooted);
      await write(world, vmId, "b");
      await take(world, vmId, "second");
      await write(world, vmId, "c");
      return (tasks) => world.services(tasks).snapshots.remove(OPERATOR, vmId, gone);
    },
    done: async (world, vmId) => {
      assert.deepEqual(await read(world, vmId), ["a b c", "a b c"]);
      const left = await world.snapshots.list(vmId);
      assert.deepEqual(
        left.map(({ name, parentId, isCurrent }) => ({ name, parentId, isCurrent })),
        [{ name: "second", parentId: null, isCurrent: true }],
      );
    },
  });

  matrix(revertSnapshot, isBooted, {
    prepare: async (world, vmId) => {
      const first = await take(world, vmId, "first", isBooted);
      await write(world, vmId, "b");
      await take(world, vmId, "second");
      await write(world, vmId, "c");
      return (tasks) => world.services(tasks).snapshots.revert(OPERATOR, vmId, first);
    },
    done: async (world, vmId) => {
      assert.deepEqual(await read(world, vmId), ["a", "a"]);
      assert.equal(await stateOf(world, vmId), isBooted ? "running running" : "stopped stopped");
      const current = (await world.snapshots.list(vmId)).filter(({ isCurrent }) => isCurrent);
      assert.deepEqual(
        current.map(({ name, status }) => `${name} ${status}`),
        ["first ready"],
      );
    },
  });
}

matrix(cloneVm, false, {
  prepare: async (world, vmId) => {
    const request = readBody(CloneVmRequest, { name: "linked", isLinkClone: true });
    return (tasks) => world.services(tasks).vms.clone(OPERATOR, vmId, request);
  },
  done: async (world, vmId) => {
    const { rows } = await world.database.pool.query("select id::int from vms where is_link_clone");
    assert.equal(rows.length, 1);
    const { disks } = await world.vms.get(vmId);
    const clone = await world.vms.get(rows[0].id);
    assert.equal(clone.disks[0]?.volume.baseVolumeId, disks[0]?.volume.id);
    assert.equal(clone.disks[1]?.volume.baseVolumeId, null);
    assert.deepEqual(await read(world, rows[0].id), ["a", "a"]);
    await assert.rejects(world.vms.start(OPERATOR, vmId), { code: "VM_HAS_CLONES" });
  },
});
