import { Modal } from "antd";
import { useTranslation } from "react-i18next";
import { failureText } from "../../ui/failure.tsx";
import type { Refusal } from "./use-each.ts";

/** Which VMs an action was refused for, and why. */
export function RefusalList({ refusals, onClose }: { refusals: readonly Refusal[]; onClose: () => void }) {
  const { t } = useTranslation();
  return (
    <Modal
      open={refusals.length > 0}
      title={t("vm.refused", { count: refusals.length })}
      onCancel={onClose}
      onOk={onClose}
      cancelButtonProps={{ className: "unshown" }}
    >
      <ul className="refusals">
        {refusals.map(({ vm, error }) => (
          <li key={vm.urn}>
            <strong>{vm.name}</strong>: {failureText(error)}
          </li>
        ))}
      </ul>
    </Modal>
  );
}
