import type { StatsReport, VmStats } from "@sinter/southbound";

/*
 * From counters to figures: pure. A counter that went back (a host or VM has restarted, a disk was taken away) gives no
 * rate for that once rather than a wrong one.
 */

/** Figures of one host at one moment. Ratios 0 to 1, rates per second; null: not known. */
export interface HostSample {
  readonly at: number;
  readonly cpu: number | null;
  readonly memory: number;
  readonly memoryUsedBytes: number;
  readonly memoryBytes: number;
  /** File system of the host itself. */
  readonly rootDisk: number | null;
  readonly rootBytes: number;
  readonly rootUsedBytes: number;
  readonly diskReadBytes: number | null;
  readonly diskWrittenBytes: number | null;
  readonly nicReceivedBytes: number | null;
  readonly nicSentBytes: number | null;
  readonly nicReceivedPackets: number | null;
  readonly nicSentPackets: number | null;
  /** Parts of CPU and memory that guests have. */
  readonly guestCpu: number | null;
  readonly guestMemory: number;
}

/** Figures of one VM at one moment, of all its vCPUs, disks and NICs together. */
export interface VmSample {
  readonly at: number;
  readonly cpu: number | null;
  /** Milliseconds per second in which vCPUs waited for a CPU. */
  readonly cpuReadyMs: number | null;
  readonly memory: number | null;
  readonly diskReadBytes: number | null;
  readonly diskWrittenBytes: number | null;
  readonly diskReads: number | null;
  readonly diskWrites: number | null;
  /** Milliseconds per request. */
  readonly readLatencyMs: number | null;
  readonly writeLatencyMs: number | null;
  readonly nicReceivedBytes: number | null;
  readonly nicSentBytes: number | null;
  readonly allocatedBytes: number | null;
}

