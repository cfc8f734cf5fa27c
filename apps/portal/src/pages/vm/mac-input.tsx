import { Form, Input } from "antd";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { client } from "../../api/client.ts";
import { readMac } from "./mac.ts";

/** A MAC address, or none for one that the manager makes; says while typing whether another VM has it. */
export function MacInput(props: {
  name: string | (string | number)[];
  /** As the form holds it now. */
  value: string | undefined;
  /** The manager's words about it. */
  refusal?: string;
  /** MACs elsewhere in the same form. */
  others?: readonly string[];
}) {
  const { t } = useTranslation();
  const { mac } = readMac(props.value ?? "");
  const { data: user } = useQuery({
    queryKey: ["vms", "byMac", mac],
    queryFn: async () => (await client.vms.list({ mac: mac ?? "", limit: 1, detail: 0 })).items[0] ?? null,
    enabled: mac !== undefined,
  });
  const isTwice = mac !== undefined && props.others?.includes(mac) === true;
  const warning =
    props.refusal ??
    (isTwice
      ? t("vm.macTwice")
      : user && mac !== undefined
        ? t("vm.macUsed", { name: user.name })
        : undefined);
  return (
    <Form.Item
      name={props.name}
      label="MAC"
      extra={t("vm.macHint")}
      {...(warning === undefined ? {} : { validateStatus: "error" as const, help: warning })}
      rules={[
        {
          validator: (_rule, value: string | undefined) => {
            const { fault } = readMac(value ?? "");
            return fault === undefined
              ? Promise.resolve()
              : Promise.reject(new Error(t(`vm.macFault.${fault}`)));
          },
        },
      ]}
    >
      <Input placeholder={t("vm.macGenerated")} autoComplete="off" spellCheck={false} />
    </Form.Item>
  );
}
