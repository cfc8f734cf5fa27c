import { Type, type Static, type TSchema } from "typebox";
import { Bytes, Empty, Mac, nullable, SafeId, Uuid } from "./common.ts";
import { HostReport, StatsReport } from "./host.ts";
import { LeaseOwner } from "./lease.ts";
import { CdromMedium, IsoFile, IsoName, RawBody } from "./media.ts";
import {
  DatastoreObservation,
  DatastoreSpec,
  ImageFile,
  Provisioning,
  SwitchObservation,
  SwitchSpec,
  VolumeObservation,
  VolumeSpec,
} from "./resources.ts";
import { MemoryFile, SnapshotDisk } from "./snapshot.ts";
import {
  DiskFormat,
  DiskLimits,
  DiskSpec,
  NicSpec,
  VmObservation,
  VmSpec,
  VncEndpoint,
  VncPassword,
  VolumeFile,
} from "./vm.ts";

interface CallShape {
  readonly method: "GET" | "PUT" | "POST" | "DELETE";
  readonly path: string;
  readonly params: TSchema;
  readonly body: TSchema;
  readonly reply: TSchema;
  /** Longest a healthy agent may take; the client gives up after it. */
  readonly timeoutMs: number;
  /** The body is bytes, see RawBody. */
  readonly isRaw?: true;
}

const vmParams = Type.Object({ vmUuid: Uuid });
const volumeParams = Type.Object({ datastoreId: SafeId, volumeUuid: Uuid });
const uploadParams = Type.Object({ datastoreId: SafeId, uploadId: SafeId });
const fileParams = Type.Object({ datastoreId: SafeId, volumeUuid: Uuid, file: VolumeFile });
const none = Empty;
const QUICK_MS = 10_000;
const LONG_MS = 6 * 3_600_000;
/** Largest body of a call. */
export const BODY_BYTES_MAX = 4 * 1024 * 1024;

export const StopMode = Type.Union([Type.Literal("safe"), Type.Literal("force")]);

/**
 * Every call of the contract. Each is idempotent: repeated after a crash or a lost answer it ends in the same
 * state and is no error. `ensure…` takes the whole desired object and answers with what is; `remove…` forgives
 * absence. A call that needs libvirt answers `unavailable` LIBVIRT_AWAY while libvirtd is down.
 */
