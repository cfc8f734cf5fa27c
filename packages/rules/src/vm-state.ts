/**
 * States of a VM and what may be done in each: data, read by the manager (which enforces it), by the portal and the
 * CLI (which say why a button is grey).
 */
export const VM_STATES = [
  "creating",
  "stopped",
  "starting",
  "running",
  "stopping",
  "rebooting",
  "pausing",
  "paused",
  "resuming",
  "hibernating",
  "hibernated",
  "migrating",
  "deleting",
  /** Its host does not answer: what it does is not known. */
  "unknown",
  /** The guest crashed, or its definition or disks are lost. */
  "fault",
] as const;
export type VmState = (typeof VM_STATES)[number];

/** States in which a VM rests: no task is at work on it. */
export const SETTLED_STATES = ["stopped", "running", "paused", "hibernated", "unknown", "fault"] as const;

interface VmAction {
  readonly from: readonly VmState[];
  /** Shown while a task is at work. */
  readonly via: VmState;
  readonly to: VmState;
}

/** Actions that change the state. Start also wakes a hibernated VM (northbound contract, VM actions). */
export const VM_ACTIONS = {
  start: { from: ["stopped", "hibernated", "fault"], via: "starting", to: "running" },
  stop: { from: ["running", "paused", "fault"], via: "stopping", to: "stopped" },
  forceStop: { from: ["running", "paused", "fault", "hibernated"], via: "stopping", to: "stopped" },
  reboot: { from: ["running"], via: "rebooting", to: "running" },
  forceReboot: { from: ["running"], via: "rebooting", to: "running" },
  pause: { from: ["running"], via: "pausing", to: "paused" },
  resume: { from: ["paused"], via: "resuming", to: "running" },
  hibernate: { from: ["running"], via: "hibernating", to: "hibernated" },
  remove: {
    from: ["stopped", "running", "paused", "hibernated", "fault", "unknown"],
    via: "deleting",
    to: "deleting",
  },
} as const satisfies Record<string, VmAction>;
export type VmActionName = keyof typeof VM_ACTIONS;

/** Things done to a VM that leave its state as it is, and the states that allow them. */
export const VM_EDITS = {
  rename: ["stopped", "running", "paused", "hibernated", "unknown", "fault"],
  resize: ["stopped"],
  attachVolume: ["stopped", "running"],
  detachVolume: ["stopped", "running"],
  growVolume: ["stopped", "running"],
  moveVolume: ["stopped"],
  tuneVolume: ["stopped", "running", "paused"],
  attachNic: ["stopped", "running"],
  detachNic: ["stopped", "running"],
  attachCdrom: ["stopped", "running", "paused"],
  detachCdrom: ["stopped", "running", "paused"],
  clone: ["stopped"],
  takeSnapshot: ["stopped", "running"],
  deleteSnapshot: ["stopped", "running", "paused"],
  revertSnapshot: ["stopped", "running", "paused", "hibernated", "fault"],
  convertToTemplate: ["stopped"],
  openConsole: ["running", "paused"],
} as const satisfies Record<string, readonly VmState[]>;
export type VmEditName = keyof typeof VM_EDITS;

/** Whether the rules allow it, and if not why, in words for a person. */
export function whyNot(doing: VmActionName | VmEditName, state: VmState): string | undefined {
  const from: readonly VmState[] =
    doing in VM_ACTIONS ? VM_ACTIONS[doing as VmActionName].from : VM_EDITS[doing as VmEditName];
  if (from.includes(state)) return undefined;
  return `The VM is ${state}; this needs ${from.join(" or ")}.`;
}
