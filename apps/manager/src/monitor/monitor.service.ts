import { type Clock, mapLimited, systemClock } from "@sinter/kit";
import {
  COMMON_ERRORS,
  type CurveAnswer,
  type CurveQuery,
  parseUrn,
  type RealtimeAnswer,
  type RealtimeQuery,
  siteUrn,
  type TopAnswer,
  type TopQuery,
} from "@sinter/northbound";
import type { Database } from "../database/database.ts";
import type { Collector } from "./collector.ts";
import { type MetricKind, metricStore, type TierName, TIERS } from "./metric.store.ts";
import { hostMetric, isMetric, type Metric, METRICS, type MetricId, valueText, vmMetric } from "./metrics.ts";
import { monitorErrors } from "./monitor.errors.ts";
import { monitoredStore } from "./monitored.store.ts";
import type { HostSample } from "./sample.ts";
import { type Series, seriesOfHosts } from "./series.ts";

const KINDS: Readonly<Record<string, MetricKind>> = {
  vms: "vm",
  hosts: "host",
  clusters: "cluster",
  datastores: "datastore",
};
const INTERVALS_S = [60, 300, 1800, 3600, 86_400, 604_800, 2_592_000, 31_536_000];
const CURVES_MAX = 100;
const POINTS_MAX = 5_000;

interface Target {
  readonly kind: MetricKind;
  readonly id: number;
}

/** A figure of an object by metric; the object is there. */
type Reader = { readonly name: string; read(id: MetricId): number | string | null };

export function createMonitorService(parts: {
  readonly database: Database;
  readonly collector: Collector;
  readonly siteId: () => string;
  readonly clock?: Clock;
}) {
  const { collector } = parts;
  const clock = parts.clock ?? systemClock;
  const monitored = monitoredStore(parts.database.db);
  const curves = metricStore(parts.database);

  const targetOf = (urn: string): Target | undefined => {
    const parsed = parseUrn(urn);
    if (parsed?.siteId !== parts.siteId() || parsed.kind === undefined || parsed.child !== undefined) {
      return undefined;
    }
    const kind = KINDS[parsed.kind];
    return kind === undefined || parsed.id === undefined ? undefined : { kind, id: parsed.id };
  };

  /** One query per kind of object, whatever the number of objects. */
  const readersOf = async (targets: readonly (Target | undefined)[]): Promise<Map<string, Reader>> => {
    const ids = (kind: MetricKind): number[] => [
      ...new Set(targets.filter((t) => t?.kind === kind).map((t) => t?.id ?? 0)),
    ];
    const readers = new Map<string, Reader>();
    for (const [id, vm] of await monitored.vms(ids("vm"))) {
      const sample = collector.latestVm(vm.uuid);
      readers.set(`vm ${id}`, { name: vm.name, read: (metric) => vmMetric(metric, sample, vm) });
    }
    for (const [id, host] of await monitored.hosts(ids("host"))) {
      const sample = collector.latestHost(id);
      readers.set(`host ${id}`, { name: host.name, read: (metric) => hostMetric(metric, sample, host) });
    }
    const clusterIds = ids("cluster");
    const members = clusterIds.length === 0 ? new Map() : await monitored.hostsOfClusters(clusterIds);
    for (const [id, name] of await monitored.clusterNames(clusterIds)) {
      readers.set(`cluster ${id}`, clusterReader(name, members.get(id) ?? []));
    }
    for (const [id, datastore] of await monitored.datastores(ids("datastore"))) {
      const read = (metric: MetricId) => (metric === "disk_usage" ? datastore.used : null);
      readers.set(`datastore ${id}`, { name: datastore.name, read });
    }
    return readers;
  };

  const clusterReader = (name: string, members: readonly { hostId: number; threads: number }[]): Reader => {
    const samples = members
      .map(({ hostId, threads }) => ({ sample: collector.latestHost(hostId), threads }))
      .filter((item): item is { sample: HostSample; threads: number } => item.sample !== undefined);
    const values = samples.length === 0 ? undefined : seriesOfHosts(samples);
    return {
      name,
      read: (metric) => {
        const series = seriesOf(metric);
        return series === undefined || values === undefined ? null : values[series];
      },
    };
  };

  /** A cluster, or the site as a whole. */
  const scopeOf = async (
    urn: string,
  ): Promise<{ name: string; clusterId: number | undefined } | undefined> => {
    if (urn === siteUrn(parts.siteId())) return { name: "", clusterId: undefined };
    const target = targetOf(urn);
    if (target?.kind !== "cluster") return undefined;
    const name = (await monitored.clusterNames([target.id])).get(target.id);
    return name === undefined ? undefined : { name, clusterId: target.id };
  };

  return {
    /** Items in the order of the request, values in the order of the metrics: clients match by position. */
    async realtime(query: RealtimeQuery): Promise<RealtimeAnswer> {
      const targets = query.map((item) => targetOf(item.urn));
      const readers = await readersOf(targets);
      const items = query.map(({ urn, metricId }, index) => {
        const target = targets[index];
        const reader = target && readers.get(`${target.kind} ${target.id}`);
        if (!reader) return { urn, objectName: "", value: [], ...unknownObject(urn) };
        return {
          urn,
          objectName: reader.name,
          value: metricId.map((id) => {
            const metricValue = isMetric(id) ? valueText(reader.read(id)) : "";
            const unit = metricValue !== "" && isMetric(id) ? METRICS[id].unit : "";
            return { unit, metricId: id, metricValue };
          }),
        };
      });
      return { total: items.length, result: "0", items };
    },

    /** A point stands for the time before it; with two points the second is the latest, which one client relies on. */
    async curve(query: CurveQuery): Promise<CurveAnswer> {
      if (query.length > CURVES_MAX)
        throw monitorErrors.tooMany(`${query.length} curves, at most ${CURVES_MAX}`);
      const ranges = query.map(rangeOf);
      const targets = query.map((item) => targetOf(item.urn));
      const readers = await readersOf(targets);
      const items = await mapLimited(query, 4, async ({ urn, metricId }, index) => {
        const target = targets[index];
        const reader = target && readers.get(`${target.kind} ${target.id}`);
        const metric = isMetric(metricId) ? METRICS[metricId] : undefined;
        const head = { urn, objectName: reader?.name ?? "", metricId, metricName: metric?.name ?? metricId };
        if (!target || !reader) return { unit: "", ...head, metricValue: [], ...unknownObject(urn) };
        const range = ranges[index] as Range;
        const series = isMetric(metricId) ? seriesOf(metricId) : undefined;
        const points =
          series === undefined
            ? new Map<number, number>()
            : await curves.curve({
                tier: tierFor(range, clock.now()),
                kind: target.kind,
                objectId: target.id,
                series,
                ...range,
              });
        return { unit: metric?.unit ?? "", ...head, metricValue: pointsOf(range, points) };
      });
      return { total: items.length, result: "0", items };
    },

    /** Hosts by the mean of a figure: `top` and `btop` are the two ends of the list, which is then ordered as asked. */
    async top(query: TopQuery): Promise<TopAnswer> {
      if (query.length > CURVES_MAX)
        throw monitorErrors.tooMany(`${query.length} lists, at most ${CURVES_MAX}`);
      const ranges = query.map(rangeOf);
      const items = await mapLimited(query, 4, async (item, index) => {
        const { urn, metricId, objectType } = item;
        const metric = isMetric(metricId) ? METRICS[metricId] : undefined;
        const head = { urn, objectType, metricId, metricName: metric?.name ?? metricId };
        const scope = await scopeOf(urn);
        if (!scope) {
          return { unit: "", ...head, objectName: "", metricValue: [], result: "1", ...unknownObject(urn) };
        }
        const series = isMetric(metricId) ? seriesOf(metricId) : undefined;
        const range = ranges[index] as Range;
        const names = await monitored.hostNames(scope.clusterId);
        const means =
          series === undefined
            ? new Map<number, number>()
            : await curves.means({
                tier: tierFor(range, clock.now()),
                kind: "host",
                objectIds: [...names.keys()],
                series,
                ...range,
              });
        const unit = metric?.unit ?? "";
        const metricValue = topOf(means, item).map(([id, value]) => ({
          name: names.get(id) ?? "",
          value: valueText(value),
        }));
        const none = { result: "0", errorCode: "", errorDes: "" };
        return { unit, ...head, objectName: scope.name, metricValue, ...none };
      });
      return { total: items.length, result: "0", items };
    },

    /** MiB in use on the hosts of a cluster as last measured. */
    async memoryUsedMiB(clusterId: number): Promise<number> {
      const members = (await monitored.hostsOfClusters([clusterId])).get(clusterId) ?? [];
      const bytes = members.reduce(
        (sum, { hostId }) => sum + (collector.latestHost(hostId)?.memoryUsedBytes ?? 0),
        0,
      );
      return Math.floor(bytes / 1_048_576);
    },

    now: () => clock.now(),
  };
}
export type MonitorService = ReturnType<typeof createMonitorService>;

