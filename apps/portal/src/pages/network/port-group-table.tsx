import { DeleteOutlined, EditOutlined, PlusOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { WirePortGroup } from "@sinter/northbound";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { client } from "../../api/client.ts";
import { switchesQuery } from "../../api/queries.ts";
import { useMay } from "../../api/session-store.ts";
import { ActionButton } from "../../ui/action-button.tsx";
import { ActionDialog } from "../../ui/action-dialog.tsx";
import { ObjectLink } from "../../ui/object-link.tsx";
import { type Column, ObjectTable } from "../../ui/object-table.tsx";
import { useAction } from "../../ui/use-action.ts";
import { PortGroupDialog } from "./port-group-dialog.tsx";

/** A port group's URN begins with that of its switch. */
export function switchUrnOf(portGroupUrn: string): string {
  return portGroupUrn.split(":").slice(0, 5).join(":");
}

/** Port groups of all switches, or of one, which can then be given more. */
export function PortGroupTable({ ofSwitch }: { ofSwitch?: string }) {
  const { t } = useTranslation();
  const [editing, setEditing] = useState<WirePortGroup | "new">();
  const [leaving, setLeaving] = useState<WirePortGroup>();
  const mayNot = useMay("operate") ? undefined : t("common.needsOperate");
  const columns = useColumns({
    hasSwitch: ofSwitch === undefined,
    mayNot,
    onEdit: setEditing,
    onRemove: setLeaving,
  });
  const remove = useAction<WirePortGroup>({
    call: (group) => client.portGroups.remove(group),
    kinds: ["portGroups", "switches"],
    started: ({ name }) => t("object.removing", { name }),
    isQuiet: true,
  });
  const removeIt = async (): Promise<void> => {
    if (leaving && (await remove.run(leaving))) setLeaving(undefined);
  };
  return (
    <div className="port-groups">
      {ofSwitch !== undefined && (
        <p>
          <ActionButton icon={<PlusOutlined />} reason={mayNot} onClick={() => setEditing("new")}>
            {t("network.createPortGroup")}
          </ActionButton>
        </p>
      )}
      <ObjectTable<WirePortGroup>
        label={t("network.portGroups")}
        columns={columns}
        rowKey={(group) => group.urn}
        queryKey={["portGroups", "table", ofSwitch]}
        readPage={(page) =>
          client.portGroups.list({ ...page, ...(ofSwitch === undefined ? {} : { ofSwitch }) })
        }
        empty={t("network.noPortGroups")}
      />
      {editing !== undefined && (
        <PortGroupDialog
          switchUrn={ofSwitch ?? (editing === "new" ? "" : switchUrnOf(editing.urn))}
          group={editing === "new" ? undefined : editing}
          onClose={() => setEditing(undefined)}
        />
      )}
      <ActionDialog
        title={t("network.removePortGroup")}
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
        <p>{t("network.removePortGroupText", { name: leaving?.name ?? "" })}</p>
      </ActionDialog>
    </div>
  );
}

function useColumns(options: {
  hasSwitch: boolean;
  mayNot: string | undefined;
  onEdit: (group: WirePortGroup) => void;
  onRemove: (group: WirePortGroup) => void;
}): readonly Column<WirePortGroup>[] {
  const { t } = useTranslation();
  const { hasSwitch, mayNot, onEdit, onRemove } = options;
  const switches = useQuery({ ...switchesQuery(), enabled: hasSwitch });
  return useMemo(() => {
    const switchName = (urn: string): string => switches.data?.find((one) => one.urn === urn)?.name ?? "";
    return [
      {
        key: "name",
        title: t("common.name"),
        width: "minmax(160px, 2fr)",
        render: (group) => group.name,
      },
      ...(hasSwitch
        ? [
            {
              key: "switch",
              title: t("network.switch"),
              width: "minmax(140px, 1.5fr)",
              render: (group: WirePortGroup) => {
                const urn = switchUrnOf(group.urn);
                return <ObjectLink urn={urn} name={switchName(urn)} />;
              },
            },
          ]
        : []),
      {
        key: "kind",
        title: t("network.kind"),
        width: "minmax(90px, 0.8fr)",
        render: (group) => t(group.portType === 1 ? "network.trunk" : "network.access"),
      },
      {
        key: "vlan",
        title: t("network.vlan"),
        width: "minmax(90px, 1fr)",
        render: (group) =>
          group.portType === 1
            ? group.vlanRange
            : group.vlanId === 0
              ? t("network.untagged")
              : String(group.vlanId),
      },
      {
        key: "nics",
        title: t("network.nics"),
        width: "minmax(90px, 0.8fr)",
        render: (group) => (
          <Link to="/vms" search={{ scope: group.urn }}>
            {t("network.nicCount", { count: group.vspNum })}
          </Link>
        ),
      },
      {
        key: "actions",
        title: t("common.actions"),
        width: "minmax(90px, 0.5fr)",
        render: (group) => (
          <>
            <ActionButton
              size="small"
              type="text"
              icon={<EditOutlined />}
              aria-label={`${t("common.edit")}: ${group.name}`}
              reason={mayNot}
              onClick={() => onEdit(group)}
            />
            <ActionButton
              size="small"
              type="text"
              danger
              icon={<DeleteOutlined />}
              aria-label={`${t("common.remove")}: ${group.name}`}
              reason={
                mayNot ?? (group.vspNum > 0 ? t("network.portGroupUsed", { count: group.vspNum }) : undefined)
              }
              onClick={() => onRemove(group)}
            />
          </>
        ),
      },
    ];
  }, [t, hasSwitch, mayNot, onEdit, onRemove, switches.data]);
}
