import { CPU_OVERCOMMIT_MAX, HOST_CPU_RESERVE_RATIO, hostMemoryReserveMiB } from "@sinter/rules";
import type { AppError } from "@sinter/kit";
import { vmErrors } from "./vm.errors.ts";

/** What a VM needs of a host. */
export interface Demand {
  readonly vcpus: number;
  readonly memoryMiB: number;
  readonly cpuReservationMhz: number;
  readonly datastoreIds: readonly number[];
  readonly switchIds: readonly number[];
}

/** A host at the wanted location, with what is promised to others already. */
export interface Candidate {
  readonly hostId: number;
  readonly isNormal: boolean;
  readonly isMaintaining: boolean;
  readonly threads: number;
  readonly mhz: number;
  readonly memoryMiB: number;
  /** Of VMs that run there or are about to. */
  readonly usedVcpus: number;
  readonly usedMemoryMiB: number;
  readonly reservedMhz: number;
  readonly datastoreIds: ReadonlySet<number>;
  readonly switchIds: ReadonlySet<number>;
  /** Measured CPU load 0 to 1, when known. */
  readonly cpuLoad: number | undefined;
}

/** A host for the VM, or why there is none: the reason that most candidates failed last. */
export type Placement = { readonly hostId: number } | { readonly refusal: AppError };

/**
 * Chooses a host: it must be usable, reach every datastore and switch, and have the memory (guests' memory is not
 * over-committed unless the cluster says so) and the CPU reservation; of those that fit, the one that would be least
 * loaded. vCPUs may exceed threads (CMP-08); hosts beyond 4:1 are taken only when no other fits (CMP-09); a VM
 * larger than the host itself never fits (CMP-07). Equal hosts: the lower id, so that the choice can be explained.
 */
export function place(demand: Demand, candidates: readonly Candidate[]): Placement {
  if (candidates.length === 0) return { refusal: vmErrors.noHostAtLocation() };
  const normal = candidates.filter((c) => c.isNormal);
  if (normal.length === 0) return { refusal: vmErrors.allHostsAbnormal() };
  const usable = normal.filter((c) => !c.isMaintaining);
  if (usable.length === 0) return { refusal: vmErrors.allHostsInMaintenance() };
  const withStorage = usable.filter((c) => demand.datastoreIds.every((id) => c.datastoreIds.has(id)));
  if (withStorage.length === 0) return { refusal: vmErrors.noStorageAtLocation() };
  const withNetwork = withStorage.filter((c) => demand.switchIds.every((id) => c.switchIds.has(id)));
  if (withNetwork.length === 0) return { refusal: vmErrors.noNetworkAtLocation() };

  const largest = Math.max(...withNetwork.map((c) => c.threads));
  const withCpu = withNetwork.filter(
    (c) => demand.vcpus <= c.threads && demand.cpuReservationMhz <= freeMhz(c),
  );
  if (withCpu.length === 0) {
    const why =
      demand.vcpus > largest
        ? `The VM has ${demand.vcpus} vCPUs, the largest host only ${largest} CPU threads.`
        : `No host has ${demand.cpuReservationMhz} MHz left to reserve.`;
    return { refusal: vmErrors.notEnoughCpu(why) };
  }
  const withMemory = withCpu.filter((c) => demand.memoryMiB <= freeMemoryMiB(c));
  if (withMemory.length === 0) {
    const most = Math.max(...withCpu.map(freeMemoryMiB));
    const why = `The VM needs ${demand.memoryMiB} MB of memory; the host with the most has ${Math.max(0, most)} MB free.`;
    return { refusal: vmErrors.notEnoughMemory(why) };
  }
  const within = withMemory.filter((c) => c.usedVcpus + demand.vcpus <= c.threads * CPU_OVERCOMMIT_MAX);
  const choice = (within.length > 0 ? within : withMemory)
    .map((c) => ({ hostId: c.hostId, load: loadWith(demand, c) }))
    .toSorted((a, b) => a.load - b.load || a.hostId - b.hostId)[0];
  return choice ? { hostId: choice.hostId } : { refusal: vmErrors.noHostFits("No host fits the VM.") };
}

export function freeMemoryMiB(c: Candidate): number {
  return c.memoryMiB - hostMemoryReserveMiB(c.memoryMiB) - c.usedMemoryMiB;
}

function freeMhz(c: Candidate): number {
  return c.threads * c.mhz * (1 - HOST_CPU_RESERVE_RATIO) - c.reservedMhz;
}

/** Load after the VM came: memory promised, vCPUs promised, and what is measured; the fullest of the three counts most. */
function loadWith(demand: Demand, c: Candidate): number {
  const memory = (c.usedMemoryMiB + demand.memoryMiB) / c.memoryMiB;
  const vcpus = (c.usedVcpus + demand.vcpus) / (c.threads * CPU_OVERCOMMIT_MAX);
  const measured = c.cpuLoad ?? 0;
  return Math.max(memory, vcpus, measured) + (memory + vcpus + measured) / 10;
}
