import { Checkbox, Modal } from "antd";
import type { WireVm } from "@sinter/northbound";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { client } from "../../api/client.ts";
import { RefusalList } from "./refusal-list.tsx";
import { useEach } from "./use-each.ts";
import { reasonAgainst } from "./vm-state.ts";

const SHOWN_MAX = 12;

/** Names what will be gone before it is. */
export function RemoveVmsDialog(props: { vms: readonly WireVm[]; onClose: (isDone: boolean) => void }) {
  const { t } = useTranslation();
  const { vms, onClose } = props;
  const [isKeeping, setKeeping] = useState(false);
  const each = useEach();
  const fitting = vms.filter((vm) => reasonAgainst(t, "remove", vm) === undefined);
  const running = fitting.filter((vm) => vm.status === "running" || vm.status === "pause");
  const remove = async (): Promise<void> => {
    const begun = await each.run(fitting, (vm) => client.vms.remove(vm, { keepDisks: isKeeping }));
    if (begun === fitting.length) onClose(true);
  };
  return (
    <>
      <Modal
        open
        title={t("vm.removeTitle", { count: fitting.length })}
        okText={t("common.remove")}
        okButtonProps={{ danger: true, loading: each.isRunning }}
        onOk={() => void remove()}
        onCancel={() => onClose(false)}
      >
        <ul className="refusals">
          {fitting.slice(0, SHOWN_MAX).map((vm) => (
            <li key={vm.urn}>
              <strong>{vm.name}</strong>
            </li>
          ))}
          {fitting.length > SHOWN_MAX && <li>{t("vm.andMore", { count: fitting.length - SHOWN_MAX })}</li>}
        </ul>
        {running.length > 0 && <p>{t("vm.removeRunning", { count: running.length })}</p>}
        <Checkbox checked={isKeeping} onChange={(event) => setKeeping(event.target.checked)}>
          {t("vm.keepDisks")}
        </Checkbox>
        <p className="quiet">{t(isKeeping ? "vm.keepDisksYes" : "vm.keepDisksNo")}</p>
      </Modal>
      <RefusalList refusals={each.refusals} onClose={() => onClose(true)} />
    </>
  );
}
