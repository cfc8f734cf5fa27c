import { type Clock, type Log, systemClock } from "@sinter/kit";
import type { StatsReport, VmStats } from "@sinter/southbound";
import type { ManagedFleet } from "../fleet/fleet.ts";
import { createReconciler } from "../reconcile/driver.ts";
import {
  countersOf,
  type HostCounters,
  hostSample,
  type HostSample,
  type VmCounters,
  vmSample,
  type VmSample,
} from "./sample.ts";
import { Mean, seriesOfHost, type SeriesValues, seriesOfVm } from "./series.ts";

const POLL_MS = 20_000;
/** Older figures are no longer the present. */
const FRESH_MS = 3 * POLL_MS;

interface Track<Counters, Sample> {
  at: number;
  counters: Counters;
  sample: Sample;
  /** On the manager's clock, which alone tells how old it is. */
  receivedAt: number;
  readonly mean: Mean;
}
interface VmTrack extends Track<VmCounters, VmSample> {
  hostId: number;
}

export interface CollectorParts {
  readonly fleet: Pick<ManagedFleet, "agent" | "connectedHosts" | "isConnected" | "onHostChanged">;
  readonly log: Log;
  readonly clock?: Clock;
  readonly everyMs?: number;
}

/** Load of a host, for whoever places VMs. */
export interface HostLoad {
  /** 0 to 1; null until two reports have come. */
  readonly cpuRatio: number | null;
  readonly freeMemoryBytes: number;
  readonly usedMemoryBytes: number;
}

/** Asks connected hosts for their counters, spread evenly over the period, and keeps the latest figures in memory. */
export function createCollector(parts: CollectorParts) {
  const { fleet } = parts;
  const clock = parts.clock ?? systemClock;
  const everyMs = parts.everyMs ?? POLL_MS;
  const freshMs = Math.max(FRESH_MS, 3 * everyMs);
  const hosts = new Map<number, Track<HostCounters, HostSample>>();
  const vms = new Map<string, VmTrack>();
  const vmsOf = new Map<number, ReadonlySet<string>>();
  let stopListening: (() => void) | undefined;

  const takeVm = (hostId: number, stats: VmStats, at: number): VmSample => {
    const counters = countersOf(stats);
    const before = vms.get(stats.vmUuid);
    const sample = vmSample(stats, at, counters, before?.hostId === hostId ? before : undefined);
    const mean = before?.mean ?? new Mean();
    mean.add(seriesOfVm(sample, undefined));
    vms.set(stats.vmUuid, { hostId, at, counters, sample, receivedAt: clock.now(), mean });
    return sample;
  };

  /** Unless it has moved and its new host has reported it. */
  const forgetVm = (hostId: number, uuid: string): void => {
    if (vms.get(uuid)?.hostId === hostId) vms.delete(uuid);
  };

  const take = (hostId: number, report: StatsReport): void => {
    const there = new Set<string>();
    let cpus: number | null = 0;
    let bytes = 0;
    for (const stats of report.vms) {
      there.add(stats.vmUuid);
      const sample = takeVm(hostId, stats, report.at);
      // As long as one VM's share is not known, their sum is not.
      cpus = cpus === null || sample.cpu === null ? null : cpus + sample.cpu * stats.vcpus;
      bytes += stats.memoryRssBytes ?? 0;
    }
    for (const uuid of vmsOf.get(hostId) ?? []) if (!there.has(uuid)) forgetVm(hostId, uuid);
    vmsOf.set(hostId, there);
    const before = hosts.get(hostId);
    const mean = before?.mean ?? new Mean();
    const threads = threadsOf(report, before);
    const sample = hostSample(report, before, { cpus, bytes, threads });
    mean.add(seriesOfHost(sample));
    hosts.set(hostId, { at: report.at, counters: report.host, sample, receivedAt: clock.now(), mean });
  };

  const forget = (hostId: number): void => {
    hosts.delete(hostId);
    for (const uuid of vmsOf.get(hostId) ?? []) forgetVm(hostId, uuid);
    vmsOf.delete(hostId);
  };

  const isFresh = (track: { receivedAt: number }): boolean => clock.now() - track.receivedAt <= freshMs;

  const polls = createReconciler<number>({
    name: "stats",
    everyMs,
    width: 32,
    keys: () => fleet.connectedHosts(),
    reconcile: async (hostId, signal) => {
      if (fleet.isConnected(hostId)) take(hostId, await fleet.agent(hostId).getStats({}, { signal }));
    },
    log: parts.log,
    clock,
  });

  return {
    /** Public for tests and for whoever has a report in hand. */
    take,
    forget,
    polls,

    start: (): void => {
      stopListening = fleet.onHostChanged((hostId, status) => {
        if (status === "normal") polls.signal(hostId);
        else forget(hostId);
      });
      polls.start();
    },

    stop: async (): Promise<void> => {
      stopListening?.();
      await polls.stop();
    },

    /** Undefined when nothing is known or it is too old. */
    latestHost: (hostId: number): HostSample | undefined => {
      const track = hosts.get(hostId);
      return track && isFresh(track) ? track.sample : undefined;
    },

    latestVm: (uuid: string): VmSample | undefined => {
      const track = vms.get(uuid);
      return track && isFresh(track) ? track.sample : undefined;
    },

    reportLoad: (hostId: number): HostLoad | undefined => {
      const track = hosts.get(hostId);
      if (!track || !isFresh(track)) return undefined;
      const { cpu, memoryBytes, memoryUsedBytes } = track.sample;
      return {
        cpuRatio: cpu,
        freeMemoryBytes: memoryBytes - memoryUsedBytes,
        usedMemoryBytes: memoryUsedBytes,
      };
    },

    /** Means since they were last taken, by host id. */
    takeHostMeans: () => meansOf(hosts),
    /** Means since they were last taken, by VM UUID. */
    takeVmMeans: () => meansOf(vms),

    size: () => ({ hosts: hosts.size, vms: vms.size }),
  };
}
export type Collector = ReturnType<typeof createCollector>;

/** Threads of a host, from how fast its CPU time runs: busy plus idle milliseconds per millisecond. */
function threadsOf(report: StatsReport, before: { at: number; counters: HostCounters } | undefined): number {
  if (!before || report.at <= before.at) return 1;
  const total = report.host.cpuTotalMs - before.counters.cpuTotalMs;
  return Math.max(1, Math.round(total / (report.at - before.at)));
}

function meansOf<K>(tracks: ReadonlyMap<K, { readonly mean: Mean }>): Map<K, SeriesValues> {
  const result = new Map<K, SeriesValues>();
  for (const [key, { mean }] of tracks) {
    const values = mean.take();
    if (values) result.set(key, values);
  }
  return result;
}
