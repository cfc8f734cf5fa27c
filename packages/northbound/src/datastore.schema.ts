import { LIMITS as L } from "@sinter/rules";
import { Type, type Static } from "typebox";
import { NullableText, TextMap } from "./common.schema.ts";
import { coded } from "./read.ts";

/* Datastores on the wire (contract 2.17). */

const O = Type.Optional;

/** Ours, at /sinter/v1/datastores: a directory that is there on the hosts becomes a place for volumes. */
export const CreateDatastoreRequest = Type.Object(
  {
    name: coded(Type.String({ minLength: 1, maxLength: L.nameLength.max }), "10000012"),
    description: O(coded(Type.String({ maxLength: L.descriptionLength.max }), "10000018")),
    path: coded(Type.String({ minLength: 2, maxLength: 1024, pattern: "^/" }), "10400002"),
    /** The same file system on every host named. */
    shared: O(Type.Boolean()),
    hostUrns: coded(Type.Array(Type.String({ maxLength: 256 }), { minItems: 1, maxItems: 1250 }), "10300027"),
  },
  { title: "CreateDatastoreRequest" },
);
export type CreateDatastoreRequest = Static<typeof CreateDatastoreRequest>;

export const ModifyDatastoreRequest = Type.Object(
  {
    name: O(coded(Type.String({ minLength: 1, maxLength: L.nameLength.max }), "10000012")),
    description: O(coded(Type.String({ maxLength: L.descriptionLength.max }), "10000018")),
    thinRate: O(coded(Type.Integer({ minimum: 100, maximum: 300 }), "10400002")),
  },
  { title: "ModifyDatastoreRequest" },
);
export type ModifyDatastoreRequest = Static<typeof ModifyDatastoreRequest>;

/** Links further hosts to a datastore. */
export const ConnectDatastoreRequest = Type.Object(
  { hostUrn: coded(Type.String({ minLength: 1, maxLength: 256 }), "10300027") },
  { title: "ConnectDatastoreRequest" },
);

export const WireDatastore = Type.Object(
  {
    urn: Type.String(),
    uri: Type.String(),
    name: Type.String(),
    description: Type.String(),
    status: Type.String(),
    storageType: Type.String(),
    capacityGB: Type.Integer(),
    usedSizeGB: Type.Integer(),
    freeSizeGB: Type.Integer(),
    actualCapacityGB: Type.Integer(),
    actualFreeSizeGB: Type.Integer(),
    isThin: Type.Boolean(),
    thinRate: Type.Integer(),
    clusterSize: Type.Integer(),
    hosts: Type.Array(Type.String()),
    suUrn: Type.String(),
    suName: Type.String(),
    suIdList: Type.Array(Type.String()),
    storageUnits: Type.Array(
      Type.Object({ urn: Type.String(), suName: Type.String(), sdName: Type.String() }),
    ),
    refreshTime: Type.String(),
    version: NullableText,
    tierSize: Type.Array(Type.Integer()),
    ioDelay: Type.String(),
    expandCount: Type.Integer(),
    siocFlag: Type.Integer(),
    dsLockType: Type.Integer(),
    params: TextMap,
    /** Ours: directory on the hosts, and the link of each host with the reason where it does not work. */
    path: Type.String(),
    isShared: Type.Boolean(),
    hostLinks: Type.Array(
      Type.Object({ hostUrn: Type.String(), status: Type.String(), reason: Type.String() }),
    ),
  },
  { title: "Datastore" },
);
export type WireDatastore = Static<typeof WireDatastore>;

export const DatastoreList = Type.Object(
  { total: Type.Integer(), datastores: Type.Array(WireDatastore) },
  { title: "DatastoreList" },
);

export const IfConnectAnswer = Type.Object({ ifConnectFlag: Type.Boolean() }, { title: "IfConnectAnswer" });

/** Images in the datastore's library from which volumes may start. */
export const DatastoreFileList = Type.Object(
  {
    total: Type.Integer(),
    files: Type.Array(
      Type.Object({
        name: Type.String(),
        type: Type.String(),
        size: Type.Integer({ description: "Bytes of the file." }),
        virtualSize: Type.Integer({ description: "Bytes that a disk made from it has at least." }),
      }),
    ),
  },
  { title: "DatastoreFileList" },
);
export type DatastoreFileList = Static<typeof DatastoreFileList>;
