import { Alert, Form, Radio, Select } from "antd";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { osVersionsQuery } from "../use-os-name.ts";
import type { Wish } from "./wish.ts";

/** The general 64-bit system of each family. */
const USUAL_VERSION = { Linux: 302, Windows: 202, Other: 402 } as const;
const LIST_OF = { Linux: "linux", Windows: "windows", Other: "other" } as const;

/** Which system the guest will be: its devices and clock are chosen by it. */
export function OsStep({ isCopy }: { isCopy: boolean }) {
  const { t } = useTranslation();
  const form = Form.useFormInstance<Wish>();
  const type = Form.useWatch("osType", form) ?? "Linux";
  const { data } = useQuery(osVersionsQuery());
  return (
    <>
      {isCopy && <Alert type="info" showIcon title={t("createVm.osOfSource")} />}
      <Form.Item name="osType" label={t("createVm.osType")}>
        <Radio.Group
          disabled={isCopy}
          onChange={(event) => {
            const next = event.target.value as Wish["osType"];
            form.setFieldValue("osVersion", USUAL_VERSION[next]);
          }}
          options={[
            { value: "Linux", label: "Linux" },
            { value: "Windows", label: "Windows" },
            { value: "Other", label: t("createVm.osOther") },
          ]}
        />
      </Form.Item>
      <Form.Item
        name="osVersion"
        label={t("createVm.osVersion")}
        rules={[{ required: true, message: t("common.required") }]}
      >
        <Select
          disabled={isCopy}
          aria-label={t("createVm.osVersion")}
          showSearch={{ optionFilterProp: "label" }}
          options={(data?.[LIST_OF[type]] ?? []).map((os) => ({ value: os.id, label: os.versionDes }))}
        />
      </Form.Item>
      <Form.Item name="firmware" label={t("vm.firmware")} extra={t("createVm.firmwareHint")}>
        <Radio.Group
          disabled={isCopy}
          options={[
            { value: "BIOS", label: "BIOS" },
            { value: "UEFI", label: "UEFI" },
          ]}
        />
      </Form.Item>
    </>
  );
}
