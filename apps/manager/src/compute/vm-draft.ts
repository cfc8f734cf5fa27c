import { randomUUID } from "node:crypto";
import { GiB, KiB } from "@sinter/kit";
import { type DiskRequest, type NicRequest, parseUrn } from "@sinter/northbound";
import { isWithin, LIMITS } from "@sinter/rules";
import type { Provisioning } from "@sinter/southbound";
import { eq, inArray } from "drizzle-orm";
import { clusters } from "../cluster/cluster.table.ts";
import type { Db } from "../database/database.ts";
import { nextId } from "../database/ids.ts";
import { hosts } from "../host/host.table.ts";
import { portGroups } from "../network/network.table.ts";
import { datastores } from "../storage/datastore.table.ts";
import { volumeErrors } from "../storage/volume.errors.ts";
import { type Attachment, type NewVolume, volumeStore } from "../storage/volume.store.ts";
import {
  type DiskBus,
  formatFor,
  type IoLimits,
  provisioningFrom,
  type Volume,
  type VolumeOrigin,
} from "../storage/volume.ts";
import { generateMac, readMac } from "./mac.ts";
import type { Location } from "./placement.store.ts";
import { vmErrors } from "./vm.errors.ts";
import { readUuid } from "./vm-shape.ts";
import type { Nic, NicSettings } from "./vm.ts";

/*
 * Looking up what a request names, and choosing every id before the first step of the task: slots, MACs, UUIDs and
 * object ids are settled here, so that a step may be repeated.
 */

/** Where a VM may run. */
export interface ResolvedLocation {
  readonly location: Location;
  readonly clusterId: number | null;
  readonly isBoundToHost: boolean;
}

/** Reads a cluster or host URN. A VM on a host outside any cluster is bound to it (contract, CreateVm). */
export async function resolveLocation(db: Db, text: string, isBinding: boolean): Promise<ResolvedLocation> {
  const urn = parseUrn(text);
  if (urn?.id === undefined || urn.child !== undefined) throw vmErrors.locationInvalid(text);
  if (urn.kind === "clusters") {
    const [cluster] = await db.select({ id: clusters.id }).from(clusters).where(eq(clusters.id, urn.id));
    if (!cluster) throw vmErrors.clusterMissing(text);
    return { location: { clusterId: cluster.id }, clusterId: cluster.id, isBoundToHost: false };
  }
  if (urn.kind === "hosts") {
    const [host] = await db
      .select({ id: hosts.id, clusterId: hosts.clusterId })
      .from(hosts)
      .where(eq(hosts.id, urn.id));
    if (!host) throw vmErrors.hostMissing(text);
    const isBoundToHost = isBinding || host.clusterId === null;
    return { location: { hostId: host.id }, clusterId: host.clusterId, isBoundToHost };
  }
  throw vmErrors.locationInvalid(text);
}

export interface DiskDraft {
  readonly newVolumes: readonly NewVolume[];
  /** Volumes that exist and are to be attached. */
  readonly existing: readonly Volume[];
  readonly attachments: readonly Omit<Attachment, "vmId">[];
  /** Datastores that the VM's host must reach, sources of copies included. */
  readonly datastoreIds: readonly number[];
}

/** A disk to be, with the content it starts from when it is a copy. */
export interface DiskWish {
  readonly request: DiskRequest;
  readonly origin?: VolumeOrigin;
  /** Size of the source: the new disk is never smaller. */
  readonly sizeBytesMin?: number;
  /** The volume that a linked one lies on. */
  readonly baseVolumeId?: number;
}

const BUS = { VIRTIO: "virtio", SCSI: "scsi", IDE: "ide" } as const satisfies Record<string, DiskBus>;
const OWN_SLOTS_PER_BUS: Readonly<Record<DiskBus, number>> = { virtio: 24, scsi: 60, ide: 4 };

