import { KeyedQueue } from "@sinter/kit";
import type {
  DiskFormat,
  ImageFile,
  LeaseOwner,
  VolumeFile,
  VolumeObservation,
  VolumeSpec,
} from "@sinter/southbound";
import { seededUuid } from "./seeded.ts";

/** What qcow2 takes for its own tables before anything is written. */
const EMPTY_QCOW2_BYTES = 196_624;

/** An ISO file; what is in it nobody asks. */
export interface SimIso {
  readonly sizeBytes: number;
  readonly modifiedAt: number;
}

export interface SimVolume {
  readonly volumeUuid: string;
  readonly sizeBytes: number;
  readonly format: DiskFormat;
  readonly allocatedBytes: number;
  /** False while it is being written; a half-made one is made anew by the next call. */
  readonly isWhole: boolean;
  /** The volume that this linked clone lies on. */
  readonly linkedTo: string | null;
  /** The base and what snapshots put upon it. */
  readonly files: Map<VolumeFile, SimFile>;
}

export interface SimFile {
  backing: VolumeFile | null;
  sizeBytes: number;
  /** Stand for content: what was written into this file, in order (see SimStore.write). */
  writes: string[];
}

/** What overlays take for their tables. */
const OVERLAY_BYTES = 196_624;

/**
 * A file system as hosts see it: one object mounted into several SimHosts is shared storage, and they see the same
 * volumes. It also keeps who has which volume open for writing, as QEMU's image locks do, so that a manager which
 * starts one VM on two hosts is caught (invariant: no disk is ever open for writing on two hosts).
 */
export class SimStore {
  /** Set when the first host takes it into use. */
  datastoreId: string | undefined;
  markerId: string;
  /** Moves to readOnly or lost when a test says so. */
  state: "normal" | "readOnly" | "lost" = "normal";
  capacityBytes: number;
  readonly images = new Map<string, ImageFile>();
  /** By file name; put one here to play an administrator who copies a file there. */
  readonly isos = new Map<string, SimIso>();
  /** Half-received ISO files, by upload. */
  readonly uploads = new Map<string, Buffer>();
  /** Hashes of those that became files, for who asks again. */
  readonly finishedUploads = new Map<string, string>();
  /** One maker per volume at a time, whichever host it is on. */
  readonly makings = new KeyedQueue();
  /** What snapshots kept of memory: `<volume>/<snapshot>`, with the bytes it takes. */
  readonly memories = new Map<string, number>();
  /** Places in its lockspace, by host: who keeps one alive may have leases. */
  readonly places = new Map<string, number>();
  readonly #volumes = new Map<string, SimVolume>();
  readonly #openBy = new Map<string, string>();
  readonly #seed: string;
  #otherBytes = 0;
  #markersErased = 0;

  constructor(options: { capacityBytes?: number; seed?: string } = {}) {
    this.capacityBytes = options.capacityBytes ?? 2 ** 40;
    this.#seed = options.seed ?? String(Math.random());
    this.markerId = seededUuid(`marker:${this.#seed}`);
  }

  /** It is no datastore any more; the next one that takes it into use writes another marker. */
  eraseMarker(): void {
    this.datastoreId = undefined;
    this.markerId = seededUuid(`marker:${this.#seed}:${++this.#markersErased}`);
  }

