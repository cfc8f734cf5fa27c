/**
 * libvirt's flag words, to be joined with `|`. Names are libvirt's without their long prefixes; 0 is always
 * the plain behaviour.
 */

/** Which definition a change is for; 0 means the running one if it runs, else the stored one. */
export const AFFECT = { live: 1, config: 2 } as const;

export const LIST = {
  active: 1 << 0,
  inactive: 1 << 1,
  persistent: 1 << 2,
  transient: 1 << 3,
  running: 1 << 4,
  paused: 1 << 5,
  shutoff: 1 << 6,
  other: 1 << 7,
  managedSave: 1 << 8,
  noManagedSave: 1 << 9,
  autostart: 1 << 10,
  noAutostart: 1 << 11,
  hasSnapshot: 1 << 12,
  noSnapshot: 1 << 13,
  hasCheckpoint: 1 << 14,
  noCheckpoint: 1 << 15,
} as const;

export const XML = { secure: 1, inactive: 2, updateCpu: 4, migratable: 8 } as const;
export const DEFINE = { validate: 1 } as const;

export const START = {
  paused: 1,
  autodestroy: 2,
  bypassCache: 4,
  /** Throws a managed-save image away instead of resuming from it. */
  forceBoot: 8,
  validate: 16,
  resetNvram: 32,
} as const;

export const DESTROY = { graceful: 1, removeLogs: 2 } as const;

export const UNDEFINE = {
  managedSave: 1,
  snapshotsMetadata: 2,
  nvram: 4,
  keepNvram: 8,
  checkpointsMetadata: 16,
  tpm: 32,
  keepTpm: 64,
} as const;

/** How the guest is asked; 0 lets libvirt choose, which prefers the agent if there is one. */
export const SHUTDOWN = { acpiPowerButton: 1, guestAgent: 2, initctl: 4, signal: 8, paravirt: 16 } as const;
export const SAVE = { bypassCache: 1, running: 2, paused: 4, resetNvram: 8 } as const;
export const VCPU = { live: 1, config: 2, maximum: 4, guest: 8, hotpluggable: 16 } as const;
export const MEMORY = { live: 1, config: 2, maximum: 4 } as const;
export const DEVICE = { live: 1, config: 2, force: 4 } as const;
export const BLOCK_RESIZE = { bytes: 1 } as const;
export const CONSOLE = { force: 1, safe: 2 } as const;
export const USER_PASSWORD = { encrypted: 1 } as const;
export const JOB_STATS = { completed: 1, keepCompleted: 2 } as const;

/** Groups of connectGetAllDomainStats; 0 asks for all that the driver has. */
export const STATS = {
  state: 1 << 0,
  cpuTotal: 1 << 1,
  balloon: 1 << 2,
  vcpu: 1 << 3,
  interface: 1 << 4,
  block: 1 << 5,
  perf: 1 << 6,
  iothread: 1 << 7,
  memory: 1 << 8,
  dirtyRate: 1 << 9,
  vm: 1 << 10,
} as const;

/** Flags of connectGetAllDomainStats besides the filters in {@link LIST}. */
export const STATS_FLAGS = {
  /** Leaves out what a busy domain cannot tell at once, instead of waiting for its job to end. */
  noWait: 1 << 29,
  /** Backing files of disks as well. */
  backing: 1 << 30,
  enforceStats: 2 ** 31, // the sign bit, which `1 << 31` would make negative
} as const;

export const METADATA = { description: 0, title: 1, element: 2 } as const;
export const ADDRESSES = { lease: 0, agent: 1, arp: 2 } as const;

export const MIGRATE = {
  live: 1 << 0,
  peer2peer: 1 << 1,
  tunnelled: 1 << 2,
  persistDestination: 1 << 3,
  undefineSource: 1 << 4,
  paused: 1 << 5,
  nonSharedDisk: 1 << 6,
  nonSharedIncremental: 1 << 7,
  changeProtection: 1 << 8,
  unsafe: 1 << 9,
  offline: 1 << 10,
  compressed: 1 << 11,
  abortOnError: 1 << 12,
  autoConverge: 1 << 13,
  rdmaPinAll: 1 << 14,
  postCopy: 1 << 15,
  tls: 1 << 16,
  parallel: 1 << 17,
  nonSharedSynchronousWrites: 1 << 18,
  postCopyResume: 1 << 19,
  zeroCopy: 1 << 20,
} as const;

/** virDrvFeature: what connectSupportsFeature is asked. */
export const FEATURE = {
  migrationP2p: 4,
  keepalive: 10,
  migrationOffline: 12,
  migrationParams: 13,
  eventCallbacks: 14,
} as const;
