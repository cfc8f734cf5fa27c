import { Button, Form } from "antd";
import { DeleteOutlined, PlusOutlined } from "@ant-design/icons";
import { LIMITS } from "@sinter/rules";
import { useTranslation } from "react-i18next";
import { readMac } from "../mac.ts";
import { MacInput } from "../mac-input.tsx";
import { PortGroupSelect } from "../port-group-select.tsx";
import { NEW_NIC, type Wish } from "./wish.ts";

/** Network cards: which port group, and an address of one's own or a made one. */
export function NicsStep() {
  const { t } = useTranslation();
  const form = Form.useFormInstance<Wish>();
  const nics = Form.useWatch("nics", form) ?? [];
  const macsBut = (at: number): string[] =>
    nics.flatMap((nic, index) => (index === at ? [] : (readMac(nic?.mac ?? "").mac ?? [])));
  return (
    <Form.List name="nics">
      {(fields, { add, remove }) => (
        <>
          {fields.length === 0 && <p className="quiet">{t("createVm.noNics")}</p>}
          {fields.map((field, index) => (
            <fieldset key={field.key} className="device">
              <legend>{t("vm.nicN", { n: index + 1 })}</legend>
              <Form.Item
                name={[field.name, "portGroupUrn"]}
                label={t("vm.portGroup")}
                rules={[{ required: true, message: t("common.required") }]}
              >
                <PortGroupSelect />
              </Form.Item>
              <MacInput
                name={[field.name, "mac"]}
                value={nics[field.name]?.mac}
                others={macsBut(field.name)}
              />
              <Button
                className="device-remove"
                type="text"
                icon={<DeleteOutlined />}
                aria-label={t("createVm.removeNic", { n: index + 1 })}
                onClick={() => remove(field.name)}
              />
            </fieldset>
          ))}
          <Button
            icon={<PlusOutlined />}
            disabled={fields.length >= LIMITS.nicsPerVm}
            onClick={() => add({ ...NEW_NIC })}
          >
            {t("vm.addNic")}
          </Button>
        </>
      )}
    </Form.List>
  );
}
