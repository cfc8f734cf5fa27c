import type { VlanSpec, VmSpec } from "@sinter/southbound";
import type { GuestSeed } from "@sinter/southbound";
import { inArray } from "drizzle-orm";
import type { Db } from "../database/database.ts";
import { portGroups } from "../network/network.table.ts";
import { vmErrors } from "./vm.errors.ts";
import { type PortGroupOnHost, specOf } from "./vm.spec.ts";
import { vmStore } from "./vm.store.ts";
import type { WholeVm } from "./vm.ts";

/** `1-10,20` as the list of its VLANs. */
export function expandVlanRange(range: string): number[] {
  const ids = range
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .flatMap((part) => {
      const [first, last] = part.split("-").map(Number);
      const from = first ?? 0;
      return Array.from({ length: Math.max(0, (last ?? from) - from) + 1 }, (_, i) => from + i);
    });
  return [...new Set(ids)].toSorted((a, b) => a - b);
}

/** Port groups as they are on a host: a read model over the network domain's table. */
export async function portGroupsOnHost(
  db: Db,
  ids: readonly number[],
): Promise<Map<number, PortGroupOnHost>> {
  if (ids.length === 0) return new Map();
  const rows = await db
    .select()
    .from(portGroups)
    .where(inArray(portGroups.id, [...new Set(ids)]));
  return new Map(
    rows.map((row) => {
      const vlan: VlanSpec =
        row.kind === "trunk"
          ? { kind: "trunk", vlanIds: expandVlanRange(row.vlanRange) }
          : { kind: "access", vlanId: row.vlanId };
      return [row.id, { switchId: row.switchId, vlan }];
    }),
  );
}

/** Reads a VM and all that belongs to it and writes the agent's spec. notFound VM_NOT_FOUND. */
export async function readSpec(
  db: Db,
  vmId: number,
  seed: GuestSeed | null = null,
): Promise<{ whole: WholeVm; spec: VmSpec }> {
  const whole = await vmStore(db).findWhole(vmId);
  if (!whole) throw vmErrors.notFound(vmId);
  const groups = await portGroupsOnHost(
    db,
    whole.nics.map((nic) => nic.portGroupId),
  );
  return { whole, spec: specOf(whole, groups, seed) };
}
