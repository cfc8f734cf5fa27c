import type { TFunction } from "i18next";
import type { en } from "../../i18n/en/index.ts";

type Key = keyof typeof en.task.types;

/** Type names on the wire, as people call them; one that is new is shown as it is. */
const KEYS: Readonly<Record<string, Key>> = {
  CreateVmTask: "createVm",
  CloneVmTask: "cloneVm",
  DeleteVmTask: "deleteVm",
  ModifyVmTask: "modifyVm",
  StartVmTask: "startVm",
  StopVmTask: "stopVm",
  RebootVmTask: "rebootVm",
  PauseVmTask: "pauseVm",
  ResumeVmTask: "resumeVm",
  HibernateVmTask: "hibernateVm",
  VmPowerTask: "powerVm",
  AttachVolumeTask: "attachVolume",
  DetachVolumeTask: "detachVolume",
  AttachVmNicTask: "attachNic",
  DetachVmNicTask: "detachNic",
  AttachCdromTask: "attachCdrom",
  DetachCdromTask: "detachCdrom",
  CreateVmSnapshotTask: "createSnapshot",
  DeleteVmSnapshotTask: "deleteSnapshot",
  ResumeVmSnapshotTask: "revertSnapshot",
  CreateVolumeTask: "createVolume",
  DeleteVolumeTask: "deleteVolume",
  ExpandVolumeTask: "growVolume",
  MigrateVolumeTask: "moveVolume",
  ModifyVolumeIoTask: "tuneVolume",
  "switch.removeVlanPools": "removeVlanPools",
  "portGroup.modify": "modifyPortGroup",
  "portGroup.delete": "deletePortGroup",
  "host.modify": "modifyHost",
  "host.delete": "deleteHost",
  "datastore.create": "createDatastore",
  "datastore.delete": "deleteDatastore",
  "datastore.connect": "connectDatastore",
  "datastore.disconnect": "disconnectDatastore",
};

export function taskName(t: TFunction, type: string): string {
  const key = KEYS[type];
  return key === undefined ? type : t(`task.types.${key}`);
}
