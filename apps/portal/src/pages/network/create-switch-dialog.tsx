import { Form, Input, InputNumber } from "antd";
import type { CreateSwitchRequest } from "@sinter/northbound";
import { LIMITS } from "@sinter/rules";
import { useTranslation } from "react-i18next";
import { client } from "../../api/client.ts";
import { FormDialog } from "../../ui/form-dialog.tsx";
import { HostSelect } from "../../ui/host-select.tsx";
import { parseVlans } from "./vlans.ts";

interface Values {
  readonly name: string;
  readonly description: string;
  readonly mtu: number;
  readonly hostUrns: readonly string[];
  readonly portName: string;
  readonly vlans: string;
}

/** A switch on some hosts, with the same NICs of each as its way out. Single hosts are changed on its page. */
export function CreateSwitchDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  return (
    <FormDialog<Values>
      title={t("network.createSwitch")}
      okText={t("common.create")}
      onClose={onClose}
      initialValues={{ name: "", description: "", mtu: 1500, hostUrns: [], portName: "", vlans: "" }}
      call={(values) => client.switches.create(requestOf(values))}
      kinds={["switches"]}
      started={({ name }) => t("network.creating", { name })}
      fields={{
        "10540521": "name",
        "10540041": "name",
        "10540415": "mtu",
        "10300027": "hostUrns",
        "10540011": "portName",
        "10540007": "vlans",
        "10540039": "vlans",
      }}
    >
      <Form.Item
        name="name"
        label={t("common.name")}
        rules={[{ required: true, message: t("common.required") }]}
      >
        <Input maxLength={LIMITS.nameLength.max} />
      </Form.Item>
      <Form.Item name="description" label={t("common.description")}>
        <Input maxLength={LIMITS.descriptionLength.max} />
      </Form.Item>
      <Form.Item name="mtu" label={t("network.mtu")}>
        <InputNumber min={LIMITS.mtu.min} max={LIMITS.mtu.max} precision={0} />
      </Form.Item>
      <Form.Item name="hostUrns" label={t("network.hosts")} extra={t("network.hostsHint")}>
        <HostSelect isMultiple />
      </Form.Item>
      <Form.Item name="portName" label={t("network.uplinks")} extra={t("network.uplinksHint")}>
        <Input maxLength={255} className="code" />
      </Form.Item>
      <VlansItem />
    </FormDialog>
  );
}

/** A field for VLAN ranges, checked while typing. */
export function VlansItem() {
  const { t } = useTranslation();
  return (
    <Form.Item
      name="vlans"
      label={t("network.vlans")}
      extra={t("network.vlansHint")}
      rules={[
        {
          validator: (_rule, text: string) =>
            parseVlans(text) ? Promise.resolve() : Promise.reject(new Error(t("network.vlansRule"))),
        },
      ]}
    >
      <Input className="code" />
    </Form.Item>
  );
}

function requestOf(values: Values): CreateSwitchRequest {
  const { name, description, mtu, hostUrns, portName } = values;
  const vlanPoolSet = parseVlans(values.vlans) ?? [];
  return {
    name,
    description,
    mtu,
    ...(vlanPoolSet.length === 0 ? {} : { vlanPoolSet }),
    // Without hosts the manager takes all of them.
    ...(hostUrns.length === 0
      ? {}
      : {
          hostPortSet: hostUrns.map((hostUrn) => ({
            hostUrn,
            ...(portName.trim() === "" ? {} : { portName: portName.trim() }),
          })),
        }),
  };
}
