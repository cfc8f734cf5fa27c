import { Segmented, Skeleton } from "antd";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { client } from "../api/client.ts";
import { UsageBar } from "./bar.tsx";
import { Chart, type ChartLine } from "./chart.tsx";
import { Failure } from "./failure.tsx";
import { bytes, percent, timeOfDay } from "./format.ts";

type Kind = "vm" | "host" | "cluster";

/** Seconds; the manager keeps minutes for two days and hours for five weeks. */
const RANGES = {
  hour: { lengthS: 3600, stepS: 60 },
  day: { lengthS: 86_400, stepS: 300 },
  week: { lengthS: 7 * 86_400, stepS: 3600 },
  month: { lengthS: 30 * 86_400, stepS: 3600 },
} as const;
type Range = keyof typeof RANGES;

const SHARE_METRICS = ["cpu_usage", "mem_usage"] as const;
const PANELS = [
  { key: "cpu", metrics: ["cpu_usage"], isShare: true },
  { key: "memory", metrics: ["mem_usage"], isShare: true },
  { key: "disk", metrics: ["disk_io_out", "disk_io_in"], isShare: false },
  { key: "network", metrics: ["nic_byte_in", "nic_byte_out"], isShare: false },
] as const;
type Metric = (typeof PANELS)[number]["metrics"][number];
const METRICS = PANELS.flatMap((panel): readonly Metric[] => panel.metrics);

/** Load of a VM, a host or a cluster: what it is now, and how it went over an hour to a month. */
export function MonitorTab({ urn, kind }: { urn: string; kind: Kind }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const search = useSearch({ strict: false });
  const asked = search["range"];
  const range: Range = typeof asked === "string" && asked in RANGES ? (asked as Range) : "hour";
  const { data, error, refetch } = useQuery({
    queryKey: ["monitor", "curves", urn, range],
    queryFn: () => readCurves(urn, range),
    refetchInterval: 60_000,
    placeholderData: keepPreviousData,
  });
  return (
    <div className="monitor">
      <div className="page-head">
        <h2>{t("monitor.title")}</h2>
        <Segmented<Range>
          aria-label={t("monitor.range")}
          value={range}
          onChange={(next) => void navigate({ to: ".", search: { ...search, range: next } })}
          options={(Object.keys(RANGES) as Range[]).map((key) => ({
            value: key,
            label: t(`monitor.ranges.${key}`),
          }))}
        />
      </div>
      <Now urn={urn} kind={kind} />
      <Failure error={error} onRetry={() => void refetch()} />
      <div className="panels">
        {PANELS.map((panel) => (
          <Panel key={panel.key} panel={panel} curves={data} />
        ))}
      </div>
    </div>
  );
}

interface Curves {
  readonly fromMs: number;
  readonly toMs: number;
  readonly lines: ReadonlyMap<Metric, ChartLine["points"]>;
}

async function readCurves(urn: string, range: Range): Promise<Curves> {
  const { lengthS, stepS } = RANGES[range];
  const end = Math.floor(Date.now() / 1000 / stepS) * stepS;
  const start = end - lengthS;
  const items = await client.monitor.curves(
    METRICS.map((metricId) => ({
      urn,
      metricId,
      startTime: String(start),
      endTime: String(end),
      interval: String(stepS),
    })),
  );
  const lines = new Map(
    items.map((item) => [
      item.metricId as Metric,
      item.metricValue.map(({ time, value }) => [Number(time) * 1000, figure(value)] as const),
    ]),
  );
  return { fromMs: start * 1000, toMs: end * 1000, lines };
}

function Panel({ panel, curves }: { panel: (typeof PANELS)[number]; curves: Curves | undefined }) {
  const { t } = useTranslation();
  const write = (value: number): string => (panel.isShare ? percent(value / 100) : rate(value));
  const lines: ChartLine[] = panel.metrics.map((metric) => ({
    name: t(`monitor.metrics.${metric}`),
    points: curves?.lines.get(metric) ?? [],
  }));
  const rows = lines.map((line) => ({ name: line.name, ...summaryOf(line.points, write) }));
  const title = t(`monitor.panels.${panel.key}`);
  const label = rows
    .map((row) => t("monitor.inWords", { name: row.name, mean: row.mean, highest: row.highest }))
    .join(" ");
  return (
    <section className="panel" aria-label={title}>
      <h3>{title}</h3>
      {curves ? (
        <Chart
          label={label}
          lines={lines}
          write={write}
          {...(panel.isShare ? { max: 100 } : {})}
          fromMs={curves.fromMs}
          toMs={curves.toMs}
        />
      ) : (
        <Skeleton.Node active className="chart" />
      )}
      <table className="plain">
        <thead>
          <tr>
            <th scope="col">{t("monitor.figure")}</th>
            <th scope="col">{t("monitor.latest")}</th>
            <th scope="col">{t("monitor.mean")}</th>
            <th scope="col">{t("monitor.highest")}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row, index) => (
            <tr key={row.name}>
              <th scope="row">
                {rows.length > 1 && (
                  <span className={`line-key line-key-${index === 0 ? "solid" : "dashed"}`} aria-hidden />
                )}
                {row.name}
              </th>
              <td>{row.latest}</td>
              <td>{row.mean}</td>
              <td>{row.highest}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** The latest measurement, which the manager takes every 20 s. */
function Now({ urn, kind }: { urn: string; kind: Kind }) {
  const { t, i18n } = useTranslation();
  const { data, dataUpdatedAt } = useQuery({
    queryKey: ["monitor", "now", urn],
    queryFn: async () => (await client.monitor.realtime([{ urn, metricId: [...METRICS] }]))[0],
    refetchInterval: 20_000,
  });
  if (!data) return null;
  const now = new Map(data.value.map((one) => [one.metricId, figure(one.metricValue)]));
  const known = METRICS.some((metric) => typeof now.get(metric) === "number");
  if (!known) return <p className="quiet">{t(`monitor.noFigures.${kind}`)}</p>;
  const text = (metric: Metric): string => {
    const value = now.get(metric);
    return typeof value === "number" ? rate(value) : "–";
  };
  return (
    <section className="panel monitor-now" aria-label={t("monitor.now")}>
      {SHARE_METRICS.map((metric) => {
        const value = now.get(metric);
        return (
          <UsageBar
            key={metric}
            label={t(`monitor.metrics.${metric}`)}
            share={(value ?? 0) / 100}
            text={typeof value === "number" ? percent(value / 100) : "–"}
          />
        );
      })}
      <p className="quiet">
        {METRICS.slice(SHARE_METRICS.length)
          .map((metric) => `${t(`monitor.metrics.${metric}`)} ${text(metric)}`)
          .join(" · ")}
        {` · ${t("monitor.asOf", { time: timeOfDay(new Date(dataUpdatedAt), i18n.language) })}`}
      </p>
    </section>
  );
}

function summaryOf(points: ChartLine["points"], write: (value: number) => string) {
  const values = points.map(([, value]) => value).filter((value) => value !== null);
  const last = values.at(-1);
  if (last === undefined) return { latest: "–", mean: "–", highest: "–" };
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return { latest: write(last), mean: write(mean), highest: write(Math.max(...values)) };
}

function figure(text: string): number | null {
  return text === "" ? null : Number(text);
}

function rate(kibPerS: number): string {
  return `${bytes(kibPerS * 1024)}/s`;
}
