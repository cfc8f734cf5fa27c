import { Button, Progress } from "antd";
import {
  CaretRightOutlined,
  CheckOutlined,
  CopyOutlined,
  DeleteOutlined,
  FolderOpenOutlined,
  PauseOutlined,
  StopOutlined,
} from "@ant-design/icons";
import { queryOptions, useQuery } from "@tanstack/react-query";
import type { Iso } from "@sinter/client/portable";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { client } from "../../api/client.ts";
import { datastoresQuery } from "../../api/queries.ts";
import { useMay } from "../../api/session-store.ts";
import { ActionButton } from "../../ui/action-button.tsx";
import { ActionDialog } from "../../ui/action-dialog.tsx";
import { Failure, failureText } from "../../ui/failure.tsx";
import { bytes, duration } from "../../ui/format.ts";
import { ObjectLink } from "../../ui/object-link.tsx";
import { StateTag } from "../../ui/state-tag.tsx";
import { useAction } from "../../ui/use-action.ts";
import { FilePicker } from "./file-picker.tsx";
import { mismatch, type UploadView } from "./upload.ts";
import { uploadStore, useUpload } from "./upload-store.ts";

export const isosQuery = (datastoreUrn?: string) =>
  queryOptions({
    queryKey: ["isos", "list", datastoreUrn],
    queryFn: () => client.isos.list(datastoreUrn === undefined ? {} : { datastore: datastoreUrn }),
  });

/** ISO images of the site or of one datastore, with uploads on their way. */
export function IsoTable({ datastoreUrn }: { datastoreUrn?: string }) {
  const { t } = useTranslation();
  const { data, error, refetch } = useQuery(isosQuery(datastoreUrn));
  const [leaving, setLeaving] = useState<Iso>();
  const remove = useAction<Iso>({
    call: async (iso) => {
      await uploadStore.forget(iso.id);
      await client.isos.remove(iso.id);
    },
    kinds: ["isos", "datastores"],
    started: ({ name }) => t("object.removing", { name }),
    isQuiet: true,
  });
  const removeIt = async (): Promise<void> => {
    if (leaving && (await remove.run(leaving))) setLeaving(undefined);
  };
  return (
    <>
      <Failure error={error} onRetry={() => void refetch()} />
      {data?.length === 0 && <p className="quiet">{t("media.none")}</p>}
      {data && data.length > 0 && (
        <table className="plain">
          <thead>
            <tr>
              <th scope="col">{t("common.name")}</th>
              {datastoreUrn === undefined && <th scope="col">{t("media.datastore")}</th>}
              <th scope="col">{t("media.size")}</th>
              <th scope="col">{t("common.status")}</th>
              <th scope="col">{t("media.attachedTo")}</th>
              <th scope="col">{t("common.actions")}</th>
            </tr>
          </thead>
          <tbody>
            {data.map((iso) => (
              <IsoRow
                key={iso.id}
                iso={iso}
                hasDatastore={datastoreUrn === undefined}
                onRemove={() => {
                  remove.reset();
                  setLeaving(iso);
                }}
              />
            ))}
          </tbody>
        </table>
      )}
      <ActionDialog
        title={t(leaving?.status === "uploading" ? "media.cancel" : "media.remove")}
        okText={t(leaving?.status === "uploading" ? "media.cancel" : "common.remove")}
        isOpen={leaving !== undefined}
        isDangerous
        onClose={() => setLeaving(undefined)}
        onOk={() => void removeIt()}
        isRunning={remove.isRunning}
        error={remove.error}
      >
        <p>
          {t(leaving?.status === "uploading" ? "media.cancelText" : "media.removeText", {
            name: leaving?.name ?? "",
          })}
        </p>
      </ActionDialog>
    </>
  );
}

function IsoRow({ iso, hasDatastore, onRemove }: { iso: Iso; hasDatastore: boolean; onRemove: () => void }) {
  const { t } = useTranslation();
  const upload = useUpload(iso.id);
  const datastores = useQuery({ ...datastoresQuery(), enabled: hasDatastore });
  const mayNot = useMay("operate") ? undefined : t("common.needsOperate");
  const attached = iso.attachedVms.length;
  return (
    <tr>
      <th scope="row">
        {iso.name}
        {iso.sha256 !== "" && <Checksum iso={iso} />}
      </th>
      {hasDatastore && (
        <td>
          <ObjectLink
            urn={iso.datastoreUrn}
            name={datastores.data?.find((one) => one.urn === iso.datastoreUrn)?.name ?? ""}
          />
        </td>
      )}
      <td>{bytes(iso.sizeBytes)}</td>
      <td className="iso-state">
        <IsoState iso={iso} upload={upload} />
      </td>
      <td>
        {attached === 0
          ? "–"
          : iso.attachedVms.map((urn) => (
              <div key={urn}>
                <VmLink urn={urn} />
              </div>
            ))}
      </td>
      <td className="iso-actions">
        <UploadButtons iso={iso} upload={upload} mayNot={mayNot} />
        <ActionButton
          size="small"
          type="text"
          danger
          icon={iso.status === "uploading" ? <StopOutlined /> : <DeleteOutlined />}
          aria-label={`${t(iso.status === "uploading" ? "media.cancel" : "media.remove")}: ${iso.name}`}
          reason={mayNot ?? (attached > 0 ? t("media.isAttached", { count: attached }) : undefined)}
          onClick={onRemove}
        />
      </td>
    </tr>
  );
}

