import { Form, InputNumber } from "antd";
import { useQuery } from "@tanstack/react-query";
import type { WireOs } from "@sinter/northbound";
import { LIMITS } from "@sinter/rules";
import { useTranslation } from "react-i18next";
import { client } from "../../../api/client.ts";
import { mebibytes } from "../../../ui/format.ts";
import { osVersionsQuery } from "../use-os-name.ts";
import type { Wish } from "./wish.ts";

/** CPU and memory, with what is left at the chosen place and what the guest's system can use. */
export function SizeStep() {
  const { t } = useTranslation();
  const form = Form.useFormInstance<Wish>();
  const location = Form.useWatch("location", form) ?? "";
  const memoryMiB = Form.useWatch("memoryMiB", form) ?? 0;
  const cpus = Form.useWatch("cpus", form) ?? 0;
  const os = useOs(Form.useWatch("osVersion", form));
  const left = useQuery({
    queryKey: [location.includes(":hosts:") ? "hosts" : "clusters", "left", location],
    // The same call answers for a host.
    queryFn: () => client.clusters.computeResource(location),
    enabled: location !== "",
  });
  const cpusLeft = left.data?.CpuQuantity;
  const memoryLeft = left.data?.MemQuantityMB;
  return (
    <>
      {left.data && (
        <p className="quiet">
          {t("createVm.left", { cpus: cpusLeft ?? 0, memory: mebibytes(memoryLeft ?? 0) })}
        </p>
      )}
      <Form.Item
        name="cpus"
        label={t("vm.vcpus")}
        rules={[
          { required: true, message: t("common.required") },
          {
            type: "number",
            max: os?.cpuQuantityLimit ?? LIMITS.vcpus.max,
            message: t("createVm.osCpus", { count: os?.cpuQuantityLimit ?? LIMITS.vcpus.max }),
          },
        ]}
        {...(cpusLeft !== undefined && cpus > cpusLeft ? hint(t("createVm.cpusShort")) : {})}
      >
        <InputNumber {...LIMITS.vcpus} precision={0} />
      </Form.Item>
      <Form.Item
        name="coresPerSocket"
        label={t("vm.coresPerSocket")}
        dependencies={["cpus"]}
        rules={[
          { required: true, message: t("common.required") },
          ({ getFieldValue }) => ({
            validator: (_rule, value: number) =>
              Number(getFieldValue("cpus")) % value === 0
                ? Promise.resolve()
                : Promise.reject(new Error(t("vm.coresMustDivide"))),
          }),
        ]}
      >
        <InputNumber {...LIMITS.vcpus} precision={0} />
      </Form.Item>
      <Form.Item
        name="memoryMiB"
        label={t("vm.memoryMiB")}
        rules={[
          { required: true, message: t("common.required") },
          {
            type: "number",
            max: os?.memQuantityLimit ?? LIMITS.memoryMiB.max,
            message: t("createVm.osMemory", {
              size: mebibytes(os?.memQuantityLimit ?? LIMITS.memoryMiB.max),
            }),
          },
        ]}
        {...(memoryLeft !== undefined && memoryMiB > memoryLeft
          ? hint(t("createVm.memoryShort"))
          : { extra: mebibytes(memoryMiB) })}
      >
        <InputNumber {...LIMITS.memoryMiB} step={256} precision={0} />
      </Form.Item>
    </>
  );
}

/** Said while choosing; the manager decides, since others start and stop VMs meanwhile. */
function hint(text: string) {
  return { extra: <span className="hint">{text}</span> };
}

function useOs(version: number | undefined): WireOs | undefined {
  const { data } = useQuery(osVersionsQuery());
  return data && [...data.linux, ...data.windows, ...data.other].find((os) => os.id === version);
}
