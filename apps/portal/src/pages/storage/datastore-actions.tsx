import { Form } from "antd";
import { useNavigate } from "@tanstack/react-router";
import type { WireDatastore } from "@sinter/northbound";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { client } from "../../api/client.ts";
import { useMay } from "../../api/session-store.ts";
import { ActionButton } from "../../ui/action-button.tsx";
import { ActionDialog } from "../../ui/action-dialog.tsx";
import { FormDialog } from "../../ui/form-dialog.tsx";
import { HostSelect } from "../../ui/host-select.tsx";
import { useAction } from "../../ui/use-action.ts";

/** Links a further host, or forgets the datastore. */
export function DatastoreActions({ datastore }: { datastore: WireDatastore }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [dialog, setDialog] = useState<"connect" | "remove">();
  const mayNot = useMay("administer") ? undefined : t("common.needsAdminister");
  const close = (): void => setDialog(undefined);
  const remove = useAction<WireDatastore>({
    call: (one) => client.datastores.remove(one),
    kinds: ["datastores"],
    started: ({ name }) => t("storage.removing", { name }),
    isQuiet: true,
  });
  const removeIt = async (): Promise<void> => {
    if (await remove.run(datastore)) await navigate({ to: "/storage" });
  };
  return (
    <>
      <ActionButton
        reason={mayNot ?? (datastore.isShared ? undefined : t("storage.connectLocal"))}
        onClick={() => setDialog("connect")}
      >
        {t("storage.connect")}
      </ActionButton>
      <ActionButton danger reason={mayNot} onClick={() => setDialog("remove")}>
        {t("storage.remove")}
      </ActionButton>
      {dialog === "connect" && (
        <FormDialog<{ hostUrn: string }>
          title={t("storage.connect")}
          okText={t("storage.connect")}
          onClose={close}
          initialValues={{}}
          call={({ hostUrn }) => client.datastores.connect(datastore, hostUrn)}
          kinds={["datastores"]}
          started={() => t("storage.connectStarted")}
          fields={{ "10300027": "hostUrn" }}
        >
          <Form.Item
            name="hostUrn"
            label={t("storage.hosts")}
            rules={[{ required: true, message: t("common.required") }]}
          >
            <HostSelect without={datastore.hostLinks.map((link) => link.hostUrn)} />
          </Form.Item>
        </FormDialog>
      )}
      {dialog === "remove" && (
        <ActionDialog
          title={t("storage.remove")}
          okText={t("common.remove")}
          isOpen
          isDangerous
          onClose={close}
          onOk={() => void removeIt()}
          isRunning={remove.isRunning}
          error={remove.error}
        >
          <p>{t("storage.removeText", { name: datastore.name })}</p>
        </ActionDialog>
      )}
    </>
  );
}
