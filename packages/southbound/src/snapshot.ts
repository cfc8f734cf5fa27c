import { Type, type Static } from "typebox";
import { SafeId, Uuid } from "./common.ts";
import { DiskFormat, VolumeFile } from "./vm.ts";

/** One disk of a snapshot: `file` is frozen, `overlay` takes what the VM writes from then on. */
export const SnapshotDisk = Type.Object({
  volumeUuid: Uuid,
  datastoreId: SafeId,
  /** Of the volume's base. */
  format: DiskFormat,
  file: VolumeFile,
  overlay: VolumeFile,
});
export type SnapshotDisk = Static<typeof SnapshotDisk>;

/** What a snapshot kept of a VM's memory: a file beside those of one of its volumes. */
export const MemoryFile = Type.Object({ datastoreId: SafeId, volumeUuid: Uuid, snapshotUuid: Uuid });
export type MemoryFile = Static<typeof MemoryFile>;