function seriesOf(id: MetricId): Series | undefined {
  const metric: Metric = METRICS[id];
  return metric.series;
}

function unknownObject(urn: string): { errorCode: string; errorDes: string } {
  return { errorCode: COMMON_ERRORS.objectMissing.code, errorDes: `There is no object ${urn.slice(0, 96)}.` };
}

function topOf(
  means: ReadonlyMap<number, number>,
  { topN, topOrder, topType }: Pick<TopQuery[number], "topN" | "topOrder" | "topType">,
): [number, number][] {
  const falling = [...means].toSorted((a, b) => b[1] - a[1] || a[0] - b[0]);
  const chosen = topType === "top" ? falling.slice(0, Number(topN)) : falling.slice(-Number(topN));
  return topOrder === "DESC" ? chosen : chosen.toReversed();
}

interface Range {
  readonly startMs: number;
  readonly endMs: number;
  readonly stepMs: number;
}

function rangeOf(item: Pick<CurveQuery[number], "startTime" | "endTime" | "interval">): Range {
  const step = Number(item.interval);
  if (!INTERVALS_S.includes(step)) throw monitorErrors.intervalInvalid(item.interval);
  const [start, end] = [Number(item.startTime), Number(item.endTime)];
  // Milliseconds by mistake would be some fifty thousand years from now.
  if (start > end || end > 1e11) throw monitorErrors.timeInvalid();
  const points = Math.floor((end - start) / step) + 1;
  if (points > POINTS_MAX) throw monitorErrors.tooMany(`${points} points, at most ${POINTS_MAX}`);
  return { startMs: start * 1000, endMs: end * 1000, stepMs: step * 1000 };
}

/** The finest figures that reach back far enough. */
function tierFor(range: Range, nowMs: number): TierName {
  const fromMs = range.startMs - range.stepMs;
  if (fromMs >= nowMs - TIERS.samples.keptMs) return "samples";
  return fromMs >= nowMs - TIERS.hours.keptMs ? "hours" : "days";
}

/** Every point of the range, the missing ones with an empty value. */
function pointsOf(range: Range, values: ReadonlyMap<number, number>): { time: string; value: string }[] {
  const count = Math.floor((range.endMs - range.startMs) / range.stepMs) + 1;
  return Array.from({ length: count }, (_, point) => ({
    time: String((range.startMs + point * range.stepMs) / 1000),
    value: valueText(values.get(point)),
  }));
}
