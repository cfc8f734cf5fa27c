import { GiB, KiB, MiB } from "@sinter/kit";
import { objectUrn, uriOf, type WireVolume } from "@sinter/northbound";
import type { DatastoreKind } from "./datastore.ts";
import type { VolumeView } from "./volume.store.ts";
import type { VolumeStatus } from "./volume.ts";

/** Virtualized local disks are LOCALPOME; a directory that several hosts share is what the contract calls NAS. */
export function storageTypeOnWire(kind: DatastoreKind): string {
  return kind === "shared" ? "NAS" : "LOCALPOME";
}

export const VOLUME_STATUS = {
  creating: "CREATING",
  inUse: "USE",
  copying: "COPYING",
  resizing: "RESIZING",
  deleting: "DELETING",
  fault: "COPYFAILED",
} as const satisfies Record<VolumeStatus, string>;

const PCI_TYPE = { virtio: "VIRTIO", scsi: "SCSI", ide: "IDE" } as const;

export function volumeUrn(siteId: string, id: number): string {
  return objectUrn(siteId, "volumes", id);
}

/** The contract's volumeUseType of a volume that lies in several files. */
const WITH_SNAPSHOTS = 4;

/** No text is null: one client joins urn, uri, datastoreUrn, storageType and type as they come. */
export function volumeToWire(volume: VolumeView, siteId: string): WireVolume {
  const urn = volumeUrn(siteId, volume.id);
  const { activeFile } = volume;
  const file = activeFile === "base" ? `${volume.uuid}.${volume.format}` : `${activeFile}.qcow2`;
  const path = `volumes/${volume.uuid}/${file}`;
  return {
    urn,
    uri: uriOf(urn),
    uuid: volume.uuid,
    name: volume.name,
    quantityGB: Math.ceil(volume.sizeBytes / GiB),
    status: VOLUME_STATUS[volume.status],
    storageType: storageTypeOnWire(volume.datastoreKind),
    isThin: volume.provisioning === "thin",
    type: volume.isShared ? "share" : "normal",
    datastoreUrn: objectUrn(siteId, "datastores", volume.datastoreId),
    datastoreName: volume.datastoreName,
    indepDisk: volume.isIndependent,
    persistentDisk: volume.isPersistent,
    volNameOnDev: volume.uuid,
    volProvisionSize: Math.ceil(volume.allocatedBytes / MiB),
    userUsedSize: 0,
    isDiffVol: volume.baseVolumeId !== null,
    volType: volume.provisioning === "lazy" ? 1 : 0,
    maxReadBytes: Math.floor(volume.ioLimits.readBytesPerSec / KiB),
    maxWriteBytes: Math.floor(volume.ioLimits.writeBytesPerSec / KiB),
    maxReadRequest: volume.ioLimits.readIops,
    maxWriteRequest: volume.ioLimits.writeIops,
    totalRWBytes: 0,
    totalRWRequest: 0,
    pciType: PCI_TYPE[volume.attachedTo[0]?.bus ?? "virtio"],
    occupiedVolume: false,
    bindToVm: volume.attachedTo.length > 0 ? 3 : 2,
    srcVolumeUrn: "",
    volumeUseType: activeFile === "base" ? 0 : WITH_SNAPSHOTS,
    ioWeight: 0,
    siocFlag: 0,
    volumeUrl: path,
    volInfoUrl: path,
    linkCloneParent: volume.baseVolumeId,
    drExtParams: null,
    pvscsiSupport: 0,
    storageVersion: null,
    storageSN: "",
    lunId: "",
    volumeFormat: volume.format,
    customProperties: volume.customProperties,
    params: {},
  };
}
