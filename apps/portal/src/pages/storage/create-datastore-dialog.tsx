import { Checkbox, Form, Input } from "antd";
import type { CreateDatastoreRequest } from "@sinter/northbound";
import { LIMITS } from "@sinter/rules";
import { useTranslation } from "react-i18next";
import { client } from "../../api/client.ts";
import { FormDialog } from "../../ui/form-dialog.tsx";
import { HostSelect } from "../../ui/host-select.tsx";

interface Values {
  readonly name: string;
  readonly description: string;
  readonly path: string;
  readonly shared: boolean;
  readonly hostUrns: string[];
}

/** Takes a directory of hosts into use. */
export function CreateDatastoreDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  return (
    <FormDialog<Values>
      title={t("storage.create")}
      okText={t("common.create")}
      onClose={onClose}
      initialValues={{ name: "", description: "", path: "", shared: true, hostUrns: [] }}
      call={(values: CreateDatastoreRequest) => client.datastores.create(values)}
      kinds={["datastores"]}
      started={({ name }) => t("storage.createStarted", { name })}
      fields={{ "10000012": "name", "10410025": "name", "10400002": "path", "10300027": "hostUrns" }}
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
      <Form.Item
        name="path"
        label={t("storage.path")}
        extra={t("storage.pathHint")}
        rules={[{ required: true, pattern: /^\/./, message: t("storage.pathRule") }]}
      >
        <Input maxLength={1024} className="code" />
      </Form.Item>
      <Form.Item
        name="hostUrns"
        label={t("storage.hosts")}
        rules={[{ required: true, message: t("common.required") }]}
      >
        <HostSelect isMultiple />
      </Form.Item>
      <Form.Item name="shared" valuePropName="checked" extra={t("storage.sharedHint")}>
        <Checkbox>{t("storage.shared")}</Checkbox>
      </Form.Item>
    </FormDialog>
  );
}
