import { Input, Select } from "antd";
import { PlusOutlined } from "@ant-design/icons";
import { useNavigate, useSearch } from "@tanstack/react-router";
import type { HostQuery } from "@sinter/client/portable";
import type { WireHostBasic } from "@sinter/northbound";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { client } from "../../api/client.ts";
import { useMay } from "../../api/session-store.ts";
import { idOf } from "../../api/urns.ts";
import type { Search } from "../../router.tsx";
import { ActionButton } from "../../ui/action-button.tsx";
import { mebibytes } from "../../ui/format.ts";
import { ObjectLink } from "../../ui/object-link.tsx";
import { type Column, ObjectTable } from "../../ui/object-table.tsx";
import { HOST_STATUSES, HostStateTag } from "./host-state.tsx";
import { JoinHostDialog } from "./join-host-dialog.tsx";

const text = (value: Search[string]): string => (value === undefined ? "" : String(value));

/** All hosts, or those that the URL asks for. */
export function HostListPage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const search: Search = useSearch({ strict: false });
  const [isJoining, setJoining] = useState(false);
  const mayAdminister = useMay("administer");
  const [name, status, scope] = [text(search["name"]), text(search["status"]), text(search["scope"])];
  const query: HostQuery = {
    ...(name === "" ? {} : { name }),
    ...(status === "" ? {} : { status }),
    ...(scope === "" ? {} : { scope }),
  };
  const columns = useHostColumns();
  const change = (next: Search): void => void navigate({ to: ".", search: { ...search, ...next } });
  return (
    <>
      <div className="page-head">
        <h1>{t("shell.hosts")}</h1>
        <div className="page-tools">
          <Input.Search
            className="filter-name"
            placeholder={t("common.name")}
            aria-label={`${t("common.filter")}: ${t("common.name")}`}
            allowClear
            key={name}
            defaultValue={name}
            onSearch={(value) => change({ name: value || undefined })}
          />
          <Select
            className="filter-status"
            aria-label={`${t("common.filter")}: ${t("common.status")}`}
            value={status}
            onChange={(value) => change({ status: value || undefined })}
            options={[
              { value: "", label: t("host.anyStatus") },
              ...HOST_STATUSES.map((value) => ({ value, label: t(`host.status.${value}`) })),
            ]}
          />
          <ActionButton
            type="primary"
            icon={<PlusOutlined />}
            reason={mayAdminister ? undefined : t("common.needsAdminister")}
            onClick={() => setJoining(true)}
          >
            {t("host.join")}
          </ActionButton>
        </div>
      </div>
      <ObjectTable<WireHostBasic>
        label={t("shell.hosts")}
        columns={columns}
        rowKey={(host) => host.urn}
        queryKey={["hosts", "table", query]}
        readPage={(page) => client.hosts.list({ ...query, ...page })}
        onOpen={(host) => void navigate({ to: "/hosts/$hostId", params: { hostId: idOf(host.urn) } })}
        empty={Object.keys(query).length > 0 ? t("common.noMatch") : t("host.noHosts")}
      />
      <JoinHostDialog isOpen={isJoining} onClose={() => setJoining(false)} />
    </>
  );
}

/** Also of the hosts of a cluster. */
export function useHostColumns(): readonly Column<WireHostBasic>[] {
  const { t } = useTranslation();
  return useMemo(
    () => [
      {
        key: "name",
        title: t("common.name"),
        width: "minmax(160px, 2fr)",
        render: (host) => <ObjectLink urn={host.urn} name={host.name} />,
      },
      {
        key: "status",
        title: t("common.status"),
        width: "minmax(180px, 1.2fr)",
        render: (host) => <HostStateTag host={host} />,
      },
      {
        key: "address",
        title: t("host.address"),
        width: "minmax(120px, 1fr)",
        render: (host) => host.ip,
      },
      {
        key: "cluster",
        title: t("host.cluster"),
        width: "minmax(120px, 1.2fr)",
        render: (host) =>
          host.clusterUrn ? (
            <ObjectLink urn={host.clusterUrn} name={host.clusterName} />
          ) : (
            t("host.noCluster")
          ),
      },
      {
        key: "cpu",
        title: t("host.cpuPromised"),
        width: "minmax(170px, 1fr)",
        render: (host) => t("common.of", { used: host.cpuResource.allocatedVcpus, total: host.cpuQuantity }),
      },
      {
        key: "memory",
        title: t("host.memoryUsed"),
        width: "minmax(150px, 1.2fr)",
        render: (host) =>
          t("common.of", {
            used: mebibytes(host.memResource.realtimeUsedSizeMB),
            total: mebibytes(host.memResource.totalSizeMB),
          }),
      },
    ],
    [t],
  );
}
