import { PlusOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import type { WireSite } from "@sinter/northbound";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { clustersQuery } from "../../api/queries.ts";
import { useMay, useSession } from "../../api/session-store.ts";
import { ActionButton } from "../../ui/action-button.tsx";
import { UsageBar } from "../../ui/bar.tsx";
import { Facts } from "../../ui/facts.tsx";
import { Failure } from "../../ui/failure.tsx";
import { mebibytes } from "../../ui/format.ts";
import { ObjectLink } from "../../ui/object-link.tsx";
import { ClusterDialog } from "./cluster-dialog.tsx";

/** What the site is, and its clusters. */
export function SiteSummary({ site }: { site: WireSite }) {
  const { t } = useTranslation();
  const { version } = useSession();
  const clusters = useQuery(clustersQuery());
  const [isCreating, setCreating] = useState(false);
  const mayNot = useMay("administer") ? undefined : t("common.needsAdminister");
  return (
    <>
      <section className="panel narrow">
        <h2>{t("object.facts")}</h2>
        <Facts
          items={[
            [t("site.address"), site.ip],
            [t("site.version"), version],
            [t("common.description"), site.description || undefined],
            [t("site.timeZone"), site.timeZone || undefined],
            [t("common.id"), site.urn],
          ]}
        />
      </section>
      <section className="panel page-section">
        <h2>{t("shell.clusters")}</h2>
        <p>
          <ActionButton icon={<PlusOutlined />} reason={mayNot} onClick={() => setCreating(true)}>
            {t("site.createCluster")}
          </ActionButton>
        </p>
        <Failure error={clusters.error} onRetry={() => void clusters.refetch()} />
        {clusters.data?.length === 0 && <p className="quiet">{t("site.noClusters")}</p>}
        {clusters.data && clusters.data.length > 0 && (
          <table className="plain">
            <thead>
              <tr>
                <th scope="col">{t("common.name")}</th>
                <th scope="col">{t("common.description")}</th>
                <th scope="col">{t("site.vcpus")}</th>
                <th scope="col">{t("site.memoryPromised")}</th>
              </tr>
            </thead>
            <tbody>
              {clusters.data.map((cluster) => (
                <tr key={cluster.urn}>
                  <th scope="row">
                    <ObjectLink urn={cluster.urn} name={cluster.name} />
                  </th>
                  <td>{cluster.description || "–"}</td>
                  <td>{cluster.cpuResource.allocatedVcpus}</td>
                  <td>
                    <UsageBar
                      label=""
                      share={cluster.memResource.allocatedSizeMB / cluster.memResource.totalSizeMB}
                      text={t("common.of", {
                        used: mebibytes(cluster.memResource.allocatedSizeMB),
                        total: mebibytes(cluster.memResource.totalSizeMB),
                      })}
                    />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
        {isCreating && <ClusterDialog onClose={() => setCreating(false)} />}
      </section>
    </>
  );
}