  get freeBytes(): number {
    return Math.max(0, this.capacityBytes - this.#usedBytes());
  }

  /** Fills it with something else until only so much is free; a fault to try what happens then. */
  fill(leaveFreeBytes: number): void {
    this.#otherBytes += this.freeBytes - leaveFreeBytes;
  }

  addImage(name: string, virtualSizeBytes: number, format = "qcow2"): void {
    const fileSizeBytes = Math.min(virtualSizeBytes, Math.ceil(virtualSizeBytes / 8) + EMPTY_QCOW2_BYTES);
    this.images.set(name, { name, format, virtualSizeBytes, fileSizeBytes });
  }

  volumes(): IterableIterator<SimVolume> {
    return this.#volumes.values();
  }

  find(volumeUuid: string): SimVolume | undefined {
    return this.#volumes.get(volumeUuid);
  }

  /** Bytes that a volume takes at once. */
  allocationOf(spec: VolumeSpec, contentBytes: number): number {
    const overhead = spec.format === "qcow2" ? EMPTY_QCOW2_BYTES : 0;
    if (spec.provisioning !== "thin") return spec.sizeBytes + overhead;
    return Math.min(spec.sizeBytes, contentBytes) + overhead;
  }

  /** `content`: what the base of a new one begins with. */
  put(volume: Omit<SimVolume, "files">, content: readonly string[] = []): void {
    const base: SimFile = { backing: null, sizeBytes: volume.sizeBytes, writes: [...content] };
    const files = this.#volumes.get(volume.volumeUuid)?.files ?? new Map([["base", base]]);
    this.#volumes.set(volume.volumeUuid, { ...volume, files });
  }

  /** Plays a guest that writes something to the file of a volume that its VM is on. */
  write(volumeUuid: string, file: VolumeFile, token: string): void {
    this.#fileOf(volumeUuid, file).writes.push(token);
  }

  /** What a guest reads through a file: all that was written into it and into those below, in order. */
  content(volumeUuid: string, file: VolumeFile): string[] {
    const { backing, writes } = this.#fileOf(volumeUuid, file);
    return [...(backing === null ? [] : this.content(volumeUuid, backing)), ...writes];
  }

  #fileOf(volumeUuid: string, file: VolumeFile): SimFile {
    const found = this.#volumes.get(volumeUuid)?.files.get(file);
    if (!found) throw new Error(`There is no file ${file} of volume ${volumeUuid}.`);
    return found;
  }

  remove(volumeUuid: string): void {
    this.#volumes.delete(volumeUuid);
    for (const key of this.memories.keys()) if (key.startsWith(`${volumeUuid}/`)) this.memories.delete(key);
    this.#openBy.delete(volumeUuid);
  }

  /** The host that has it open for writing. */
  openedBy(volumeUuid: string): string | undefined {
    return this.#openBy.get(volumeUuid);
  }

  /** The simulated lease is the lock of an open disk, where hosts have places. */
  leaseOwner(volumeUuid: string): LeaseOwner | null {
    const hostUuid = this.#openBy.get(volumeUuid);
    const hostId = hostUuid === undefined ? undefined : this.places.get(hostUuid);
    return hostUuid === undefined || hostId === undefined ? null : { hostId, hostUuid, state: "live" };
  }

  open(volumeUuid: string, hostUuid: string): void {
    this.#openBy.set(volumeUuid, hostUuid);
  }

  close(volumeUuid: string, hostUuid: string): void {
    if (this.#openBy.get(volumeUuid) === hostUuid) this.#openBy.delete(volumeUuid);
  }

  /** Empties it: a new disk in the place of the old one. */
  format(): void {
    this.datastoreId = undefined;
    this.images.clear();
    this.isos.clear();
    this.uploads.clear();
    this.memories.clear();
    this.#volumes.clear();
    this.#openBy.clear();
    this.#otherBytes = 0;
  }

  #usedBytes(): number {
    let used = this.#otherBytes;
    for (const volume of this.#volumes.values()) used += takenBy(volume);
    for (const bytes of this.memories.values()) used += bytes;
    for (const { fileSizeBytes } of this.images.values()) used += fileSizeBytes;
    for (const { sizeBytes } of this.isos.values()) used += sizeBytes;
    for (const { length } of this.uploads.values()) used += length;
    return used;
  }
}

export function observeVolume(datastoreId: string, volume: SimVolume): VolumeObservation {
  const { volumeUuid, sizeBytes, format } = volume;
  const files = [...volume.files].map(([file, one]) => ({
    file,
    backing: one.backing,
    sizeBytes: one.sizeBytes,
    allocatedBytes: file === "base" ? volume.allocatedBytes : OVERLAY_BYTES,
  }));
  const path = volumePath(volumeUuid, format);
  return { volumeUuid, datastoreId, sizeBytes, allocatedBytes: takenBy(volume), format, files, path };
}

function takenBy({ allocatedBytes, files }: SimVolume): number {
  return allocatedBytes + (files.size - 1) * OVERLAY_BYTES;
}

export function volumePath(volumeUuid: string, format: string, file: VolumeFile = "base"): string {
  return `volumes/${volumeUuid}/${file === "base" ? `${volumeUuid}.${format}` : `${file}.qcow2`}`;
}
