import type { Provisioning, VolumeFile } from "@sinter/southbound";

/** creating → inUse; the rest name work in progress. `fault`: its data could not be made or is gone. */
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

/** Where the content of a new volume comes from. */
export type VolumeOrigin =
  | { readonly kind: "image"; readonly datastoreId: number; readonly name: string }
  | {
      readonly kind: "volume";
      readonly datastoreId: number;
      readonly volumeUuid: string;
      readonly format: VolumeFormat;
      /** Which of its files; absent: its base. */
      readonly file?: VolumeFile;
    }
  /** Linked clone: the content stays where it is. */
  | { readonly kind: "linked"; readonly volumeUuid: string; readonly format: VolumeFormat };

export interface Volume {
  readonly id: number;
  readonly uuid: string;
  readonly name: string;
  readonly datastoreId: number;
  readonly sizeBytes: number;
  readonly allocatedBytes: number;
  readonly provisioning: Provisioning;
  readonly format: VolumeFormat;
  /** May be attached to several VMs. */
  readonly isShared: boolean;
  /** Left out of snapshots. */
  readonly isIndependent: boolean;
  readonly isPersistent: boolean;
  readonly status: VolumeStatus;
  readonly ioLimits: IoLimits;
  /** The file that its VM writes to. */
  readonly activeFile: VolumeFile;
  /** Of a linked clone: the volume it lies on. */
  readonly baseVolumeId: number | null;
  readonly origin: VolumeOrigin | null;
  readonly customProperties: Record<string, string>;
  readonly createdAt: Date;
}

/** Thin volumes are qcow2; thick and lazy ones raw, whose blocks are all there from the start. */
export function formatFor(provisioning: Provisioning): VolumeFormat {
  return provisioning === "thin" ? "qcow2" : "raw";
}

/** `isThin` wins; without it `volType` 1 is lazily zeroed, 0 fully zeroed (contract, disk). */
export function provisioningFrom(request: { isThin?: boolean; volType?: number }): Provisioning {
  if (request.isThin === true) return "thin";
  return request.volType === 1 ? "lazy" : "thick";
}