export const CALLS = {
  getHost: {
    method: "GET",
    path: "/v1/host",
    params: none,
    body: none,
    reply: HostReport,
    timeoutMs: QUICK_MS,
  },
  getStats: {
    method: "GET",
    path: "/v1/stats",
    params: none,
    body: none,
    reply: StatsReport,
    timeoutMs: QUICK_MS,
  },

  listVms: {
    method: "GET",
    path: "/v1/vms",
    params: none,
    body: none,
    reply: Type.Object({ vms: Type.Array(VmObservation) }),
    timeoutMs: QUICK_MS,
  },
  /** notFound VM_NOT_ON_HOST when there is no such domain. */
  getVm: {
    method: "GET",
    path: "/v1/vms/:vmUuid",
    params: vmParams,
    body: none,
    reply: VmObservation,
    timeoutMs: QUICK_MS,
  },
  /**
   * Defines the domain, or redefines it when the spec's generation is newer than what is there; an older or equal
   * generation changes nothing. Never starts it. A running domain keeps running on its old definition.
   * invalid DISK_MISSING / SWITCH_MISSING when a volume or switch is not on this host.
   */
  defineVm: {
    method: "PUT",
    path: "/v1/vms/:vmUuid",
    params: vmParams,
    body: VmSpec,
    reply: VmObservation,
    timeoutMs: 30_000,
  },
  /**
   * Starts a stopped domain, wakes a hibernated one; running already: nothing to do. `paused`: leaves vCPUs stopped.
   * `memory`: goes on with what a snapshot kept of its memory, on the disks that are defined now; notFound
   * SNAPSHOT_MEMORY_MISSING, conflict SNAPSHOT_MEMORY_UNUSABLE when the VM has other devices than then.
   * conflict LEASE_HELD while another host has the lease of one of its disks; unavailable LEASES_UNAVAILABLE when this
   * host cannot have leases there.
   */
  startVm: {
    method: "POST",
    path: "/v1/vms/:vmUuid/start",
    params: vmParams,
    body: Type.Object({ paused: Type.Optional(Type.Boolean()), memory: Type.Optional(MemoryFile) }),
    reply: VmObservation,
    timeoutMs: 120_000,
  },
  /**
   * safe: asks the guest (agent first, then ACPI) and waits up to waitMs for it to end; conflict GUEST_DID_NOT_STOP
   * when it has not, and the VM runs on. force: pulls the plug. Stopped already: nothing to do. A hibernated VM is
   * discarded to stopped by force only.
   */
  stopVm: {
    method: "POST",
    path: "/v1/vms/:vmUuid/stop",
    params: vmParams,
    body: Type.Object({ mode: StopMode, waitMs: Type.Integer({ minimum: 0, maximum: 3_600_000 }) }),
    reply: VmObservation,
    timeoutMs: 3_700_000,
  },
  /** safe: guest-driven restart, falls back to nothing; force: reset. conflict VM_NOT_RUNNING otherwise. */
  rebootVm: {
    method: "POST",
    path: "/v1/vms/:vmUuid/reboot",
    params: vmParams,
    body: Type.Object({ mode: StopMode }),
    reply: VmObservation,
    timeoutMs: 60_000,
  },
  pauseVm: {
    method: "POST",
    path: "/v1/vms/:vmUuid/pause",
    params: vmParams,
    body: none,
    reply: VmObservation,
    timeoutMs: 30_000,
  },
  /** As startVm, and conflict LEASE_LOST when another host has had the lease of one of its disks meanwhile. */
  resumeVm: {
    method: "POST",
    path: "/v1/vms/:vmUuid/resume",
    params: vmParams,
    body: none,
    reply: VmObservation,
    timeoutMs: 30_000,
  },
  /** Saves memory to disk and ends QEMU (CMP-03). Hibernated already: nothing to do. */
  hibernateVm: {
    method: "POST",
    path: "/v1/vms/:vmUuid/hibernate",
    params: vmParams,
    body: none,
    reply: VmObservation,
    timeoutMs: 600_000,
  },
  /** Removes the definition (and a saved memory image). conflict VM_STILL_RUNNING unless `force`, which stops it first. Disks stay. */
  removeVm: {
    method: "DELETE",
    path: "/v1/vms/:vmUuid",
    params: vmParams,
    body: Type.Object({ force: Type.Boolean() }),
    reply: none,
    timeoutMs: 120_000,
  },
  /** Plugs a disk into definition and, when running, into the live VM. There already: nothing to do. */
  attachDisk: {
    method: "PUT",
    path: "/v1/vms/:vmUuid/disks/:volumeUuid",
    params: Type.Object({ vmUuid: Uuid, volumeUuid: Uuid }),
    body: DiskSpec,
    reply: VmObservation,
    timeoutMs: 60_000,
  },
  /** Unplugs; waits until a running guest has let go. conflict GUEST_KEEPS_DEVICE when it does not. */
  detachDisk: {
    method: "DELETE",
    path: "/v1/vms/:vmUuid/disks/:volumeUuid",
    params: Type.Object({ vmUuid: Uuid, volumeUuid: Uuid }),
    body: none,
    reply: VmObservation,
    timeoutMs: 60_000,
  },
  /** New I/O limits of a disk, in the definition and, when it runs, at once. invalid DISK_MISSING. */
  tuneDisk: {
    method: "PUT",
    path: "/v1/vms/:vmUuid/disks/:volumeUuid/limits",
    params: Type.Object({ vmUuid: Uuid, volumeUuid: Uuid }),
    body: DiskLimits,
    reply: VmObservation,
    timeoutMs: 30_000,
  },
  attachNic: {
    method: "PUT",
    path: "/v1/vms/:vmUuid/nics/:nicUuid",
    params: Type.Object({ vmUuid: Uuid, nicUuid: Uuid }),
    body: NicSpec,
    reply: VmObservation,
    timeoutMs: 60_000,
  },
  /** By MAC, since a found domain has no NIC ids of ours. */
  detachNic: {
    method: "DELETE",
    path: "/v1/vms/:vmUuid/nics/:mac",
    params: Type.Object({ vmUuid: Uuid, mac: Mac }),
    body: none,
    reply: VmObservation,
    timeoutMs: 60_000,
  },
  /**
   * Lets VNC clients in that know the password, at a port of the host, for so many seconds; `VmObservation.vnc` then
   * shows it. Open already: the same port for so many seconds from now, with the new password. Who is connected when
   * the time is over stays; the gate closes with the VM's run. conflict VM_NOT_RUNNING when stopped.
   */
  openVncGate: {
    method: "POST",
    path: "/v1/vms/:vmUuid/vnc-gate",
    params: vmParams,
    body: Type.Object({
      password: VncPassword,
      seconds: Type.Integer({ minimum: 1, maximum: 3_600 }),
    }),
    reply: VncEndpoint,
    timeoutMs: QUICK_MS,
  },
  /**
   * Puts a medium into the CD drive, or (null) takes out what is there: in the definition and, when running, in the
   * live VM. There already: nothing to do. A guest that keeps the drive locked is asked first and then overruled
   * (`wasForced`). notFound ISO_NOT_FOUND; conflict CDROM_DRIVE_MISSING.
   */
  changeMedia: {
    method: "PUT",
    path: "/v1/vms/:vmUuid/cdrom",
    params: vmParams,
    body: Type.Object({ cdrom: nullable(CdromMedium) }),
    reply: Type.Object({ vm: VmObservation, wasForced: Type.Boolean() }),
    timeoutMs: 60_000,
  },
  /**
   * Freezes the disks named, all at one moment: from then on the VM writes to the overlays. `isConsistent`: the guest
   * writes out what it holds first; conflict GUEST_AGENT_AWAY when it cannot be asked. `memory`: the running guest's
   * memory is kept as well, of the same moment. The VM's other disks are left out. Disks that are on their overlays
   * already: nothing to do. conflict VOLUME_FILE_DIFFERS when a disk is on another file than named.
   */
  takeSnapshot: {
    method: "POST",
    path: "/v1/vms/:vmUuid/snapshots",
    params: vmParams,
    body: Type.Object({
      disks: Type.Array(SnapshotDisk),
      isConsistent: Type.Boolean(),
      memory: nullable(MemoryFile),
    }),
    reply: Type.Object({ vm: VmObservation, memoryBytes: Bytes }),
    timeoutMs: 3_600_000,
  },
  /** One guest-agent command. conflict GUEST_AGENT_AWAY when it does not answer. */
  guestCommand: {
    method: "POST",
    path: "/v1/vms/:vmUuid/guest",
    params: vmParams,
    body: Type.Object({
      command: Type.String({ pattern: "^guest-[a-z0-9-]+$" }),
      arguments: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
      timeoutMs: Type.Integer({ minimum: 1, maximum: 60_000 }),
    }),
    reply: Type.Object({ result: Type.Unknown() }),
    timeoutMs: 70_000,
  },

  listDatastores: {
    method: "GET",
    path: "/v1/datastores",
    params: none,
    body: none,
    reply: Type.Object({ datastores: Type.Array(DatastoreObservation) }),
    timeoutMs: QUICK_MS,
  },
  /**
   * Takes a directory into use and writes its marker file, unless the spec names the marker that must be there: then
   * invalid DATASTORE_UNUSABLE when it is not. conflict DATASTORE_FOREIGN when the marker names another datastore.
   */
  ensureDatastore: {
    method: "PUT",
    path: "/v1/datastores/:datastoreId",
    params: Type.Object({ datastoreId: SafeId }),
    body: DatastoreSpec,
    reply: DatastoreObservation,
    timeoutMs: QUICK_MS,
  },
  /**
   * Forgets it on this host; content stays. `eraseMarker`: the datastore is no more, so that its directory may become
   * another one. conflict DATASTORE_IN_USE while a domain here has a disk on it.
   */
  removeDatastore: {
    method: "DELETE",
    path: "/v1/datastores/:datastoreId",
    params: Type.Object({ datastoreId: SafeId }),
    body: Type.Object({ eraseMarker: Type.Optional(Type.Boolean()) }),
    reply: none,
    timeoutMs: QUICK_MS,
  },
  listImages: {
    method: "GET",
    path: "/v1/datastores/:datastoreId/images",
    params: Type.Object({ datastoreId: SafeId }),
    body: none,
    reply: Type.Object({ images: Type.Array(ImageFile) }),
    timeoutMs: QUICK_MS,
  },
  listVolumes: {
    method: "GET",
    path: "/v1/datastores/:datastoreId/volumes",
    params: Type.Object({ datastoreId: SafeId }),
    body: none,
    reply: Type.Object({ volumes: Type.Array(VolumeObservation) }),
    timeoutMs: 30_000,
  },
  getVolume: {
    method: "GET",
    path: "/v1/datastores/:datastoreId/volumes/:volumeUuid",
    params: volumeParams,
    body: none,
    reply: VolumeObservation,
    timeoutMs: QUICK_MS,
  },
  /** Who has the volume's lease; null: nobody, or it needs none. unavailable LEASES_UNAVAILABLE. */
  getLease: {
    method: "GET",
    path: "/v1/datastores/:datastoreId/volumes/:volumeUuid/lease",
    params: volumeParams,
    body: none,
    reply: Type.Object({ owner: nullable(LeaseOwner) }),
    timeoutMs: QUICK_MS,
  },
  /**
   * There with the same size: nothing to do; a half-made one is made anew. exhausted DATASTORE_FULL before anything
   * is written; notFound IMAGE_NOT_FOUND. Reports progress; cancelled, it leaves nothing.
   */
  ensureVolume: {
    method: "PUT",
    path: "/v1/datastores/:datastoreId/volumes/:volumeUuid",
    params: volumeParams,
    body: VolumeSpec,
    reply: VolumeObservation,
    timeoutMs: LONG_MS,
  },
  /**
   * With all its files and what snapshots kept of memory there. conflict VOLUME_IN_USE while a domain on this host has
   * it, or another volume lies on it.
   */
  removeVolume: {
    method: "DELETE",
    path: "/v1/datastores/:datastoreId/volumes/:volumeUuid",
    params: volumeParams,
    body: none,
    reply: none,
    timeoutMs: 60_000,
  },
  /**
   * Makes the volume that large, also while its VM runs; as large already, or larger: nothing to do. What is new is
   * taken as the provisioning says (STO-19) and reads zero. exhausted DATASTORE_FULL before anything is written;
   * conflict VOLUME_FILE_DIFFERS when snapshots have put files upon it, VOLUME_IN_USE while another VM runs with it.
   * Reports progress; cancelled, the volume is as large as before or as wanted.
   */
  growVolume: {
    method: "POST",
    path: "/v1/datastores/:datastoreId/volumes/:volumeUuid/grow",
    params: volumeParams,
    body: Type.Object({
      format: DiskFormat,
      provisioning: Provisioning,
      sizeBytes: Type.Integer({ minimum: 1 }),
      /** The VM that has the volume; null: none. */
      vmUuid: nullable(Uuid),
    }),
    reply: VolumeObservation,
    timeoutMs: LONG_MS,
  },
  /**
   * Overwrites with zeroes all that its files hold, which leaves no volume that could be used: remove it next. Gone:
   * nothing to do. Refused as removeVolume. Reports progress.
   */
  wipeVolume: {
    method: "POST",
    path: "/v1/datastores/:datastoreId/volumes/:volumeUuid/wipe",
    params: volumeParams,
    body: none,
    reply: none,
    timeoutMs: LONG_MS,
  },
  /**
   * Makes an empty overlay upon a file of the volume; there already upon it: nothing to do. notFound VOLUME_NOT_FOUND
   * when there is no such file; conflict VOLUME_FILE_DIFFERS when it lies on another one.
   */
  ensureOverlay: {
    method: "PUT",
    path: "/v1/datastores/:datastoreId/volumes/:volumeUuid/files/:file",
    params: fileParams,
    body: Type.Object({ format: DiskFormat, backing: VolumeFile }),
    reply: VolumeObservation,
    timeoutMs: 60_000,
  },
  /** Takes an overlay away. conflict VOLUME_IN_USE while a VM of this host has it, or another file lies on it. */
  removeOverlay: {
    method: "DELETE",
    path: "/v1/datastores/:datastoreId/volumes/:volumeUuid/files/:file",
    params: fileParams,
    body: none,
    reply: none,
    timeoutMs: 60_000,
  },
  /**
   * Writes the overlay's content into the file below it, moves whoever lies upon the overlay down to that file, be it
   * the VM, and takes the overlay away; what the VM reads stays the same throughout, also while it runs. An overlay
   * that the VM never got to is only taken away. Gone already: nothing to do. Reports progress.
   */
  mergeOverlay: {
    method: "POST",
    path: "/v1/datastores/:datastoreId/volumes/:volumeUuid/files/:file/merge",
    params: fileParams,
    body: Type.Object({
      format: DiskFormat,
      into: VolumeFile,
      /** Overlays that lie upon it. */
      children: Type.Array(VolumeFile),
      /** The VM that has the volume; null: none. */
      vmUuid: nullable(Uuid),
    }),
    reply: VolumeObservation,
    timeoutMs: LONG_MS,
  },
  /** What a snapshot kept of a VM's memory. */
  removeMemory: {
    method: "DELETE",
    path: "/v1/datastores/:datastoreId/volumes/:volumeUuid/memory/:snapshotUuid",
    params: MemoryFile,
    body: none,
    reply: none,
    timeoutMs: 60_000,
  },

  listIsos: {
    method: "GET",
    path: "/v1/datastores/:datastoreId/isos",
    params: Type.Object({ datastoreId: SafeId }),
    body: none,
    reply: Type.Object({ isos: Type.Array(IsoFile) }),
    timeoutMs: QUICK_MS,
  },
  /** conflict ISO_IN_USE while a domain on this host has it. */
  removeIso: {
    method: "DELETE",
    path: "/v1/datastores/:datastoreId/isos/:name",
    params: Type.Object({ datastoreId: SafeId, name: IsoName }),
    body: none,
    reply: none,
    timeoutMs: 60_000,
  },
  /**
   * Begins an upload of that many bytes, or says how much of it is there. exhausted DATASTORE_FULL when the rest does
   * not fit.
   */
  ensureIsoUpload: {
    method: "PUT",
    path: "/v1/datastores/:datastoreId/iso-uploads/:uploadId",
    params: uploadParams,
    body: Type.Object({ sizeBytes: Type.Integer({ minimum: 1 }) }),
    reply: Type.Object({ receivedBytes: Bytes }),
    timeoutMs: QUICK_MS,
  },
  /**
   * Writes a piece at the offset and answers when it is on disk. Bytes that are there already are written again;
   * conflict ISO_UPLOAD_GAP when the offset lies beyond them.
   */
  writeIsoUpload: {
    method: "PUT",
    path: "/v1/datastores/:datastoreId/iso-uploads/:uploadId/bytes/:offset",
    params: Type.Object({
      datastoreId: SafeId,
      uploadId: SafeId,
      /** In decimal digits, since it is part of the path. */
      offset: Type.String({ pattern: "^[0-9]{1,15}$" }),
    }),
    body: RawBody,
    isRaw: true,
    reply: Type.Object({ receivedBytes: Bytes }),
    timeoutMs: 120_000,
  },
  /**
   * Makes the upload an ISO file and answers its SHA-256 (lower-case hexadecimal). Repeated: the same answer. conflict
   * ISO_EXISTS when another file has the name, ISO_UPLOAD_GAP when bytes are missing.
   */
  finishIsoUpload: {
    method: "POST",
    path: "/v1/datastores/:datastoreId/iso-uploads/:uploadId/finish",
    params: uploadParams,
    body: Type.Object({ name: IsoName, sizeBytes: Type.Integer({ minimum: 1 }) }),
    reply: Type.Object({ sha256: Type.String() }),
    timeoutMs: 3_600_000,
  },
  removeIsoUpload: {
    method: "DELETE",
    path: "/v1/datastores/:datastoreId/iso-uploads/:uploadId",
    params: uploadParams,
    body: none,
    reply: none,
    timeoutMs: 30_000,
  },

  listSwitches: {
    method: "GET",
    path: "/v1/switches",
    params: none,
    body: none,
    reply: Type.Object({ switches: Type.Array(SwitchObservation) }),
    timeoutMs: QUICK_MS,
  },
  /** invalid UPLINK_MISSING when the host has no such NIC. */
  ensureSwitch: {
    method: "PUT",
    path: "/v1/switches/:switchId",
    params: Type.Object({ switchId: SafeId }),
    body: SwitchSpec,
    reply: SwitchObservation,
    timeoutMs: 30_000,
  },
  /** conflict SWITCH_IN_USE while a domain has a port on it. */
  removeSwitch: {
    method: "DELETE",
    path: "/v1/switches/:switchId",
    params: Type.Object({ switchId: SafeId }),
    body: none,
    reply: none,
    timeoutMs: 30_000,
  },

  /** A fresh key pair on the node and a request for its certificate; the old pair serves until the new one is installed. */
  beginRotation: {
    method: "POST",
    path: "/v1/identity/rotation",
    params: none,
    body: none,
    reply: Type.Object({ csr: Type.String() }),
    timeoutMs: QUICK_MS,
  },
  finishRotation: {
    method: "PUT",
    path: "/v1/identity/certificate",
    params: none,
    body: Type.Object({ certificate: Type.String(), ca: Type.String() }),
    reply: Type.Object({ notAfter: Type.Integer() }),
    timeoutMs: QUICK_MS,
  },
} as const satisfies Record<string, CallShape>;