/** Its beginning is enough to see; whoever compares copies the whole. */
function Checksum({ iso }: { iso: Iso }) {
  const { t } = useTranslation();
  const [isCopied, setCopied] = useState(false);
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(iso.sha256);
    setCopied(true);
  };
  return (
    <div className="quiet code" title={iso.sha256}>
      {t("media.sha256", { sum: `${iso.sha256.slice(0, 16)}…` })}{" "}
      <Button
        size="small"
        type="text"
        icon={isCopied ? <CheckOutlined /> : <CopyOutlined />}
        aria-label={`${t(isCopied ? "common.copied" : "common.copy")}: SHA-256, ${iso.name}`}
        onClick={() => void copy()}
      />
    </div>
  );
}

function IsoState({ iso, upload }: { iso: Iso; upload: UploadView | undefined }) {
  const { t } = useTranslation();
  if (iso.status === "ready") return <StateTag tone="good" text={t("media.states.ready")} />;
  if (iso.status === "failed") {
    return (
      <>
        <StateTag tone="bad" text={t("media.states.failed")} />
        <div className="quiet">{iso.reason}</div>
      </>
    );
  }
  const sent = Math.max(upload?.sentBytes ?? 0, iso.receivedBytes);
  const state = upload?.state ?? "elsewhere";
  const restMs =
    upload && upload.bytesPerS > 0 ? ((iso.sizeBytes - sent) / upload.bytesPerS) * 1000 : undefined;
  const figures = t("common.of", { used: bytes(sent), total: bytes(iso.sizeBytes) });
  return (
    <>
      <Progress
        percent={iso.sizeBytes === 0 ? 0 : Math.floor((sent / iso.sizeBytes) * 100)}
        size="small"
        status={state === "failed" ? "exception" : state === "running" ? "active" : "normal"}
        aria-label={`${t("media.uploading")}: ${iso.name}`}
      />
      <div className="quiet">
        {t(`media.states.${state}`)} · {figures}
        {upload && upload.bytesPerS > 0 && ` · ${bytes(upload.bytesPerS)}/s`}
        {restMs !== undefined && ` · ${t("media.rest", { time: duration(restMs) })}`}
      </div>
      {state === "failed" && <div role="alert">{failureText(upload?.error)}</div>}
    </>
  );
}

/** Pause and go on; after a reload the file has to be picked again, since a page may not keep it. */
function UploadButtons(props: { iso: Iso; upload: UploadView | undefined; mayNot: string | undefined }) {
  const { t } = useTranslation();
  const { iso, upload } = props;
  const [wrong, setWrong] = useState<"name" | "size">();
  if (iso.status !== "uploading" || upload?.state === "done") return null;
  const here = uploadStore.get(iso.id);
  if (upload?.state === "running" || upload?.state === "waiting") {
    return (
      <Button
        size="small"
        type="text"
        icon={<PauseOutlined />}
        aria-label={`${t("media.pause")}: ${iso.name}`}
        onClick={() => here?.pause()}
      />
    );
  }
  if (here) {
    return (
      <Button
        size="small"
        type="text"
        icon={<CaretRightOutlined />}
        aria-label={`${t("media.resume")}: ${iso.name}`}
        onClick={() => here.resume()}
      />
    );
  }
  if (props.mayNot !== undefined) return null;
  return (
    <>
      <FilePicker
        size="small"
        icon={<FolderOpenOutlined />}
        label={`${t("media.pickAgain")}: ${iso.name}`}
        onPick={([file]) => {
          if (!file) return;
          const difference = mismatch(iso, file);
          setWrong(difference);
          if (difference === undefined) uploadStore.start(iso, file);
        }}
      >
        {t("media.pickAgain")}
      </FilePicker>
      {wrong && (
        <div role="alert">{t(`media.mismatch.${wrong}`, { name: iso.name, size: bytes(iso.sizeBytes) })}</div>
      )}
    </>
  );
}

function VmLink({ urn }: { urn: string }) {
  const { data } = useQuery({ queryKey: ["vms", "name", urn], queryFn: () => client.vms.get(urn) });
  return <ObjectLink urn={urn} name={data?.name ?? ""} />;
}
