import { DatabaseOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { datastoreQuery } from "../../api/queries.ts";
import { useSession } from "../../api/session-store.ts";
import { urnOf } from "../../api/urns.ts";
import { ObjectPage, type TabPage } from "../../ui/object-page.tsx";
import { PermissionsTab } from "../../ui/permissions-tab.tsx";
import { TasksTab } from "../../ui/tasks-tab.tsx";
import { VmsTab } from "../../ui/vms-tab.tsx";
import { DatastoreActions } from "./datastore-actions.tsx";
import { DatastoreConfigure } from "./datastore-configure.tsx";
import { DatastoreImages } from "./datastore-images.tsx";
import { DatastoreStateTag } from "./datastore-state.tsx";
import { DatastoreSummary } from "./datastore-summary.tsx";
import { DatastoreVolumes } from "./datastore-volumes.tsx";

/** One datastore. */
export function DatastorePage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const { datastoreId } = useParams({ strict: false });
  const search = useSearch({ strict: false });
  const urn = urnOf(useSession().siteUrn, "datastores", datastoreId ?? "");
  const { data: datastore, error, isLoading, refetch } = useQuery(datastoreQuery(urn));
  const tabs: TabPage[] = datastore
    ? [
        {
          key: "summary",
          label: t("object.tabs.summary"),
          content: <DatastoreSummary datastore={datastore} />,
        },
        {
          key: "configure",
          label: t("object.tabs.configure"),
          content: <DatastoreConfigure datastore={datastore} />,
        },
        {
          key: "volumes",
          label: t("object.tabs.volumes"),
          content: <DatastoreVolumes datastore={datastore} />,
        },
        {
          key: "images",
          label: t("object.tabs.images"),
          content: <DatastoreImages datastore={datastore} />,
        },
        { key: "vms", label: t("object.tabs.vms"), content: <VmsTab scope={urn} /> },
        { key: "tasks", label: t("object.tabs.tasks"), content: <TasksTab urn={urn} /> },
        { key: "permissions", label: t("object.tabs.permissions"), content: <PermissionsTab /> },
      ]
    : [];
  return (
    <ObjectPage
      icon={<DatabaseOutlined />}
      title={datastore?.name ?? ""}
      status={datastore && <DatastoreStateTag status={datastore.status} />}
      subtitle={datastore && t(datastore.isShared ? "storage.kindShared" : "storage.kindLocal")}
      actions={datastore && <DatastoreActions datastore={datastore} />}
      tabs={tabs}
      tab={String(search["tab"] ?? "")}
      onTab={(tab) => void navigate({ to: ".", search: { tab } })}
      isLoading={isLoading}
      error={datastore ? undefined : error}
      onRetry={() => void refetch()}
    />
  );
}
