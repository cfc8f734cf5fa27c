import type { WireVm } from "@sinter/northbound";
import { client } from "../../api/client.ts";
import type { VmActionName } from "@sinter/rules";

export interface PowerAction {
  readonly rule: VmActionName;
  readonly call: (vm: Pick<WireVm, "uri">) => Promise<unknown>;
  /** The guest loses what it has not written. */
  readonly isRough?: boolean;
}

/** In the order in which they are offered. */
export const POWER = {
  start: { rule: "start", call: (vm) => client.vms.start(vm) },
  stop: { rule: "stop", call: (vm) => client.vms.stop(vm, "safe") },
  forceStop: { rule: "forceStop", call: (vm) => client.vms.stop(vm, "force"), isRough: true },
  reboot: { rule: "reboot", call: (vm) => client.vms.reboot(vm, "safe") },
  forceReboot: { rule: "forceReboot", call: (vm) => client.vms.reboot(vm, "force"), isRough: true },
  pause: { rule: "pause", call: (vm) => client.vms.pause(vm) },
  resume: { rule: "resume", call: (vm) => client.vms.resume(vm) },
  hibernate: { rule: "hibernate", call: (vm) => client.vms.hibernate(vm) },
} as const satisfies Record<string, PowerAction>;
export type PowerName = keyof typeof POWER;

export const POWER_NAMES = Object.keys(POWER) as PowerName[];
