import { Button, Form } from "antd";
import { useTranslation } from "react-i18next";
import { useMay } from "../../api/session-store.ts";
import { ActionButton } from "../../ui/action-button.tsx";
import { Failure } from "../../ui/failure.tsx";
import { useFormAction } from "../../ui/form-dialog.tsx";
import { NameItems } from "./cluster-dialog.tsx";

interface Values {
  readonly name: string;
  readonly description: string;
}

/** Changes name and description in place. */
export function NameForm(props: {
  readonly name: string;
  readonly description: string;
  readonly kinds: readonly string[];
  readonly fields: Readonly<Record<string, keyof Values>>;
  readonly save: (values: Values) => Promise<unknown>;
}) {
  const { t } = useTranslation();
  const mayNot = useMay("administer") ? undefined : t("common.needsAdminister");
  const { form, onFinish, isRunning, error } = useFormAction<Values>({
    call: props.save,
    kinds: props.kinds,
    started: ({ name }) => t("object.savedStarted", { name }),
    fields: props.fields,
  });
  return (
    <section className="panel narrow">
      <h2>{t("object.general")}</h2>
      <Form<Values>
        form={form}
        layout="vertical"
        initialValues={{ name: props.name, description: props.description }}
        onFinish={onFinish}
        disabled={mayNot !== undefined}
      >
        <NameItems />
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
