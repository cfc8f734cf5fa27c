import type { VmState } from "@sinter/rules";
import type { VmObservation, VmPower } from "@sinter/southbound";
import type { Vm } from "./vm.ts";

/** What a settled VM's state is when its host reports this. */
export const STATE_OF_POWER = {
  running: "running",
  paused: "paused",
  // The guest is on its way down by itself: it still runs.
  stopping: "running",
  stopped: "stopped",
  hibernated: "hibernated",
  crashed: "fault",
} as const satisfies Record<VmPower, VmState>;

/** The columns that an observation fills. */
export function observed(observation: VmObservation, at: Date): Pick<Vm, "guest" | "vnc" | "observedAt"> {
  const isUp =
    observation.power === "running" || observation.power === "paused" || observation.power === "stopping";
  return { guest: isUp ? observation.guest : null, vnc: isUp ? observation.vnc : null, observedAt: at };
}

export function reasonOf(observation: VmObservation): string {
  return observation.power === "crashed" ? `The guest crashed (${observation.reason}).` : "";
}

/**
 * What is in the CD drive, by what the host sees of it. An ISO file stays as it was wished; a browser's file is lost when
 * its browser is, and gone when the VM has been started without it.
 */
export function cdromSeen(vm: Pick<Vm, "cdrom" | "generation">, observation: VmObservation): Vm["cdrom"] {
  const { cdrom } = vm;
  if (cdrom?.kind !== "browser") return cdrom;
  const seen = observation.cdrom;
  if (seen?.kind === "browser" && seen.mediaId === cdrom.mediaId) return { ...cdrom, isLost: !seen.isOpen };
  // What is not defined as wished yet may come.
  return observation.generation !== null && observation.generation >= vm.generation ? null : cdrom;
}
