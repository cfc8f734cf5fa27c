import { createHash } from "node:crypto";
import { GiB } from "@sinter/kit";
import {
  type DatastoreFileList,
  objectUrn,
  uriOf,
  wireDateTime,
  type WireDatastore,
} from "@sinter/northbound";
import type { ImageFile } from "@sinter/southbound";
import type { DatastoreStatus, DatastoreView, LinkState } from "./datastore.ts";
import { storageTypeOnWire } from "./volume.wire.ts";

export const DATASTORE_STATUS = {
  creating: "CREATING",
  normal: "NORMAL",
  abnormal: "ABNORMAL",
  readOnly: "READONLY",
  deleting: "DELETING",
} as const satisfies Record<DatastoreStatus, string>;

export const LINK_STATE = {
  connecting: "CONNECTING",
  connected: "CONNECTED",
  abnormal: "ABNORMAL",
  readOnly: "READONLY",
} as const satisfies Record<LinkState, string>;

export function datastoreUrn(siteId: string, id: number): string {
  return objectUrn(siteId, "datastores", id);
}

/** `hostId`: the list was asked for one host; the status is then that of its link (contract 2.17). */
export function datastoreToWire(datastore: DatastoreView, siteId: string, hostId?: number): WireDatastore {
  const urn = datastoreUrn(siteId, datastore.id);
  const promised = Math.ceil(datastore.promisedBytes / GiB);
  const capacity = Math.floor(datastore.capacityBytes / GiB);
  const link = datastore.links.find((l) => l.hostId === hostId);
  const unit = storageUnitId(datastore);
  const usable = datastore.links.filter((l) => l.state === "connected" || l.state === "readOnly");
  return {
    urn,
    uri: uriOf(urn),
    name: datastore.name,
    description: datastore.description,
    status: link ? LINK_STATE[link.state] : DATASTORE_STATUS[datastore.status],
    storageType: storageTypeOnWire(datastore.kind),
    capacityGB: capacity,
    usedSizeGB: promised,
    freeSizeGB: Math.max(0, Math.floor((capacity * datastore.thinRate) / 100) - promised),
    actualCapacityGB: capacity,
    actualFreeSizeGB: Math.floor(datastore.freeBytes / GiB),
    isThin: true,
    thinRate: datastore.thinRate,
    clusterSize: 1024,
    hosts: usable.map((l) => objectUrn(siteId, "hosts", l.hostId)),
    suUrn: `urn:sites:${siteId}:storageunits:${unit}`,
    suName: datastore.name,
    suIdList: [unit],
    storageUnits: [
      { urn: unit, suName: datastore.name, sdName: datastore.kind === "shared" ? "NAS" : "LOCAL" },
    ],
    refreshTime: datastore.refreshedAt === null ? "" : wireDateTime(datastore.refreshedAt),
    version: null,
    tierSize: [],
    ioDelay: "",
    expandCount: 0,
    siocFlag: 0,
    dsLockType: 0,
    params: {},
    path: datastore.path,
    isShared: datastore.kind === "shared",
    hostLinks: datastore.links.map((l) => ({
      hostUrn: objectUrn(siteId, "hosts", l.hostId),
      status: LINK_STATE[l.state],
      reason: l.reason,
    })),
  };
}

/** The file system stands for the contract's storage unit, whose id is 32 hexadecimal digits. */
function storageUnitId(datastore: DatastoreView): string {
  return createHash("sha256")
    .update(datastore.markerId ?? `datastore ${datastore.id}`)
    .digest("hex")
    .slice(0, 32)
    .toUpperCase();
}

export function imagesToWire(images: readonly ImageFile[]): DatastoreFileList["files"] {
  return images.map((image) => ({
    name: image.name,
    type: image.format,
    size: image.fileSizeBytes,
    virtualSize: image.virtualSizeBytes,
  }));
}
