import { Form, Input, InputNumber, Radio } from "antd";
import type { CreatePortGroupRequest, WirePortGroup } from "@sinter/northbound";
import { LIMITS } from "@sinter/rules";
import { useTranslation } from "react-i18next";
import { client } from "../../api/client.ts";
import { FormDialog } from "../../ui/form-dialog.tsx";
import { parseVlans, vlansText } from "./vlans.ts";

interface Values {
  readonly name: string;
  readonly description: string;
  readonly kind: "access" | "trunk";
  readonly vlanId: number | null;
  readonly vlanRange: string;
}

/** Makes a port group on a switch, or changes one; its VLAN only while no VM on it runs. */
export function PortGroupDialog(props: {
  switchUrn: string;
  group: WirePortGroup | undefined;
  onClose: () => void;
}) {
  const { t } = useTranslation();
  const { group } = props;
  return (
    <FormDialog<Values>
      title={t(group ? "network.editPortGroup" : "network.createPortGroup")}
      okText={t(group ? "common.save" : "common.create")}
      onClose={props.onClose}
      initialValues={{
        name: group?.name ?? "",
        description: group?.description ?? "",
        kind: group?.portType === 1 ? "trunk" : "access",
        vlanId: group?.vlanId ?? 0,
        vlanRange: group?.vlanRange ?? "",
      }}
      call={(values) =>
        group
          ? client.portGroups.modify(group, requestOf(values))
          : client.portGroups.create(props.switchUrn, requestOf(values))
      }
      kinds={["portGroups", "switches"]}
      started={({ name }) => t(group ? "object.savedStarted" : "network.creating", { name })}
      fields={{
        "10540521": "name",
        "10540522": "description",
        "10540105": "vlanId",
        "10504009": "vlanId",
        "10504015": "vlanId",
        "10504014": "vlanRange",
        "10504017": "vlanRange",
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
      <Form.Item name="kind" label={t("network.kind")}>
        <Radio.Group
          options={[
            { value: "access", label: t("network.access") },
            { value: "trunk", label: t("network.trunk") },
          ]}
        />
      </Form.Item>
      <Form.Item noStyle dependencies={["kind"]}>
        {({ getFieldValue }) =>
          getFieldValue("kind") === "trunk" ? (
            <Form.Item
              name="vlanRange"
              label={t("network.vlanRange")}
              extra={t("network.vlansHint")}
              rules={[
                {
                  validator: (_rule, text: string) =>
                    (parseVlans(text) ?? []).length > 0
                      ? Promise.resolve()
                      : Promise.reject(new Error(t("network.vlansRule"))),
                },
              ]}
            >
              <Input className="code" />
            </Form.Item>
          ) : (
            <Form.Item
              name="vlanId"
              label={t("network.vlan")}
              extra={t("network.vlanHint")}
              rules={[{ required: true, message: t("common.required") }]}
            >
              <InputNumber min={LIMITS.vlanId.min} max={LIMITS.vlanId.max} precision={0} />
            </Form.Item>
          )
        }
      </Form.Item>
    </FormDialog>
  );
}

function requestOf({ name, description, kind, vlanId, vlanRange }: Values): CreatePortGroupRequest {
  const head = { name, description };
  if (kind === "access") return { ...head, portType: 0, vlanId: vlanId ?? 0 };
  return { ...head, portType: 1, vlanRange: vlansText(parseVlans(vlanRange) ?? []).replaceAll(" ", "") };
}
