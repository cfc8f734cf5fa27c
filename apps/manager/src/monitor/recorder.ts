import { type Clock, type Log, systemClock } from "@sinter/kit";
import type { Database } from "../database/database.ts";
import { createReconciler } from "../reconcile/driver.ts";
import type { Collector } from "./collector.ts";
import { type MetricRow, metricStore } from "./metric.store.ts";
import { monitoredStore } from "./monitored.store.ts";
import type { HostSample } from "./sample.ts";
import { diskUse, percent, SERIES, seriesOfHosts, type SeriesValues } from "./series.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
/** 20,000 VMs each minute would be a gigabyte a day; every five minutes is a fifth of that. */
const VMS_EVERY_MINUTES = 5;

/** Writes means of what the collector has seen: hosts, clusters and datastores each minute, VMs every five. */
export function createRecorder(parts: {
  readonly database: Database;
  readonly collector: Collector;
  readonly log: Log;
  readonly clock?: Clock;
}) {
  const { collector, log } = parts;
  const clock = parts.clock ?? systemClock;
  const store = metricStore(parts.database);
  const monitored = monitoredStore(parts.database.db);
  let preparedDay = -1;
  let rolledUpHour = -1;
  let vmMinutes = 0;

  const hostRows = async (): Promise<MetricRow[]> => {
    const means = collector.takeHostMeans();
    const rows: MetricRow[] = [...means].map(([objectId, values]) => ({ kind: "host", objectId, values }));
    for (const [clusterId, members] of await monitored.hostsOfClusters()) {
      const samples = members
        .map(({ hostId, threads }) => ({ sample: collector.latestHost(hostId), threads }))
        .filter((item): item is { sample: HostSample; threads: number } => item.sample !== undefined);
      if (samples.length > 0) {
        rows.push({ kind: "cluster", objectId: clusterId, values: seriesOfHosts(samples) });
      }
    }
    for (const [objectId, { used }] of await monitored.datastores()) {
      if (used !== null) rows.push({ kind: "datastore", objectId, values: only("disk", used) });
    }
    return rows;
  };

  const vmRows = async (): Promise<MetricRow[]> => {
    const known = await monitored.allVms();
    const rows: MetricRow[] = [];
    for (const [uuid, values] of collector.takeVmMeans()) {
      const vm = known.get(uuid);
      if (!vm) continue;
      const sample = collector.latestVm(uuid);
      const disk = sample ? percent(diskUse(sample, vm.diskBytes)) : null;
      rows.push({ kind: "vm", objectId: vm.id, values: { ...values, disk } });
    }
    return rows;
  };

  /** The hours and the day that have ended since the last time; after a start the last ones, once more. */
  const rollUp = async (nowMs: number): Promise<void> => {
    const hour = Math.floor(nowMs / HOUR_MS);
    if (hour === rolledUpHour) return;
    const first = rolledUpHour < 0 ? hour - 3 : rolledUpHour;
    for (let h = first; h < hour; h++) await store.rollUp("hours", h * HOUR_MS);
    const day = Math.floor(nowMs / DAY_MS);
    if (rolledUpHour < 0 || Math.floor((rolledUpHour * HOUR_MS) / DAY_MS) < day) {
      await store.rollUp("days", (day - 1) * DAY_MS);
    }
    rolledUpHour = hour;
  };

  const writer = createReconciler<"all">({
    name: "metrics",
    everyMs: MINUTE_MS,
    keys: () => ["all"],
    reconcile: async () => {
      const nowMs = clock.now();
      const day = Math.floor(nowMs / DAY_MS);
      if (day !== preparedDay) {
        await store.prepare(nowMs);
        preparedDay = day;
      }
      // Whole seconds: curves are asked for in seconds.
      const atMs = Math.floor(nowMs / 1000) * 1000;
      await store.write(await hostRows(), atMs);
      if (vmMinutes === 0) await store.write(await vmRows(), atMs);
      vmMinutes = (vmMinutes + 1) % VMS_EVERY_MINUTES;
      await rollUp(nowMs);
    },
    log,
    clock,
  });

  return { start: () => writer.start(), stop: () => writer.stop(), runOnce: () => writer.runOnce() };
}
export type Recorder = ReturnType<typeof createRecorder>;

function only(name: keyof SeriesValues, value: number): SeriesValues {
  // All names of SERIES are there.
  return Object.fromEntries(SERIES.map((each) => [each, each === name ? value : null])) as SeriesValues;
}
