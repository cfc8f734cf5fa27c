import { LIMITS } from "@sinter/rules";
import { GiB, MiB } from "@sinter/kit";
import type {
  ExpandVolumeRequest,
  MigrateVolumeRequest,
  ModifyVolumeLimitsRequest,
} from "@sinter/northbound";
import { VM_EDITS, type VmEditName } from "@sinter/rules";
import type { Provisioning } from "@sinter/southbound";
import type { TaskEngine } from "@sinter/tasks";
import { checkRoom } from "../compute/room.ts";
import { vmErrors } from "../compute/vm.errors.ts";
import { vmStore } from "../compute/vm.store.ts";
import type { Vm } from "../compute/vm.ts";
import { datastoreIdOf, ioLimitsFrom } from "../compute/vm-draft.ts";
import { vmLock, volumeLock } from "../compute/vm-work.ts";
import type { Database, Tx } from "../database/database.ts";
import type { Fleet } from "../fleet/fleet.ts";
import type { Actor } from "../identity/user.ts";
import { snapshotErrors } from "../snapshot/snapshot.errors.ts";
import { snapshotStore } from "../snapshot/snapshot.store.ts";
import { growVolume, type GrowVolumeInput, tuneVolume, type TuneVolumeInput } from "./change-volume.task.ts";
import { moveVolume, type MoveVolumeInput } from "./move-volume.task.ts";
import { formatFor } from "./volume.ts";
import { volumeErrors } from "./volume.errors.ts";
import { volumeStore, type VolumeView } from "./volume.store.ts";

interface Begun {
  readonly taskId: number;
  readonly id: number;
}

