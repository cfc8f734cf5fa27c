import { Type, type Static } from "typebox";
import { Bytes, Mac, nullable, SafeId, Uuid } from "./common.ts";
import { CdromMedium, CdromObservation } from "./media.ts";

export const DiskBus = Type.Union([Type.Literal("virtio"), Type.Literal("scsi"), Type.Literal("ide")]);
export type DiskBus = Static<typeof DiskBus>;
export const DiskFormat = Type.Union([Type.Literal("qcow2"), Type.Literal("raw")]);
export type DiskFormat = Static<typeof DiskFormat>;

/**
 * One file of a volume: `base` is the volume as it was made, the others are overlays that snapshots put upon it. Each
 * overlay lies on another file of the volume; names are chosen by the manager before the file is made.
 */
export const VolumeFile = Type.String({ pattern: "^(base|delta-[0-9a-f]{12})$" });
export type VolumeFile = Static<typeof VolumeFile>;

/** 0 = unlimited. */
export const DiskLimits = Type.Object({
  readBytesPerSec: Bytes,
  writeBytesPerSec: Bytes,
  readIops: Type.Integer({ minimum: 0 }),
  writeIops: Type.Integer({ minimum: 0 }),
});
export type DiskLimits = Static<typeof DiskLimits>;

/** A volume as one VM sees it. The agent knows where the datastore is mounted; no path crosses the wire. */
export const DiskSpec = Type.Object({
  volumeUuid: Uuid,
  datastoreId: SafeId,
  /** Slot on its bus, 1 to 60; slot 1 is the system disk. Decides the guest's device name. */
  slot: Type.Integer({ minimum: 1, maximum: 1100 }),
  bus: DiskBus,
  /** Of the volume's base; overlays are always qcow2. */
  format: DiskFormat,
  /** The file that the VM writes to; absent: `base`. */
  file: Type.Optional(VolumeFile),
  shared: Type.Boolean(),
  /**
   * What the VM writes is gone when it is off again (STO-14). Such a VM can neither hibernate nor be migrated.
   */
  transient: Type.Optional(Type.Boolean()),
  /** Thin volumes hand freed blocks back; thick ones must not (it would un-allocate them). */
  discard: Type.Boolean(),
  /** 0 = unlimited. */
  readBytesPerSec: Bytes,
  writeBytesPerSec: Bytes,
  readIops: Type.Integer({ minimum: 0 }),
  writeIops: Type.Integer({ minimum: 0 }),
});
export type DiskSpec = Static<typeof DiskSpec>;

export const VlanSpec = Type.Union([
  Type.Object({ kind: Type.Literal("access"), vlanId: Type.Integer({ minimum: 0, maximum: 4094 }) }),
  Type.Object({
    kind: Type.Literal("trunk"),
    vlanIds: Type.Array(Type.Integer({ minimum: 0, maximum: 4094 })),
  }),
]);
export type VlanSpec = Static<typeof VlanSpec>;

export const NicSpec = Type.Object({
  nicUuid: Uuid,
  /** Number of the NIC within its VM, 0 to 11. */
  index: Type.Integer({ minimum: 0, maximum: 11 }),
  mac: Mac,
  model: Type.Union([Type.Literal("virtio"), Type.Literal("e1000")]),
  switchId: SafeId,
  vlan: VlanSpec,
  connected: Type.Boolean(),
});
export type NicSpec = Static<typeof NicSpec>;

/** First-boot settings handed to cloud-init (NoCloud) on a small CD-ROM. */
export const GuestSeed = Type.Object({
  hostname: nullable(Type.String()),
  /** For the image's administrator account. Travels only inside mutual TLS and lies on the node readable by root only. */
  password: nullable(Type.String()),
  sshKeys: Type.Array(Type.String()),
  nics: Type.Array(
    Type.Object({
      mac: Mac,
      /** CIDR; null = DHCP. */
      address: nullable(Type.String()),
      gateway: nullable(Type.String()),
      dns: Type.Array(Type.String()),
    }),
  ),
  userData: nullable(Type.String()),
});
export type GuestSeed = Static<typeof GuestSeed>;

