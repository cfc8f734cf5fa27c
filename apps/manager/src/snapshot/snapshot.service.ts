import { randomBytes, randomUUID } from "node:crypto";
import { MiB } from "@sinter/kit";
import type { CreateSnapshotRequest, ModifySnapshotRequest } from "@sinter/northbound";
import type { MemoryFile } from "@sinter/southbound";
import { eq } from "drizzle-orm";
import { lockPlacement } from "../compute/placement.store.ts";
import { portGroupsOnHost } from "../compute/spec-reader.ts";
import { vmErrors } from "../compute/vm.errors.ts";
import { vmStore } from "../compute/vm.store.ts";
import { type Begun, createVmWork, volumeLock, type VmWorkParts } from "../compute/vm-work.ts";
import type { Vm, VmDisk, WholeVm } from "../compute/vm.ts";
import type { Tx } from "../database/database.ts";
import { nextId } from "../database/ids.ts";
import type { Fleet } from "../fleet/fleet.ts";
import type { Actor } from "../identity/user.ts";
import { datastores } from "../storage/datastore.table.ts";
import { snapshotErrors } from "./snapshot.errors.ts";
import { snapshotStore } from "./snapshot.store.ts";
import { createSnapshot, deleteSnapshot, type OverlayInput, revertSnapshot } from "./snapshot.task.ts";
import {
  isBackup,
  type Snapshot,
  type SnapshotDisk,
  type SnapshotShape,
  SNAPSHOTS_MAX,
  shapeDifference,
} from "./snapshot.ts";

/** A snapshot task: the object it works on is the snapshot, whose VM goes with it. */
export interface SnapshotBegun extends Begun {
  readonly vmId: number;
}

export interface SnapshotServiceParts extends VmWorkParts {
  readonly fleet: Fleet;
}

