import { randomUUID } from "node:crypto";
import { AppError } from "@sinter/kit";
import { type CreateVolumeRequest, type ModifyVolumeRequest, parseUrn } from "@sinter/northbound";
import type { TaskEngine } from "@sinter/tasks";
import { GiB } from "@sinter/kit";
import { checkRoom } from "../compute/room.ts";
import { checkVolumeRules, datastoreIdOf } from "../compute/vm-draft.ts";
import { readUuid } from "../compute/vm-shape.ts";
import { vmStore } from "../compute/vm.store.ts";
import { volumeLock } from "../compute/vm-work.ts";
import type { Database } from "../database/database.ts";
import { violatedConstraint } from "../database/database.ts";
import { nextId } from "../database/ids.ts";
import type { Fleet } from "../fleet/fleet.ts";
import type { Page, Query } from "../http/query.ts";
import type { Actor } from "../identity/user.ts";
import { snapshotErrors } from "../snapshot/snapshot.errors.ts";
import { snapshotStore } from "../snapshot/snapshot.store.ts";
import { createVolumeChanges } from "./volume-changes.service.ts";
import { volumeErrors } from "./volume.errors.ts";
import { type NewVolume, type VolumeFilter, volumeStore, type VolumeView } from "./volume.store.ts";
import { createVolume, deleteVolume, type VolumeInput } from "./volume.task.ts";
import { formatFor, provisioningFrom, UNLIMITED_IO } from "./volume.ts";

export interface VolumeServiceParts {
  readonly database: Database;
  readonly tasks: TaskEngine;
  readonly fleet: Fleet;
}

