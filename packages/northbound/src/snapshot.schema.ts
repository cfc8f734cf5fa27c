import { Type, type Static, type TSchema } from "typebox";
import { NullableText } from "./common.schema.ts";
import { coded } from "./read.ts";

/* Snapshots of VMs (contract 2.13). */

const O = Type.Optional;
const SnapshotKind = Type.Unsafe<"normal" | "backup" | "CBTbackup">({
  type: "string",
  enum: ["normal", "backup", "CBTbackup"],
});
const name = coded(Type.String({ minLength: 1, maxLength: 256 }), "10000012");
const description = coded(Type.String({ maxLength: 1024 }), "10000018");

export const CreateSnapshotRequest = Type.Object(
  {
    name,
    description: O(description),
    type: O(coded(SnapshotKind, "10000001")),
    /** Keeps the running guest's memory as well. */
    needMemoryShot: O(coded(Type.Boolean(), "10000019")),
    /** The guest writes out what it holds first; of no meaning with memory or when the VM is stopped. */
    isConsistent: O(coded(Type.Boolean(), "10000020")),
  },
  { title: "CreateSnapshotRequest" },
);
export type CreateSnapshotRequest = Static<typeof CreateSnapshotRequest>;

export const ModifySnapshotRequest = Type.Object(
  { name: O(name), description: O(description) },
  { title: "ModifySnapshotRequest" },
);
export type ModifySnapshotRequest = Static<typeof ModifySnapshotRequest>;

const status = Type.Unsafe<"creating" | "ready" | "resuming" | "deleting" | "failed">({
  type: "string",
  enum: ["creating", "ready", "resuming", "deleting", "failed"],
});

const summary = {
  urn: Type.String(),
  uri: Type.String(),
  name: Type.String(),
  description: Type.String(),
  /** `yyyy-MM-dd HH:mm:ss`, UTC */
  createTime: Type.String(),
  type: SnapshotKind,
  status,
};

export interface WireSnapshotNode {
  urn: string;
  uri: string;
  name: string;
  description: string;
  createTime: string;
  type: "normal" | "backup" | "CBTbackup";
  status: "creating" | "ready" | "resuming" | "deleting" | "failed";
  includingMemorySnapshot: boolean;
  childSnapshots: WireSnapshotNode[];
}

const nodeFields = { ...summary, includingMemorySnapshot: Type.Boolean() };
/** Of the same shape again and again, at most 64 deep: the document of the API shows one level. */
const childNodes: TSchema = Type.Array(
  Type.Object({ ...nodeFields, childSnapshots: Type.Array(Type.Unknown()) }),
);
export const WireSnapshotNode = Type.Unsafe<WireSnapshotNode>(
  Type.Object({ ...nodeFields, childSnapshots: childNodes }, { title: "SnapshotNode" }),
);

export const SnapshotTree = Type.Object(
  {
    /** Null fields when there is none. */
    currentSnapshot: Type.Object({ urn: NullableText, uri: NullableText, name: NullableText }),
    rootSnapshots: Type.Array(WireSnapshotNode),
  },
  { title: "SnapshotTree" },
);
export type SnapshotTree = Static<typeof SnapshotTree>;

export const WireVolumeSnapshot = Type.Object(
  {
    volumeUrn: Type.String(),
    volumeUri: Type.String(),
    storageType: Type.String(),
    datastoreUrn: Type.String(),
    /** 32 hexadecimal digits. */
    snapUuid: Type.String(),
    /** File in the volume's folder that is frozen. */
    snapNameOnDev: Type.String(),
    snapshotInner: Type.Boolean(),
    snapIscsi: NullableText,
    sdUrn: NullableText,
    sdUri: NullableText,
    volCBTCreateTime: Type.String(),
    chgID: Type.String(),
  },
  { title: "VolumeSnapshot" },
);

export const WireSnapshot = Type.Object(
  {
    ...summary,
    /** What the frozen files and the memory take, in MB. */
    snapProvisionSize: Type.Integer(),
    coreNum: Type.Integer(),
    memorySize: Type.Integer(),
    /** Size of the disks, in MB. */
    volumeSizeSum: Type.Integer(),
    includingMemorySnapshot: Type.Boolean(),
    enableConsistent: Type.Boolean(),
    /** Name of the user, or of the program's account, that made it (SNP-11). */
    creator: Type.String(),
    isCurrent: Type.Boolean(),
    params: Type.Record(Type.String(), Type.String()),
    volsnapshots: Type.Array(WireVolumeSnapshot),
  },
  { title: "Snapshot" },
);
export type WireSnapshot = Static<typeof WireSnapshot>;