/** Snapshots of VMs (SNP-01 ff.). */
export function createSnapshotService(parts: SnapshotServiceParts) {
  const { database, fleet } = parts;
  const { begin, submit, getWhole, choose, refuseBusy, requireEdit } = createVmWork(parts);

  /** The VM, at rest, with nothing else going on. */
  const vmAtRest = async (
    tx: Tx,
    vmId: number,
    doing: "takeSnapshot" | "deleteSnapshot" | "revertSnapshot",
  ): Promise<WholeVm & { vm: Vm & { hostId: number } }> => {
    const whole = await getWhole(tx, vmId);
    const all = await snapshotStore(tx.db).ofVm(vmId);
    if (all.some(({ status }) => status !== "ready")) throw snapshotErrors.inProgress(vmId);
    await refuseBusy(vmId, tx.client);
    const { vm } = whole;
    if (vm.isTemplate) throw snapshotErrors.templateHasNone(vmId);
    if (vm.isLinkClone) throw snapshotErrors.linkedCloneHasNone(vmId);
    const clones = await snapshotStore(tx.db).clonesOf(vmId);
    if (clones.length > 0) throw snapshotErrors.hasClones(vmId, clones);
    if (vm.state === "hibernated" && doing === "takeSnapshot") throw snapshotErrors.isHibernated();
    requireEdit(vm, doing);
    const { hostId } = vm;
    if (hostId === null) throw vmErrors.hostAway(vmId);
    return { ...whole, vm: { ...vm, hostId } };
  };

  const findOf = async (db: Tx["db"], vmId: number, id: number): Promise<Snapshot> => {
    const snapshot = await snapshotStore(db).find(id);
    if (!snapshot) throw snapshotErrors.notFound(id);
    if (snapshot.vmId !== vmId) throw snapshotErrors.notOfVm(id, vmId);
    return snapshot;
  };

  /** Asked before the transaction begins: a guest may take seconds to answer. */
  const requireTools = async (vmId: number): Promise<void> => {
    const { vm } = await getWhole(database, vmId);
    if (vm.state !== "running" || vm.hostId === null || vm.guest?.agent === "running") return;
    const ping = { vmUuid: vm.uuid, command: "guest-ping", timeoutMs: 3_000 };
    try {
      await fleet.agent(vm.hostId).guestCommand(ping, { timeoutMs: 4_000 });
    } catch {
      throw snapshotErrors.toolsMissing();
    }
  };

  const locksOf = (disks: readonly VmDisk[]): string[] => disks.map(({ volume }) => volumeLock(volume.id));

  return {
    async list(vmId: number): Promise<Snapshot[]> {
      await getWhole(database, vmId);
      return snapshotStore(database.db).ofVm(vmId);
    },

    async get(
      vmId: number,
      id: number,
    ): Promise<{ snapshot: Snapshot; disks: SnapshotDisk[]; whole: WholeVm }> {
      const whole = await getWhole(database, vmId);
      const snapshot = await findOf(database.db, vmId, id);
      return { snapshot, disks: await snapshotStore(database.db).disksOf([id]), whole };
    },

    async create(actor: Actor, vmId: number, request: CreateSnapshotRequest): Promise<SnapshotBegun> {
      await requireTools(vmId);
      const begun = await begin(async (tx) => {
        const { vm, nics, disks: all } = await vmAtRest(tx, vmId, "takeSnapshot");
        const store = snapshotStore(tx.db);
        const type = request.type ?? "normal";
        const others = await store.ofVm(vmId);
        if (others.filter((one) => isBackup(one.type) === isBackup(type)).length >= SNAPSHOTS_MAX)
          throw snapshotErrors.tooMany(SNAPSHOTS_MAX);
        const hasMemory = request.needMemoryShot ?? false;
        if (hasMemory && vm.state !== "running") throw snapshotErrors.needsRunning();
        // SNP-10; shared disks are always independent.
        const included = all.filter(({ volume }) => !volume.isIndependent);
        const [first] = included;
        if (hasMemory && (included.length < all.length || first === undefined))
          throw snapshotErrors.excludedDisks();
        if (hasMemory && first) await requireRoom(tx, first.volume.datastoreId, vm.memory.sizeMiB);
        const [id, uuid] = [await nextId(tx.db), randomUUID()];
        const disks = included.map((disk) => withOverlay(disk, disk.volume.activeFile));
        const isConsistent = (request.isConsistent ?? false) && !hasMemory && vm.state === "running";
        await store.insert(
          {
            id,
            uuid,
            vmId,
            parentId: others.find(({ isCurrent }) => isCurrent)?.id ?? null,
            isCurrent: false,
            name: request.name,
            description: request.description ?? "",
            type,
            status: "creating",
            isConsistent,
            memoryVolumeId: hasMemory ? (first?.volume.id ?? null) : null,
            creator: actor.userName,
            shape: shapeOfWhole({ vm, nics, disks: all }),
          },
          included.map(({ volume, slot }) => ({
            snapshotId: id,
            volumeId: volume.id,
            slot,
            file: volume.activeFile,
            sizeBytes: volume.sizeBytes,
          })),
        );
        await store.addOverlays(
          disks.map(({ volumeId, file, overlay }) => ({ volumeId, file: overlay, backing: file })),
        );
        const memory = hasMemory && first ? memoryOf(first, uuid) : null;
        const where = { vmId, vmUuid: vm.uuid, hostId: vm.hostId, snapshotId: id };
        const input = { ...where, disks, isConsistent, memory };
        return { taskId: await submit(tx, actor, createSnapshot, { input, vm, locks: locksOf(all) }), id };
      });
      return { ...begun, vmId };
    },

    async modify(vmId: number, id: number, request: ModifySnapshotRequest): Promise<void> {
      await findOf(database.db, vmId, id);
      const { name, description } = request;
      if (name === undefined && description === undefined) return;
      await snapshotStore(database.db).update(id, {
        ...(name === undefined ? {} : { name }),
        ...(description === undefined ? {} : { description }),
      });
    },

    async remove(actor: Actor, vmId: number, id: number): Promise<SnapshotBegun> {
      const begun = await begin(async (tx) => {
        await findOf(tx.db, vmId, id);
        const { vm, disks } = await vmAtRest(tx, vmId, "deleteSnapshot");
        const snapshot = await findOf(tx.db, vmId, id);
        await snapshotStore(tx.db).update(id, { status: "deleting" });
        const where = { vmId, vmUuid: vm.uuid, hostId: vm.hostId, snapshotId: id };
        const input = { ...where, memory: memoryOfSnapshot(snapshot, disks) };
        return { taskId: await submit(tx, actor, deleteSnapshot, { input, vm, locks: locksOf(disks) }), id };
      });
      return { ...begun, vmId };
    },

    /** Goes back; a VM that ran runs again, one without memory from its boot on. */
    async revert(actor: Actor, vmId: number, id: number): Promise<SnapshotBegun> {
      const begun = await begin(async (tx) => {
        await findOf(tx.db, vmId, id);
        const whole = await vmAtRest(tx, vmId, "revertSnapshot");
        const { vm, disks: all } = whole;
        const snapshot = await findOf(tx.db, vmId, id);
        const store = snapshotStore(tx.db);
        const memory = memoryOfSnapshot(snapshot, all);
        const difference = memory && shapeDifference(snapshot.shape, shapeOfWhole(whole));
        if (difference) throw snapshotErrors.shapeDiffers(difference);
        const disks = (await store.disksOf([id])).map(({ volumeId, file, sizeBytes }) => {
          const disk = all.find(({ volume }) => volume.id === volumeId);
          if (!disk) throw snapshotErrors.diskGone(volumeId);
          return { ...withOverlay(disk, file), sizeBytes };
        });
        const isUp = vm.state === "running" || vm.state === "paused";
        const isStarted = memory !== null || isUp;
        if (isStarted && !isUp) await requireHostRoom(tx, whole, snapshot.shape);
        const via = isUp ? "rebooting" : isStarted ? "starting" : vm.state;
        if (via !== vm.state && !(await vmStore(tx.db).transition(vmId, [vm.state], via)))
          throw vmErrors.busy(vmId);
        await store.update(id, { status: "resuming" });
        await store.addOverlays(
          disks.map(({ volumeId, file, overlay }) => ({ volumeId, file: overlay, backing: file })),
        );
        const input = {
          vmId,
          vmUuid: vm.uuid,
          hostId: vm.hostId,
          snapshotId: id,
          disks,
          memory,
          shape: { cpu: snapshot.shape.cpu, memory: snapshot.shape.memory },
          from: vm.state,
          via,
          isStarted,
        };
        return { taskId: await submit(tx, actor, revertSnapshot, { input, vm, locks: locksOf(all) }), id };
      });
      return { ...begun, vmId };
    },
  };

  /** A VM that will run afterwards and does not now needs its place. */
  async function requireHostRoom(
    tx: Tx,
    { vm, nics, disks }: WholeVm & { vm: { hostId: number } },
    shape: SnapshotShape,
  ): Promise<void> {
    const groups = await portGroupsOnHost(
      tx.db,
      nics.map((nic) => nic.portGroupId),
    );
    await lockPlacement(tx.db);
    const demand = {
      vcpus: shape.cpu.count,
      memoryMiB: shape.memory.sizeMiB,
      cpuReservationMhz: shape.cpu.reservationMhz,
      datastoreIds: [...new Set(disks.map(({ volume }) => volume.datastoreId))],
      switchIds: [...new Set([...groups.values()].map((group) => group.switchId))],
    };
    await choose(tx, { hostId: vm.hostId }, demand, vm.id);
  }
}
export type SnapshotService = ReturnType<typeof createSnapshotService>;

