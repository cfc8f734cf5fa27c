import { useQuery } from "@tanstack/react-query";
import type { HostStatistics } from "@sinter/northbound";
import { useTranslation } from "react-i18next";
import { client } from "../../api/client.ts";
import { type Slice, StateDonut } from "./state-donut.tsx";

export const hostCountsQuery = {
  queryKey: ["overview", "hosts"],
  queryFn: () => client.hosts.statistics(),
};
export const vmCountsQuery = {
  queryKey: ["overview", "vms"],
  queryFn: () => client.vms.statistics(),
};

const HOST_STATES = [
  ["normal", "good"],
  ["fault", "bad"],
  ["initial", "busy"],
  ["booting", "busy"],
  ["rebooting", "busy"],
  ["shutdowning", "warning"],
  ["poweroff", "off"],
] as const satisfies readonly (readonly [keyof HostStatistics, Slice["tone"]])[];

export function HostStates() {
  const { t } = useTranslation();
  const { data } = useQuery(hostCountsQuery);
  const slices = HOST_STATES.map(([status, tone]): Slice => {
    return {
      key: status,
      label: t(`host.status.${status}`),
      count: data?.[status] ?? 0,
      tone,
      to: "/hosts",
      search: { status },
    };
  });
  return <StateDonut title={t("overview.hostsByState")} total={data?.total ?? 0} slices={slices} />;
}

export function VmStates() {
  const { t } = useTranslation();
  const { data } = useQuery(vmCountsQuery);
  const counts = data ?? { total: 0, running: 0, stopped: 0, fault: 0, hibernated: 0 };
  // The rest is on its way from one state to another, or paused.
  const rest = counts.total - counts.running - counts.stopped - counts.fault - counts.hibernated;
  const slice = (
    key: "running" | "stopped" | "fault" | "hibernated" | "other",
    count: number,
    tone: Slice["tone"],
    search: Record<string, string>,
  ): Slice => ({ key, label: t(`overview.vmStates.${key}`), count, tone, to: "/vms", search });
  return (
    <StateDonut
      title={t("overview.vmsByState")}
      total={counts.total}
      slices={[
        slice("running", counts.running, "good", { status: "running" }),
        // Spelt "unknown" in lists.
        slice("fault", counts.fault, "bad", { status: "unknown" }),
        slice("stopped", counts.stopped, "off", { status: "stopped" }),
        slice("hibernated", counts.hibernated, "paused", { status: "hibernated" }),
        slice("other", rest, "busy", {}),
      ]}
    />
  );
}
