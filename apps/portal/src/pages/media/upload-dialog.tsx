import { Form, Select } from "antd";
import { useQuery } from "@tanstack/react-query";
import type { WireDatastore } from "@sinter/northbound";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { client } from "../../api/client.ts";
import { datastoresQuery } from "../../api/queries.ts";
import { ActionDialog } from "../../ui/action-dialog.tsx";
import { bytes, gibibytes } from "../../ui/format.ts";
import { useAction } from "../../ui/use-action.ts";
import { FilePicker } from "./file-picker.tsx";
import { uploadStore } from "./upload-store.ts";

const GIB = 1024 ** 3;

/** Which files go where. Several go at once; each is refused or begun by itself. */
export function UploadDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const datastores = useQuery(datastoresQuery());
  const usable = (datastores.data ?? []).filter((one) => one.status === "NORMAL");
  const [chosen, setChosen] = useState<string>();
  const target: WireDatastore | undefined = usable.find((one) => one.urn === chosen) ?? usable[0];
  const [files, setFiles] = useState<readonly File[]>([]);
  const total = files.reduce((sum, file) => sum + file.size, 0);
  const isTooMuch = target !== undefined && total > target.actualFreeSizeGB * GIB;
  const upload = useAction<void>({
    call: async () => {
      if (!target) return;
      for (const file of files) {
        const iso = await client.isos.create({
          name: file.name,
          datastoreUrn: target.urn,
          sizeBytes: file.size,
        });
        uploadStore.start(iso, file);
        // Begun ones are not begun again when a later one is refused.
        setFiles((all) => all.filter((one) => one !== file));
      }
    },
    kinds: ["isos"],
    started: () => t("media.uploading"),
    isQuiet: true,
  });
  const begin = async (): Promise<void> => {
    if (files.length > 0 && target && (await upload.run())) onClose();
  };
  return (
    <ActionDialog
      title={t("media.upload")}
      okText={t("media.begin")}
      isOpen
      onClose={onClose}
      onOk={() => void begin()}
      isRunning={upload.isRunning}
      error={upload.error}
    >
      <Form layout="vertical">
        <Form.Item
          label={t("media.datastore")}
          htmlFor="iso-datastore"
          {...(isTooMuch
            ? {
                validateStatus: "warning" as const,
                help: t("media.tooMuch", {
                  free: gibibytes(target.actualFreeSizeGB),
                  needed: bytes(total),
                }),
              }
            : {})}
        >
          <Select
            id="iso-datastore"
            value={target?.urn ?? null}
            onChange={setChosen}
            options={usable.map((one) => ({
              value: one.urn,
              label: t("media.freeOn", { name: one.name, free: gibibytes(one.actualFreeSizeGB) }),
            }))}
          />
        </Form.Item>
        <Form.Item label={t("media.files")}>
          <FilePicker isMultiple label={t("media.pick")} onPick={setFiles}>
            {t("media.pick")}
          </FilePicker>
          <ul className="files">
            {files.map((file) => (
              <li key={file.name}>
                {file.name} · {bytes(file.size)}
              </li>
            ))}
          </ul>
        </Form.Item>
      </Form>
    </ActionDialog>
  );
}
