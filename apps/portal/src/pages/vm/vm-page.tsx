import { DesktopOutlined, FileImageOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { vmQuery } from "../../api/queries.ts";
import { useSession } from "../../api/session-store.ts";
import { pageOf, urnOf } from "../../api/urns.ts";
import { MonitorTab } from "../../ui/monitor-tab.tsx";
import { ObjectPage, type TabPage } from "../../ui/object-page.tsx";
import { PermissionsTab } from "../../ui/permissions-tab.tsx";
import { TasksTab } from "../../ui/tasks-tab.tsx";
import { PageLink } from "./page-link.tsx";
import { VmConfigure } from "./vm-configure.tsx";
import { VmConsoleTab } from "./vm-console-tab.tsx";
import { VmPowerButtons } from "./vm-power-buttons.tsx";
import { VmSnapshots } from "./vm-snapshots.tsx";
import { VmStateTag } from "./vm-state-tag.tsx";
import { VmSummary } from "./vm-summary.tsx";

/** One VM or template. */
export function VmPage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const { vmId } = useParams({ strict: false });
  const search = useSearch({ strict: false });
  const urn = urnOf(useSession().siteUrn, "vms", vmId ?? "");
  const { data: vm, error, isLoading, refetch } = useQuery(vmQuery(urn));
  const tabs: TabPage[] = vm
    ? [
        { key: "summary", label: t("vm.tabs.summary"), content: <VmSummary vm={vm} /> },
        { key: "monitor", label: t("vm.tabs.monitor"), content: <MonitorTab urn={urn} kind="vm" /> },
        { key: "configure", label: t("vm.tabs.configure"), content: <VmConfigure vm={vm} /> },
        { key: "snapshots", label: t("vm.tabs.snapshots"), content: <VmSnapshots /> },
        { key: "tasks", label: t("vm.tabs.tasks"), content: <TasksTab urn={urn} /> },
        { key: "permissions", label: t("vm.tabs.permissions"), content: <PermissionsTab /> },
        ...(vm.isTemplate
          ? []
          : [{ key: "console", label: t("vm.tabs.console"), content: <VmConsoleTab vm={vm} /> }]),
      ]
    : [];
  return (
    <ObjectPage
      icon={vm?.isTemplate ? <FileImageOutlined /> : <DesktopOutlined />}
      title={vm?.name ?? ""}
      status={vm && <VmStateTag vm={vm} />}
      subtitle={
        vm?.hostUrn ? (
          <PageLink to={pageOf(vm.hostUrn)}>{vm.hostName}</PageLink>
        ) : (
          vm?.isTemplate && t("vm.template")
        )
      }
      actions={vm && <VmPowerButtons vm={vm} />}
      tabs={tabs}
      tab={String(search["tab"] ?? "")}
      onTab={(tab) => void navigate({ to: ".", search: { tab } })}
      isLoading={isLoading}
      error={vm ? undefined : error}
      onRetry={() => void refetch()}
    />
  );
}
