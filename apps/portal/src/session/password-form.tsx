import { App, Button, Flex, Form, Input, Typography } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { changeOwnPassword } from "../api/session.ts";
import { Failure } from "../ui/failure.tsx";

interface Values {
  readonly old: string;
  readonly fresh: string;
  readonly repeat: string;
}

export function PasswordForm(props: { title: string; onCancel: () => void; onDone?: () => void }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const [error, setError] = useState<unknown>();
  const [isRunning, setRunning] = useState(false);
  const change = async ({ old, fresh }: Values): Promise<void> => {
    setRunning(true);
    setError(undefined);
    try {
      await changeOwnPassword(old, fresh);
      void message.success(t("session.changed"));
      props.onDone?.();
    } catch (failure) {
      setError(failure);
    } finally {
      setRunning(false);
    }
  };
  const required = { required: true, message: t("common.required") };
  return (
    <Form layout="vertical" onFinish={(values: Values) => void change(values)} requiredMark={false}>
      <Typography.Title level={2}>{props.title}</Typography.Title>
      <Form.Item name="old" label={t("session.oldPassword")} rules={[required]}>
        <Input.Password autoComplete="current-password" autoFocus />
      </Form.Item>
      <Form.Item name="fresh" label={t("session.newPassword")} extra={t("session.rule")} rules={[required]}>
        <Input.Password autoComplete="new-password" />
      </Form.Item>
      <Form.Item
        name="repeat"
        label={t("session.repeat")}
        dependencies={["fresh"]}
        rules={[
          required,
          ({ getFieldValue }) => ({
            validator: async (_rule, value: unknown) => {
              if (value !== undefined && value !== "" && value !== getFieldValue("fresh"))
                throw new Error(t("session.differ"));
            },
          }),
        ]}
      >
        <Input.Password autoComplete="new-password" />
      </Form.Item>
      <Failure error={error} />
      <Flex gap="small" justify="end">
        <Button onClick={props.onCancel}>{t("common.cancel")}</Button>
        <Button type="primary" htmlType="submit" loading={isRunning}>
          {t("session.change")}
        </Button>
      </Flex>
    </Form>
  );
}
