import { Button, Form, Input, InputNumber } from "antd";
import type { WireSwitch } from "@sinter/northbound";
import { LIMITS } from "@sinter/rules";
import { useTranslation } from "react-i18next";
import { client } from "../../api/client.ts";
import { useMay } from "../../api/session-store.ts";
import { ActionButton } from "../../ui/action-button.tsx";
import { Failure } from "../../ui/failure.tsx";
import { useFormAction } from "../../ui/form-dialog.tsx";
import { VlansItem } from "./create-switch-dialog.tsx";
import { parseVlans, vlanChange, vlansText } from "./vlans.ts";

interface Values {
  readonly name: string;
  readonly description: string;
  readonly mtu: number;
  readonly vlans: string;
}

/** Name, description, MTU, and the VLANs that its port groups may use. */
export function SwitchConfigure({ network }: { network: WireSwitch }) {
  const { t } = useTranslation();
  const mayNot = useMay("administer") ? undefined : t("common.needsAdminister");
  const { form, onFinish, isRunning, error } = useFormAction<Values>({
    call: (values) => save(network, values),
    kinds: ["switches"],
    started: ({ name }) => t("object.savedStarted", { name }),
    fields: {
      "10540521": "name",
      "10540041": "name",
      "10540415": "mtu",
      "10540007": "vlans",
      "10540021": "vlans",
      "10540039": "vlans",
    },
  });
  const { name, description, mtu } = network;
  return (
    <section className="panel narrow">
      <h2>{t("object.general")}</h2>
      <Form<Values>
        form={form}
        layout="vertical"
        initialValues={{ name, description, mtu, vlans: vlansText(network.vlanPoolSet) }}
        onFinish={onFinish}
        disabled={mayNot !== undefined}
      >
        <Form.Item
          name="name"
          label={t("common.name")}
          rules={[{ required: true, message: t("common.required") }]}
        >
          <Input maxLength={LIMITS.nameLength.max} />
        </Form.Item>
        <Form.Item name="description" label={t("common.description")}>
          <Input.TextArea maxLength={LIMITS.descriptionLength.max} rows={3} />
        </Form.Item>
        <Form.Item name="mtu" label={t("network.mtu")}>
          <InputNumber min={LIMITS.mtu.min} max={LIMITS.mtu.max} precision={0} />
        </Form.Item>
        <VlansItem />
        <Failure error={error} />
        {mayNot === undefined ? (
          <Button htmlType="submit" loading={isRunning}>
            {t("common.save")}
          </Button>
        ) : (
          <ActionButton reason={mayNot}>{t("common.save")}</ActionButton>
        )}
      </Form>
    </section>
  );
}

/** Ranges are taken away before others are added, which may overlap them. */
async function save(network: WireSwitch, { vlans, ...change }: Values): Promise<void> {
  await client.switches.modify(network, change);
  const { added, removed } = vlanChange(network.vlanPoolSet, parseVlans(vlans) ?? []);
  if (removed.length > 0) await client.tasks.wait(await client.switches.removeVlans(network, removed));
  if (added.length > 0) await client.switches.addVlans(network, added);
}