export async function draftDisks(db: Db, vmName: string, wishes: readonly DiskWish[]): Promise<DiskDraft> {
  if (wishes.length > LIMITS.disksPerVm) throw vmErrors.tooManyDisks();
  const newVolumes: NewVolume[] = [];
  const existing: Volume[] = [];
  const links: Omit<Attachment, "vmId">[] = [];
  const datastoreIds = new Set<number>();
  const taken = new Set<string>();
  for (const { request, origin, sizeBytesMin, baseVolumeId } of wishes) {
    const bus: DiskBus = request.pciType ? BUS[request.pciType] : "virtio";
    const slot = request.sequenceNum ?? freeSlot(taken, bus);
    if (slot === undefined) throw vmErrors.tooManyDisks();
    if (taken.has(`${bus}:${slot}`)) throw vmErrors.diskSlotUsed(slot, bus);
    taken.add(`${bus}:${slot}`);
    if (request.volumeUrn) {
      const volume = await usableVolume(db, request.volumeUrn);
      existing.push(volume);
      datastoreIds.add(volume.datastoreId);
      links.push({ volumeId: volume.id, bus, slot });
      continue;
    }
    const volume = await draftVolume(db, {
      name: request.diskName || `${vmName || "vm"}_disk${slot}`,
      request,
      slot,
      ...(origin === undefined ? {} : { origin }),
      ...(sizeBytesMin === undefined ? {} : { sizeBytesMin }),
    });
    newVolumes.push(baseVolumeId === undefined ? volume : { ...volume, baseVolumeId });
    datastoreIds.add(volume.datastoreId);
    if (origin !== undefined && origin.kind !== "linked") datastoreIds.add(origin.datastoreId);
    links.push({ volumeId: volume.id, bus, slot });
  }
  for (const bus of ["virtio", "scsi", "ide"] as const) {
    const used = [...taken].filter((key) => key.startsWith(`${bus}:`)).length;
    if (used > OWN_SLOTS_PER_BUS[bus]) throw vmErrors.tooManyDisks();
  }
  return { newVolumes, existing, attachments: links, datastoreIds: [...datastoreIds] };
}

function freeSlot(taken: ReadonlySet<string>, bus: DiskBus): number | undefined {
  for (let slot = 1; slot <= LIMITS.disksPerVm; slot++) if (!taken.has(`${bus}:${slot}`)) return slot;
  return undefined;
}

async function draftVolume(
  db: Db,
  wish: { name: string; request: DiskRequest; slot: number; origin?: VolumeOrigin; sizeBytesMin?: number },
): Promise<NewVolume> {
  const { request } = wish;
  const datastoreId = await datastoreIdOf(db, request.datastoreUrn);
  const sizeBytes = Math.max((request.quantityGB ?? 0) * GiB, wish.sizeBytesMin ?? 0);
  if (sizeBytes < 1) throw vmErrors.diskSizeInvalid(wish.slot);
  const provisioning = provisioningFrom(request);
  const isShared = request.type === "share";
  checkVolumeRules({
    isShared,
    provisioning,
    isPersistent: request.persistentDisk ?? true,
    isIndependent: request.indepDisk,
  });
  const uuid = readUuid(request.volumeUuid) ?? randomUUID();
  if (await volumeStore(db).findByUuid(uuid)) throw volumeErrors.uuidUsed(uuid);
  const image = request.sourceImage;
  return {
    id: await nextId(db),
    uuid,
    name: wish.name,
    datastoreId,
    sizeBytes,
    provisioning,
    format: formatFor(provisioning),
    isShared,
    // Shared disks are never part of a snapshot, whatever was asked.
    isIndependent: isShared || (request.indepDisk ?? false),
    isPersistent: request.persistentDisk ?? true,
    status: "creating",
    ioLimits: ioLimitsFrom(request),
    origin: image ? { kind: "image", datastoreId, name: image } : (wish.origin ?? null),
    customProperties: {},
  };
}

/** Which kinds of volume exclude each other (contract, codes 104200xx). */
export function checkVolumeRules(volume: {
  isShared: boolean;
  provisioning: Provisioning;
  isPersistent: boolean;
  isIndependent: boolean | undefined;
}): void {
  if (volume.isShared && volume.provisioning === "thin") throw volumeErrors.sharedThin();
  if (volume.isShared && volume.provisioning === "lazy") throw volumeErrors.sharedLazy();
  if (volume.isShared && !volume.isPersistent) throw volumeErrors.sharedNotPersistent();
  if (!volume.isPersistent && volume.isIndependent !== true)
    throw volumeErrors.nonPersistentNeedsIndependent();
}

/** KB/s and requests/s of the contract; 0 is unlimited, other values have a least one. */
export function ioLimitsFrom(
  request: Pick<DiskRequest, "maxReadBytes" | "maxWriteBytes" | "maxReadRequest" | "maxWriteRequest">,
): IoLimits {
  const checked = (what: string, value: number | undefined, range: { min: number; max: number }): number => {
    if (value === undefined || value === 0) return 0;
    if (!isWithin(value, range)) throw vmErrors.ioLimitInvalid(what);
    return value;
  };
  const kibMax = { min: LIMITS.ioKiBps.min, max: Math.floor(Number.MAX_SAFE_INTEGER / KiB) };
  return {
    readBytesPerSec: checked("maxReadBytes", request.maxReadBytes, kibMax) * KiB,
    writeBytesPerSec: checked("maxWriteBytes", request.maxWriteBytes, kibMax) * KiB,
    readIops: checked("maxReadRequest", request.maxReadRequest, LIMITS.readIops),
    writeIops: checked("maxWriteRequest", request.maxWriteRequest, LIMITS.readIops),
  };
}

