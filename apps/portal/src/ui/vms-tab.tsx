import { Link, useNavigate } from "@tanstack/react-router";
import type { WireVm } from "@sinter/northbound";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { client } from "../api/client.ts";
import { idOf } from "../api/urns.ts";
import { addressOf } from "../pages/vm/vm-state.ts";
import { VmStateTag } from "../pages/vm/vm-state-tag.tsx";
import { ObjectLink } from "./object-link.tsx";
import { type Column, ObjectTable } from "./object-table.tsx";

/** VMs of a host, a cluster, a datastore or a port group. */
export function VmsTab({ scope }: { scope: string }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const columns = useMemo(
    (): readonly Column<WireVm>[] => [
      {
        key: "name",
        title: t("common.name"),
        width: "minmax(180px, 2fr)",
        render: (vm) => <ObjectLink urn={vm.urn} name={vm.name} />,
      },
      {
        key: "status",
        title: t("common.status"),
        width: "minmax(120px, 1fr)",
        render: (vm) => <VmStateTag vm={vm} />,
      },
      {
        key: "address",
        title: t("object.vmAddress"),
        width: "minmax(120px, 1fr)",
        render: (vm) => addressOf(vm) || "–",
      },
      {
        key: "host",
        title: t("object.vmHost"),
        width: "minmax(120px, 1fr)",
        render: (vm) => (vm.hostUrn ? <ObjectLink urn={vm.hostUrn} name={vm.hostName ?? ""} /> : "–"),
      },
    ],
    [t],
  );
  return (
    <div className="tab-table">
      <p>
        <Link to="/vms" search={{ scope }}>
          {t("object.openVmList")}
        </Link>
      </p>
      <ObjectTable<WireVm>
        label={t("object.tabs.vms")}
        columns={columns}
        rowKey={(vm) => vm.urn}
        queryKey={["vms", "of", scope]}
        readPage={(page) => client.vms.list({ scope, detail: 1, ...page })}
        onOpen={(vm) => void navigate({ to: "/vms/$vmId", params: { vmId: idOf(vm.urn) } })}
        empty={t("object.noVms")}
      />
    </div>
  );
}