export type CallName = keyof typeof CALLS;
type Reply<N extends CallName> = Static<(typeof CALLS)[N]["reply"]>;
export type CallInput<N extends CallName> = Static<(typeof CALLS)[N]["params"]> &
  Static<(typeof CALLS)[N]["body"]>;

export interface CallContext {
  /** Aborted when the caller goes away. */
  readonly signal: AbortSignal;
  /** Set when the caller wants progress events. */
  readonly operationId?: string;
}

/** What an agent does: one function per call. Filled by the real agent and by the simulated one. */
export type AgentApi = {
  [N in CallName]: (input: CallInput<N>, context: CallContext) => Promise<Reply<N>>;
};

export interface CallOptions {
  readonly signal?: AbortSignal;
  readonly operationId?: string;
  /** Overrides the table's time limit. */
  readonly timeoutMs?: number;
}

/** How the manager speaks to one agent. Failures are AppErrors; a silent or absent agent is `unavailable` AGENT_AWAY. */
export type AgentPort = {
  [N in CallName]: (input: CallInput<N>, options?: CallOptions) => Promise<Reply<N>>;
};

/** Path of the serial console: a WebSocket whose binary messages are the bytes of the line. */
export const CONSOLE_PATH = "/v1/vms/:vmUuid/console";
/**
 * Path of the screen: a WebSocket whose binary messages are the bytes of an RFB server that asks for the password in
 * SCREEN_PASSWORD_HEADER (VNC authentication, once) before it opens the VM's own. One connection is one session.
 */
export const SCREEN_PATH = "/v1/vms/:vmUuid/vnc-stream";
export const SCREEN_PASSWORD_HEADER = "x-sinter-screen-password";
export const EVENTS_PATH = "/v1/events";
