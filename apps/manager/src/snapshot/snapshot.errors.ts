import { AppError } from "@sinter/kit";
import { vmWireId, type WireError } from "@sinter/northbound";
import type { SnapshotStatus } from "./snapshot.ts";

export const snapshotErrors = {
  notFound: (id: string | number) =>
    new AppError("notFound", "SNAPSHOT_NOT_FOUND", `There is no snapshot ${id}.`),
  notOfVm: (id: number, vmId: number) =>
    new AppError("invalid", "SNAPSHOT_OF_OTHER_VM", `Snapshot ${id} is not one of ${vmWireId(vmId)}.`),
  notReady: (id: number, status: SnapshotStatus) =>
    new AppError("conflict", "SNAPSHOT_NOT_READY", `Snapshot ${id} is ${status}; wait until it is ready.`),
  tooMany: (max: number) =>
    new AppError(
      "conflict",
      "TOO_MANY_SNAPSHOTS",
      `The VM has ${max} snapshots of this type already; delete one.`,
    ),
  inProgress: (vmId: number) =>
    new AppError(
      "conflict",
      "SNAPSHOT_IN_PROGRESS",
      `Another snapshot task of ${vmWireId(vmId)} is at work; wait for it or cancel it.`,
    ),
  needsRunning: () =>
    new AppError("conflict", "MEMORY_NEEDS_RUNNING", "A stopped VM has no memory to keep; leave it out."),
  isHibernated: () =>
    new AppError(
      "conflict",
      "SNAPSHOT_OF_HIBERNATED",
      "The VM is hibernated, and its disks belong to the memory that was saved; wake it first.",
    ),
  excludedDisks: () =>
    new AppError(
      "conflict",
      "MEMORY_NEEDS_ALL_DISKS",
      "Some disks are independent of snapshots; memory is only of use with all disks of the same moment.",
    ),
  templateHasNone: (vmId: number) =>
    new AppError(
      "conflict",
      "TEMPLATE_SNAPSHOT",
      `${vmWireId(vmId)} is a template; convert it to a VM before taking snapshots.`,
    ),
  linkedCloneHasNone: (vmId: number) =>
    new AppError(
      "conflict",
      "LINKED_CLONE_SNAPSHOT",
      `${vmWireId(vmId)} is a linked clone; it has no snapshots.`,
    ),
  toolsMissing: () =>
    new AppError(
      "conflict",
      "SNAPSHOT_NEEDS_TOOLS",
      "The guest agent does not run in the VM. Install or start it, or take the snapshot when the VM is stopped.",
    ),
  shapeDiffers: (why: string) =>
    new AppError(
      "conflict",
      "SNAPSHOT_SHAPE_DIFFERS",
      `The VM cannot go on from the snapshot's memory: ${why} since. Change it back, or delete the snapshot.`,
    ),
  diskGone: (volumeId: number) =>
    new AppError(
      "conflict",
      "SNAPSHOT_DISK_GONE",
      `Volume ${volumeId} of the snapshot is not attached any more.`,
    ),
  noRoomForMemory: (freeMiB: number) =>
    new AppError(
      "exhausted",
      "NO_ROOM_FOR_MEMORY",
      `The datastore of the first disk has ${freeMiB} MB free, less than the VM's memory.`,
    ),
  vmHasSnapshots: (vmId: number) =>
    new AppError("conflict", "VM_HAS_SNAPSHOTS", `${vmWireId(vmId)} has snapshots; delete them first.`),
  diskHasSnapshots: (volumeId: number) =>
    new AppError(
      "conflict",
      "DISK_HAS_SNAPSHOTS",
      `Volume ${volumeId} is part of a snapshot of its VM; delete those snapshots first.`,
    ),
  independenceFixed: (volumeId: number) =>
    new AppError(
      "conflict",
      "INDEPENDENCE_FIXED",
      `Volume ${volumeId} has snapshots; whether snapshots leave it out cannot change now.`,
    ),
  hasClones: (vmId: number, clones: readonly number[]) =>
    new AppError(
      "conflict",
      "VM_HAS_CLONES",
      `${vmWireId(vmId)} is the base of linked clones (${clones.map(nameOfClone).join(", ")}); it must stay as it is.`,
    ),
  volumeHasClones: (volumeId: number) =>
    new AppError(
      "conflict",
      "VOLUME_HAS_CLONES",
      `Linked clones lie on volume ${volumeId}; it must stay as it is.`,
    ),
  linkRefused: (why: string) => new AppError("conflict", "LINKED_CLONE_REFUSED", why),
  cloneWithSnapshots: (vmId: number) =>
    new AppError(
      "conflict",
      "LINK_BASE_HAS_SNAPSHOTS",
      `${vmWireId(vmId)} has snapshots; linked clones need a base without.`,
    ),
};

/** 0 stands for disks of clones that no VM has. */
function nameOfClone(id: number): string {
  return id === 0 ? "a detached disk" : vmWireId(id);
}

/** The same on the wire (contract, 10300109 and around). */
export const snapshotWireErrors = {
  SNAPSHOT_NOT_FOUND: { code: "10300109", http: 400 },
  SNAPSHOT_OF_OTHER_VM: { code: "10300316", http: 400 },
  SNAPSHOT_NOT_READY: { code: "10300110", http: 400 },
  TOO_MANY_SNAPSHOTS: { code: "10300111", http: 400 },
  SNAPSHOT_IN_PROGRESS: { code: "10300112", http: 400 },
  MEMORY_NEEDS_RUNNING: { code: "10300119", http: 400 },
  SNAPSHOT_OF_HIBERNATED: { code: "10300116", http: 400 },
  MEMORY_NEEDS_ALL_DISKS: { code: "10300314", http: 400 },
  TEMPLATE_SNAPSHOT: { code: "10300141", http: 400 },
  LINKED_CLONE_SNAPSHOT: { code: "10300142", http: 400 },
  SNAPSHOT_NEEDS_TOOLS: { code: "10300026", http: 400 },
  SNAPSHOT_SHAPE_DIFFERS: { code: "10300134", http: 400 },
  SNAPSHOT_DISK_GONE: { code: "10300134", http: 400 },
  SNAPSHOT_MEMORY_MISSING: { code: "10300134", http: 400 },
  SNAPSHOT_MEMORY_UNUSABLE: { code: "10300499", http: 400 },
  VOLUME_FILE_DIFFERS: { code: "10430017", http: 400 },
  NO_ROOM_FOR_MEMORY: { code: "10410003", http: 400 },
  VM_HAS_SNAPSHOTS: { code: "10300114", http: 400 },
  DISK_HAS_SNAPSHOTS: { code: "10300079", http: 400 },
  INDEPENDENCE_FIXED: { code: "10420046", http: 400 },
  VM_HAS_CLONES: { code: "10300415", http: 400 },
  VOLUME_HAS_CLONES: { code: "10430031", http: 400 },
  LINKED_CLONE_REFUSED: { code: "10300118", http: 400 },
  LINK_BASE_HAS_SNAPSHOTS: { code: "10300122", http: 400 },
} as const satisfies Record<string, WireError>;
