import { CameraOutlined } from "@ant-design/icons";
import { eachSnapshot } from "@sinter/client/portable";
import type { WireVm } from "@sinter/northbound";
import { useQuery } from "@tanstack/react-query";
import { Empty, Skeleton } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { client } from "../../api/client.ts";
import { useMay } from "../../api/session-store.ts";
import { ActionButton } from "../../ui/action-button.tsx";
import { Failure } from "../../ui/failure.tsx";
import { SnapshotDetail } from "./snapshot/snapshot-detail.tsx";
import { SnapshotPicture } from "./snapshot/snapshot-picture.tsx";
import { TakeSnapshotDialog } from "./snapshot/take-snapshot-dialog.tsx";
import { reasonAgainst, stateOf } from "./vm-state.ts";

/** Of people, and as many of backup software. */
const SNAPSHOTS_MAX = 32;

/** The snapshots of a VM as a picture, and what can be done with them. */
export default function VmSnapshots({ vm }: { vm: WireVm }) {
  const { t } = useTranslation();
  const mayOperate = useMay("operate");
  const [isTaking, setTaking] = useState(false);
  const [chosen, setChosen] = useState<string>();
  const tree = useQuery({
    queryKey: ["vms", "snapshots", vm.urn],
    queryFn: () => client.snapshots.tree(vm),
  });
  const nodes = tree.data ? [...eachSnapshot(tree.data.rootSnapshots)].map(({ node }) => node) : [];
  const shown =
    nodes.find(({ urn }) => urn === chosen) ??
    nodes.find(({ urn }) => urn === tree.data?.currentSnapshot.urn);

  function whyNotTake(): string | undefined {
    if (!mayOperate) return t("common.needsOperate");
    if (vm.isLinkClone) return t("snapshot.linkedClone");
    const reason = reasonAgainst(t, "takeSnapshot", vm);
    if (reason !== undefined) return reason;
    if (nodes.some(({ status }) => status !== "ready")) return t("snapshot.busy");
    if (nodes.filter(({ type }) => type === "normal").length >= SNAPSHOTS_MAX)
      return t("snapshot.tooMany", { count: SNAPSHOTS_MAX });
    if (stateOf(vm) === "running" && vm.pvDriverStatus !== "running") return t("snapshot.needsTools");
    return undefined;
  }

  return (
    <div className="snapshots">
      <section className="panel" aria-labelledby="snapshots">
        <div className="panel-head">
          <h2 id="snapshots">{t("vm.tabs.snapshots")}</h2>
          <ActionButton
            size="small"
            icon={<CameraOutlined />}
            reason={whyNotTake()}
            onClick={() => setTaking(true)}
          >
            {t("snapshot.take")}
          </ActionButton>
        </div>
        <Failure error={tree.error} />
        {tree.isLoading && <Skeleton active />}
        {tree.data && nodes.length === 0 && (
          <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={t("snapshot.none")} />
        )}
        {tree.data && nodes.length > 0 && (
          <SnapshotPicture tree={tree.data} chosen={shown?.urn} onChoose={setChosen} />
        )}
      </section>
      {shown && <SnapshotDetail key={shown.urn} vm={vm} node={shown} />}
      {isTaking && <TakeSnapshotDialog vm={vm} onClose={() => setTaking(false)} />}
    </div>
  );
}
