import { App } from "antd";
import { DeleteOutlined, PlusOutlined } from "@ant-design/icons";
import type { WireDisk, WireVm } from "@sinter/northbound";
import { LIMITS } from "@sinter/rules";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { client } from "../../api/client.ts";
import { useMay } from "../../api/session-store.ts";
import { pageOf } from "../../api/urns.ts";
import { ActionButton } from "../../ui/action-button.tsx";
import { gibibytes } from "../../ui/format.ts";
import { useAction } from "../../ui/use-action.ts";
import { AttachDiskDialog } from "./attach-disk-dialog.tsx";
import { DiskOwner } from "./disk-owner.tsx";
import { PageLink } from "./page-link.tsx";
import { provisioningOf } from "./provisioning.ts";
import { reasonAgainst } from "./vm-state.ts";

/** Disks of a VM; attaching and detaching also while it runs. */
export function VmDisks({ vm }: { vm: WireVm }) {
  const { t } = useTranslation();
  const { modal } = App.useApp();
  const mayOperate = useMay("operate");
  const [isAdding, setAdding] = useState(false);
  const disks = vm.vmConfig?.disks ?? [];
  const detach = useAction<WireDisk>({
    call: (disk) => client.vms.detachVolume(vm, disk.volumeUrn),
    kinds: ["vms", "volumes"],
    started: (disk) => `${t("vm.detach")} · ${disk.diskName}`,
  });
  const reasonFor = (doing: "attachVolume" | "detachVolume"): string | undefined =>
    mayOperate ? reasonAgainst(t, doing, vm) : t("common.needsOperate");
  const addReason =
    reasonFor("attachVolume") ??
    (disks.length >= LIMITS.disksPerVm ? t("vm.tooManyDisks", { count: LIMITS.disksPerVm }) : undefined);
  const ask = (disk: WireDisk): void =>
    void modal.confirm({
      title: `${t("vm.detach")}: ${disk.diskName}`,
      content: t("vm.detachHint"),
      okText: t("vm.detach"),
      onOk: () => detach.run(disk),
    });
  return (
    <section className="panel" aria-labelledby="disks">
      <div className="panel-head">
        <h2 id="disks">{t("vm.disks")}</h2>
        <ActionButton size="small" icon={<PlusOutlined />} reason={addReason} onClick={() => setAdding(true)}>
          {t("vm.addDisk")}
        </ActionButton>
      </div>
      {disks.length === 0 ? (
        <p className="quiet">{t("vm.noDisks")}</p>
      ) : (
        <table className="plain">
          <thead>
            <tr>
              <th scope="col">{t("vm.slot")}</th>
              <th scope="col">{t("common.name")}</th>
              <th scope="col">{t("vm.size")}</th>
              <th scope="col">{t("vm.provisioningHead")}</th>
              <th scope="col">{t("vm.datastore")}</th>
              <th scope="col">{t("vm.bus")}</th>
              <th scope="col">{t("storage.leases.owner")}</th>
              <th scope="col">
                <span className="unseen">{t("common.actions")}</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {disks.map((disk) => (
              <tr key={disk.volumeUrn}>
                <td>{disk.sequenceNum}</td>
                <td>{disk.diskName}</td>
                <td>{gibibytes(disk.quantityGB)}</td>
                <td>{t(`vm.provisioning.${provisioningOf(disk)}`)}</td>
                <td>
                  <PageLink to={pageOf(disk.datastoreUrn)}>{disk.datastoreName}</PageLink>
                </td>
                <td>{disk.pciType}</td>
                <td>
                  <DiskOwner vm={vm} volumeUrn={disk.volumeUrn} />
                </td>
                <td>
                  <ActionButton
                    size="small"
                    type="text"
                    icon={<DeleteOutlined />}
                    aria-label={`${t("vm.detach")}: ${disk.diskName}`}
                    reason={reasonFor("detachVolume")}
                    onClick={() => ask(disk)}
                  />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {isAdding && <AttachDiskDialog vm={vm} onClose={() => setAdding(false)} />}
    </section>
  );
}
