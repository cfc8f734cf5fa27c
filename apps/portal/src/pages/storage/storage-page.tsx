import { Progress } from "antd";
import { PlusOutlined } from "@ant-design/icons";
import { useNavigate } from "@tanstack/react-router";
import type { WireDatastore } from "@sinter/northbound";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { client } from "../../api/client.ts";
import { useMay } from "../../api/session-store.ts";
import { idOf } from "../../api/urns.ts";
import { ActionButton } from "../../ui/action-button.tsx";
import { gibibytes } from "../../ui/format.ts";
import { ObjectLink } from "../../ui/object-link.tsx";
import { type Column, ObjectTable } from "../../ui/object-table.tsx";
import { CreateDatastoreDialog } from "./create-datastore-dialog.tsx";
import { DatastoreStateTag } from "./datastore-state.tsx";

/** All datastores. */
export function StoragePage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [isCreating, setCreating] = useState(false);
  const mayAdminister = useMay("administer");
  const columns = useColumns();
  return (
    <>
      <div className="page-head">
        <h1>{t("shell.storage")}</h1>
        <ActionButton
          type="primary"
          icon={<PlusOutlined />}
          reason={mayAdminister ? undefined : t("common.needsAdminister")}
          onClick={() => setCreating(true)}
        >
          {t("storage.create")}
        </ActionButton>
      </div>
      <ObjectTable<WireDatastore>
        label={t("shell.storage")}
        columns={columns}
        rowKey={(datastore) => datastore.urn}
        queryKey={["datastores", "table"]}
        readPage={(page) => client.datastores.list(page)}
        onOpen={({ urn }) =>
          void navigate({ to: "/datastores/$datastoreId", params: { datastoreId: idOf(urn) } })
        }
        empty={t("storage.none")}
      />
      {isCreating && <CreateDatastoreDialog onClose={() => setCreating(false)} />}
    </>
  );
}

function useColumns(): readonly Column<WireDatastore>[] {
  const { t } = useTranslation();
  return useMemo(
    () => [
      {
        key: "name",
        title: t("common.name"),
        width: "minmax(150px, 1.6fr)",
        render: (one) => <ObjectLink urn={one.urn} name={one.name} />,
      },
      {
        key: "status",
        title: t("common.status"),
        width: "minmax(120px, 0.8fr)",
        render: (one) => (
          <DatastoreStateTag
            status={one.status}
            reason={one.hostLinks.find((link) => link.reason !== "")?.reason}
          />
        ),
      },
      {
        key: "kind",
        title: t("storage.kind"),
        width: "minmax(80px, 0.6fr)",
        render: (one) => t(one.isShared ? "storage.kindShared" : "storage.kindLocal"),
      },
      {
        key: "used",
        title: t("storage.used"),
        width: "minmax(220px, 1.6fr)",
        render: (one) => (
          <Share label={t("storage.used")} of={one} value={one.actualCapacityGB - one.actualFreeSizeGB} />
        ),
      },
      {
        key: "promised",
        title: t("storage.promised"),
        width: "minmax(220px, 1.6fr)",
        render: (one) => <Share label={t("storage.promised")} of={one} value={one.usedSizeGB} />,
      },
      {
        key: "hosts",
        title: t("storage.hosts"),
        width: "minmax(90px, 0.6fr)",
        render: (one) => t("storage.hostsCount", { count: one.hosts.length }),
      },
      {
        key: "path",
        title: t("storage.path"),
        width: "minmax(140px, 1fr)",
        render: (one) => <code>{one.path}</code>,
      },
    ],
    [t],
  );
}

function Share({ label, of, value }: { label: string; of: WireDatastore; value: number }) {
  const { t } = useTranslation();
  const text = t("storage.ofCapacity", { used: gibibytes(value), capacity: gibibytes(of.capacityGB) });
  const percent = of.capacityGB === 0 ? 0 : Math.round((value / of.capacityGB) * 100);
  return (
    <span className="share">
      <Progress
        percent={Math.min(100, percent)}
        size="small"
        showInfo={false}
        status={percent > 90 ? "exception" : "normal"}
        aria-label={`${label}: ${text}`}
      />
      <span>{text}</span>
    </span>
  );
}
