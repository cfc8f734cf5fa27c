import { CloudServerOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { hostQuery } from "../../api/queries.ts";
import { useSession } from "../../api/session-store.ts";
import { urnOf } from "../../api/urns.ts";
import { MonitorTab } from "../../ui/monitor-tab.tsx";
import { ObjectLink } from "../../ui/object-link.tsx";
import { ObjectPage, type TabPage } from "../../ui/object-page.tsx";
import { PermissionsTab } from "../../ui/permissions-tab.tsx";
import { TasksTab } from "../../ui/tasks-tab.tsx";
import { VmsTab } from "../../ui/vms-tab.tsx";
import { HostActions } from "./host-actions.tsx";
import { HostConfigure } from "./host-configure.tsx";
import { HostStateTag } from "./host-state.tsx";
import { HostSummary } from "./host-summary.tsx";

/** One host. */
export function HostPage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const { hostId } = useParams({ strict: false });
  const search = useSearch({ strict: false });
  const urn = urnOf(useSession().siteUrn, "hosts", hostId ?? "");
  const { data: host, error, isLoading, refetch } = useQuery(hostQuery(urn));
  const tabs: TabPage[] = host
    ? [
        { key: "summary", label: t("object.tabs.summary"), content: <HostSummary host={host} /> },
        { key: "monitor", label: t("object.tabs.monitor"), content: <MonitorTab urn={urn} kind="host" /> },
        { key: "configure", label: t("object.tabs.configure"), content: <HostConfigure host={host} /> },
        { key: "vms", label: t("object.tabs.vms"), content: <VmsTab scope={urn} /> },
        { key: "tasks", label: t("object.tabs.tasks"), content: <TasksTab urn={urn} /> },
        { key: "permissions", label: t("object.tabs.permissions"), content: <PermissionsTab /> },
      ]
    : [];
  return (
    <ObjectPage
      icon={<CloudServerOutlined />}
      title={host?.name ?? ""}
      status={host && <HostStateTag host={host} />}
      subtitle={host?.clusterUrn ? <ObjectLink urn={host.clusterUrn} name={host.clusterName} /> : undefined}
      actions={host && <HostActions host={host} />}
      tabs={tabs}
      tab={String(search["tab"] ?? "")}
      onTab={(tab) => void navigate({ to: ".", search: { tab } })}
      isLoading={isLoading}
      error={host ? undefined : error}
      onRetry={() => void refetch()}
    />
  );
}
