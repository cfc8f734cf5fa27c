import { GlobalOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { siteQuery } from "../../api/queries.ts";
import { useSession } from "../../api/session-store.ts";
import { ObjectPage, type TabPage } from "../../ui/object-page.tsx";
import { PermissionsTab } from "../../ui/permissions-tab.tsx";
import { TasksTab } from "../../ui/tasks-tab.tsx";
import { VmsTab } from "../../ui/vms-tab.tsx";
import { HostsTab } from "./hosts-tab.tsx";
import { SiteConfigure } from "./site-configure.tsx";
import { SiteSummary } from "./site-summary.tsx";

/** The site: everything that this manager looks after. */
export function SitePage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const search = useSearch({ strict: false });
  const urn = useSession().siteUrn;
  const { data: site, error, isLoading, refetch } = useQuery(siteQuery());
  const tabs: TabPage[] = site
    ? [
        { key: "summary", label: t("object.tabs.summary"), content: <SiteSummary site={site} /> },
        { key: "configure", label: t("object.tabs.configure"), content: <SiteConfigure site={site} /> },
        { key: "hosts", label: t("object.tabs.hosts"), content: <HostsTab /> },
        { key: "vms", label: t("object.tabs.vms"), content: <VmsTab scope={urn} /> },
        { key: "tasks", label: t("object.tabs.tasks"), content: <TasksTab urn={urn} /> },
        { key: "permissions", label: t("object.tabs.permissions"), content: <PermissionsTab /> },
      ]
    : [];
  return (
    <ObjectPage
      icon={<GlobalOutlined />}
      title={site?.name ?? ""}
      tabs={tabs}
      tab={String(search["tab"] ?? "")}
      onTab={(tab) => void navigate({ to: ".", search: { tab } })}
      isLoading={isLoading}
      error={site ? undefined : error}
      onRetry={() => void refetch()}
    />
  );
}
