import { useQuery } from "@tanstack/react-query";
import type { WireDatastore } from "@sinter/northbound";
import { useTranslation } from "react-i18next";
import { client } from "../../api/client.ts";
import { Failure } from "../../ui/failure.tsx";
import { ObjectLink } from "../../ui/object-link.tsx";

const LOOK_AGAIN_MS = 5_000;
const LEASE_STATES = ["joined", "joining", "failing", "off", "unknown"] as const;
const HEARTBEATS = ["live", "failing", "dead", "unknown"] as const;

/** Which hosts keep their place on a shared datastore alive: without it no VM with a disk there starts on them. */
export function DatastoreLeases({ datastore }: { datastore: WireDatastore }) {
  const { t } = useTranslation();
  const { data, error } = useQuery({
    queryKey: ["datastores", "leases", datastore.urn],
    queryFn: () => client.datastores.leases(datastore),
    refetchInterval: LOOK_AGAIN_MS,
    enabled: datastore.isShared,
  });
  if (!datastore.isShared) return null;
  return (
    <section className="panel page-section">
      <h2>{t("storage.leases.title")}</h2>
      <p className="quiet">{t("storage.leases.hint")}</p>
      {error !== null && <Failure error={error} />}
      <table className="plain">
        <thead>
          <tr>
            <th scope="col">{t("storage.hosts")}</th>
            <th scope="col">{t("storage.leases.place")}</th>
            <th scope="col">{t("storage.leases.state")}</th>
            <th scope="col">{t("storage.leases.disk")}</th>
            <th scope="col">{t("storage.leases.seen")}</th>
            <th scope="col">{t("storage.leases.network")}</th>
          </tr>
        </thead>
        <tbody>
          {(data?.hosts ?? []).map((host) => (
            <tr key={host.hostUrn}>
              <th scope="row">
                <ObjectLink urn={host.hostUrn} name={host.hostName} />
              </th>
              <td>{host.place}</td>
              <td title={host.reason}>
                {t(`storage.leases.states.${LEASE_STATES.find((one) => one === host.status) ?? "unknown"}`)}
                {host.reason !== "" && <div className="quiet">{host.reason}</div>}
              </td>
              <td>
                {host.heartbeatAgeMs === null
                  ? "–"
                  : t("storage.leases.ago", { seconds: Math.round(host.heartbeatAgeMs / 1000) })}
              </td>
              <td>
                {t(
                  `storage.leases.seenAs.${HEARTBEATS.find((one) => one === host.seenByOthers) ?? "unknown"}`,
                )}
              </td>
              <td>{t(host.networkHeartbeat ? "storage.leases.reached" : "storage.leases.lost")}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
