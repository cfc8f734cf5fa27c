/** How room is taken on the datastore: all of it written at once, all of it reserved, or what is used. */
export const PROVISIONINGS = ["thin", "lazy", "normal"] as const;
export type Provisioning = (typeof PROVISIONINGS)[number];

/** The wire says it by two fields. */
export function provisioningOnWire(kind: Provisioning): { isThin: boolean; volType: 0 | 1 } {
  return { isThin: kind === "thin", volType: kind === "lazy" ? 1 : 0 };
}

export function provisioningOf(disk: { isThin: boolean; volType: number }): Provisioning {
  if (disk.isThin) return "thin";
  return disk.volType === 1 ? "lazy" : "normal";
}
