/** One VM competing for a host's CPU. All figures in MHz but `shares`, which only counts relative to the others. */
export interface Contender {
  readonly shares: number;
  /** Guaranteed under contention; 0 = none. */
  readonly reservationMhz: number;
  /** Upper bound; 0 = none. */
  readonly limitMhz: number;
}

/**
 * What each of several fully busy VMs receives of a capacity (CMP-10…18): in proportion to shares; a VM whose part
 * is below its reservation gets the reservation first, the difference coming from the others in proportion to their
 * shares but never below their own reservations; nobody gets more than the limit, and what a limit frees goes to the
 * rest by shares. Reservations that exceed the capacity together are scaled down; admission keeps that from
 * happening. Answers in the order given; sums to the capacity unless every VM is limited.
 */
export function cpuEntitlements(capacityMhz: number, contenders: readonly Contender[]): number[] {
  const reserved = contenders.reduce((sum, c) => sum + c.reservationMhz, 0);
  const scale = reserved > capacityMhz ? capacityMhz / reserved : 1;
  const floor = contenders.map((c) => capped(c.reservationMhz * scale, c));
  const ceiling = contenders.map((c) =>
    c.limitMhz > 0 ? Math.max(c.limitMhz, 0) : Number.POSITIVE_INFINITY,
  );

  // Water filling: the amount per share at which the clamped parts sum to the capacity. The sum grows with the
  // level, so halving finds it; 200 halvings reach the last bit of a double.
  const at = (level: number): number[] =>
    contenders.map((c, i) =>
      Math.min(Math.max(c.shares * level, floor[i] ?? 0), ceiling[i] ?? Number.POSITIVE_INFINITY),
    );
  const total = (parts: readonly number[]): number => parts.reduce((sum, part) => sum + part, 0);
  let low = 0;
  let high = capacityMhz / Math.min(1, ...contenders.map((c) => c.shares));
  if (total(at(high)) <= capacityMhz) return at(high);
  for (let round = 0; round < 200; round++) {
    const middle = (low + high) / 2;
    if (total(at(middle)) > capacityMhz) high = middle;
    else low = middle;
  }
  return at(low);
}

function capped(reservationMhz: number, contender: Contender): number {
  return contender.limitMhz > 0 ? Math.min(reservationMhz, contender.limitMhz) : reservationMhz;
}

/** CMP-18: the limit of a VM is divided over its vCPUs. */
export function limitPerVcpuMhz(limitMhz: number, vcpus: number): number {
  return limitMhz / vcpus;
}
