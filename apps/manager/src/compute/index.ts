import { growVolume, tuneVolume } from "../storage/change-volume.task.ts";
import { moveVolume } from "../storage/move-volume.task.ts";
import { createVolume, deleteVolume } from "../storage/volume.task.ts";
import { cloneVm, createVm } from "./create-vm.task.ts";
import { deleteVm } from "./delete-vm.task.ts";
import { modifyVm } from "./modify-vm.task.ts";
import { attachCdrom, detachCdrom } from "./vm-media.task.ts";
import { powerVm } from "./power-vm.task.ts";
import { attachNic, attachVolume, detachNic, detachVolume } from "./vm-devices.task.ts";

/** What other domains, and the composition, may use of compute. */
export type { ComputePorts } from "./compute.ports.ts";
export { createDirectVnc, type DirectVnc } from "./direct-vnc.ts";
export { createProgressHub, type ProgressHub } from "./progress-hub.ts";
export { vmWireErrors } from "./vm.errors.ts";
export { createVmReconciler, type VmReconciler } from "./vm.reconciler.ts";
export { createVmLists } from "./vm-list.ts";
export { MEDIA_TICKET_PATH, registerVmMediaRoutes } from "./vm-media.routes.ts";
export { registerVmRoutes } from "./vm.routes.ts";
export { createVmService, type VmService } from "./vm.service.ts";

/** Operations of many steps on VMs and volumes. */
export const computeTasks = [
  createVm,
  cloneVm,
  deleteVm,
  modifyVm,
  powerVm,
  attachVolume,
  detachVolume,
  attachNic,
  detachNic,
  attachCdrom,
  detachCdrom,
  createVolume,
  deleteVolume,
  growVolume,
  moveVolume,
  tuneVolume,
] as const;
