import { networkErrors } from "./network.errors.ts";
import type { VlanPool } from "./network.ts";

const POOLS_MAX = 100;

/** Adds pools to a switch: each in order, none overlapping, at most a hundred. */
export function poolsWith(before: readonly VlanPool[], added: readonly VlanPool[]): VlanPool[] {
  const pools = [...before];
  for (const { startVlanId, endVlanId } of added) {
    if (startVlanId > endVlanId) throw networkErrors.poolReversed(startVlanId, endVlanId);
    if (pools.some((pool) => startVlanId <= pool.endVlanId && pool.startVlanId <= endVlanId)) {
      throw networkErrors.poolsOverlap(startVlanId, endVlanId);
    }
    pools.push({ startVlanId, endVlanId });
  }
  if (pools.length > POOLS_MAX) throw networkErrors.tooManyPools();
  return pools.toSorted((a, b) => a.startVlanId - b.startVlanId);
}

/** Takes pools away. `used`: VLANs of access port groups, which must stay covered, with the name of one group each. */
export function poolsWithout(
  before: readonly VlanPool[],
  removed: readonly VlanPool[],
  used: ReadonlyMap<number, string>,
): VlanPool[] {
  for (const pool of removed) {
    const { startVlanId, endVlanId } = pool;
    if (startVlanId > endVlanId) throw networkErrors.poolReversed(startVlanId, endVlanId);
    if (!before.some((b) => isSame(b, pool))) throw networkErrors.poolUnknown(startVlanId, endVlanId);
    const user = [...used].find(([vlanId]) => startVlanId <= vlanId && vlanId <= endVlanId);
    if (user) throw networkErrors.poolInUse(startVlanId, endVlanId, user[1]);
  }
  return before.filter((pool) => !removed.some((r) => isSame(r, pool)));
}

function isSame(a: VlanPool, b: VlanPool): boolean {
  return a.startVlanId === b.startVlanId && a.endVlanId === b.endVlanId;
}