/** Everything a node needs to make one VM. Whole, never a difference. */
export const VmSpec = Type.Object({
  vmUuid: Uuid,
  /** Unique on the whole site; becomes the libvirt domain name (`i-0000002A`). */
  vmId: SafeId,
  /** What people call it; may repeat (CMP-27), any characters; becomes the domain's title. */
  name: Type.String(),
  /** Counts up with each change of the desired state; an older spec never overwrites a newer one. */
  generation: Type.Integer({ minimum: 0 }),
  architecture: Type.Union([Type.Literal("x86_64"), Type.Literal("aarch64")]),
  cpu: Type.Object({
    count: Type.Integer({ minimum: 1, maximum: 512 }),
    coresPerSocket: Type.Integer({ minimum: 1 }),
    /** Relative weight under contention, 1 to 128,000 (CMP-11). */
    shares: Type.Integer({ minimum: 1 }),
    /** 0 = no guarantee. */
    reservationMhz: Type.Integer({ minimum: 0 }),
    /** 0 = unlimited. */
    limitMhz: Type.Integer({ minimum: 0 }),
    /** Host threads that the VM may use; empty = all. */
    affinity: Type.Array(Type.Integer({ minimum: 0 })),
  }),
  memoryMiB: Type.Integer({ minimum: 16 }),
  firmware: Type.Union([Type.Literal("bios"), Type.Literal("uefi")]),
  bootOrder: Type.Array(Type.Union([Type.Literal("disk"), Type.Literal("cdrom"), Type.Literal("network")])),
  disks: Type.Array(DiskSpec),
  nics: Type.Array(NicSpec),
  /** Its screen has no password of its own: it can be reached through the agent only, which asks for one. */
  vnc: Type.Object({ keymap: Type.String() }),
  /** What to do when the guest crashes. */
  onCrash: Type.Union([Type.Literal("preserve"), Type.Literal("restart"), Type.Literal("destroy")]),
  seed: nullable(GuestSeed),
  /**
   * Where the CD drive sits: sata is what every system's installer sees, scsi (virtio) also what has no driver but
   * virtio's. A machine with IDE disks has it on IDE, whatever stands here.
   */
  cdromBus: Type.Union([Type.Literal("sata"), Type.Literal("scsi")]),
  /** In the VM's CD drive; null: the drive is empty. One that cannot be had is left out. */
  cdrom: nullable(CdromMedium),
});
export type VmSpec = Static<typeof VmSpec>;

export const VmPower = Type.Union([
  Type.Literal("running"),
  Type.Literal("paused"),
  Type.Literal("stopping"),
  Type.Literal("stopped"),
  Type.Literal("hibernated"),
  Type.Literal("crashed"),
]);
export type VmPower = Static<typeof VmPower>;

export const GuestAddress = Type.Object({
  mac: Type.String(),
  name: Type.String(),
  ipv4: Type.Array(Type.String()),
  ipv6: Type.Array(Type.String()),
});
export type GuestAddress = Static<typeof GuestAddress>;

/** What the guest's agent last said of itself. */
export const GuestObservation = Type.Object({
  agent: Type.Union([Type.Literal("running"), Type.Literal("notRunning")]),
  agentVersion: nullable(Type.String()),
  hostname: nullable(Type.String()),
  osName: nullable(Type.String()),
  addresses: Type.Array(GuestAddress),
});
export type GuestObservation = Static<typeof GuestObservation>;

/** As much as VNC authentication looks at. */
export const VncPassword = Type.String({ minLength: 1, maxLength: 8, pattern: "^[\\x21-\\x7e]*$" });

/** Where VNC clients reach a screen. */
export const VncEndpoint = Type.Object({ host: Type.String(), port: Type.Integer() });
export type VncEndpoint = Static<typeof VncEndpoint>;

/** What is, as seen on the node. */
export const VmObservation = Type.Object({
  vmUuid: Uuid,
  /** libvirt's domain name. */
  domainName: Type.String(),
  title: nullable(Type.String()),
  /** Generation of the spec it was defined from; null: not defined by Sinter (found on the host). */
  generation: nullable(Type.Integer()),
  power: VmPower,
  /** libvirt's reason, for a person. */
  reason: Type.String(),
  cpuCount: Type.Integer(),
  memoryMiB: Type.Integer(),
  disks: Type.Array(
    Type.Object({ volumeUuid: nullable(Uuid), target: Type.String(), source: nullable(Type.String()) }),
  ),
  nics: Type.Array(Type.Object({ mac: Type.String(), device: nullable(Type.String()) })),
  /** While a gate is open (see openVncGate), where; otherwise null. */
  vnc: nullable(VncEndpoint),
  /** What is in the CD drive; null: nothing, or there is no drive. */
  cdrom: nullable(CdromObservation),
  /** From a cache that the agent refreshes; null until first asked. */
  guest: nullable(GuestObservation),
});
export type VmObservation = Static<typeof VmObservation>;