/** Larger volumes and other limits, attached or not, running or not. */
export function createVolumeChanges(parts: {
  readonly database: Database;
  readonly tasks: TaskEngine;
  readonly fleet: Fleet;
  readonly hostFor: (datastoreId: number) => Promise<number>;
  readonly guarded: <T>(work: () => Promise<T>) => Promise<T>;
}) {
  const { database, tasks, hostFor, guarded } = parts;

  const begin = async (work: (tx: Tx) => Promise<Begun>): Promise<Begun> => {
    const begun = await guarded(() => database.transaction(work));
    tasks.kick();
    return begun;
  };

  /** The volume and the VMs that have it, all fit for the change. */
  async function requireUsable(
    tx: Tx,
    id: number,
    doing: VmEditName,
  ): Promise<{ volume: VolumeView; vms: Vm[] }> {
    const volume = await volumeStore(tx.db).find(id);
    if (!volume) throw volumeErrors.notFound(id);
    if (volume.status !== "inUse") throw volumeErrors.notReady(id, volume.status);
    const vms: Vm[] = [];
    for (const { vmId } of volume.attachedTo) {
      const whole = await vmStore(tx.db).findWhole(vmId);
      if (!whole) continue;
      if (!(VM_EDITS[doing] as readonly string[]).includes(whole.vm.state))
        throw vmErrors.wrongState(vmId, doing, whole.vm.state);
      vms.push(whole.vm);
    }
    return { volume, vms };
  }

  const locksOf = (id: number, vms: readonly Vm[]): string[] => [
    volumeLock(id),
    ...vms.map((vm) => vmLock(vm.id)),
  ];

  return {
    async grow(actor: Actor, id: number, request: ExpandVolumeRequest): Promise<Begun> {
      const known = await volumeStore(database.db).find(id);
      if (!known) throw volumeErrors.notFound(id);
      const anyHost = known.attachedTo.length > 0 ? undefined : await hostFor(known.datastoreId);
      return begin(async (tx) => {
        const { volume, vms } = await requireUsable(tx, id, "growVolume");
        const snapshots = snapshotStore(tx.db);
        if (volume.activeFile !== "base" || (await snapshots.hasVolume(id)))
          throw volumeErrors.hasSnapshots(id);
        if (await snapshots.isBase(id)) throw snapshotErrors.volumeHasClones(id);
        const sizeBytes = request.size * MiB;
        if (sizeBytes <= volume.sizeBytes || sizeBytes > LIMITS.diskGiB.max * GiB)
          throw volumeErrors.sizeWrong(id, volume.sizeBytes, LIMITS.diskGiB.max);
        const running = vms.filter((vm) => vm.state !== "stopped");
        // One QEMU would be told, the others not.
        if (running.length > 0 && vms.length > 1) throw volumeErrors.sharedRuns(id);
        if (running.length > 0 && !volume.isPersistent) throw volumeErrors.nonPersistentRuns(id);
        const [vm] = vms;
        const hostId = vm?.hostId ?? anyHost;
        if (hostId === undefined) throw vmErrors.hostAway(vm?.id ?? 0);
        await checkRoom(tx.db, [{ ...volume, sizeBytes: sizeBytes - volume.sizeBytes }]);
        await volumeStore(tx.db).setStatus([id], "resizing");
        const input: GrowVolumeInput = { volumeId: id, hostId, vmUuid: vm?.uuid ?? null, sizeBytes };
        const taskId = await tasks.submit(tx.client, growVolume, {
          input,
          entity: { urn: volumeLock(id), name: volume.name },
          user: actor.userName,
          locks: locksOf(id, vms),
        });
        return { taskId, id };
      });
    },

    /** Moves a volume that no VM runs with to another datastore. */
    async move(actor: Actor, id: number, request: MigrateVolumeRequest): Promise<Begun> {
      return begin(async (tx) => {
        const { volume, vms } = await requireUsable(tx, id, "moveVolume");
        const datastoreId = await datastoreIdOf(tx.db, request.datastoreUrn);
        if (datastoreId === volume.datastoreId) throw volumeErrors.moveWithinDatastore(id);
        const snapshots = snapshotStore(tx.db);
        if (volume.activeFile !== "base" || (await snapshots.hasVolume(id)))
          throw volumeErrors.hasSnapshots(id);
        if (volume.isShared) throw volumeErrors.moveRefused(id, "it is shared");
        if (volume.baseVolumeId !== null) throw volumeErrors.moveRefused(id, "it is a linked clone's");
        if (await snapshots.isBase(id)) throw snapshotErrors.volumeHasClones(id);
        const provisioning = convertedTo(volume.provisioning, request.migrateType);
        const [vm] = vms;
        const store = volumeStore(tx.db);
        const [here, there] = [
          await store.hostsReaching(volume.datastoreId),
          await store.hostsReaching(datastoreId),
        ];
        const both = here.filter((hostId) => there.includes(hostId));
        // The definition stays where it is, and so must the disk be reachable.
        const candidates =
          vm === undefined || vm.hostId === null ? both : both.filter((hostId) => hostId === vm.hostId);
        const hostId = candidates.find((one) => parts.fleet.isConnected(one));
        if (hostId === undefined) throw volumeErrors.noHostForMove();
        const taken = provisioning === "thin" ? volume.allocatedBytes : volume.sizeBytes;
        await checkRoom(tx.db, [{ ...volume, datastoreId, provisioning: "thick", sizeBytes: taken }]);
        await store.setStatus([id], "copying");
        const input: MoveVolumeInput = {
          volumeId: id,
          hostId,
          vmId: vm?.id ?? null,
          from: { datastoreId: volume.datastoreId, format: volume.format },
          to: { datastoreId, provisioning, format: formatFor(provisioning) },
          bytesPerSec: request.speed * MiB,
        };
        const taskId = await tasks.submit(tx.client, moveVolume, {
          input,
          entity: { urn: volumeLock(id), name: volume.name },
          user: actor.userName,
          locks: locksOf(id, vms),
        });
        return { taskId, id };
      });
    },

    async tune(actor: Actor, id: number, request: ModifyVolumeLimitsRequest): Promise<Begun> {
      return begin(async (tx) => {
        const { volume, vms } = await requireUsable(tx, id, "tuneVolume");
        if (volume.isShared) throw volumeErrors.sharedLimits(id);
        const users = vms.flatMap((vm) =>
          vm.hostId === null ? [] : [{ vmId: vm.id, vmUuid: vm.uuid, hostId: vm.hostId }],
        );
        const input: TuneVolumeInput = {
          volumeId: id,
          from: volume.ioLimits,
          to: ioLimitsFrom(request),
          users,
        };
        const taskId = await tasks.submit(tx.client, tuneVolume, {
          input,
          entity: { urn: volumeLock(id), name: volume.name },
          user: actor.userName,
          locks: locksOf(id, vms),
        });
        return { taskId, id };
      });
    },
  };
}

const MIGRATE_TYPES = ["lazy", "thin", "thick"] as const satisfies readonly Provisioning[];

/** A normal disk may become any kind, a lazily zeroed one thin or stay, a thin one stays thin (SMG-11). */
export function convertedTo(is: Provisioning, migrateType: number | undefined): Provisioning {
  const wanted = migrateType === undefined ? undefined : MIGRATE_TYPES[migrateType];
  if (wanted === undefined) return is === "lazy" ? "thin" : is;
  if (is === "thick" || wanted === "thin" || wanted === is) return wanted;
  throw volumeErrors.moveConversion(is, wanted);
}
