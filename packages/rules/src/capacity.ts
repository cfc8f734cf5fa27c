/** CPU of a server: threads and total clock (CMP-06: 2 × 8 × 2 at 2.6 GHz is 32 vCPUs and 83.2 GHz). */
export function serverCapacity(server: {
  sockets: number;
  coresPerSocket: number;
  threadsPerCore: number;
  mhz: number;
}): { threads: number; totalMhz: number } {
  const threads = server.sockets * server.coresPerSocket * server.threadsPerCore;
  return { threads, totalMhz: threads * server.mhz };
}

/** Memory of a host that guests may not have: the larger of 512 MiB and 5 %, so that host services keep their share (GEN-18). */
export function hostMemoryReserveMiB(totalMiB: number): number {
  return Math.max(512, Math.ceil(totalMiB * 0.05));
}

/** Share of a host's clock kept for the host itself (GEN-18). */
export const HOST_CPU_RESERVE_RATIO = 0.05;
