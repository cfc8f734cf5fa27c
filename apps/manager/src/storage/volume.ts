export type VolumeStatus = "creating" | "inUse" | "copying" | "resizing" | "deleting" | "fault";
export type VolumeFormat = "qcow2" | "raw";
export type DiskBus = "virtio" | "scsi" | "ide";

/** 0 = unlimited. */
export interface IoLimits {
  readonly readBytesPerSec: number;
  readonly writeBytesPerSec: number;
  readonly readIops: number;
  readonly writeIops: number;
}
export const UNLIMITED_IO: IoLimits = { readBytesPerSec: 0, writeBytesPerSec: 0, readIops: 0, writeIops: 0 };

export type VolumeOrigin =
  | { readonly kind: "image"; readonly datastoreId: number; readonly name: string }
  | {
      readonly kind: "volume";
      readonly datastoreId: number;
      readonly volumeUuid: string;
      readonly format: VolumeFormat;
    };
