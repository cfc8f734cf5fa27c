import { Modal } from "antd";
import type { WireVm } from "@sinter/northbound";
import { useTranslation } from "react-i18next";
import { client } from "../../api/client.ts";
import { Failure } from "../../ui/failure.tsx";
import { useAction } from "../../ui/use-action.ts";

/** Makes a template of a VM, or a VM of a template. */
export function TemplateDialog({ vm, onClose }: { vm: WireVm; onClose: () => void }) {
  const { t } = useTranslation();
  const text = t(vm.isTemplate ? "vm.toVm" : "vm.toTemplate");
  const convert = useAction<boolean>({
    call: (isTemplate) => client.vms.modify(vm, { isTemplate }),
    kinds: ["vms"],
    started: () => `${text} · ${vm.name}`,
    isQuiet: true,
  });
  const run = async (): Promise<void> => {
    if (await convert.run(!vm.isTemplate)) onClose();
  };
  return (
    <Modal
      open
      title={`${text}: ${vm.name}`}
      okText={text}
      confirmLoading={convert.isRunning}
      onOk={() => void run()}
      onCancel={onClose}
    >
      <p>{t(vm.isTemplate ? "vm.toVmHint" : "vm.toTemplateHint")}</p>
      <Failure error={convert.error} />
    </Modal>
  );
}