/** Counters of a VM, summed over its devices. */
export interface VmCounters {
  readonly cpuTimeNs: number;
  readonly cpuReadyNs: number | null;
  readonly readBytes: number;
  readonly writtenBytes: number;
  readonly reads: number;
  readonly writes: number;
  readonly readTimeNs: number;
  readonly writeTimeNs: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

export type HostCounters = Omit<StatsReport["host"], never>;

/** Two reports further apart say nothing of the present. */
const GAP_MS_MAX = 10 * 60_000;

export function countersOf(stats: VmStats): VmCounters {
  const disks = (
    field: "readBytes" | "writtenBytes" | "readRequests" | "writeRequests" | "readTimeNs" | "writeTimeNs",
  ) => stats.disks.reduce((sum, disk) => sum + disk[field], 0);
  const nics = (field: "receivedBytes" | "sentBytes") => stats.nics.reduce((sum, nic) => sum + nic[field], 0);
  return {
    cpuTimeNs: stats.cpuTimeNs,
    cpuReadyNs: stats.cpuReadyNs,
    readBytes: disks("readBytes"),
    writtenBytes: disks("writtenBytes"),
    reads: disks("readRequests"),
    writes: disks("writeRequests"),
    readTimeNs: disks("readTimeNs"),
    writeTimeNs: disks("writeTimeNs"),
    receivedBytes: nics("receivedBytes"),
    sentBytes: nics("sentBytes"),
  };
}

export function vmSample(
  stats: VmStats,
  at: number,
  now: VmCounters,
  before: { at: number; counters: VmCounters } | undefined,
): VmSample {
  const seconds = secondsBetween(before?.at, at);
  const delta = (key: keyof VmCounters): number | null => difference(before?.counters[key], now[key]);
  const rate = (key: keyof VmCounters): number | null => perSecond(delta(key), seconds);
  const cpuNs = rate("cpuTimeNs");
  const readyNs = rate("cpuReadyNs");
  return {
    at,
    cpu: cpuNs === null ? null : clamp(cpuNs / 1e9 / Math.max(1, stats.vcpus)),
    cpuReadyMs: readyNs === null ? null : readyNs / 1e6,
    memory: vmMemory(stats),
    diskReadBytes: rate("readBytes"),
    diskWrittenBytes: rate("writtenBytes"),
    diskReads: rate("reads"),
    diskWrites: rate("writes"),
    readLatencyMs: perRequest(delta("readTimeNs"), delta("reads")),
    writeLatencyMs: perRequest(delta("writeTimeNs"), delta("writes")),
    nicReceivedBytes: rate("receivedBytes"),
    nicSentBytes: rate("sentBytes"),
    allocatedBytes: allocatedOf(stats),
  };
}

export function hostSample(
  report: StatsReport,
  before: { at: number; counters: HostCounters } | undefined,
  /** Of its VMs: share of one CPU that they had together, and bytes that they hold. */
  guests: { cpus: number | null; bytes: number; threads: number },
): HostSample {
  const { at, host } = report;
  const seconds = secondsBetween(before?.at, at);
  const delta = (key: keyof HostCounters): number | null => difference(before?.counters[key], host[key]);
  const rate = (key: keyof HostCounters): number | null => perSecond(delta(key), seconds);
  const busy = delta("cpuBusyMs");
  const total = delta("cpuTotalMs");
  const used = Math.max(0, host.memoryBytes - host.memoryAvailableBytes);
  return {
    at,
    cpu: busy === null || total === null || total === 0 ? null : clamp(busy / total),
    memory: host.memoryBytes === 0 ? 0 : clamp(used / host.memoryBytes),
    memoryUsedBytes: used,
    memoryBytes: host.memoryBytes,
    rootDisk: host.rootBytes === 0 ? null : clamp(1 - host.rootFreeBytes / host.rootBytes),
    rootBytes: host.rootBytes,
    rootUsedBytes: Math.max(0, host.rootBytes - host.rootFreeBytes),
    diskReadBytes: rate("diskReadBytes"),
    diskWrittenBytes: rate("diskWrittenBytes"),
    nicReceivedBytes: rate("nicReceivedBytes"),
    nicSentBytes: rate("nicSentBytes"),
    nicReceivedPackets: rate("nicReceivedPackets"),
    nicSentPackets: rate("nicSentPackets"),
    guestCpu: guests.cpus === null ? null : clamp(guests.cpus / Math.max(1, guests.threads)),
    guestMemory: host.memoryBytes === 0 ? 0 : clamp(guests.bytes / host.memoryBytes),
  };
}

function secondsBetween(before: number | undefined, now: number): number | null {
  if (before === undefined || now <= before || now - before > GAP_MS_MAX) return null;
  return (now - before) / 1000;
}

function difference(before: number | null | undefined, now: number | null): number | null {
  if (before === null || before === undefined || now === null || now < before) return null;
  return now - before;
}

function perSecond(delta: number | null, seconds: number | null): number | null {
  return delta === null || seconds === null ? null : delta / seconds;
}

function perRequest(ns: number | null, requests: number | null): number | null {
  if (ns === null || requests === null) return null;
  return requests === 0 ? 0 : ns / requests / 1e6;
}

/** What the guest uses, when its balloon driver says so; otherwise what the host gave it. */
function vmMemory(stats: VmStats): number | null {
  if (stats.memoryBytes === 0) return null;
  if (stats.memoryUnusedBytes !== null) return clamp(1 - stats.memoryUnusedBytes / stats.memoryBytes);
  return stats.memoryRssBytes === null ? null : clamp(stats.memoryRssBytes / stats.memoryBytes);
}

function allocatedOf(stats: VmStats): number | null {
  const known = stats.disks.map((disk) => disk.allocatedBytes).filter((bytes) => bytes !== null);
  return known.length === 0 ? null : known.reduce((sum, bytes) => sum + bytes, 0);
}

function clamp(ratio: number): number {
  return Math.min(1, Math.max(0, ratio));
}
