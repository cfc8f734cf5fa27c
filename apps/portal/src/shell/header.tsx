import { Button, Dropdown, Modal } from "antd";
import {
  MenuFoldOutlined,
  MenuUnfoldOutlined,
  MoonOutlined,
  SunOutlined,
  UserOutlined,
} from "@ant-design/icons";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { logout } from "../api/session.ts";
import { useSession } from "../api/session-store.ts";
import { PasswordForm } from "../session/password-form.tsx";
import { FindAnything } from "./find-anything.tsx";
import { LanguageButton } from "./language-button.tsx";
import { useLooks } from "./looks.tsx";

export function Header(props: { isTreeOpen: boolean; onToggleTree: () => void }) {
  const { t } = useTranslation();
  const session = useSession();
  const { isDark, setDark } = useLooks();
  const [isChanging, setChanging] = useState(false);
  return (
    <header className="header">
      <Button
        type="text"
        icon={props.isTreeOpen ? <MenuFoldOutlined /> : <MenuUnfoldOutlined />}
        aria-label={t(props.isTreeOpen ? "shell.collapse" : "shell.expand")}
        aria-expanded={props.isTreeOpen}
        onClick={props.onToggleTree}
      />
      <Link to="/" className="brand">
        <img src="/icon.svg" alt="" width={24} height={24} />
        <span>{t("shell.product")}</span>
        <span className="brand-site">{session.siteName}</span>
      </Link>
      <FindAnything />
      <div className="header-end">
        <LanguageButton />
        <Button
          type="text"
          icon={isDark ? <SunOutlined /> : <MoonOutlined />}
          aria-label={t(isDark ? "shell.light" : "shell.dark")}
          onClick={() => setDark(!isDark)}
        />
        <Dropdown
          trigger={["click"]}
          menu={{
            items: [
              { key: "users", label: <Link to="/users">{t("shell.users")}</Link> },
              { key: "audit", label: <Link to="/audit">{t("shell.audit")}</Link> },
              { type: "divider" },
              { key: "password", label: t("shell.changePassword"), onClick: () => setChanging(true) },
              { key: "logout", label: t("shell.logout"), onClick: () => void logout() },
            ],
          }}
        >
          <Button type="text" icon={<UserOutlined />} title={t("shell.user")} aria-haspopup="menu">
            {session.userName}
          </Button>
        </Dropdown>
      </div>
      <Modal open={isChanging} footer={null} onCancel={() => setChanging(false)} destroyOnHidden>
        <PasswordForm
          title={t("shell.changePassword")}
          onCancel={() => setChanging(false)}
          onDone={() => setChanging(false)}
        />
      </Modal>
    </header>
  );
}
