import { DeleteOutlined, EditOutlined, RollbackOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { App, Form, Input, Skeleton } from "antd";
import type { WireSnapshotNode, WireVm } from "@sinter/northbound";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { client } from "../../../api/client.ts";
import { useMay } from "../../../api/session-store.ts";
import { ActionButton } from "../../../ui/action-button.tsx";
import { Facts } from "../../../ui/facts.tsx";
import { Failure } from "../../../ui/failure.tsx";
import { FormDialog } from "../../../ui/form-dialog.tsx";
import { dateTime, mebibytes, wireTime } from "../../../ui/format.ts";
import { useAction } from "../../../ui/use-action.ts";
import { reasonAgainst, stateOf } from "../vm-state.ts";

/** One snapshot and what can be done with it. */
export function SnapshotDetail({ vm, node }: { vm: WireVm; node: WireSnapshotNode }) {
  const { t, i18n } = useTranslation();
  const { modal } = App.useApp();
  const mayOperate = useMay("operate");
  const [isEditing, setEditing] = useState(false);
  const detail = useQuery({
    queryKey: ["vms", "snapshot", node.urn, node.status],
    queryFn: () => client.snapshots.get(node.uri),
  });
  const act = useAction<"revert" | "remove">({
    call: (what) => client.snapshots[what](node.uri),
    kinds: ["vms", "volumes"],
    started: (what) => `${t(`snapshot.${what}`)} · ${node.name}`,
  });
  const reasonFor = (doing: "revertSnapshot" | "deleteSnapshot"): string | undefined => {
    if (!mayOperate) return t("common.needsOperate");
    if (node.status !== "ready") return t(`snapshot.status.${node.status}`);
    return reasonAgainst(t, doing, vm);
  };
  const isRunning = stateOf(vm) === "running";
  const ask = (what: "revert" | "remove"): void =>
    void modal.confirm({
      title: `${t(`snapshot.${what}`)}: ${node.name}`,
      content: (
        <>
          <p>{t(`snapshot.${what}Hint`)}</p>
          {what === "revert" && <p>{t(revertEnd(isRunning, node.includingMemorySnapshot))}</p>}
        </>
      ),
      okText: t(`snapshot.${what}`),
      cancelText: t("common.cancel"),
      okButtonProps: { danger: true },
      onOk: () => act.run(what),
    });
  const { data } = detail;
  return (
    <section className="panel" aria-labelledby="snapshot-name">
      <div className="panel-head">
        <h2 id="snapshot-name">{node.name}</h2>
        <span className="panel-actions">
          <ActionButton
            size="small"
            icon={<RollbackOutlined />}
            reason={reasonFor("revertSnapshot")}
            onClick={() => ask("revert")}
          >
            {t("snapshot.revert")}
          </ActionButton>
          <ActionButton
            size="small"
            icon={<EditOutlined />}
            reason={mayOperate ? undefined : t("common.needsOperate")}
            onClick={() => setEditing(true)}
          >
            {t("common.edit")}
          </ActionButton>
          <ActionButton
            size="small"
            icon={<DeleteOutlined />}
            reason={reasonFor("deleteSnapshot")}
            onClick={() => ask("remove")}
          >
            {t("common.remove")}
          </ActionButton>
        </span>
      </div>
      <Failure error={detail.error} />
      {data ? (
        <Facts
          items={[
            [t("common.description"), data.description || undefined],
            [t("snapshot.taken"), dateTime(wireTime(data.createTime), i18n.language)],
            [t("snapshot.creator"), data.creator],
            [t("snapshot.type"), t(`snapshot.types.${data.type}`)],
            [t("snapshot.memory"), t(data.includingMemorySnapshot ? "common.yes" : "common.no")],
            [t("snapshot.consistent"), t(data.enableConsistent ? "common.yes" : "common.no")],
            [
              t("snapshot.shape"),
              t("snapshot.shapeThen", { cpus: data.coreNum, memory: mebibytes(data.memorySize) }),
            ],
            [t("snapshot.disks"), `${data.volsnapshots.length} · ${mebibytes(data.volumeSizeSum)}`],
            [t("snapshot.takes"), mebibytes(data.snapProvisionSize)],
          ]}
        />
      ) : (
        detail.isLoading && <Skeleton active />
      )}
      {isEditing && <EditDialog node={node} onClose={() => setEditing(false)} />}
    </section>
  );
}

function revertEnd(isRunning: boolean, hasMemory: boolean) {
  if (hasMemory) return "snapshot.revertResumes" as const;
  return isRunning ? ("snapshot.revertRestarts" as const) : ("snapshot.revertStays" as const);
}

function EditDialog({ node, onClose }: { node: WireSnapshotNode; onClose: () => void }) {
  const { t } = useTranslation();
  return (
    <FormDialog<{ name: string; description: string }>
      title={`${t("common.edit")}: ${node.name}`}
      onClose={onClose}
      initialValues={{ name: node.name, description: node.description }}
      call={(change) => client.snapshots.modify(node.uri, change)}
      kinds={["vms"]}
      started={({ name }) => name}
      fields={{ "10000012": "name", "10000018": "description" }}
    >
      <Form.Item
        name="name"
        label={t("common.name")}
        rules={[{ required: true, message: t("common.required") }]}
      >
        <Input maxLength={256} />
      </Form.Item>
      <Form.Item name="description" label={t("common.description")}>
        <Input.TextArea rows={3} maxLength={1024} />
      </Form.Item>
    </FormDialog>
  );
}
