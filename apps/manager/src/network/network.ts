import type { VlanSpec } from "@sinter/southbound";

export type PortGroupKind = "access" | "trunk";

export interface VlanPool {
  readonly startVlanId: number;
  readonly endVlanId: number;
}

/** Shaping and guards of a port group, kept as given until the network domain enforces them. */
export type PortGroupSettings = Record<string, number | boolean | string>;

/** A switch that spans hosts (DVS). */
export interface Switch {
  readonly id: number;
  readonly name: string;
  readonly description: string;
  readonly mtu: number;
  /** Every host of the site carries it, also those that join later. */
  readonly coversAllHosts: boolean;
  readonly vlanPools: VlanPool[];
  /** Counts up with each change that hosts must make. */
  readonly generation: number;
  readonly createdAt: Date;
}

/** A host that carries a switch. */
export interface SwitchHost {
  readonly switchId: number;
  readonly hostId: number;
  /** NICs of the host; none: internal to it. */
  readonly uplinks: string[];
  /** Generation last made so there; 0: never. */
  readonly appliedGeneration: number;
  /** Why the host could not make it so, for a person. */
  readonly reason: string;
}

export interface PortGroup {
  readonly id: number;
  readonly switchId: number;
  /** May repeat (CMP-27). */
  readonly name: string;
  readonly description: string;
  readonly kind: PortGroupKind;
  /** Access: 0 (untagged) to 4094. */
  readonly vlanId: number;
  /** Trunk: as given, for example `1-10,20`. */
  readonly vlanRange: string;
  readonly settings: PortGroupSettings;
  readonly createdBy: string;
  readonly createdAt: Date;
}

/** Switches are known to agents by their number. */
export function switchIdOnAgent(id: number): string {
  return String(id);
}

/** What a port of the group lets through, as the agent reads it. */
export function vlanSpecOf(group: Pick<PortGroup, "kind" | "vlanId" | "vlanRange">): VlanSpec {
  return group.kind === "trunk"
    ? { kind: "trunk", vlanIds: vlanIdsOf(group.vlanRange) }
    : { kind: "access", vlanId: group.vlanId };
}

/** `1-10,20` as its numbers, ascending. The text was checked by `isVlanRange`. */
export function vlanIdsOf(range: string): number[] {
  const ids = partsOf(range).flatMap(([from, to]) =>
    Array.from({ length: to - from + 1 }, (_, i) => from + i),
  );
  return [...new Set(ids)].toSorted((a, b) => a - b);
}

/** Single numbers and `A-B` with A ≤ B, from 1 to 4094, separated by commas. */
export function isVlanRange(text: string): boolean {
  return (
    /^\s*\d{1,4}(\s*-\s*\d{1,4})?(\s*,\s*\d{1,4}(\s*-\s*\d{1,4})?)*\s*$/.test(text) &&
    partsOf(text).every(([from, to]) => from >= 1 && from <= to && to <= 4094)
  );
}

function partsOf(range: string): [number, number][] {
  return range
    .split(",")
    .filter((part) => part.trim() !== "")
    .map((part) => {
      const [from = 0, to = from] = part.split("-").map(Number);
      return [from, to];
    });
}

export function isInPools(vlanId: number, pools: readonly VlanPool[]): boolean {
  return pools.some((pool) => pool.startVlanId <= vlanId && vlanId <= pool.endVlanId);
}
