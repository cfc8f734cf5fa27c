import { Alert, Input } from "antd";
import { SafetyCertificateOutlined } from "@ant-design/icons";
import { useNavigate, useSearch } from "@tanstack/react-router";
import type { AuditVerification, WireAuditRecord } from "@sinter/northbound";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { client } from "../../api/client.ts";
import { useMay } from "../../api/session-store.ts";
import { ActionButton } from "../../ui/action-button.tsx";
import { dateTime } from "../../ui/format.ts";
import { type Column, ObjectTable } from "../../ui/object-table.tsx";
import { StateTag } from "../../ui/state-tag.tsx";
import { useAction } from "../../ui/use-action.ts";

/** What was changed by whom, and whether the record of it is whole. */
export function AuditPage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const asked = useSearch({ strict: false })["user"];
  const user = typeof asked === "string" ? asked : "";
  const mayNot = useMay("administer") ? undefined : t("common.needsAdminister");
  const [found, setFound] = useState<AuditVerification>();
  const verify = useAction<void>({
    call: async () => setFound(await client.audit.verify()),
    kinds: [],
  });
  const columns = useColumns();
  return (
    <>
      <div className="page-head">
        <h1>{t("shell.audit")}</h1>
        <div className="page-tools">
          <Input.Search
            className="filter-name"
            placeholder={t("object.user")}
            aria-label={`${t("common.filter")}: ${t("object.user")}`}
            allowClear
            key={user}
            defaultValue={user}
            onSearch={(value) => void navigate({ to: ".", search: { user: value || undefined } })}
          />
          <ActionButton
            icon={<SafetyCertificateOutlined />}
            reason={mayNot}
            loading={verify.isRunning}
            onClick={() => void verify.run()}
          >
            {t("user.verify")}
          </ActionButton>
        </div>
      </div>
      {found && (
        <Alert
          className="page-alert"
          showIcon
          type={found.intact ? "success" : "error"}
          title={
            found.intact
              ? t("user.intact", { count: found.records })
              : t("user.broken", { record: found.brokenAt ?? 0, reason: found.reason })
          }
        />
      )}
      <ObjectTable<WireAuditRecord>
        label={t("shell.audit")}
        columns={columns}
        rowKey={(record) => String(record.sequence)}
        queryKey={["audit", "table", user]}
        readPage={(page) => client.audit.list({ ...page, ...(user === "" ? {} : { user }) })}
        empty={t(user === "" ? "common.empty" : "common.noMatch")}
      />
    </>
  );
}

function useColumns(): readonly Column<WireAuditRecord>[] {
  const { t, i18n } = useTranslation();
  return useMemo(
    () => [
      {
        key: "at",
        title: t("user.at"),
        width: "minmax(180px, 1fr)",
        render: (record) => dateTime(new Date(Number(record.at)), i18n.language),
      },
      {
        key: "user",
        title: t("object.user"),
        width: "minmax(120px, 1fr)",
        render: (record) => record.userName,
      },
      {
        key: "from",
        title: t("user.from"),
        width: "minmax(120px, 1fr)",
        render: (record) => record.clientAddress,
      },
      {
        key: "call",
        title: t("user.call"),
        width: "minmax(300px, 4fr)",
        render: (record) => (
          <code title={record.path}>
            {record.method} {record.path}
          </code>
        ),
      },
      {
        key: "result",
        title: t("user.result"),
        width: "minmax(150px, 1fr)",
        render: (record) => (
          <StateTag
            tone={record.status < 400 ? "good" : "bad"}
            text={record.errorCode === "" ? String(record.status) : `${record.status} (${record.errorCode})`}
          />
        ),
      },
    ],
    [t, i18n.language],
  );
}
