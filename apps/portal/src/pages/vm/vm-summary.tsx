import { Button, Input } from "antd";
import { EditOutlined } from "@ant-design/icons";
import type { WireVm } from "@sinter/northbound";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { LIMITS } from "@sinter/rules";
import { client } from "../../api/client.ts";
import { useMay } from "../../api/session-store.ts";
import { idOf, pageOf } from "../../api/urns.ts";
import { ActionButton } from "../../ui/action-button.tsx";
import { Facts } from "../../ui/facts.tsx";
import { Failure } from "../../ui/failure.tsx";
import { dateTime, gibibytes, mebibytes, wireTime } from "../../ui/format.ts";
import { useAction } from "../../ui/use-action.ts";
import { PageLink } from "./page-link.tsx";
import { provisioningOf } from "./provisioning.ts";
import { useOsName } from "./use-os-name.ts";
import { reasonAgainst } from "./vm-state.ts";

/** What a VM is, where it is, and what its guest says of itself. */
export function VmSummary({ vm }: { vm: WireVm }) {
  const { t, i18n } = useTranslation();
  const config = vm.vmConfig;
  const cpu = config?.cpu;
  const disks = config?.disks ?? [];
  const nics = config?.nics ?? [];
  const osName = useOsName(vm);
  const hasAgent = vm.pvDriverStatus === "running";
  return (
    <div className="panels">
      <section className="panel">
        <h2>{t("vm.facts")}</h2>
        {vm.statusReason && <p className="vm-reason">{vm.statusReason}</p>}
        <Facts
          items={[
            [t("common.id"), idOf(vm.urn)],
            ["UUID", vm.uuid],
            [t("vm.host"), vm.hostUrn ? <PageLink to={pageOf(vm.hostUrn)}>{vm.hostName}</PageLink> : "–"],
            [
              t("vm.cluster"),
              vm.clusterUrn ? <PageLink to={pageOf(vm.clusterUrn)}>{vm.clusterName}</PageLink> : "–",
            ],
            [t("vm.boundToHost"), vm.isBindingHost ? t("common.yes") : undefined],
            [t("vm.os"), osName],
            [t("vm.firmware"), config?.properties["bootFirmware"]],
            [t("common.created"), dateTime(wireTime(vm.createTime), i18n.language)],
          ]}
        />
      </section>
      <section className="panel">
        <h2>{t("vm.guest")}</h2>
        {hasAgent ? (
          <Facts
            items={[
              [t("vm.hostName"), vm.osOptions?.hostname || "–"],
              [t("vm.addresses"), <Addresses key="addresses" vm={vm} />],
              [t("vm.agentVersion"), vm.toolsVersion || "–"],
            ]}
          />
        ) : (
          <p className="quiet">{t(vm.pvDriverStatus === "starting" ? "vm.agentStarting" : "vm.noAgent")}</p>
        )}
      </section>
      <section className="panel">
        <h2>{t("vm.hardware")}</h2>
        <Facts
          items={[
            [
              "CPU",
              cpu &&
                t("vm.cpuText", {
                  count: cpu.quantity,
                  sockets: Math.max(1, Math.round(cpu.quantity / Math.max(1, cpu.coresPerSocket))),
                }),
            ],
            [t("vm.memory"), config?.memory && mebibytes(config.memory.quantityMB)],
            ...disks.map(
              (disk) =>
                [
                  t("vm.diskN", { n: disk.sequenceNum }),
                  <>
                    {gibibytes(disk.quantityGB)}, {t(`vm.provisioning.${provisioningOf(disk)}`)},{" "}
                    <PageLink to={pageOf(disk.datastoreUrn)}>{disk.datastoreName}</PageLink>
                  </>,
                ] as const,
            ),
            ...nics.map(
              (nic) =>
                [
                  nic.name ?? t("vm.nicN", { n: nic.sequenceNum }),
                  `${nic.portGroupName ?? ""} · ${nic.mac}`,
                ] as const,
            ),
          ]}
        />
      </section>
      <Notes vm={vm} />
    </div>
  );
}

function Addresses({ vm }: { vm: WireVm }) {
  const all = (vm.vmConfig?.nics ?? []).flatMap((nic) => nic.ipList.split(";")).filter((ip) => ip !== "");
  if (all.length === 0) return "–";
  return (
    <ul className="bare">
      {all.map((address) => (
        <li key={address}>{address}</li>
      ))}
    </ul>
  );
}

/** The description, written where it is read. */
function Notes({ vm }: { vm: WireVm }) {
  const { t } = useTranslation();
  const mayOperate = useMay("operate");
  const [text, setText] = useState<string>();
  const save = useAction<string>({
    call: (description) => client.vms.modify(vm, { description }),
    kinds: ["vms"],
    started: () => t("vm.notes"),
    isQuiet: true,
  });
  const reason = mayOperate ? reasonAgainst(t, "rename", vm) : t("common.needsOperate");
  const keep = async (): Promise<void> => {
    if (text !== undefined && (await save.run(text))) setText(undefined);
  };
  return (
    <section className="panel">
      <div className="panel-head">
        <h2>{t("vm.notes")}</h2>
        {text === undefined && (
          <ActionButton
            size="small"
            type="text"
            icon={<EditOutlined />}
            reason={reason}
            aria-label={t("vm.editNotes")}
            onClick={() => setText(vm.description ?? "")}
          />
        )}
      </div>
      {text === undefined ? (
        <p className="notes">{vm.description || <span className="quiet">{t("vm.noNotes")}</span>}</p>
      ) : (
        <>
          <Input.TextArea
            aria-label={t("vm.notes")}
            autoFocus
            rows={3}
            maxLength={LIMITS.descriptionLength.max}
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
          <Failure error={save.error} />
          <div className="form-end">
            <Button onClick={() => setText(undefined)}>{t("common.cancel")}</Button>
            <Button type="primary" loading={save.isRunning} onClick={() => void keep()}>
              {t("common.save")}
            </Button>
          </div>
        </>
      )}
    </section>
  );
}
