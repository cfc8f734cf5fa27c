import { Alert, Button, Modal } from "antd";
import type { WireVm } from "@sinter/northbound";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Failure } from "../../ui/failure.tsx";
import { bytes } from "../../ui/format.ts";
import { useAction } from "../../ui/use-action.ts";
import { openMedium } from "./media-store.ts";

/** CMP-29: an image of the computer one sits at becomes the VM's CD; only what the guest reads is sent. */
export function BrowserIsoDialog({ vm, onClose }: { vm: WireVm; onClose: () => void }) {
  const { t } = useTranslation();
  const picker = useRef<HTMLInputElement>(null);
  const [file, setFile] = useState<File>();
  const attach = useAction<File>({
    call: (chosen) => openMedium(vm, chosen),
    kinds: ["vms"],
    started: (chosen) => chosen.name,
    isQuiet: true,
  });
  const submit = async (): Promise<void> => {
    if (file && (await attach.run(file))) onClose();
  };
  return (
    <Modal
      open
      title={`${t("vm.attachBrowserIso")}: ${vm.name}`}
      okText={t("vm.attach")}
      okButtonProps={{ disabled: file === undefined }}
      confirmLoading={attach.isRunning}
      onOk={() => void submit()}
      onCancel={onClose}
    >
      <p>{t("vm.browserIsoHint")}</p>
      <input
        ref={picker}
        type="file"
        className="unseen"
        accept=".iso,.img,application/x-iso9660-image"
        aria-label={t("vm.chooseFile")}
        tabIndex={-1}
        onChange={(event) => setFile(event.target.files?.[0])}
      />
      <Button onClick={() => picker.current?.click()}>{t("vm.chooseFile")}</Button>{" "}
      {file && (
        <span>
          {file.name} · {bytes(file.size)}
        </span>
      )}
      <Alert className="gap-above" type="warning" showIcon title={t("vm.mediaKeepOpen")} />
      <Failure error={attach.error} />
    </Modal>
  );
}
