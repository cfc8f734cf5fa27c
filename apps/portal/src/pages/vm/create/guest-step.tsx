import { Checkbox, Form, Input, Radio } from "antd";
import { useTranslation } from "react-i18next";
import type { Wish } from "./wish.ts";

const HOST_NAME = /^[A-Za-z0-9_-]{1,15}$/;
const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.|$)){4}$/;
const MASK = /^(?:\d|[12]\d|3[0-2])$/;

/** First-boot settings, for guests with cloud-init. */
export function GuestStep() {
  const { t } = useTranslation();
  const form = Form.useFormInstance<Wish>();
  const isCustomized = Form.useWatch("isCustomized", form) ?? false;
  const nics = Form.useWatch("nics", form) ?? [];
  return (
    <>
      <Form.Item name="isCustomized" valuePropName="checked" extra={t("createVm.customizeHint")}>
        <Checkbox>{t("createVm.customize")}</Checkbox>
      </Form.Item>
      <div hidden={!isCustomized}>
        <Form.Item
          name="hostname"
          label={t("vm.hostName")}
          rules={isCustomized ? [{ pattern: HOST_NAME, message: t("createVm.hostNameRule") }] : []}
        >
          <Input autoComplete="off" spellCheck={false} />
        </Form.Item>
        <Form.Item
          name="password"
          label={t("createVm.password")}
          rules={isCustomized ? [{ max: 26, message: t("createVm.passwordRule") }] : []}
        >
          <Input.Password autoComplete="new-password" />
        </Form.Item>
        <Form.Item name="sshKey" label={t("createVm.sshKey")}>
          <Input.TextArea rows={2} placeholder="ssh-ed25519 AAAA…" spellCheck={false} />
        </Form.Item>
        {nics.map((nic, index) => (
          <Addressing
            // NICs have no identity before they exist but their place.
            key={`nic-${String(index)}`}
            at={index}
            isStatic={isCustomized && nic?.addressing === "static"}
          />
        ))}
      </div>
    </>
  );
}

function Addressing({ at, isStatic }: { at: number; isStatic: boolean }) {
  const { t } = useTranslation();
  const address = (isNeeded: boolean, pattern: RegExp) =>
    isStatic
      ? [
          ...(isNeeded ? [{ required: true, message: t("common.required") }] : []),
          { pattern, message: t("createVm.addressRule") },
        ]
      : [];
  const mask = new RegExp(`${IPV4.source}|${MASK.source}`);
  const fields = [
    { key: "ip", rules: address(true, IPV4) },
    { key: "netmask", rules: address(true, mask) },
    { key: "gateway", rules: address(false, IPV4) },
    { key: "dns", rules: address(false, IPV4) },
    { key: "secondDns", rules: address(false, IPV4) },
  ] as const;
  return (
    <fieldset className="device">
      <legend>{t("vm.nicN", { n: at + 1 })}</legend>
      <Form.Item name={["nics", at, "addressing"]} label={t("createVm.addressing")}>
        <Radio.Group
          options={[
            { value: "dhcp", label: "DHCP" },
            { value: "static", label: t("createVm.static") },
          ]}
        />
      </Form.Item>
      {isStatic &&
        fields.map(({ key, rules }) => (
          <Form.Item key={key} name={["nics", at, key]} label={t(`createVm.${key}`)} rules={[...rules]}>
            <Input autoComplete="off" />
          </Form.Item>
        ))}
    </fieldset>
  );
}
