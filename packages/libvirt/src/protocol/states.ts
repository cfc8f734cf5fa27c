/**
 * libvirt's enumerations as words. A number from a later libvirt than our tables becomes "unknown" rather than
 * an error: an agent must not stop seeing a domain because its state has a new reason.
 */

export const DOMAIN_STATES = [
  "none",
  "running",
  "blocked",
  "paused",
  "shuttingDown",
  "shutoff",
  "crashed",
  "pmSuspended",
] as const;
export type DomainState = (typeof DOMAIN_STATES)[number];

/** Why a domain is in its state; index is libvirt's number. */
export const STATE_REASONS = {
  none: ["unknown"],
  running: [
    "unknown",
    "booted",
    "migrated",
    "restored",
    "fromSnapshot",
    "unpaused",
    "migrationCanceled",
    "saveCanceled",
    "wakeup",
    "crashed",
    "postCopy",
    "postCopyFailed",
  ],
  blocked: ["unknown"],
  paused: [
    "unknown",
    "user",
    "migration",
    "save",
    "dump",
    "ioError",
    "watchdog",
    "fromSnapshot",
    "shuttingDown",
    "snapshot",
    "crashed",
    "startingUp",
    "postCopy",
    "postCopyFailed",
  ],
  shuttingDown: ["unknown", "user"],
  shutoff: [
    "unknown",
    "shutdown",
    "destroyed",
    "crashed",
    "migrated",
    "saved",
    "failed",
    "fromSnapshot",
    "daemon",
  ],
  crashed: ["unknown", "panicked"],
  pmSuspended: ["unknown"],
} as const satisfies Record<DomainState, readonly string[]>;

export type StateReason = (typeof STATE_REASONS)[DomainState][number];

export interface DomainStatus {
  readonly state: DomainState;
  readonly reason: StateReason;
}

export function domainStatus(state: number, reason: number): DomainStatus {
  const name = wordOf(DOMAIN_STATES, state, "none");
  return { state: name, reason: wordOf<StateReason>(STATE_REASONS[name], reason, "unknown") };
}

/** What happened to a domain, and how; the lifecycle event's two numbers. */
export const LIFECYCLE_DETAILS = {
  defined: ["added", "updated", "renamed", "fromSnapshot"],
  undefined: ["removed", "renamed"],
  started: ["booted", "migrated", "restored", "fromSnapshot", "wakeup"],
  suspended: [
    "paused",
    "migrated",
    "ioError",
    "watchdog",
    "restored",
    "fromSnapshot",
    "apiError",
    "postCopy",
    "postCopyFailed",
  ],
  resumed: ["unpaused", "migrated", "fromSnapshot", "postCopy", "postCopyFailed"],
  stopped: ["shutdown", "destroyed", "crashed", "migrated", "saved", "failed", "fromSnapshot"],
  shutdown: ["finished", "guest", "host"],
  pmSuspended: ["memory", "disk"],
  crashed: ["panicked", "crashLoaded"],
} as const;
export type LifecycleEvent = keyof typeof LIFECYCLE_DETAILS;
export type LifecycleDetail = (typeof LIFECYCLE_DETAILS)[LifecycleEvent][number] | "unknown";
/** In libvirt's order, which is that of the table above. */
export const LIFECYCLE_EVENTS = Object.keys(LIFECYCLE_DETAILS) as LifecycleEvent[];

export const BLOCK_JOB_TYPES = ["unknown", "pull", "copy", "commit", "activeCommit", "backup"] as const;
export const BLOCK_JOB_STATUSES = ["completed", "failed", "canceled", "ready"] as const;
export const IO_ERROR_ACTIONS = ["none", "pause", "report"] as const;
export const WATCHDOG_ACTIONS = [
  "none",
  "pause",
  "reset",
  "powerOff",
  "shutdown",
  "debug",
  "injectNmi",
] as const;
export const AGENT_STATES = ["unknown", "connected", "disconnected"] as const;
export const AGENT_REASONS = ["unknown", "domainStarted", "channel"] as const;
export const TRAY_CHANGES = ["opened", "closed"] as const;
export const JOB_TYPES = ["none", "bounded", "unbounded", "completed", "failed", "cancelled"] as const;
export type JobType = (typeof JOB_TYPES)[number] | "unknown";

/** virDomainMemoryStatTags, by what they tell; sizes are KiB, faults and pages are counts, lastUpdate is in s. */
export const MEMORY_STATS = [
  "swapIn",
  "swapOut",
  "majorFault",
  "minorFault",
  "unused",
  "available",
  "actualBalloon",
  "rss",
  "usable",
  "lastUpdate",
  "diskCaches",
  "hugetlbPgalloc",
  "hugetlbPgfail",
] as const;
export type MemoryStat = (typeof MEMORY_STATS)[number];

/** The word for a number, or `fallback` for one that is not in the table. */
export function wordOf<T extends string>(words: readonly T[], number: number, fallback: T): T {
  return words[number] ?? fallback;
}
