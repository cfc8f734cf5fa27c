export type PortGroupKind = "access" | "trunk";

export interface VlanPool {
  readonly startVlanId: number;
  readonly endVlanId: number;
}

/** Shaping and guards of a port group, kept as given until the network domain enforces them. */
export type PortGroupSettings = Record<string, number | boolean | string>;
