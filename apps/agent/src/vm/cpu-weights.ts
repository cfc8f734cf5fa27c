import { cpuEntitlements } from "@sinter/rules";

export interface CpuClaim {
  readonly shares: number;
  readonly reservationMhz: number;
  readonly limitMhz: number;
}

/** Weights of the kernel: v1 counts from 2 to 262,144, v2 from 1 to 10,000. */
const SCALE = { v1: { min: 2, max: 262_144 }, v2: { min: 1, max: 10_000 } } as const;

/**
 * The weight of each running VM on a host. The kernel knows shares but no guarantees, so where somebody has one
 * (CMP-14) every VM's weight is what it is entitled to when all are busy. That is also right when some are idle: what
 * they leave goes to the others by weight (CMP-17, CMP-20). Without guarantees the shares are the weights.
 */
export function cpuWeights(capacityMhz: number, claims: readonly CpuClaim[], cgroup: "v1" | "v2"): number[] {
  if (claims.every(({ reservationMhz }) => reservationMhz === 0)) {
    return claims.map(({ shares }) => cgroupShares(shares, cgroup));
  }
  const { min, max } = SCALE[cgroup];
  const entitled = cpuEntitlements(capacityMhz, claims);
  // In MHz the weights fit into the older scale as they are; the newer one holds parts of ten thousand.
  const unit = cgroup === "v1" ? 1 : max / capacityMhz;
  return entitled.map((mhz) => Math.min(Math.max(Math.round(mhz * unit), min), max));
}

/** The contract's 1 to 128,000 (CMP-11) in the kernel's scale: 2 to 262,144 for v1, 1 to 10,000 for v2. */
export function cgroupShares(shares: number, cgroup: "v1" | "v2"): number {
  if (cgroup === "v1") return Math.min(Math.max(shares, 2), 262_144);
  return Math.min(Math.max(Math.round(shares / 12.8), 1), 10_000);
}
