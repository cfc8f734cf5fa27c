import { KeyedQueue } from "@sinter/kit";
import type { DiskFormat, ImageFile, VolumeObservation, VolumeSpec } from "@sinter/southbound";
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
}

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

  put(volume: SimVolume): void {
    this.#volumes.set(volume.volumeUuid, volume);
  }

  remove(volumeUuid: string): void {
    this.#volumes.delete(volumeUuid);
    this.#openBy.delete(volumeUuid);
  }

  /** The host that has it open for writing. */
  openedBy(volumeUuid: string): string | undefined {
    return this.#openBy.get(volumeUuid);
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
    this.#volumes.clear();
    this.#openBy.clear();
    this.#otherBytes = 0;
  }

  #usedBytes(): number {
    let used = this.#otherBytes;
    for (const { allocatedBytes } of this.#volumes.values()) used += allocatedBytes;
    for (const { fileSizeBytes } of this.images.values()) used += fileSizeBytes;
    for (const { sizeBytes } of this.isos.values()) used += sizeBytes;
    for (const { length } of this.uploads.values()) used += length;
    return used;
  }
}

export function observeVolume(datastoreId: string, volume: SimVolume): VolumeObservation {
  const { volumeUuid, sizeBytes, allocatedBytes, format } = volume;
  return { volumeUuid, datastoreId, sizeBytes, allocatedBytes, format, path: volumePath(volumeUuid, format) };
}

export function volumePath(volumeUuid: string, format: string): string {
  return `volumes/${volumeUuid}/${volumeUuid}.${format}`;
}
