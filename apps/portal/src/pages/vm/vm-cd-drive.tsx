import { LaptopOutlined, LinkOutlined } from "@ant-design/icons";
import { Alert } from "antd";
import type { WireVm } from "@sinter/northbound";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { client } from "../../api/client.ts";
import { useMay } from "../../api/session-store.ts";
import { ActionButton } from "../../ui/action-button.tsx";
import { bytes } from "../../ui/format.ts";
import { useAction } from "../../ui/use-action.ts";
import { AttachIsoDialog } from "./attach-iso-dialog.tsx";
import { BrowserIsoDialog } from "./browser-iso-dialog.tsx";
import { closeMedium, useOpenMedium } from "./media-store.ts";
import { MediaPicture } from "./media-picture.tsx";

/** What is in the CD drive, and putting something in: from a library, or from the computer one sits at. */
export function VmCdDrive({ vm }: { vm: WireVm }) {
  const { t } = useTranslation();
  const mayOperate = useMay("operate");
  const [dialog, setDialog] = useState<"library" | "browser">();
  const medium = useOpenMedium(vm.urn);
  const cd = vm.cdRom ?? undefined;
  const isFilled = vm.cdRomStatus === "fill" || medium !== undefined;
  const eject = useAction<void>({
    call: async () => {
      await client.vms.detachCd(vm);
      closeMedium(vm.urn);
    },
    kinds: ["vms", "isos"],
    started: () => t("vm.eject"),
  });
  const right = mayOperate ? undefined : t("common.needsOperate");
  const insertReason = right ?? (isFilled ? t("vm.ejectFirst") : undefined);
  return (
    <section className="panel" aria-labelledby="cd">
      <div className="panel-head">
        <h2 id="cd">{t("vm.cdDrive")}</h2>
        <div className="page-tools">
          <ActionButton
            size="small"
            icon={<LinkOutlined />}
            reason={insertReason}
            onClick={() => setDialog("library")}
          >
            {t("vm.attachIso")}
          </ActionButton>
          <ActionButton
            size="small"
            icon={<LaptopOutlined />}
            reason={insertReason}
            onClick={() => setDialog("browser")}
          >
            {t("vm.attachBrowserIso")}
          </ActionButton>
          <ActionButton
            size="small"
            reason={right ?? (isFilled ? undefined : t("vm.driveEmpty"))}
            loading={eject.isRunning}
            onClick={() => void eject.run()}
          >
            {t("vm.eject")}
          </ActionButton>
        </div>
      </div>
      {medium ? (
        <>
          <p>
            {medium.fileName} · {bytes(medium.sizeBytes)} · {t(`vm.mediaState.${medium.state}`)}
          </p>
          <MediaPicture activity={medium.activity} />
          <Alert
            type={medium.state === "lost" ? "error" : "info"}
            showIcon
            title={t(medium.state === "lost" ? "vm.mediaLost" : "vm.mediaKeepOpen")}
          />
        </>
      ) : (
        <p className={isFilled ? "" : "quiet"}>
          {cd
            ? `${cd.name}${cd.kind === "browser" ? ` · ${t(`vm.cdOfBrowser.${cd.isLost ? "lost" : "served"}`)}` : ""}`
            : t("vm.driveEmpty")}
        </p>
      )}
      {dialog === "library" && <AttachIsoDialog vm={vm} onClose={() => setDialog(undefined)} />}
      {dialog === "browser" && <BrowserIsoDialog vm={vm} onClose={() => setDialog(undefined)} />}
    </section>
  );
}
