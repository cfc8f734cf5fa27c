import { Button, Form, Input, InputNumber } from "antd";
import type { WireDatastore } from "@sinter/northbound";
import { LIMITS } from "@sinter/rules";
import { useTranslation } from "react-i18next";
import { client } from "../../api/client.ts";
import { useMay } from "../../api/session-store.ts";
import { ActionButton } from "../../ui/action-button.tsx";
import { Failure } from "../../ui/failure.tsx";
import { useFormAction } from "../../ui/form-dialog.tsx";

interface Values {
  readonly name: string;
  readonly description: string;
  readonly thinRate: number;
}

/** Name, description, and how much may be promised. */
export function DatastoreConfigure({ datastore }: { datastore: WireDatastore }) {
  const { t } = useTranslation();
  const mayNot = useMay("administer") ? undefined : t("common.needsAdminister");
  const { form, onFinish, isRunning, error } = useFormAction<Values>({
    call: (values) => client.datastores.modify(datastore, values),
    kinds: ["datastores"],
    started: ({ name }) => t("object.savedStarted", { name }),
    fields: { "10000012": "name", "10410025": "name", "10400002": "thinRate" },
  });
  const { name, description, thinRate } = datastore;
  return (
    <section className="panel narrow">
      <h2>{t("object.general")}</h2>
      <Form<Values>
        form={form}
        layout="vertical"
        initialValues={{ name, description, thinRate }}
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
        <Form.Item name="thinRate" label={t("storage.thinRate")} extra={t("storage.thinRateHint")}>
          <InputNumber min={100} max={300} precision={0} />
        </Form.Item>
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
