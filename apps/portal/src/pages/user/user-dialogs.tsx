import { Form, Input, Select } from "antd";
import { useQuery } from "@tanstack/react-query";
import type { WireUser } from "@sinter/northbound";
import { useTranslation } from "react-i18next";
import { client } from "../../api/client.ts";
import { FormDialog } from "../../ui/form-dialog.tsx";

interface NewUser {
  readonly userName: string;
  readonly password: string;
  readonly roles: string[];
  readonly description: string;
}

/** Refusals that are about a password. */
const PASSWORD_CODES = ["10100120", "10100122", "10100123", "10100126", "10100322"];
const aboutPassword = Object.fromEntries(PASSWORD_CODES.map((code) => [code, "password" as const]));

export function CreateUserDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  return (
    <FormDialog<NewUser>
      title={t("user.create")}
      okText={t("common.create")}
      onClose={onClose}
      initialValues={{ userName: "", password: "", roles: [], description: "" }}
      call={(values) => client.users.create(values)}
      kinds={["users"]}
      started={({ userName }) => t("network.creating", { name: userName })}
      fields={{ ...aboutPassword, "10100309": "userName", "10100305": "userName", "10100306": "roles" }}
    >
      <Form.Item
        name="userName"
        label={t("session.userName")}
        rules={[{ required: true, message: t("common.required") }]}
      >
        <Input autoComplete="off" />
      </Form.Item>
      <PasswordItem label={t("user.firstPassword")} />
      <RolesItem />
      <Form.Item name="description" label={t("common.description")}>
        <Input maxLength={1024} />
      </Form.Item>
    </FormDialog>
  );
}

export function PasswordDialog({ user, onClose }: { user: WireUser; onClose: () => void }) {
  const { t } = useTranslation();
  return (
    <FormDialog<{ password: string }>
      title={t("user.resetPasswordOf", { name: user.userName })}
      onClose={onClose}
      initialValues={{ password: "" }}
      call={({ password }) => client.users.resetPassword(user.userId, password)}
      kinds={["users"]}
      started={() => t("user.resetPassword")}
      fields={aboutPassword}
    >
      <PasswordItem label={t("session.newPassword")} />
    </FormDialog>
  );
}

export function RolesDialog({ user, onClose }: { user: WireUser; onClose: () => void }) {
  const { t } = useTranslation();
  return (
    <FormDialog<{ roles: string[] }>
      title={t("user.rolesOf", { name: user.userName })}
      onClose={onClose}
      initialValues={{ roles: [...user.roles] }}
      call={({ roles }) => client.users.setRoles(user.userId, roles)}
      kinds={["users"]}
      started={() => t("user.setRoles")}
      fields={{ "10100306": "roles" }}
    >
      <RolesItem />
    </FormDialog>
  );
}

/** The user chooses another one at the first login. */
function PasswordItem({ label }: { label: string }) {
  const { t } = useTranslation();
  return (
    <Form.Item
      name="password"
      label={label}
      extra={`${t("session.rule")} ${t("user.mustChange")}`}
      rules={[{ required: true, message: t("common.required") }]}
    >
      <Input.Password autoComplete="new-password" />
    </Form.Item>
  );
}

function RolesItem() {
  const { t } = useTranslation();
  const { data } = useQuery({
    queryKey: ["roles", "list"],
    queryFn: async () => (await client.roles.list({ limit: 100 })).items,
  });
  return (
    <Form.Item name="roles" label={t("object.roles")}>
      <Select
        mode="multiple"
        options={(data ?? []).map((role) => ({ value: role.roleName, label: role.roleName }))}
      />
    </Form.Item>
  );
}
