import { UploadOutlined } from "@ant-design/icons";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useMay } from "../../api/session-store.ts";
import { ActionButton } from "../../ui/action-button.tsx";
import { IsoTable } from "./iso-table.tsx";
import { UploadDialog } from "./upload-dialog.tsx";

/** The library of ISO images for CD drives. */
export function IsoPage() {
  const { t } = useTranslation();
  const [isUploading, setUploading] = useState(false);
  const mayOperate = useMay("operate");
  return (
    <>
      <div className="page-head">
        <h1>{t("shell.isos")}</h1>
        <ActionButton
          type="primary"
          icon={<UploadOutlined />}
          reason={mayOperate ? undefined : t("common.needsOperate")}
          onClick={() => setUploading(true)}
        >
          {t("media.upload")}
        </ActionButton>
      </div>
      <section className="panel" aria-label={t("shell.isos")}>
        <IsoTable />
      </section>
      {isUploading && <UploadDialog onClose={() => setUploading(false)} />}
    </>
  );
}
