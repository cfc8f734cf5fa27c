import {
  DeleteOutlined,
  KeyOutlined,
  LockOutlined,
  PlusOutlined,
  TeamOutlined,
  UnlockOutlined,
} from "@ant-design/icons";
import type { WireUser } from "@sinter/northbound";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { client } from "../../api/client.ts";
import { useMay, useSession } from "../../api/session-store.ts";
import { ActionButton } from "../../ui/action-button.tsx";
import { ActionDialog } from "../../ui/action-dialog.tsx";
import { dateTime } from "../../ui/format.ts";
import { type Column, ObjectTable } from "../../ui/object-table.tsx";
import { StateTag, type Tone } from "../../ui/state-tag.tsx";
import { useAction } from "../../ui/use-action.ts";
import { CreateUserDialog, PasswordDialog, RolesDialog } from "./user-dialogs.tsx";

type Asked = { readonly what: "password" | "roles" | "remove"; readonly user: WireUser };

/** Who may log in, and with which roles. */
export function UsersPage() {
  const { t } = useTranslation();
  const [isCreating, setCreating] = useState(false);
  const [asked, setAsked] = useState<Asked>();
  const mayNot = useMay("administer") ? undefined : t("common.needsAdminister");
  const columns = useColumns(mayNot, setAsked);
  const close = (): void => setAsked(undefined);
  return (
    <>
      <div className="page-head">
        <h1>{t("shell.users")}</h1>
        <ActionButton
          type="primary"
          icon={<PlusOutlined />}
          reason={mayNot}
          onClick={() => setCreating(true)}
        >
          {t("user.create")}
        </ActionButton>
      </div>
      <ObjectTable<WireUser>
        label={t("shell.users")}
        columns={columns}
        rowKey={(user) => user.userId}
        queryKey={["users", "table"]}
        readPage={(page) => client.users.list(page)}
        empty={t("common.empty")}
      />
      {isCreating && <CreateUserDialog onClose={() => setCreating(false)} />}
      {asked?.what === "password" && <PasswordDialog user={asked.user} onClose={close} />}
      {asked?.what === "roles" && <RolesDialog user={asked.user} onClose={close} />}
      {asked?.what === "remove" && <RemoveDialog user={asked.user} onClose={close} />}
    </>
  );
}

/** On the wire: 0 may log in, 1 locked after wrong passwords, 2 locked by an administrator, 3 inactive. */
const STATES = [
  ["active", "good"],
  ["lockedItself", "warning"],
  ["locked", "bad"],
  ["inactive", "off"],
] as const satisfies readonly (readonly [string, Tone])[];

function useColumns(mayNot: string | undefined, onAsk: (asked: Asked) => void): readonly Column<WireUser>[] {
  const { t, i18n } = useTranslation();
  const own = useSession().userId;
  return useMemo(
    () => [
      {
        key: "name",
        title: t("common.name"),
        width: "minmax(160px, 1.5fr)",
        render: (user) => user.userName,
      },
      {
        key: "roles",
        title: t("object.roles"),
        width: "minmax(160px, 1.5fr)",
        render: (user) => user.roles.join(", ") || "–",
      },
      {
        key: "status",
        title: t("common.status"),
        width: "minmax(160px, 1fr)",
        render: (user) => {
          const [state, tone] = STATES[user.manageStatus] ?? STATES[3];
          return <StateTag tone={tone} text={t(`user.states.${state}`)} />;
        },
      },
      {
        key: "description",
        title: t("common.description"),
        width: "minmax(160px, 2fr)",
        render: (user) => user.description || "–",
      },
      {
        key: "created",
        title: t("common.created"),
        width: "minmax(170px, 1fr)",
        render: (user) => dateTime(new Date(Number(user.createTime) * 1000), i18n.language),
      },
      {
        key: "actions",
        title: t("common.actions"),
        width: "minmax(150px, 0.8fr)",
        render: (user) => {
          const notOwn = mayNot ?? (user.userId === own ? t("user.isYou") : undefined);
          const ask = (what: Asked["what"]) => () => onAsk({ what, user });
          return (
            <>
              <ActionButton
                size="small"
                type="text"
                icon={<TeamOutlined />}
                aria-label={`${t("user.setRoles")}: ${user.userName}`}
                reason={notOwn}
                onClick={ask("roles")}
              />
              <ActionButton
                size="small"
                type="text"
                icon={<KeyOutlined />}
                aria-label={`${t("user.resetPassword")}: ${user.userName}`}
                reason={notOwn}
                onClick={ask("password")}
              />
              <LockButton user={user} reason={notOwn} />
              <ActionButton
                size="small"
                type="text"
                danger
                icon={<DeleteOutlined />}
                aria-label={`${t("common.remove")}: ${user.userName}`}
                reason={notOwn}
                onClick={ask("remove")}
              />
            </>
          );
        },
      },
    ],
    [t, i18n.language, mayNot, own, onAsk],
  );
}

function LockButton({ user, reason }: { user: WireUser; reason: string | undefined }) {
  const { t } = useTranslation();
  const isLocked = user.manageStatus !== 0;
  const text = t(isLocked ? "user.unlock" : "user.lock");
  const action = useAction<WireUser>({
    call: ({ userId }) => (isLocked ? client.users.unlock(userId) : client.users.lock(userId)),
    kinds: ["users"],
    started: ({ userName }) => `${text}: ${userName}`,
  });
  return (
    <ActionButton
      size="small"
      type="text"
      icon={isLocked ? <UnlockOutlined /> : <LockOutlined />}
      aria-label={`${text}: ${user.userName}`}
      reason={reason}
      loading={action.isRunning}
      onClick={() => void action.run(user)}
    />
  );
}

function RemoveDialog({ user, onClose }: { user: WireUser; onClose: () => void }) {
  const { t } = useTranslation();
  const remove = useAction<WireUser>({
    call: ({ userId }) => client.users.remove(userId),
    kinds: ["users"],
    started: ({ userName }) => t("object.removing", { name: userName }),
    isQuiet: true,
  });
  const removeIt = async (): Promise<void> => {
    if (await remove.run(user)) onClose();
  };
  return (
    <ActionDialog
      title={t("user.remove")}
      okText={t("common.remove")}
      isOpen
      isDangerous
      onClose={onClose}
      onOk={() => void removeIt()}
      isRunning={remove.isRunning}
      error={remove.error}
    >
      <p>{t("user.removeText", { name: user.userName })}</p>
    </ActionDialog>
  );
}
