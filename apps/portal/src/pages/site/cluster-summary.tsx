import { useQuery } from "@tanstack/react-query";
import type { WireCluster } from "@sinter/northbound";
import { useTranslation } from "react-i18next";
import { client } from "../../api/client.ts";
import { UsageBar } from "../../ui/bar.tsx";
import { Facts } from "../../ui/facts.tsx";
import { Failure } from "../../ui/failure.tsx";
import { mebibytes } from "../../ui/format.ts";

/** What the hosts of the cluster have together, what of it is promised and used, and what is left. */
export function ClusterSummary({ cluster }: { cluster: WireCluster }) {
  const { t } = useTranslation();
  const left = useQuery({
    queryKey: ["clusters", "resource", cluster.urn],
    queryFn: () => client.clusters.computeResource(cluster),
  });
  const all = useQuery({
    queryKey: ["clusters", "all-vms", cluster.urn],
    queryFn: () => client.clusters.allVmComputeResource(cluster),
  });
  const { cpuResource: cpu, memResource: memory } = cluster;
  const threads = all.data?.cpuResource.totalVcpus;
  const used = all.data?.memResource.realtimeUsedSizeMB;
  const memoryText = (value: number): string =>
    t("common.of", { used: mebibytes(value), total: mebibytes(memory.totalSizeMB) });
  return (
    <div className="panels">
      <section className="panel">
        <h2>{t("host.load")}</h2>
        <Failure error={left.error ?? all.error} />
        {threads !== undefined && (
          <UsageBar
            label={t("host.cpuPromised")}
            share={cpu.allocatedVcpus / threads}
            text={t("common.of", { used: cpu.allocatedVcpus, total: threads })}
          />
        )}
        <UsageBar
          label={t("host.memoryPromised")}
          share={memory.allocatedSizeMB / memory.totalSizeMB}
          text={memoryText(memory.allocatedSizeMB)}
        />
        {used !== undefined && (
          <UsageBar label={t("host.memoryUsed")} share={used / memory.totalSizeMB} text={memoryText(used)} />
        )}
      </section>
      <section className="panel">
        <h2>{t("object.facts")}</h2>
        <Facts
          items={[
            [t("common.description"), cluster.description || undefined],
            [t("site.arch"), cluster.arch],
            [t("site.vcpusLeft"), left.data?.CpuQuantity],
            [t("site.memoryLeft"), left.data ? mebibytes(left.data.MemQuantityMB) : undefined],
            [t("site.vcpusAll"), all.data?.cpuResource.allocatedVcpus],
            [t("site.memoryAll"), all.data ? mebibytes(all.data.memResource.allocatedSizeMB) : undefined],
          ]}
        />
      </section>
    </div>
  );
}