function withOverlay({ volume }: VmDisk, file: string): OverlayInput {
  return {
    volumeId: volume.id,
    volumeUuid: volume.uuid,
    datastoreId: volume.datastoreId,
    format: volume.format,
    file,
    overlay: `delta-${randomBytes(6).toString("hex")}`,
  };
}

function memoryOf({ volume }: VmDisk, snapshotUuid: string): MemoryFile {
  return { datastoreId: String(volume.datastoreId), volumeUuid: volume.uuid, snapshotUuid };
}

function memoryOfSnapshot(snapshot: Snapshot, disks: readonly VmDisk[]): MemoryFile | null {
  if (snapshot.memoryVolumeId === null) return null;
  const disk = disks.find(({ volume }) => volume.id === snapshot.memoryVolumeId);
  if (!disk) throw snapshotErrors.diskGone(snapshot.memoryVolumeId);
  return memoryOf(disk, snapshot.uuid);
}

function shapeOfWhole({ vm, nics, disks }: WholeVm): SnapshotShape {
  return {
    cpu: vm.cpu,
    memory: vm.memory,
    macs: nics.map(({ mac }) => mac),
    disks: disks.map(({ volume, bus, slot }) => `${volume.uuid}@${bus}:${slot}`),
  };
}

async function requireRoom(tx: Tx, datastoreId: number, memoryMiB: number): Promise<void> {
  const [row] = await tx.db
    .select({ freeBytes: datastores.freeBytes, refreshedAt: datastores.refreshedAt })
    .from(datastores)
    .where(eq(datastores.id, datastoreId));
  if (row && row.refreshedAt !== null && row.freeBytes < memoryMiB * MiB)
    throw snapshotErrors.noRoomForMemory(Math.floor(row.freeBytes / MiB));
}
