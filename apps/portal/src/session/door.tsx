import { Modal } from "antd";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { logout } from "../api/session.ts";
import { useSessionState } from "../api/session-store.ts";
import { LoginForm } from "./login-form.tsx";
import { LoginPage } from "./login-page.tsx";
import { PasswordForm } from "./password-form.tsx";

/**
 * Lets in who is logged in. A session that runs out leaves the page as it is and asks for the password over it, so
 * that nothing that was typed is lost; who has to change the password does so first.
 */
export function Door({ children }: { children: ReactNode }) {
  const { t } = useTranslation();
  const state = useSessionState();
  if (state.kind === "unknown" || state.kind === "none") {
    return (
      <LoginPage>
        <LoginForm />
      </LoginPage>
    );
  }
  if (state.kind === "here" && state.session.mustChangePassword) {
    return (
      <LoginPage>
        <PasswordForm title={t("session.mustChange")} onCancel={() => void logout()} />
      </LoginPage>
    );
  }
  return (
    <>
      {children}
      <Modal open={state.kind === "expired"} closable={false} footer={null} title={t("session.expired")}>
        <LoginForm userName={state.session.userName} />
      </Modal>
    </>
  );
}
