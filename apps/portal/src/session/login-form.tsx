import { Button, Form, Input, Typography } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { login } from "../api/session.ts";
import { sessionStore } from "../api/session-store.ts";
import { Failure } from "../ui/failure.tsx";

/** `userName` is given when a session ran out: the same user goes on with the page as it is. */
export function LoginForm({ userName }: { userName?: string }) {
  const { t } = useTranslation();
  const [error, setError] = useState<unknown>();
  const [isRunning, setRunning] = useState(false);
  const enter = async (values: { userName: string; password: string }): Promise<void> => {
    setRunning(true);
    setError(undefined);
    try {
      await login(userName ?? values.userName, values.password);
    } catch (failure) {
      setError(failure);
      setRunning(false);
    }
  };
  return (
    <Form
      layout="vertical"
      onFinish={(values: { userName: string; password: string }) => void enter(values)}
      requiredMark={false}
      initialValues={userName === undefined ? {} : { userName }}
    >
      {userName === undefined && <Typography.Title level={1}>{t("session.title")}</Typography.Title>}
      <Form.Item
        name="userName"
        label={t("session.userName")}
        rules={[{ required: true, message: t("common.required") }]}
      >
        <Input autoComplete="username" autoFocus={userName === undefined} disabled={userName !== undefined} />
      </Form.Item>
      <Form.Item
        name="password"
        label={t("session.password")}
        rules={[{ required: true, message: t("common.required") }]}
      >
        <Input.Password autoComplete="current-password" autoFocus={userName !== undefined} />
      </Form.Item>
      <Failure error={error} />
      <Button type="primary" htmlType="submit" block loading={isRunning} className="login-button">
        {t("session.login")}
      </Button>
      {userName !== undefined && (
        <Button type="link" block onClick={() => sessionStore.set({ kind: "none" })}>
          {t("session.otherUser")}
        </Button>
      )}
    </Form>
  );
}
