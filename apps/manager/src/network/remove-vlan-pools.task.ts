import { task } from "@sinter/tasks";
import { dbOn } from "../database/database.ts";
import { networkErrors } from "./network.errors.ts";
import type { VlanPool } from "./network.ts";
import type { NetworkPorts } from "./network.ports.ts";
import { portGroupStore } from "./port-group.store.ts";
import { switchStore } from "./switch.store.ts";
import { poolsWithout } from "./vlan-pool.ts";

export interface RemoveVlanPoolsInput {
  readonly switchId: number;
  readonly pools: readonly VlanPool[];
}

/** A task only because clients wait for one (contract 2.19). */
export const removeVlanPools = task<RemoveVlanPoolsInput, NetworkPorts>("switch.removeVlanPools", {
  isCancellable: false,
}).dbStep("write", {
  run: async ({ input }, tx) => {
    const db = dbOn(tx);
    const network = await switchStore(db).findForUpdate(input.switchId);
    if (!network) throw networkErrors.switchMissing(input.switchId);
    const used = await portGroupStore(db).accessVlans(input.switchId);
    const vlanPools = poolsWithout(network.vlanPools, input.pools, used);
    await switchStore(db).update(network.id, { vlanPools }, false);
  },
  noUndo: "one statement",
});
