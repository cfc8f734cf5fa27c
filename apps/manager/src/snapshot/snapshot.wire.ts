import { createHash } from "node:crypto";
import { MiB } from "@sinter/kit";
import {
  objectUrn,
  type SnapshotTree,
  uriOf,
  vmWireId,
  type WireSnapshot,
  type WireSnapshotNode,
  wireDateTime,
} from "@sinter/northbound";
import type { WholeVm } from "../compute/vm.ts";
import { type Snapshot, type SnapshotDisk, type SnapshotNode, treeOf } from "./snapshot.ts";

export function snapshotUrn(siteId: string, vmId: number, id: number): string {
  return `${objectUrn(siteId, "vms", vmWireId(vmId))}:snapshots:${id}`;
}

export function treeToWire(all: readonly Snapshot[], vmId: number, siteId: string): SnapshotTree {
  const node = ({ snapshot, children }: SnapshotNode<Snapshot>): WireSnapshotNode => ({
    ...summaryToWire(snapshot, siteId),
    includingMemorySnapshot: snapshot.memoryVolumeId !== null,
    childSnapshots: children.map(node),
  });
  const current = all.find(({ isCurrent }) => isCurrent);
  const urn = current ? snapshotUrn(siteId, vmId, current.id) : null;
  return {
    currentSnapshot: { urn, uri: urn === null ? null : uriOf(urn), name: current?.name ?? null },
    rootSnapshots: treeOf(all).map(node),
  };
}

export function snapshotToWire(
  { snapshot, disks, whole }: { snapshot: Snapshot; disks: readonly SnapshotDisk[]; whole: WholeVm },
  siteId: string,
  storageTypeOf: (datastoreId: number) => string,
): WireSnapshot {
  const frozenBytes = disks.reduce((sum, disk) => sum + disk.allocatedBytes, snapshot.memoryBytes);
  return {
    ...summaryToWire(snapshot, siteId),
    snapProvisionSize: Math.ceil(frozenBytes / MiB),
    coreNum: snapshot.shape.cpu.count,
    memorySize: snapshot.shape.memory.sizeMiB,
    volumeSizeSum: Math.ceil(disks.reduce((sum, disk) => sum + disk.sizeBytes, 0) / MiB),
    includingMemorySnapshot: snapshot.memoryVolumeId !== null,
    enableConsistent: snapshot.isConsistent,
    creator: snapshot.creator,
    isCurrent: snapshot.isCurrent,
    params: {},
    volsnapshots: disks.flatMap(({ volumeId, file }) => {
      const volume = whole.disks.find((disk) => disk.volume.id === volumeId)?.volume;
      if (!volume) return [];
      const volumeUrn = objectUrn(siteId, "volumes", volumeId);
      return [
        {
          volumeUrn,
          volumeUri: uriOf(volumeUrn),
          storageType: storageTypeOf(volume.datastoreId),
          datastoreUrn: objectUrn(siteId, "datastores", volume.datastoreId),
          snapUuid: volumeSnapshotUuid(snapshot.uuid, volume.uuid),
          snapNameOnDev: file === "base" ? `${volume.uuid}.${volume.format}` : `${file}.qcow2`,
          snapshotInner: false,
          snapIscsi: null,
          sdUrn: null,
          sdUri: null,
          volCBTCreateTime: "",
          chgID: "",
        },
      ];
    }),
  };
}

function summaryToWire(snapshot: Snapshot, siteId: string) {
  const urn = snapshotUrn(siteId, snapshot.vmId, snapshot.id);
  const { name, description, type, status } = snapshot;
  const createTime = wireDateTime(snapshot.createdAt);
  return { urn, uri: uriOf(urn), name, description, createTime, type, status };
}

/** The contract gives the snapshot of each volume a name of its own; it follows from the two that we have. */
function volumeSnapshotUuid(snapshotUuid: string, volumeUuid: string): string {
  return createHash("sha256").update(`${snapshotUuid}/${volumeUuid}`).digest("hex").slice(0, 32);
}
