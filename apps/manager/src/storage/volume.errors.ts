import { AppError, MiB } from "@sinter/kit";
import type { WireError } from "@sinter/northbound";
import type { VolumeStatus } from "./volume.ts";

export const volumeErrors = {
  notFound: (id: number | string) =>
    new AppError("notFound", "VOLUME_NOT_FOUND", `There is no volume ${id}.`),
  toBindMissing: (urn: string) =>
    new AppError("invalid", "VOLUME_TO_BIND_MISSING", `There is no volume ${urn.slice(0, 96)} to attach.`),
  notReady: (id: number, status: VolumeStatus) =>
    new AppError("conflict", "VOLUME_NOT_READY", `Volume ${id} is ${status}; it must be in use for this.`),
  attachedAlready: (id: number) =>
    new AppError("conflict", "VOLUME_ATTACHED", `Volume ${id} is attached to a VM already; detach it first.`),
  boundToVm: (id: number) =>
    new AppError("conflict", "VOLUME_BOUND", `Volume ${id} is attached to a VM; detach it first.`),
  attachedHere: (id: number) =>
    new AppError("conflict", "VOLUME_ATTACHED_HERE", `Volume ${id} is attached to this VM already.`),
  notAttachedHere: (id: number | string) =>
    new AppError("conflict", "VOLUME_NOT_ATTACHED", `Volume ${id} is not attached to this VM.`),
  isSystemDisk: () =>
    new AppError(
      "conflict",
      "SYSTEM_DISK",
      "The system disk can only be detached from a VM that is stopped.",
    ),
  busy: (urn: string) =>
    new AppError(
      "conflict",
      "VOLUME_BUSY",
      `The ${urn.replace(":", " ")} is busy with another task; try again later.`,
    ),
  uuidUsed: (uuid: string) =>
    new AppError("conflict", "VOLUME_UUID_USED", `There is a volume ${uuid} already.`),
  sharedThin: () =>
    new AppError("invalid", "SHARED_THIN", "A shared volume cannot be thin; create it without isThin."),
  sharedLazy: () => new AppError("invalid", "SHARED_LAZY", "A shared volume cannot be lazily zeroed."),
  sharedNotPersistent: () =>
    new AppError("invalid", "SHARED_NOT_PERSISTENT", "A shared volume must be persistent."),
  nonPersistentNeedsIndependent: () =>
    new AppError(
      "invalid",
      "NON_PERSISTENT_DEPENDENT",
      "A non-persistent volume must be independent of snapshots.",
    ),
  datastoreReadOnly: (id: number) =>
    new AppError("conflict", "DATASTORE_READ_ONLY", `Datastore ${id} is read-only.`),
  datastoreAbnormal: (id: number) =>
    new AppError("conflict", "DATASTORE_ABNORMAL", `Datastore ${id} is not usable now; see its status.`),
  datastoreTooSmall: (freeGiB: number) =>
    new AppError(
      "exhausted",
      "DATASTORE_TOO_SMALL",
      `The datastore has ${freeGiB} GB free, less than the disks need.`,
    ),
  noHost: (id: number) =>
    new AppError("unavailable", "NO_HOST_REACHES_DATASTORE", `No connected host reaches datastore ${id}.`),
  hasSnapshots: (id: number) =>
    new AppError(
      "conflict",
      "VOLUME_HAS_SNAPSHOTS",
      `Volume ${id} has snapshots; delete them first, then its size can change.`,
    ),
  sizeWrong: (id: number, sizeBytes: number, maxGiB: number) =>
    new AppError(
      "invalid",
      "VOLUME_SIZE_WRONG",
      `Volume ${id} can only become larger than its ${Math.ceil(sizeBytes / MiB)} MB, up to ${maxGiB} GB.`,
    ),
  sharedRuns: (id: number) =>
    new AppError(
      "conflict",
      "SHARED_VOLUME_RUNS",
      `Volume ${id} is attached to several VMs; stop all of them before it becomes larger.`,
    ),
  sharedLimits: (id: number) =>
    new AppError("conflict", "SHARED_LIMITS", `Volume ${id} is shared; its I/O limits cannot change.`),
  persistenceFixed: (id: number) =>
    new AppError(
      "conflict",
      "PERSISTENCE_FIXED",
      `Whether volume ${id} keeps what is written can change only while its VM is stopped.`,
    ),
  nonPersistentRuns: (id: number) =>
    new AppError(
      "conflict",
      "NON_PERSISTENT_RUNS",
      `Volume ${id} is non-persistent; stop its VM before it becomes larger.`,
    ),
  moveConversion: (is: string, wanted: string) =>
    new AppError(
      "invalid",
      "MOVE_CONVERSION",
      `A ${is} volume cannot become ${wanted} when it moves; thin ones stay thin, lazily zeroed ones may become thin.`,
    ),
  moveWithinDatastore: (id: number) =>
    new AppError("conflict", "MOVE_WITHIN_DATASTORE", `Volume ${id} is on that datastore already.`),
  moveRefused: (id: number, why: string) =>
    new AppError("conflict", "MOVE_REFUSED", `Volume ${id} cannot move: ${why}.`),
  noHostForMove: () =>
    new AppError(
      "conflict",
      "NO_HOST_FOR_MOVE",
      "No connected host that the VM may be on reaches both datastores.",
    ),
  cannotChangeType: () =>
    new AppError("conflict", "VOLUME_TYPE_FIXED", "The share flag of an attached volume cannot change."),
};

