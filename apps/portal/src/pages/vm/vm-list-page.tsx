import { useNavigate, useSearch } from "@tanstack/react-router";
import type { VmQuery } from "@sinter/client/portable";
import type { WireVm } from "@sinter/northbound";
import { type ReactNode, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { client } from "../../api/client.ts";
import { idOf, pageOf } from "../../api/urns.ts";
import type { Search } from "../../router.tsx";
import { dateTime, wireTime } from "../../ui/format.ts";
import { type Column, ObjectTable, type Order } from "../../ui/object-table.tsx";
import { PageLink } from "./page-link.tsx";
import { useLatest } from "./use-latest.ts";
import { VmListFilters } from "./vm-list-filters.tsx";
import { VmListTools } from "./vm-list-tools.tsx";
import { addressOf } from "./vm-state.ts";
import { VmStateTag } from "./vm-state-tag.tsx";

const text = (value: Search[string]): string | undefined =>
  value === undefined || value === "" ? undefined : String(value);

/** What the URL says is what the manager is asked for. */
function queryOf(search: Search): VmQuery {
  const [name, status, scope] = [text(search["name"]), text(search["status"]), text(search["scope"])];
  const field = search["by"];
  return {
    detail: 1,
    isTemplate: search["templates"] === true,
    ...(name === undefined ? {} : { name }),
    ...(status === undefined ? {} : { status }),
    ...(scope === undefined ? {} : { scope }),
    ...(field === "name" || field === "status"
      ? { orderField: field, order: search["desc"] === true ? "DESC" : "ASC" }
      : {}),
  };
}

/** All VMs, or those of a cluster, host, datastore, switch or port group (`scope` in the URL). */
export function VmListPage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const search: Search = useSearch({ strict: false });
  const [selected, setSelected] = useState<ReadonlyMap<string, WireVm>>(new Map());
  const latest = useLatest(selected);
  const query = useMemo(() => queryOf(search), [search]);
  const columns = useColumns();
  const change = (next: Search): void =>
    void navigate({ to: ".", search: { ...search, ...next }, replace: true });
  const order: Order | undefined =
    query.orderField === undefined
      ? undefined
      : { field: query.orderField, isDescending: query.order === "DESC" };
  const isFiltered = query.name !== undefined || query.status !== undefined || query.scope !== undefined;
  return (
    <>
      <div className="page-head">
        <h1>{t(query.isTemplate ? "shell.templates" : "shell.vms")}</h1>
        <VmListTools selected={latest} onDone={() => setSelected(new Map())} />
      </div>
      <VmListFilters search={search} onChange={change} />
      <ObjectTable<WireVm>
        label={t("shell.vms")}
        columns={columns}
        rowKey={(vm) => vm.urn}
        queryKey={["vms", "table", query]}
        readPage={(page) => client.vms.list({ ...query, ...page })}
        order={order}
        onOrder={({ field, isDescending }) => change({ by: field, desc: isDescending || undefined })}
        selected={selected}
        onSelect={setSelected}
        onOpen={(vm) => void navigate({ to: "/vms/$vmId", params: { vmId: idOf(vm.urn) } })}
        empty={isFiltered ? t("common.noMatch") : t("vm.none")}
      />
    </>
  );
}

function useColumns(): readonly Column<WireVm>[] {
  const { t, i18n } = useTranslation();
  return useMemo(
    () => [
      {
        key: "name",
        title: t("common.name"),
        width: "minmax(180px, 2.2fr)",
        isSortable: true,
        render: (vm) => <PageLink to={pageOf(vm.urn)}>{vm.name}</PageLink>,
      },
      {
        key: "status",
        title: t("common.status"),
        width: "minmax(120px, 1fr)",
        isSortable: true,
        render: (vm) => <VmStateTag vm={vm} />,
      },
      {
        key: "address",
        title: t("vm.address"),
        width: "minmax(120px, 1.2fr)",
        render: (vm): ReactNode => addressOf(vm) || "–",
      },
      {
        key: "host",
        title: t("vm.host"),
        width: "minmax(110px, 1.2fr)",
        render: (vm) => (vm.hostUrn ? <PageLink to={pageOf(vm.hostUrn)}>{vm.hostName}</PageLink> : "–"),
      },
      {
        key: "cluster",
        title: t("vm.cluster"),
        width: "minmax(110px, 1.2fr)",
        render: (vm) =>
          vm.clusterUrn ? <PageLink to={pageOf(vm.clusterUrn)}>{vm.clusterName}</PageLink> : "–",
      },
      {
        key: "tools",
        title: t("vm.tools"),
        width: "minmax(100px, 0.8fr)",
        render: (vm) => toolsText(vm, t("vm.toolsRunning"), t("vm.toolsStarting")),
      },
      {
        key: "created",
        title: t("common.created"),
        width: "minmax(150px, 1.2fr)",
        render: (vm) => dateTime(wireTime(vm.createTime), i18n.language),
      },
    ],
    [t, i18n.language],
  );
}

function toolsText(vm: WireVm, running: string, starting: string): string {
  if (vm.pvDriverStatus === "running") return running;
  return vm.pvDriverStatus === "starting" ? starting : "–";
}
