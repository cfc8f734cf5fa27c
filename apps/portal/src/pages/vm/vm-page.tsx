import { DesktopOutlined, FileImageOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { Skeleton } from "antd";
import { lazy, Suspense } from "react";
import { ApiError } from "@sinter/client/portable";
import { useTranslation } from "react-i18next";
import { vmQuery } from "../../api/queries.ts";
import { useSession } from "../../api/session-store.ts";
import { pageOf, urnOf } from "../../api/urns.ts";
import { MonitorTab } from "../../ui/monitor-tab.tsx";
import { ObjectPage, type TabPage } from "../../ui/object-page.tsx";
import { PermissionsTab } from "../../ui/permissions-tab.tsx";
import { TasksTab } from "../../ui/tasks-tab.tsx";
import { PageLink } from "./page-link.tsx";
import { VmConsoleTab } from "./vm-console-tab.tsx";
import { VmPowerButtons } from "./vm-power-buttons.tsx";
import { VmStateTag } from "./vm-state-tag.tsx";
import { VmSummary } from "./vm-summary.tsx";

/** Forms and dialogs that most who look at a VM do not need. */
const VmConfigure = lazy(() => import("./vm-configure.tsx"));
const VmSnapshots = lazy(() => import("./vm-snapshots.tsx"));

/** One VM or template. */
export function VmPage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const { vmId } = useParams({ strict: false });
  const search = useSearch({ strict: false });
  const urn = urnOf(useSession().siteUrn, "vms", vmId ?? "");
  const { data: vm, error, isLoading, refetch } = useQuery(vmQuery(urn));
  const isGone = error instanceof ApiError && error.kind === "notFound";
  const tabs: TabPage[] = vm
    ? [
        { key: "summary", label: t("vm.tabs.summary"), content: <VmSummary vm={vm} /> },
        { key: "monitor", label: t("vm.tabs.monitor"), content: <MonitorTab urn={urn} kind="vm" /> },
        {
          key: "configure",
          label: t("vm.tabs.configure"),
          content: (
            <Suspense fallback={<Skeleton active />}>
              <VmConfigure vm={vm} />
            </Suspense>
          ),
        },
        {
          key: "snapshots",
          label: t("vm.tabs.snapshots"),
          content: (
            <Suspense fallback={<Skeleton active />}>
              <VmSnapshots vm={vm} />
            </Suspense>
          ),
        },
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
      // While the manager is away what was last known stays; a VM that is gone does not.
      error={vm && !isGone ? undefined : error}
      onRetry={() => void refetch()}
    />
  );
}
