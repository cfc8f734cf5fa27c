import { useQuery } from "@tanstack/react-query";
import type { WireDatastore } from "@sinter/northbound";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { client } from "../../api/client.ts";
import { hostsQuery } from "../../api/queries.ts";
import { useMay } from "../../api/session-store.ts";
import { ActionButton } from "../../ui/action-button.tsx";
import { ActionDialog } from "../../ui/action-dialog.tsx";
import { UsageBar } from "../../ui/bar.tsx";
import { Facts } from "../../ui/facts.tsx";
import { dateTime, gibibytes, wireTime } from "../../ui/format.ts";
import { ObjectLink } from "../../ui/object-link.tsx";
import { useAction } from "../../ui/use-action.ts";
import { DatastoreLeases } from "./datastore-leases.tsx";
import { DatastoreStateTag } from "./datastore-state.tsx";

/** How full it is, and which hosts reach it. */
export function DatastoreSummary({ datastore }: { datastore: WireDatastore }) {
  const { t, i18n } = useTranslation();
  const used = datastore.actualCapacityGB - datastore.actualFreeSizeGB;
  const shareOf = (value: number): number => value / datastore.capacityGB;
  const textOf = (value: number): string =>
    t("storage.ofCapacity", { used: gibibytes(value), capacity: gibibytes(datastore.capacityGB) });
  return (
    <>
      <div className="panels">
        <section className="panel">
          <h2>{t("storage.capacity")}</h2>
          <UsageBar label={t("storage.usedShare")} share={shareOf(used)} text={textOf(used)} />
          <UsageBar
            label={t("storage.promisedShare")}
            share={shareOf(datastore.usedSizeGB)}
            text={textOf(datastore.usedSizeGB)}
          />
        </section>
        <section className="panel">
          <h2>{t("object.facts")}</h2>
          <Facts
            items={[
              [t("storage.path"), <code key="path">{datastore.path}</code>],
              [t("common.description"), datastore.description || undefined],
              [t("storage.free"), gibibytes(datastore.actualFreeSizeGB)],
              [t("storage.thinRate"), `${datastore.thinRate} %`],
              [t("storage.refreshed"), dateTime(wireTime(datastore.refreshTime), i18n.language)],
            ]}
          />
        </section>
      </div>
      <Links datastore={datastore} />
      <DatastoreLeases datastore={datastore} />
    </>
  );
}

function Links({ datastore }: { datastore: WireDatastore }) {
  const { t } = useTranslation();
  const mayNot = useMay("administer") ? undefined : t("common.needsAdminister");
  const [leaving, setLeaving] = useState<{ urn: string; name: string }>();
  const hosts = useQuery(hostsQuery({ scope: datastore.urn, limit: 100 }));
  const nameOf = (urn: string): string => hosts.data?.items.find((host) => host.urn === urn)?.name ?? urn;
  const disconnect = useAction<string>({
    call: (hostUrn) => client.datastores.disconnect(datastore, hostUrn),
    kinds: ["datastores"],
    started: () => t("storage.disconnect"),
    isQuiet: true,
  });
  const leave = async (): Promise<void> => {
    if (leaving && (await disconnect.run(leaving.urn))) setLeaving(undefined);
  };
  return (
    <section className="panel page-section">
      <h2>{t("storage.links")}</h2>
      <table className="plain">
        <thead>
          <tr>
            <th scope="col">{t("storage.hosts")}</th>
            <th scope="col">{t("storage.linkState")}</th>
            <th scope="col">{t("storage.reason")}</th>
            <th scope="col">{t("common.actions")}</th>
          </tr>
        </thead>
        <tbody>
          {datastore.hostLinks.map((link) => (
            <tr key={link.hostUrn}>
              <th scope="row">
                <ObjectLink urn={link.hostUrn} name={nameOf(link.hostUrn)} />
              </th>
              <td>
                <DatastoreStateTag status={link.status} />
              </td>
              <td>{link.reason || "–"}</td>
              <td>
                <ActionButton
                  size="small"
                  reason={mayNot}
                  aria-label={`${t("storage.disconnect")}: ${nameOf(link.hostUrn)}`}
                  onClick={() => {
                    disconnect.reset();
                    setLeaving({ urn: link.hostUrn, name: nameOf(link.hostUrn) });
                  }}
                >
                  {t("storage.disconnect")}
                </ActionButton>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <ActionDialog
        title={t("storage.disconnect")}
        okText={t("storage.disconnect")}
        isOpen={leaving !== undefined}
        isDangerous
        onClose={() => setLeaving(undefined)}
        onOk={() => void leave()}
        isRunning={disconnect.isRunning}
        error={disconnect.error}
      >
        <p>{t("storage.disconnectText", { host: leaving?.name ?? "", name: datastore.name })}</p>
      </ActionDialog>
    </section>
  );
}
