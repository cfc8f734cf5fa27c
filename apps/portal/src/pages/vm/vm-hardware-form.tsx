import { Form, Input, InputNumber, Select } from "antd";
import { ApiError } from "@sinter/client/portable";
import type { ModifyVmRequest, WireVm } from "@sinter/northbound";
import { LIMITS } from "@sinter/rules";
import { useTranslation } from "react-i18next";
import { client } from "../../api/client.ts";
import { useMay } from "../../api/session-store.ts";
import { ActionButton } from "../../ui/action-button.tsx";
import { Failure, failureText } from "../../ui/failure.tsx";
import { useAction } from "../../ui/use-action.ts";
import { reasonAgainst } from "./vm-state.ts";

interface Hardware {
  name: string;
  cpus: number;
  coresPerSocket: number;
  memoryMiB: number;
  bootOption: "disk" | "pxe" | "cdrom";
}

/** Which field a refusal is about, by the contract's codes. */
const FIELD_OF_CODE: Readonly<Record<string, keyof Hardware>> = {
  "10000012": "name",
  "10300003": "cpus",
  "10800125": "cpus",
  "10300561": "coresPerSocket",
  "10300006": "memoryMiB",
  "10800126": "memoryMiB",
  "10300013": "bootOption",
};

/** Name, CPU, memory and what it boots from. Size is changed while the VM is off, the rest at any time. */
export function VmHardwareForm({ vm }: { vm: WireVm }) {
  const { t } = useTranslation();
  const [form] = Form.useForm<Hardware>();
  const mayOperate = useMay("operate");
  const now = hardwareOf(vm);
  const save = useAction<Hardware>({
    call: (wanted) => client.vms.modify(vm, changeOf(now, wanted)),
    kinds: ["vms"],
    started: () => t("vm.changeOf", { name: vm.name }),
    isQuiet: true,
  });
  const wanted = Form.useWatch([], form) as Partial<Hardware> | undefined;
  const isChanged = wanted !== undefined && Object.keys(changeOf(now, { ...now, ...wanted })).length > 0;
  const resizeReason = reasonAgainst(t, "resize", vm);
  const field = save.error instanceof ApiError ? FIELD_OF_CODE[save.error.errorCode] : undefined;
  const help = (name: keyof Hardware) =>
    field === name ? ({ validateStatus: "error", help: failureText(save.error) } as const) : {};
  const reason = mayOperate
    ? (reasonAgainst(t, "rename", vm) ?? (isChanged ? undefined : t("vm.nothingChanged")))
    : t("common.needsOperate");
  return (
    <section className="panel" aria-labelledby="hardware">
      <h2 id="hardware">{t("vm.hardware")}</h2>
      {resizeReason !== undefined && <p className="quiet">{t("vm.resizeHint", { reason: resizeReason })}</p>}
      <Form
        name="hardware"
        form={form}
        layout="vertical"
        initialValues={now}
        onFinish={(values) => void save.run({ ...now, ...values })}
        className="form-row"
      >
        <Form.Item
          name="name"
          label={t("common.name")}
          rules={[{ required: true, message: t("common.required") }, { max: LIMITS.nameLength.max }]}
          {...help("name")}
        >
          <Input />
        </Form.Item>
        <Form.Item name="cpus" label={t("vm.vcpus")} rules={[{ required: true }]} {...help("cpus")}>
          <InputNumber {...LIMITS.vcpus} precision={0} disabled={resizeReason !== undefined} />
        </Form.Item>
        <Form.Item
          name="coresPerSocket"
          label={t("vm.coresPerSocket")}
          dependencies={["cpus"]}
          rules={[
            { required: true },
            ({ getFieldValue }) => ({
              validator: (_rule, value: number) =>
                Number(getFieldValue("cpus")) % value === 0
                  ? Promise.resolve()
                  : Promise.reject(new Error(t("vm.coresMustDivide"))),
            }),
          ]}
          {...help("coresPerSocket")}
        >
          <InputNumber {...LIMITS.vcpus} precision={0} disabled={resizeReason !== undefined} />
        </Form.Item>
        <Form.Item
          name="memoryMiB"
          label={t("vm.memoryMiB")}
          rules={[{ required: true }]}
          {...help("memoryMiB")}
        >
          <InputNumber {...LIMITS.memoryMiB} step={256} precision={0} disabled={resizeReason !== undefined} />
        </Form.Item>
        <Form.Item name="bootOption" label={t("vm.bootFrom")} {...help("bootOption")}>
          <Select
            className="select-short"
            options={(["disk", "cdrom", "pxe"] as const).map((value) => ({
              value,
              label: t(`vm.boot.${value}`),
            }))}
          />
        </Form.Item>
        <Form.Item label=" " colon={false}>
          <ActionButton type="primary" htmlType="submit" reason={reason} loading={save.isRunning}>
            {t("common.save")}
          </ActionButton>
        </Form.Item>
      </Form>
      {field === undefined && <Failure error={save.error} />}
    </section>
  );
}

function hardwareOf(vm: WireVm): Hardware {
  const { cpu, memory, properties } = vm.vmConfig ?? {};
  const boot = properties?.["bootOption"];
  return {
    name: vm.name,
    cpus: cpu?.quantity ?? 1,
    coresPerSocket: Math.max(1, cpu?.coresPerSocket ?? 1),
    memoryMiB: memory?.quantityMB ?? 0,
    bootOption: boot === "pxe" || boot === "cdrom" ? boot : "disk",
  };
}

/** Only what differs is sent: what another user has changed meanwhile stays. */
export function changeOf(now: Hardware, wanted: Hardware): ModifyVmRequest {
  const isCpuNew = wanted.cpus !== now.cpus || wanted.coresPerSocket !== now.coresPerSocket;
  return {
    ...(wanted.name === now.name ? {} : { name: wanted.name }),
    ...(isCpuNew ? { cpu: { quantity: wanted.cpus, coresPerSocket: wanted.coresPerSocket } } : {}),
    ...(wanted.memoryMiB === now.memoryMiB ? {} : { memory: { quantityMB: wanted.memoryMiB } }),
    ...(wanted.bootOption === now.bootOption ? {} : { properties: { bootOption: wanted.bootOption } }),
  };
}
