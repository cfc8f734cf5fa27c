import {
  VM_ACTIONS,
  VM_EDITS,
  type VmActionName,
  type VmEditName,
  type VmState,
  whyNot,
} from "@sinter/rules";
import type { WireVm } from "@sinter/northbound";
import type { TFunction } from "i18next";
import type { Tone } from "../../ui/state-tag.tsx";

/** Statuses of the contract; it has fewer than the manager has states. */
const STATE_OF_STATUS: Readonly<Record<string, VmState>> = {
  creating: "creating",
  stopped: "stopped",
  starting: "starting",
  running: "running",
  stopping: "stopping",
  pause: "paused",
  hibernating: "hibernating",
  hibernated: "hibernated",
  migrating: "migrating",
  "shutting-down": "deleting",
  unknown: "unknown",
};
/** Statuses that the list can be filtered by. */
export const STATUSES = ["running", "stopped", "pause", "hibernated", "unknown"] as const;

const TONES: Readonly<Record<VmState, Tone>> = {
  creating: "busy",
  stopped: "off",
  starting: "busy",
  running: "good",
  stopping: "busy",
  rebooting: "busy",
  pausing: "busy",
  paused: "paused",
  resuming: "busy",
  hibernating: "busy",
  hibernated: "paused",
  migrating: "busy",
  deleting: "busy",
  unknown: "bad",
  fault: "bad",
};

export function stateOf(vm: Pick<WireVm, "status">): VmState {
  return STATE_OF_STATUS[vm.status] ?? "unknown";
}

export const toneOf = (state: VmState): Tone => TONES[state];

/** Actions and edits by what the user is offered; the rules' names are those of the manager. */
export type Doing = VmActionName | VmEditName;

/**
 * Why it cannot be done with this VM now, in the user's language; undefined when it can. The rules decide, the manager
 * has the last word. The wire's `unknown` stands for two states: what either of them allows is offered.
 */
export function reasonAgainst(
  t: TFunction,
  doing: Doing,
  vm: Pick<WireVm, "status" | "isTemplate">,
): string | undefined {
  if (vm.isTemplate && doing !== "remove" && doing !== "rename" && doing !== "clone")
    return t("vm.isTemplateReason");
  const state = stateOf(vm);
  const states: readonly VmState[] = state === "unknown" ? ["unknown", "fault"] : [state];
  if (states.some((one) => whyNot(doing, one) === undefined)) return undefined;
  const needs = doing in VM_ACTIONS ? VM_ACTIONS[doing as VmActionName].from : VM_EDITS[doing as VmEditName];
  return t("vm.whyNot", {
    state: t(`vm.state.${state}`),
    needs: [...new Set(needs.map((one) => t(`vm.state.${one}`)))].join(t("vm.or")),
  });
}

/** The first address by which the guest can be reached, `""` when none is known. */
export function addressOf(vm: WireVm): string {
  for (const nic of vm.vmConfig?.nics ?? []) if (nic.ip !== "" && nic.ip !== "0.0.0.0") return nic.ip;
  return vm.vmConfig?.nics.flatMap((nic) => nic.ips6).at(0) ?? "";
}
