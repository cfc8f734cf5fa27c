import type { VlanRange } from "@sinter/client/portable";

const VLAN_MAX = 4094;

/** `1-100, 200` as ranges; undefined for anything else. Nothing at all is no range. */
export function parseVlans(text: string): VlanRange[] | undefined {
  const parts = text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
  const ranges: VlanRange[] = [];
  for (const part of parts) {
    const match = /^(\d{1,4})(?:\s*-\s*(\d{1,4}))?$/.exec(part);
    if (!match) return undefined;
    const startVlanId = Number(match[1]);
    const endVlanId = Number(match[2] ?? match[1]);
    if (startVlanId < 1 || endVlanId > VLAN_MAX || startVlanId > endVlanId) return undefined;
    ranges.push({ startVlanId, endVlanId });
  }
  return ranges;
}

export function vlansText(ranges: readonly VlanRange[]): string {
  return ranges
    .map(({ startVlanId, endVlanId }) =>
      startVlanId === endVlanId ? String(startVlanId) : `${startVlanId}-${endVlanId}`,
    )
    .join(", ");
}

/** What has to be added and what taken away to get from one set of ranges to the other, range by range. */
export function vlanChange(
  before: readonly VlanRange[],
  after: readonly VlanRange[],
): { added: VlanRange[]; removed: VlanRange[] } {
  const isIn = (one: VlanRange, all: readonly VlanRange[]): boolean =>
    all.some((other) => other.startVlanId === one.startVlanId && other.endVlanId === one.endVlanId);
  return {
    added: after.filter((one) => !isIn(one, before)),
    removed: before.filter((one) => !isIn(one, after)),
  };
}