/** A volume that may be attached: there, whole, and free or shareable. */
export async function usableVolume(db: Db, urnText: string): Promise<Volume> {
  const urn = parseUrn(urnText);
  const volume =
    urn?.kind === "volumes" && urn.id !== undefined ? await volumeStore(db).find(urn.id) : undefined;
  if (!volume) throw volumeErrors.toBindMissing(urnText);
  if (volume.status !== "inUse") throw volumeErrors.notReady(volume.id, volume.status);
  if (volume.attachedTo.length > 0 && !volume.isShared) throw volumeErrors.attachedAlready(volume.id);
  return volume;
}

export async function datastoreIdOf(db: Db, urnText: string | undefined): Promise<number> {
  const urn = parseUrn(urnText ?? "");
  if (urn?.kind !== "datastores" || urn.id === undefined) throw vmErrors.datastoreIdInvalid(urnText ?? "");
  const [row] = await db
    .select({ id: datastores.id, status: datastores.status })
    .from(datastores)
    .where(eq(datastores.id, urn.id));
  if (!row) throw vmErrors.datastoreMissing(urnText ?? "");
  if (row.status === "readOnly") throw volumeErrors.datastoreReadOnly(row.id);
  if (row.status !== "normal") throw volumeErrors.datastoreAbnormal(row.id);
  return row.id;
}

export interface NicDraft {
  readonly nics: readonly Nic[];
  readonly switchIds: readonly number[];
}

/** NIC numbers start at 0; some clients count from 1, and a few send the same number for all. */
export async function draftNics(
  db: Db,
  vmId: number,
  requests: readonly NicRequest[],
  there: readonly Nic[] = [],
): Promise<NicDraft> {
  if (requests.length + there.length > LIMITS.nicsPerVm) throw vmErrors.tooManyNics();
  const taken = new Set(there.map((nic) => nic.index));
  const names = new Set(there.map((nic) => nic.name));
  const macs = new Set<string>();
  const groupIds = requests.map((request) => portGroupIdOf(request.portGroupUrn));
  const groups =
    groupIds.length === 0 ? [] : await db.select().from(portGroups).where(inArray(portGroups.id, groupIds));
  const result: Nic[] = [];
  for (const [at, request] of requests.entries()) {
    const group = groups.find((candidate) => candidate.id === groupIds[at]);
    if (!group) throw vmErrors.portGroupMissing(request.portGroupUrn ?? "");
    const index = freeNicIndex(taken, request.sequenceNum);
    taken.add(index);
    const name = request.name || freeNicName(names, index);
    if (names.has(name)) throw vmErrors.nicNameUsed(name);
    names.add(name);
    const given = readMac(request.mac);
    const mac = given ?? generateMac();
    if (macs.has(mac)) throw vmErrors.macUsed(mac);
    macs.add(mac);
    const settings: NicSettings = {
      model: request.virtIo === E1000 ? "e1000" : "virtio",
      virtIo: request.virtIo ?? 0,
      portId: request.portId ?? "",
    };
    result.push({ vmId, index, uuid: randomUUID(), name, mac, portGroupId: group.id, settings });
  }
  return { nics: result, switchIds: [...new Set(groups.map((group) => group.switchId))] };
}

/** Of the kinds on the wire 0 and 1 both mean the para-virtual NIC; 2 is the emulated Intel card (CMP-22). */
const E1000 = 2;

function portGroupIdOf(urnText: string | undefined): number {
  const urn = parseUrn(urnText ?? "");
  if (urn?.kind !== "dvswitchs" || urn.child?.kind !== "portgroups")
    throw vmErrors.portGroupMissing(urnText ?? "");
  return urn.child.id;
}

function freeNicIndex(taken: ReadonlySet<number>, wanted: number | undefined): number {
  if (wanted !== undefined && wanted <= LIMITS.nicIndex.max && !taken.has(wanted)) return wanted;
  for (let index = 0; index <= LIMITS.nicIndex.max; index++) if (!taken.has(index)) return index;
  throw vmErrors.tooManyNics();
}

function freeNicName(names: ReadonlySet<string>, index: number): string {
  for (let n = index; ; n++) if (!names.has(`Network Adapter ${n}`)) return `Network Adapter ${n}`;
}
