import { Skeleton } from "antd";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { client } from "../../api/client.ts";
import { useSession } from "../../api/session-store.ts";
import { idOf } from "../../api/urns.ts";
import { UsageBar } from "../../ui/bar.tsx";
import { percent } from "../../ui/format.ts";
import { vmCountsQuery } from "./states.tsx";

const SHOWN = 5;
/** Comparing all VMs takes a figure of each: up to here that is a few quick calls. */
const VMS_MAX = 300;
const PAGE = 100;
const EVERY_MS = 60_000;
type Metric = "cpu_usage" | "mem_usage";

interface Consumer {
  readonly name: string;
  readonly to: string;
  readonly search: Record<string, string>;
  readonly share: number;
}

/** Hosts, by their mean over the last half hour. */
export function TopHosts({ metric }: { metric: Metric }) {
  const { t } = useTranslation();
  const { siteUrn } = useSession();
  const { data } = useQuery({
    queryKey: ["monitor", "top", "hosts", metric],
    queryFn: () => topHosts(siteUrn, metric),
    refetchInterval: EVERY_MS,
  });
  return <Consumers title={t(`overview.topHosts.${metric}`)} items={data} none={t("overview.noFigures")} />;
}

/** VMs, by what they use now. */
export function TopVms({ metric }: { metric: Metric }) {
  const { t } = useTranslation();
  const counts = useQuery(vmCountsQuery);
  const running = counts.data?.running;
  const isFew = running !== undefined && running <= VMS_MAX;
  const { data } = useQuery({
    queryKey: ["monitor", "top", "vms"],
    queryFn: readVms,
    refetchInterval: EVERY_MS,
    enabled: isFew,
  });
  const items = data
    ?.map((vm) => ({ name: vm.name, to: `/vms/${idOf(vm.urn)}`, search: {}, share: vm[metric] }))
    .toSorted((a, b) => b.share - a.share)
    .slice(0, SHOWN);
  return (
    <Consumers
      title={t(`overview.topVms.${metric}`)}
      items={running !== undefined && !isFew ? [] : items}
      none={isFew ? t("overview.noFigures") : t("overview.manyVms", { count: VMS_MAX })}
    />
  );
}

function Consumers(props: { title: string; items: readonly Consumer[] | undefined; none: string }) {
  return (
    <section className="panel" aria-label={props.title}>
      <h2>{props.title}</h2>
      {!props.items && <Skeleton active title={false} paragraph={{ rows: SHOWN }} />}
      {props.items?.length === 0 && <p className="quiet">{props.none}</p>}
      {props.items?.map((item) => (
        <UsageBar
          key={`${item.to} ${item.name}`}
          label={item.name}
          link={
            <Link to={item.to} search={item.search}>
              {item.name}
            </Link>
          }
          share={item.share}
          text={percent(item.share)}
        />
      ))}
    </section>
  );
}

async function topHosts(siteUrn: string, metricId: Metric): Promise<Consumer[]> {
  const endS = Math.floor(Date.now() / 60_000) * 60;
  const [answer] = await client.monitor.top([
    {
      urn: siteUrn,
      metricId,
      objectType: "hosts",
      topN: String(SHOWN),
      topOrder: "DESC",
      topType: "top",
      startTime: String(endS - 1800),
      endTime: String(endS),
      interval: "60",
    },
  ]);
  // The contract names hosts, without saying which it means when two have one name: the list does.
  return (answer?.metricValue ?? []).map(({ name, value }) => ({
    name,
    to: "/hosts",
    search: { name },
    share: Number(value) / 100,
  }));
}

interface VmLoad {
  readonly urn: string;
  readonly name: string;
  readonly cpu_usage: number;
  readonly mem_usage: number;
}

async function readVms(): Promise<VmLoad[]> {
  const pages = await Promise.all(
    Array.from({ length: VMS_MAX / PAGE }, (_, page) =>
      client.vms.list({ status: "running", isTemplate: false, detail: 0, limit: PAGE, offset: page * PAGE }),
    ),
  );
  const vms = pages.flatMap((page) => page.items);
  if (vms.length === 0) return [];
  const figures = await client.monitor.realtime(
    vms.map(({ urn }) => ({ urn, metricId: ["cpu_usage", "mem_usage"] })),
  );
  return vms.flatMap(({ urn, name }, index) => {
    const [cpu, memory] = figures[index]?.value.map((one) => one.metricValue) ?? [];
    // Not measured yet, or stopped between the calls.
    if (!cpu || !memory) return [];
    return [{ urn, name, cpu_usage: Number(cpu) / 100, mem_usage: Number(memory) / 100 }];
  });
}
