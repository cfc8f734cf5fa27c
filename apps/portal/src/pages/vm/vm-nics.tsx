import { App } from "antd";
import { DeleteOutlined, PlusOutlined } from "@ant-design/icons";
import type { WireNic, WireVm } from "@sinter/northbound";
import { LIMITS } from "@sinter/rules";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { client } from "../../api/client.ts";
import { useMay } from "../../api/session-store.ts";
import { ActionButton } from "../../ui/action-button.tsx";
import { useAction } from "../../ui/use-action.ts";
import { AddNicDialog } from "./add-nic-dialog.tsx";
import { reasonAgainst } from "./vm-state.ts";

/** Network cards of a VM; adding and removing also while it runs. */
export function VmNics({ vm }: { vm: WireVm }) {
  const { t } = useTranslation();
  const { modal } = App.useApp();
  const mayOperate = useMay("operate");
  const [isAdding, setAdding] = useState(false);
  const nics = vm.vmConfig?.nics ?? [];
  const remove = useAction<WireNic>({
    call: (nic) => client.vms.detachNic(vm, nic.sequenceNum),
    kinds: ["vms"],
    started: (nic) => `${t("vm.removeNic")} · ${nic.name ?? nic.mac}`,
  });
  const reasonFor = (doing: "attachNic" | "detachNic"): string | undefined =>
    mayOperate ? reasonAgainst(t, doing, vm) : t("common.needsOperate");
  const addReason =
    reasonFor("attachNic") ??
    (nics.length >= LIMITS.nicsPerVm ? t("vm.tooManyNics", { count: LIMITS.nicsPerVm }) : undefined);
  const ask = (nic: WireNic): void =>
    void modal.confirm({
      title: `${t("vm.removeNic")}: ${nic.name ?? nic.mac}`,
      content: t("vm.removeNicHint"),
      okText: t("common.remove"),
      onOk: () => remove.run(nic),
    });
  return (
    <section className="panel" aria-labelledby="nics">
      <div className="panel-head">
        <h2 id="nics">{t("vm.nics")}</h2>
        <ActionButton size="small" icon={<PlusOutlined />} reason={addReason} onClick={() => setAdding(true)}>
          {t("vm.addNic")}
        </ActionButton>
      </div>
      {nics.length === 0 ? (
        <p className="quiet">{t("vm.noNics")}</p>
      ) : (
        <table className="plain">
          <thead>
            <tr>
              <th scope="col">{t("common.name")}</th>
              <th scope="col">{t("vm.portGroup")}</th>
              <th scope="col">MAC</th>
              <th scope="col">{t("vm.addresses")}</th>
              <th scope="col">
                <span className="unseen">{t("common.actions")}</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {nics.map((nic) => (
              <tr key={nic.sequenceNum}>
                <td>{nic.name}</td>
                <td>{nic.portGroupName}</td>
                <td>{nic.mac}</td>
                <td>{nic.ipList.replaceAll(";", ", ") || "–"}</td>
                <td>
                  <ActionButton
                    size="small"
                    type="text"
                    icon={<DeleteOutlined />}
                    aria-label={`${t("vm.removeNic")}: ${nic.name ?? nic.mac}`}
                    reason={reasonFor("detachNic")}
                    onClick={() => ask(nic)}
                  />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {isAdding && <AddNicDialog vm={vm} onClose={() => setAdding(false)} />}
    </section>
  );
}
