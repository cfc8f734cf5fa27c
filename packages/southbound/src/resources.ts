import { Type, type Static } from "typebox";
import { Bytes, nullable, SafeId, Uuid } from "./common.ts";
import { LeaseObservation, LeaseSpec } from "./lease.ts";
import { DiskFormat, VolumeFile } from "./vm.ts";

/** A place for volumes on a host: a directory, local or on a shared file system that is already mounted. */
export const DatastoreSpec = Type.Object({
  datastoreId: SafeId,
  /** Absolute path on the host. Must exist, be a directory and be writable. */
  path: Type.String({ minLength: 1, maxLength: 1024, pattern: "^/" }),
  shared: Type.Boolean(),
  /**
   * The marker that the file system must bear. Absent or null: it is taken into use for the first time and gets one if
   * it has none. With it nothing is written to the empty directory under a file system that is not mounted.
   */
  markerId: Type.Optional(nullable(Type.String())),
  /** Of a shared one, once the host has its place there. Absent: as it was before. */
  lease: Type.Optional(LeaseSpec),
});
export type DatastoreSpec = Static<typeof DatastoreSpec>;

export const DatastoreObservation = Type.Object({
  datastoreId: SafeId,
  path: Type.String(),
  /** normal: usable; readOnly: full or mounted so; lost: the path is gone or does not answer. */
  state: Type.Union([Type.Literal("normal"), Type.Literal("readOnly"), Type.Literal("lost")]),
  /** Identifies the file system across hosts, from a marker file, so two paths cannot pass as one datastore. */
  markerId: nullable(Type.String()),
  capacityBytes: Bytes,
  freeBytes: Bytes,
  /** Null: its disks are written without leases. */
  lease: nullable(LeaseObservation),
});
export type DatastoreObservation = Static<typeof DatastoreObservation>;

/** An image file in the datastore's `images` folder that new volumes may start from. */
export const ImageFile = Type.Object({
  name: Type.String(),
  format: Type.String(),
  virtualSizeBytes: Bytes,
  fileSizeBytes: Bytes,
});
export type ImageFile = Static<typeof ImageFile>;

export const Provisioning = Type.Union([
  /** Blocks are allocated as they are written. */
  Type.Literal("thin"),
  /** Allocated and zeroed at creation ("normal"). */
  Type.Literal("thick"),
  /** Allocated at creation, zero when first read ("lazy zeroed"). */
  Type.Literal("lazy"),
]);
export type Provisioning = Static<typeof Provisioning>;

export const VolumeSource = Type.Union([
  Type.Object({ kind: Type.Literal("image"), datastoreId: SafeId, name: Type.String() }),
  Type.Object({
    kind: Type.Literal("volume"),
    datastoreId: SafeId,
    volumeUuid: Uuid,
    format: DiskFormat,
    /** Which of its files is copied, with all that lies below it; absent: `base`. */
    file: Type.Optional(VolumeFile),
  }),
  /** Linked clone: the new volume lies on the base of another of the same datastore, which must never change again. */
  Type.Object({ kind: Type.Literal("linked"), volumeUuid: Uuid, format: DiskFormat }),
]);

export type VolumeSource = Static<typeof VolumeSource>;

export const VolumeSpec = Type.Object({
  volumeUuid: Uuid,
  datastoreId: SafeId,
  sizeBytes: Type.Integer({ minimum: 1 }),
  provisioning: Provisioning,
  format: DiskFormat,
  /** Content to start from; grown to sizeBytes, never shrunk. Null: empty. */
  source: nullable(VolumeSource),
  /** Of a copy; absent: as fast as it goes. */
  bytesPerSec: Type.Optional(Type.Integer({ minimum: 1 })),
});
export type VolumeSpec = Static<typeof VolumeSpec>;

export const VolumeObservation = Type.Object({
  volumeUuid: Uuid,
  datastoreId: SafeId,
  sizeBytes: Bytes,
  allocatedBytes: Bytes,
  /** Of the base. */
  format: Type.String(),
  /** The base and what snapshots have put upon it, in no order; `active` is what a VM decides. */
  files: Type.Array(
    Type.Object({
      file: VolumeFile,
      /** The file below it in the same volume; null: the base, also when that lies on another volume. */
      backing: nullable(VolumeFile),
      sizeBytes: Bytes,
      allocatedBytes: Bytes,
    }),
  ),
  /** Path below the datastore, for people: `volumes/<uuid>/<uuid>.qcow2`. */
  path: Type.String(),
});
export type VolumeObservation = Static<typeof VolumeObservation>;

export const SwitchSpec = Type.Object({
  switchId: SafeId,
  name: Type.String(),
  generation: Type.Integer({ minimum: 0 }),
  mtu: Type.Integer({ minimum: 576, maximum: 9216 }),
  /** Host NICs that carry it outside; empty: internal to the host. */
  uplinks: Type.Array(Type.String({ pattern: "^[A-Za-z0-9_.-]{1,15}$" })),
});
export type SwitchSpec = Static<typeof SwitchSpec>;

export const SwitchObservation = Type.Object({
  switchId: SafeId,
  bridge: Type.String(),
  generation: nullable(Type.Integer()),
  uplinks: Type.Array(Type.String()),
  ports: Type.Integer(),
});
export type SwitchObservation = Static<typeof SwitchObservation>;
