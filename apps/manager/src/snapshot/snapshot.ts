import type { VolumeFile } from "@sinter/southbound";
import type { VmCpu, VmMemory } from "../compute/vm.ts";

/** creating → ready; the others name work in progress. */
export type SnapshotStatus = "creating" | "ready" | "resuming" | "deleting";
/** Made by a person, or by backup software that says so. */
export type SnapshotType = "normal" | "backup" | "CBTbackup";

/** What of the VM's shape goes back with it, and what must still be the same to go on from its memory. */
export interface SnapshotShape {
  readonly cpu: VmCpu;
  readonly memory: VmMemory;
  readonly macs: readonly string[];
  /** `<volume uuid>@<bus>:<slot>` */
  readonly disks: readonly string[];
}

export interface Snapshot {
  readonly id: number;
  readonly uuid: string;
  readonly vmId: number;
  readonly parentId: number | null;
  /** The VM's present is a child of it. */
  readonly isCurrent: boolean;
  readonly name: string;
  readonly description: string;
  readonly type: SnapshotType;
  readonly status: SnapshotStatus;
  readonly isConsistent: boolean;
  /** The volume beside whose files the VM's memory is kept; null: without memory. */
  readonly memoryVolumeId: number | null;
  readonly memoryBytes: number;
  /** Who made it (SNP-11). */
  readonly creator: string;
  readonly shape: SnapshotShape;
  readonly createdAt: Date;
}

export interface SnapshotDisk {
  readonly snapshotId: number;
  readonly volumeId: number;
  /** The frozen file. */
  readonly file: VolumeFile;
  /** Size of the disk at that time. */
  readonly sizeBytes: number;
  /** What the frozen file alone takes. */
  readonly allocatedBytes: number;
}

/** For people's snapshots and for those of backup software, each (contract, 10300111). */
export const SNAPSHOTS_MAX = 32;

export function isBackup(type: SnapshotType): boolean {
  return type !== "normal";
}

/** Why a VM cannot go on from a snapshot's memory; undefined: it can. */
export function shapeDifference(then: SnapshotShape, now: SnapshotShape): string | undefined {
  const differ = (a: readonly string[], b: readonly string[]): boolean =>
    a.toSorted().join() !== b.toSorted().join();
  if (differ(then.macs, now.macs)) return "its NICs have changed";
  if (differ(then.disks, now.disks)) return "its disks have changed";
  return undefined;
}

export interface SnapshotNode<T> {
  readonly snapshot: T;
  readonly children: readonly SnapshotNode<T>[];
}

/** Roots and what was taken after them, oldest first. */
export function treeOf<T extends Pick<Snapshot, "id" | "parentId">>(all: readonly T[]): SnapshotNode<T>[] {
  const known = new Set(all.map(({ id }) => id));
  const under = (parentId: number | null): SnapshotNode<T>[] =>
    all
      .filter((one) => (one.parentId !== null && known.has(one.parentId) ? one.parentId : null) === parentId)
      .toSorted((a, b) => a.id - b.id)
      .map((snapshot) => ({ snapshot, children: under(snapshot.id) }));
  return under(null);
}
