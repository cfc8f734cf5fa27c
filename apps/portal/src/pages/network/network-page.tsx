import { PlusOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { switchesQuery } from "../../api/queries.ts";
import { useMay } from "../../api/session-store.ts";
import { ActionButton } from "../../ui/action-button.tsx";
import { Failure } from "../../ui/failure.tsx";
import { ObjectLink } from "../../ui/object-link.tsx";
import { CreateSwitchDialog } from "./create-switch-dialog.tsx";
import { PortGroupTable } from "./port-group-table.tsx";

/** Distributed switches, and the port groups of all of them. */
export function NetworkPage() {
  const { t } = useTranslation();
  const [isCreating, setCreating] = useState(false);
  const mayAdminister = useMay("administer");
  const { data, error, refetch } = useQuery(switchesQuery());
  return (
    <>
      <div className="page-head">
        <h1>{t("shell.network")}</h1>
        <ActionButton
          type="primary"
          icon={<PlusOutlined />}
          reason={mayAdminister ? undefined : t("common.needsAdminister")}
          onClick={() => setCreating(true)}
        >
          {t("network.createSwitch")}
        </ActionButton>
      </div>
      <section className="panel">
        <h2>{t("network.switches")}</h2>
        <Failure error={error} onRetry={() => void refetch()} />
        {data?.length === 0 && <p className="quiet">{t("network.noSwitches")}</p>}
        {data && data.length > 0 && (
          <table className="plain">
            <thead>
              <tr>
                <th scope="col">{t("common.name")}</th>
                <th scope="col">{t("common.description")}</th>
                <th scope="col">{t("network.mtu")}</th>
                <th scope="col">{t("network.portGroups")}</th>
              </tr>
            </thead>
            <tbody>
              {data.map((one) => (
                <tr key={one.urn}>
                  <th scope="row">
                    <ObjectLink urn={one.urn} name={one.name} />
                  </th>
                  <td>{one.description || "–"}</td>
                  <td>{one.mtu}</td>
                  <td>{one.portGroupNum}</td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </section>
      <section className="panel page-section">
        <h2>{t("network.portGroups")}</h2>
        <PortGroupTable />
      </section>
      {isCreating && <CreateSwitchDialog onClose={() => setCreating(false)} />}
    </>
  );
}
