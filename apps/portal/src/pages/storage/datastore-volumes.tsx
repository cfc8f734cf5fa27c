import { DeleteOutlined } from "@ant-design/icons";
import type { WireDatastore, WireVolume } from "@sinter/northbound";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { client } from "../../api/client.ts";
import { useMay } from "../../api/session-store.ts";
import { ActionButton } from "../../ui/action-button.tsx";
import { ActionDialog } from "../../ui/action-dialog.tsx";
import { gibibytes, mebibytes } from "../../ui/format.ts";
import { type Column, ObjectTable } from "../../ui/object-table.tsx";
import { StateTag, type Tone } from "../../ui/state-tag.tsx";
import { useAction } from "../../ui/use-action.ts";

const STATES = {
  CREATING: "busy",
  USE: "good",
  COPYING: "busy",
  RESIZING: "busy",
  DELETING: "busy",
  COPYFAILED: "bad",
} as const satisfies Record<string, Tone>;

/** On the wire: attached to a VM. */
const ATTACHED = 3;

/** Disks on a datastore; those that no VM has can be deleted. */
export function DatastoreVolumes({ datastore }: { datastore: WireDatastore }) {
  const { t } = useTranslation();
  const [leaving, setLeaving] = useState<WireVolume>();
  const columns = useColumns(setLeaving);
  const remove = useAction<WireVolume>({
    call: (volume) => client.volumes.remove(volume),
    kinds: ["volumes", "datastores"],
    started: ({ name }) => t("storage.removing", { name }),
    isQuiet: true,
  });
  const removeIt = async (): Promise<void> => {
    if (leaving && (await remove.run(leaving))) setLeaving(undefined);
  };
  return (
    <div className="tab-table">
      <ObjectTable<WireVolume>
        label={t("storage.volumes")}
        columns={columns}
        rowKey={(volume) => volume.urn}
        queryKey={["volumes", "of", datastore.urn]}
        readPage={(page) => client.volumes.list({ scope: datastore.urn, ...page })}
        empty={t("storage.noVolumes")}
      />
      <ActionDialog
        title={t("storage.removeVolume")}
        okText={t("common.remove")}
        isOpen={leaving !== undefined}
        isDangerous
        onClose={() => {
          remove.reset();
          setLeaving(undefined);
        }}
        onOk={() => void removeIt()}
        isRunning={remove.isRunning}
        error={remove.error}
      >
        <p>{t("storage.removeVolumeText", { name: leaving?.name || leaving?.uuid || "" })}</p>
      </ActionDialog>
    </div>
  );
}

function useColumns(onRemove: (volume: WireVolume) => void): readonly Column<WireVolume>[] {
  const { t } = useTranslation();
  const mayOperate = useMay("operate");
  return useMemo(() => {
    const whyNot = (volume: WireVolume): string | undefined => {
      if (!mayOperate) return t("common.needsOperate");
      if (volume.bindToVm === ATTACHED) return t("storage.volumeAttached");
      return volume.status === "USE" || volume.status === "COPYFAILED" ? undefined : t("storage.volumeBusy");
    };
    return [
      {
        key: "name",
        title: t("common.name"),
        width: "minmax(180px, 2fr)",
        render: (volume) => volume.name || volume.uuid,
      },
      {
        key: "status",
        title: t("common.status"),
        width: "minmax(120px, 1fr)",
        render: ({ status }) =>
          status in STATES ? (
            <StateTag
              tone={STATES[status as keyof typeof STATES]}
              text={t(`storage.volumeStatus.${status as keyof typeof STATES}`)}
            />
          ) : (
            status
          ),
      },
      {
        key: "size",
        title: t("storage.size"),
        width: "minmax(90px, 0.8fr)",
        render: (volume) => gibibytes(volume.quantityGB),
      },
      {
        key: "allocated",
        title: t("storage.allocated"),
        width: "minmax(90px, 0.8fr)",
        render: (volume) => mebibytes(volume.volProvisionSize),
      },
      {
        key: "provisioning",
        title: t("storage.provisioning"),
        width: "minmax(130px, 1fr)",
        render: (volume) =>
          t(volume.isThin ? "storage.thin" : volume.volType === 1 ? "storage.lazy" : "storage.thick"),
      },
      {
        key: "attached",
        title: t("storage.attached"),
        width: "minmax(90px, 0.6fr)",
        render: (volume) => t(volume.bindToVm === ATTACHED ? "common.yes" : "common.no"),
      },
      {
        key: "actions",
        title: t("common.actions"),
        width: "minmax(80px, 0.4fr)",
        render: (volume) => (
          <ActionButton
            size="small"
            type="text"
            icon={<DeleteOutlined />}
            aria-label={`${t("storage.removeVolume")}: ${volume.name || volume.uuid}`}
            reason={whyNot(volume)}
            onClick={() => onRemove(volume)}
          />
        ),
      },
    ];
  }, [t, mayOperate, onRemove]);
}