export function createVolumeService({ database, tasks, fleet }: VolumeServiceParts) {
  const get = async (id: number): Promise<VolumeView> => {
    const volume = await volumeStore(database.db).find(id);
    if (!volume) throw volumeErrors.notFound(id);
    return volume;
  };

  /** A host that can work on a datastore now: connected ones first. */
  const hostFor = async (datastoreId: number): Promise<number> => {
    const reaching = await volumeStore(database.db).hostsReaching(datastoreId);
    const host = reaching.find((id) => fleet.isConnected(id)) ?? reaching[0];
    if (host === undefined) throw volumeErrors.noHost(datastoreId);
    return host;
  };

  return {
    get,
    ...createVolumeChanges({ database, tasks, fleet, hostFor, guarded }),

    list: (filter: VolumeFilter, page: Page) => volumeStore(database.db).list(filter, page),

    async create(actor: Actor, request: CreateVolumeRequest): Promise<{ taskId: number; id: number }> {
      const datastoreId = await datastoreIdOf(database.db, request.datastoreUrn);
      const hostId = await hostFor(datastoreId);
      const isShared = request.type === "share";
      const provisioning = provisioningFrom(request);
      checkVolumeRules({
        isShared,
        provisioning,
        isPersistent: request.persistentDisk ?? true,
        isIndependent: request.indepDisk,
      });
      const begun = await guarded(() =>
        database.transaction(async (tx) => {
          const id = await nextId(tx.db);
          // A client's own uuid is usable as ours when it is one; otherwise it is only returned.
          const uuid = readUuid(request.uuid) ?? randomUUID();
          const volume: NewVolume = {
            id,
            uuid,
            name: request.name || `volume-${id}`,
            datastoreId,
            sizeBytes: request.quantityGB * GiB,
            provisioning,
            format: formatFor(provisioning),
            isShared,
            isIndependent: isShared || (request.indepDisk ?? false),
            isPersistent: request.persistentDisk ?? true,
            status: "creating",
            ioLimits: UNLIMITED_IO,
            origin: request.sourceImage ? { kind: "image", datastoreId, name: request.sourceImage } : null,
            customProperties: {
              ...request.customProperties,
              ...(request.uuid ? { external_uuid: request.uuid } : {}),
            },
          };
          await checkRoom(tx.db, [volume]);
          await volumeStore(tx.db).insert([volume]);
          const input: VolumeInput = { volumeId: id, hostId };
          const taskId = await tasks.submit(tx.client, createVolume, {
            input,
            entity: { urn: volumeLock(id), name: volume.name },
            user: actor.userName,
            locks: [volumeLock(id)],
          });
          return { taskId, id };
        }),
      );
      tasks.kick();
      return begun;
    },

    async remove(
      actor: Actor,
      id: number,
      options: { isWiped?: boolean } = {},
    ): Promise<{ taskId: number; id: number }> {
      const hostId = await hostFor((await get(id)).datastoreId);
      const begun = await guarded(() =>
        database.transaction(async (tx) => {
          const store = volumeStore(tx.db);
          const volume = await store.find(id);
          if (!volume) throw volumeErrors.notFound(id);
          if (volume.attachedTo.length > 0) throw volumeErrors.boundToVm(id);
          if (volume.status !== "inUse" && volume.status !== "fault")
            throw volumeErrors.notReady(id, volume.status);
          if (await snapshotStore(tx.db).isBase(id)) throw snapshotErrors.volumeHasClones(id);
          await store.setStatus([id], "deleting");
          const input: VolumeInput = { volumeId: id, hostId, isWiped: options.isWiped ?? false };
          const taskId = await tasks.submit(tx.client, deleteVolume, {
            input,
            entity: { urn: volumeLock(id), name: volume.name },
            user: actor.userName,
            locks: [volumeLock(id)],
          });
          return { taskId, id };
        }),
      );
      tasks.kick();
      return begun;
    },

    async modify(id: number, request: ModifyVolumeRequest): Promise<void> {
      const volume = await get(id);
      const isShared = request.type === undefined ? volume.isShared : request.type === "share";
      if (isShared !== volume.isShared && volume.attachedTo.length > 0) throw volumeErrors.cannotChangeType();
      const change = {
        name: request.name ?? volume.name,
        isShared,
        isIndependent: isShared || (request.indepDisk ?? volume.isIndependent),
        isPersistent: request.persistentDisk ?? volume.isPersistent,
      };
      checkVolumeRules({ ...change, provisioning: volume.provisioning });
      if (change.isIndependent !== volume.isIndependent && (await snapshotStore(database.db).hasVolume(id)))
        throw snapshotErrors.independenceFixed(id);
      await database.transaction(async ({ db }) => {
        if (change.isPersistent !== volume.isPersistent) {
          for (const { vmId } of volume.attachedTo) {
            const vm = await vmStore(db).find(vmId);
            if (vm !== undefined && vm.state !== "stopped") throw volumeErrors.persistenceFixed(id);
            // The next start defines it anew.
            await vmStore(db).bumpGeneration(vmId);
          }
        }
        await volumeStore(db).update(id, change);
      });
    },
  };
}
export type VolumeService = ReturnType<typeof createVolumeService>;

/** Reads the filters of the volume list (contract 2.15). */
export function volumeFilterFrom(query: Query): VolumeFilter {
  const scope = parseUrn(query.text("scope") ?? "");
  const urns = query.list("volUrns");
  const status = query.integer("attachstatus");
  const pciType = query.text("pciType")?.toLowerCase();
  const name = query.text("name");
  const uuid = query.text("uuid");
  return {
    ...(name === undefined ? {} : { name }),
    ...(uuid === undefined ? {} : { uuid }),
    ...(urns.length > 0 && !scope && !name
      ? { ids: urns.slice(0, 50).map((urn) => parseUrn(urn)?.id ?? -1) }
      : {}),
    ...(scope?.kind === "datastores" && scope.id !== undefined ? { datastoreId: scope.id } : {}),
    ...(scope?.kind === "hosts" && scope.id !== undefined ? { hostId: scope.id } : {}),
    ...(status === 1 || status === 2 ? { isAttached: false } : status === 3 ? { isAttached: true } : {}),
    ...(pciType === "ide" || pciType === "scsi" || pciType === "virtio" ? { bus: pciType } : {}),
  };
}

async function guarded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof AppError && error.code === "OBJECT_BUSY")
      throw volumeErrors.busy(String(error.params.urn));
    if (violatedConstraint(error) === "volumes_uuid_unique") throw volumeErrors.uuidUsed("that was given");
    throw error;
  }
}
