import { Form, Input } from "antd";
import { LIMITS } from "@sinter/rules";
import { useTranslation } from "react-i18next";
import { client } from "../../api/client.ts";
import { FormDialog } from "../../ui/form-dialog.tsx";

interface Values {
  readonly name: string;
  readonly description: string;
}

/** Makes a cluster; hosts join it by token or move into it. */
export function ClusterDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  return (
    <FormDialog<Values>
      title={t("site.createCluster")}
      okText={t("common.create")}
      onClose={onClose}
      initialValues={{ name: "", description: "" }}
      call={(values) => client.clusters.create(values)}
      kinds={["clusters"]}
      started={({ name }) => t("network.creating", { name })}
      fields={{ "10000012": "name", "10300091": "name", "10000018": "description" }}
    >
      <NameItems />
    </FormDialog>
  );
}

/** Name and description, of whatever has both. */
export function NameItems() {
  const { t } = useTranslation();
  return (
    <>
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
    </>
  );
}
