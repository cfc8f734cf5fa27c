/** Limits of the northbound contract, one place for schema, service, portal and documents. Bounds are inclusive. */
export const LIMITS = {
  nameLength: { min: 0, max: 256 },
  descriptionLength: { min: 0, max: 1024 },
  groupLength: { min: 0, max: 1024 },
  vcpus: { min: 1, max: 255 },
  memoryMiB: { min: 128, max: 1024 * 1000 },
  /** 64 TiB, the largest a virtualized datastore takes. */
  diskGiB: { min: 1, max: 65_536 },
  /** Default and range of the CPU weight; one vCPU counts 1,000. */
  cpuShares: { min: 1, max: 128_000 },
  memoryShares: { min: 1, max: 1024 * 1024 * 20 },
  disksPerVm: 60,
  diskSlot: { min: 1, max: 1100 },
  nicsPerVm: 12,
  nicIndex: { min: 0, max: 11 },
  clusters: 32,
  pageSize: 100,
  vncPasswordLength: 8,
  vlanId: { min: 0, max: 4094 },
  mtu: { min: 1500, max: 9000 },
  readIops: { min: 16, max: 4_294_967_295 },
  ioKiBps: { min: 8, max: Number.MAX_SAFE_INTEGER },
} as const;

/** vCPU to host thread ratio that placement keeps unless nothing else is left (CMP-09). */
export const CPU_OVERCOMMIT_MAX = 4;

export function isWithin(value: number, range: { readonly min: number; readonly max: number }): boolean {
  return Number.isInteger(value) && value >= range.min && value <= range.max;
}