export const volumeWireErrors = {
  VOLUME_NOT_FOUND: { code: "10420004", http: 400 },
  VOLUME_TO_BIND_MISSING: { code: "10300078", http: 400 },
  VOLUME_NOT_READY: { code: "10420005", http: 400 },
  VOLUME_ATTACHED: { code: "10300074", http: 400 },
  VOLUME_ATTACHED_HERE: { code: "10300076", http: 400 },
  VOLUME_NOT_ATTACHED: { code: "10300037", http: 400 },
  VOLUME_BOUND: { code: "10300057", http: 400 },
  SYSTEM_DISK: { code: "10300165", http: 400 },
  VOLUME_BUSY: { code: "10300421", http: 400 },
  VOLUME_UUID_USED: { code: "10420124", http: 400 },
  SHARED_THIN: { code: "10420068", http: 400 },
  SHARED_LAZY: { code: "10420072", http: 400 },
  SHARED_NOT_PERSISTENT: { code: "10420041", http: 400 },
  NON_PERSISTENT_DEPENDENT: { code: "10420040", http: 400 },
  DATASTORE_READ_ONLY: { code: "10410154", http: 400 },
  DATASTORE_ABNORMAL: { code: "10410052", http: 400 },
  DATASTORE_TOO_SMALL: { code: "10420037", http: 400 },
  NO_HOST_REACHES_DATASTORE: { code: "10420016", http: 400 },
  VOLUME_HAS_SNAPSHOTS: { code: "10420146", http: 400 },
  VOLUME_SIZE_WRONG: { code: "10420006", http: 400 },
  SHARED_VOLUME_RUNS: { code: "10420005", http: 400 },
  SHARED_LIMITS: { code: "10420100", http: 400 },
  PERSISTENCE_FIXED: { code: "10420044", http: 400 },
  NON_PERSISTENT_RUNS: { code: "10420005", http: 400 },
  MOVE_CONVERSION: { code: "10420135", http: 400 },
  MOVE_WITHIN_DATASTORE: { code: "10420136", http: 400 },
  MOVE_REFUSED: { code: "10420137", http: 400 },
  NO_HOST_FOR_MOVE: { code: "10420076", http: 400 },
  VOLUME_TYPE_FIXED: { code: "10420141", http: 400 },
} as const satisfies Record<string, WireError>;
