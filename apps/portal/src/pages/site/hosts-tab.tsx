import { useNavigate } from "@tanstack/react-router";
import type { WireHostBasic } from "@sinter/northbound";
import { useTranslation } from "react-i18next";
import { client } from "../../api/client.ts";
import { idOf } from "../../api/urns.ts";
import { ObjectTable } from "../../ui/object-table.tsx";
import { useHostColumns } from "../host/host-list-page.tsx";

/** Hosts of a cluster, or of the whole site. */
export function HostsTab({ scope }: { scope?: string }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const columns = useHostColumns();
  return (
    <div className="tab-table">
      <ObjectTable<WireHostBasic>
        label={t("shell.hosts")}
        columns={columns}
        rowKey={(host) => host.urn}
        queryKey={["hosts", "of", scope]}
        readPage={(page) => client.hosts.list({ ...page, ...(scope === undefined ? {} : { scope }) })}
        onOpen={({ urn }) => void navigate({ to: "/hosts/$hostId", params: { hostId: idOf(urn) } })}
        empty={t("host.noHosts")}
      />
    </div>
  );
}
