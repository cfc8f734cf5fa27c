import { Alert } from "antd";
import type { WireHost } from "@sinter/northbound";
import { useTranslation } from "react-i18next";
import { UsageBar } from "../../ui/bar.tsx";
import { Facts } from "../../ui/facts.tsx";
import { dateTime, mebibytes } from "../../ui/format.ts";
import { statusOf } from "./host-state.tsx";

/** What the machine is, what runs on it, and how much of it is taken. */
export function HostSummary({ host }: { host: WireHost }) {
  const { t, i18n } = useTranslation();
  const time = (millis: string): string =>
    dateTime(millis === "" || millis === "0" ? undefined : new Date(Number(millis)), i18n.language);
  const { cpuResource: cpu, memResource: memory } = host;
  return (
    <>
      {host.statusReason !== "" && (
        <Alert
          type={statusOf(host) === "normal" ? "info" : "error"}
          showIcon
          title={host.statusReason}
          className="page-alert"
        />
      )}
      <div className="panels">
        <section className="panel">
          <h2>{t("host.load")}</h2>
          <UsageBar
            label={t("host.cpuPromised")}
            share={cpu.allocatedVcpus / host.cpuQuantity}
            text={t("common.of", { used: cpu.allocatedVcpus, total: host.cpuQuantity })}
          />
          <UsageBar
            label={t("host.memoryPromised")}
            share={memory.allocatedSizeMB / memory.totalSizeMB}
            text={t("common.of", {
              used: mebibytes(memory.allocatedSizeMB),
              total: mebibytes(memory.totalSizeMB),
            })}
          />
          <UsageBar
            label={t("host.memoryUsed")}
            share={memory.realtimeUsedSizeMB / memory.totalSizeMB}
            text={t("common.of", {
              used: mebibytes(memory.realtimeUsedSizeMB),
              total: mebibytes(memory.totalSizeMB),
            })}
          />
          <Facts
            items={[
              [t("host.address"), host.ip],
              [t("host.statusSince"), time(host.statusSince)],
              [t("host.lastSeen"), time(host.lastSeenTime)],
              [t("common.description"), host.description || undefined],
            ]}
          />
        </section>
        <section className="panel">
          <h2>{t("host.machine")}</h2>
          <Facts
            items={[
              [t("host.vendor"), host.vendor],
              [t("host.model"), host.model],
              [t("host.serial"), host.serialNumber],
              [t("host.cpuModel"), host.cpuModel],
              [
                t("host.cpuCounts"),
                t("host.cpuCountsText", {
                  sockets: host.physicalCpuQuantity,
                  vendor: host.cpuVendor,
                  threads: host.cpuQuantity,
                  mhz: host.cpuMHz,
                }),
              ],
              [t("host.memory"), mebibytes(host.memQuantityMB)],
            ]}
          />
        </section>
        <section className="panel">
          <h2>{t("host.software")}</h2>
          <Facts
            items={[
              [t("host.osName"), host.hostRealName],
              [
                t("host.accelerator"),
                host.accelerator === "kvm"
                  ? t("host.kvm")
                  : `${t("host.emulated")} (${host.acceleratorReason})`,
              ],
              [t("host.hypervisor"), host.hypervisor],
              [t("host.agent"), host.agentVersion],
              [
                t("host.openVSwitch"),
                t("host.datapath", {
                  version: host.openVSwitch.version,
                  datapath: host.openVSwitch.datapath,
                }),
              ],
              [t("host.cgroup"), host.cgroup],
              [t("host.certificate"), time(host.certificateExpiryTime)],
            ]}
          />
        </section>
      </div>
      <section className="panel page-section">
        <h2>{t("host.nics")}</h2>
        <table className="plain">
          <thead>
            <tr>
              <th scope="col">{t("host.nic")}</th>
              <th scope="col">{t("host.mac")}</th>
              <th scope="col">{t("host.link")}</th>
              <th scope="col">{t("host.speed")}</th>
              <th scope="col">{t("host.mtu")}</th>
              <th scope="col">{t("host.addresses")}</th>
            </tr>
          </thead>
          <tbody>
            {host.nics.map((nic) => (
              <tr key={nic.name}>
                <th scope="row">{nic.name}</th>
                <td>{nic.mac}</td>
                <td>{t(nic.isUp ? "host.up" : "host.down")}</td>
                <td>{nic.speedMbps === null ? "–" : `${nic.speedMbps} Mbit/s`}</td>
                <td>{nic.mtu}</td>
                <td>{nic.addresses.join(", ") || "–"}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </>
  );
}
