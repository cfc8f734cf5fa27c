import { ClusterOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import type { WireCluster } from "@sinter/northbound";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { client } from "../../api/client.ts";
import { clusterQuery } from "../../api/queries.ts";
import { useMay, useSession } from "../../api/session-store.ts";
import { urnOf } from "../../api/urns.ts";
import { ActionButton } from "../../ui/action-button.tsx";
import { ActionDialog } from "../../ui/action-dialog.tsx";
import { MonitorTab } from "../../ui/monitor-tab.tsx";
import { ObjectPage, type TabPage } from "../../ui/object-page.tsx";
import { PermissionsTab } from "../../ui/permissions-tab.tsx";
import { TasksTab } from "../../ui/tasks-tab.tsx";
import { useAction } from "../../ui/use-action.ts";
import { VmsTab } from "../../ui/vms-tab.tsx";
import { JoinHostDialog } from "../host/join-host-dialog.tsx";
import { ClusterSummary } from "./cluster-summary.tsx";
import { HostsTab } from "./hosts-tab.tsx";
import { NameForm } from "./name-form.tsx";

/** One cluster. */
export function ClusterPage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const { clusterId } = useParams({ strict: false });
  const search = useSearch({ strict: false });
  const urn = urnOf(useSession().siteUrn, "clusters", clusterId ?? "");
  const { data: cluster, error, isLoading, refetch } = useQuery(clusterQuery(urn));
  const tabs: TabPage[] = cluster
    ? [
        { key: "summary", label: t("object.tabs.summary"), content: <ClusterSummary cluster={cluster} /> },
        { key: "monitor", label: t("object.tabs.monitor"), content: <MonitorTab urn={urn} kind="cluster" /> },
        {
          key: "configure",
          label: t("object.tabs.configure"),
          content: (
            <NameForm
              name={cluster.name}
              description={cluster.description}
              kinds={["clusters"]}
              fields={{ "10000012": "name", "10300091": "name", "10000018": "description" }}
              save={(change) => client.clusters.modify(cluster, change)}
            />
          ),
        },
        { key: "hosts", label: t("object.tabs.hosts"), content: <HostsTab scope={urn} /> },
        { key: "vms", label: t("object.tabs.vms"), content: <VmsTab scope={urn} /> },
        { key: "tasks", label: t("object.tabs.tasks"), content: <TasksTab urn={urn} /> },
        { key: "permissions", label: t("object.tabs.permissions"), content: <PermissionsTab /> },
      ]
    : [];
  return (
    <ObjectPage
      icon={<ClusterOutlined />}
      title={cluster?.name ?? ""}
      actions={cluster && <ClusterActions cluster={cluster} />}
      tabs={tabs}
      tab={String(search["tab"] ?? "")}
      onTab={(tab) => void navigate({ to: ".", search: { tab } })}
      isLoading={isLoading}
      error={cluster ? undefined : error}
      onRetry={() => void refetch()}
    />
  );
}

function ClusterActions({ cluster }: { cluster: WireCluster }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [dialog, setDialog] = useState<"join" | "remove">();
  const mayNot = useMay("administer") ? undefined : t("common.needsAdminister");
  const remove = useAction<WireCluster>({
    call: (one) => client.clusters.remove(one),
    kinds: ["clusters"],
    started: ({ name }) => t("object.removing", { name }),
    isQuiet: true,
  });
  const removeIt = async (): Promise<void> => {
    if (await remove.run(cluster)) await navigate({ to: "/site" });
  };
  const close = (): void => setDialog(undefined);
  return (
    <>
      <ActionButton reason={mayNot} onClick={() => setDialog("join")}>
        {t("host.join")}
      </ActionButton>
      <ActionButton danger reason={mayNot} onClick={() => setDialog("remove")}>
        {t("site.removeCluster")}
      </ActionButton>
      <JoinHostDialog isOpen={dialog === "join"} onClose={close} clusterUrn={cluster.urn} />
      <ActionDialog
        title={t("site.removeCluster")}
        okText={t("common.remove")}
        isOpen={dialog === "remove"}
        isDangerous
        onClose={close}
        onOk={() => void removeIt()}
        isRunning={remove.isRunning}
        error={remove.error}
      >
        <p>{t("site.removeClusterText", { name: cluster.name })}</p>
      </ActionDialog>
    </>
  );
}
