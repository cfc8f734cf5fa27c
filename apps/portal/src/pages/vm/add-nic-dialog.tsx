import { Form, Modal } from "antd";
import { ApiError } from "@sinter/client/portable";
import type { WireVm } from "@sinter/northbound";
import { useTranslation } from "react-i18next";
import { client } from "../../api/client.ts";
import { Failure, failureText } from "../../ui/failure.tsx";
import { useAction } from "../../ui/use-action.ts";
import { isMacCode, readMac } from "./mac.ts";
import { MacInput } from "./mac-input.tsx";
import { PortGroupSelect } from "./port-group-select.tsx";

interface NewNic {
  portGroupUrn: string;
  mac?: string;
}

/** One more network card. */
export function AddNicDialog({ vm, onClose }: { vm: WireVm; onClose: () => void }) {
  const { t } = useTranslation();
  const [form] = Form.useForm<NewNic>();
  const mac = Form.useWatch("mac", form);
  const add = useAction<NewNic>({
    call: (nic) =>
      client.vms.attachNic(vm, { portGroupUrn: nic.portGroupUrn, ...(nic.mac ? { mac: nic.mac } : {}) }),
    kinds: ["vms"],
    started: () => t("vm.addNic"),
    isQuiet: true,
  });
  const isAboutMac = add.error instanceof ApiError && isMacCode(add.error.errorCode);
  const submit = async (): Promise<void> => {
    const nic = await form.validateFields().catch(() => undefined);
    if (nic && (await add.run({ ...nic, mac: readMac(nic.mac ?? "").mac ?? "" }))) onClose();
  };
  return (
    <Modal
      open
      title={`${t("vm.addNic")}: ${vm.name}`}
      okText={t("common.create")}
      confirmLoading={add.isRunning}
      onOk={() => void submit()}
      onCancel={onClose}
    >
      <Form name="new-nic" form={form} layout="vertical">
        <Form.Item
          name="portGroupUrn"
          label={t("vm.portGroup")}
          rules={[{ required: true, message: t("common.required") }]}
        >
          <PortGroupSelect />
        </Form.Item>
        <MacInput name="mac" value={mac} {...(isAboutMac ? { refusal: failureText(add.error) } : {})} />
      </Form>
      {!isAboutMac && <Failure error={add.error} />}
    </Modal>
  );
}
