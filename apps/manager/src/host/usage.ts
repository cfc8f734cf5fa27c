import type { VmState } from "@sinter/rules";
import type { HostReport } from "@sinter/southbound";

/** What VMs have been promised. */
export interface Usage {
  readonly vms: number;
  readonly vcpus: number;
  readonly memoryMiB: number;
  /** Guaranteed clock. */
  readonly reservedMhz: number;
}

export const NO_USAGE: Usage = { vms: 0, vcpus: 0, memoryMiB: 0, reservedMhz: 0 };

export function addUsage(a: Usage, b: Usage): Usage {
  return {
    vms: a.vms + b.vms,
    vcpus: a.vcpus + b.vcpus,
    memoryMiB: a.memoryMiB + b.memoryMiB,
    reservedMhz: a.reservedMhz + b.reservedMhz,
  };
}

export interface UsageRow extends Usage {
  readonly hostId: number | null;
  readonly clusterId: number | null;
  readonly state: VmState;
}

/** What hosts have. */
export interface Capacity {
  readonly threads: number;
  readonly mhz: number;
  readonly memoryMiB: number;
}

export interface ClusterCapacity extends Capacity {
  /** Most threads of one host that is not in maintenance mode. */
  readonly threadsMax: number;
  readonly architecture: HostReport["architecture"];
}

export const NO_CAPACITY: ClusterCapacity = {
  threads: 0,
  mhz: 0,
  memoryMiB: 0,
  threadsMax: 0,
  architecture: "x86_64",
};
