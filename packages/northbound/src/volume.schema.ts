import { Type, type Static } from "typebox";
import { NullableText, TextMap } from "./common.schema.ts";
import { coded } from "./read.ts";
import { LIMITS as L } from "@sinter/rules";

/* Volumes on the wire (contract 2.15). */

const O = Type.Optional;

export const CreateVolumeRequest = Type.Object(
  {
    name: O(coded(Type.String({ maxLength: L.nameLength.max }), "10000012")),
    quantityGB: coded(Type.Integer({ minimum: L.diskGiB.min, maximum: L.diskGiB.max }), "10420006"),
    datastoreUrn: coded(Type.String({ maxLength: 256 }), "10300068"),
    uuid: O(coded(Type.String({ maxLength: 64 }), "10420002")),
    isThin: O(Type.Boolean()),
    type: O(
      coded(
        Type.Unsafe<"normal" | "share" | "">({ type: "string", enum: ["normal", "share", ""] }),
        "10420002",
      ),
    ),
    indepDisk: O(Type.Boolean()),
    persistentDisk: O(Type.Boolean()),
    volType: O(coded(Type.Integer({ minimum: 0, maximum: 1 }), "10420129")),
    customProperties: O(TextMap),
    /** Ours: file in the datastore's image library to start from. */
    sourceImage: O(coded(Type.String({ maxLength: 255 }), "10300284")),
  },
  { title: "CreateVolumeRequest" },
);
export type CreateVolumeRequest = Static<typeof CreateVolumeRequest>;

export const ModifyVolumeRequest = Type.Object(
  {
    name: O(coded(Type.String({ minLength: 1, maxLength: L.nameLength.max }), "10000012")),
    indepDisk: O(Type.Boolean()),
    persistentDisk: O(Type.Boolean()),
    type: O(
      coded(Type.Unsafe<"normal" | "share">({ type: "string", enum: ["normal", "share"] }), "10420002"),
    ),
  },
  { title: "ModifyVolumeRequest" },
);
export type ModifyVolumeRequest = Static<typeof ModifyVolumeRequest>;

/** New size in MB, whatever the name suggests. */
export const ExpandVolumeRequest = Type.Object(
  { size: coded(Type.Integer({ minimum: 1, maximum: L.diskGiB.max * 1024 }), "10420006") },
  { title: "ExpandVolumeRequest" },
);
export type ExpandVolumeRequest = Static<typeof ExpandVolumeRequest>;

/** `speed` in MB/s; `migrateType` 0 lazily zeroed, 1 thin, 2 normal. */
export const MigrateVolumeRequest = Type.Object(
  {
    datastoreUrn: coded(Type.String({ maxLength: 256 }), "10300068"),
    speed: coded(Type.Integer({ minimum: 20 }), "10400002"),
    migrateType: O(coded(Type.Integer({ minimum: 0, maximum: 2 }), "10420135")),
  },
  { title: "MigrateVolumeRequest" },
);
export type MigrateVolumeRequest = Static<typeof MigrateVolumeRequest>;

const limit = coded(Type.Integer({ minimum: 0 }), "10420103");
/** KB/s and requests/s; 0: unlimited. */
export const ModifyVolumeLimitsRequest = Type.Object(
  { maxReadBytes: limit, maxWriteBytes: limit, maxReadRequest: limit, maxWriteRequest: limit },
  { title: "ModifyVolumeLimitsRequest" },
);
export type ModifyVolumeLimitsRequest = Static<typeof ModifyVolumeLimitsRequest>;

export const WireVolume = Type.Object(
  {
    urn: Type.String(),
    uri: Type.String(),
    uuid: Type.String(),
    name: Type.String(),
    quantityGB: Type.Integer(),
    status: Type.String(),
    storageType: Type.String(),
    isThin: Type.Boolean(),
    type: Type.String(),
    datastoreUrn: Type.String(),
    datastoreName: Type.String(),
    indepDisk: Type.Boolean(),
    persistentDisk: Type.Boolean(),
    volNameOnDev: Type.String(),
    volProvisionSize: Type.Integer(),
    userUsedSize: Type.Integer(),
    isDiffVol: Type.Boolean(),
    volType: Type.Integer(),
    maxReadBytes: Type.Integer(),
    maxWriteBytes: Type.Integer(),
    maxReadRequest: Type.Integer(),
    maxWriteRequest: Type.Integer(),
    totalRWBytes: Type.Integer(),
    totalRWRequest: Type.Integer(),
    pciType: Type.String(),
    occupiedVolume: Type.Boolean(),
    bindToVm: Type.Integer(),
    srcVolumeUrn: Type.String(),
    volumeUseType: Type.Integer(),
    ioWeight: Type.Integer(),
    siocFlag: Type.Integer(),
    volumeUrl: Type.String(),
    volInfoUrl: Type.String(),
    /** Number of the volume that a linked clone lies on. The key must exist, whatever its value. */
    linkCloneParent: Type.Union([Type.Integer(), Type.Null()]),
    drExtParams: NullableText,
    pvscsiSupport: Type.Integer(),
    storageVersion: NullableText,
    storageSN: Type.String(),
    lunId: Type.String(),
    volumeFormat: Type.String(),
    customProperties: TextMap,
    params: TextMap,
  },
  { title: "Volume" },
);
export type WireVolume = Static<typeof WireVolume>;

export const VolumeList = Type.Object(
  { total: Type.Integer(), volumes: Type.Array(WireVolume) },
  { title: "VolumeList" },
);
