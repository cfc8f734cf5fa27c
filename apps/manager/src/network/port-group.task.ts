import { task } from "@sinter/tasks";
import { dbOn, pgCode } from "../database/database.ts";
import { networkErrors } from "./network.errors.ts";
import type { NetworkPorts } from "./network.ports.ts";
import { changedPortGroup, hasOtherVlans, type PortGroupShape } from "./port-group.ts";
import { portGroupStore } from "./port-group.store.ts";
import { switchStore } from "./switch.store.ts";

export interface ModifyPortGroupInput {
  readonly portGroupId: number;
  readonly switchId: number;
  readonly after: PortGroupShape;
}

/** A task only because clients wait for one (contract 2.20). */
export const modifyPortGroup = task<ModifyPortGroupInput, NetworkPorts>("portGroup.modify", {
  isCancellable: false,
}).dbStep("write", {
  run: async ({ input, ports }, tx) => {
    const db = dbOn(tx);
    const store = portGroupStore(db);
    // Pools and VMs may have changed since the request was checked.
    const network = await switchStore(db).findForUpdate(input.switchId);
    const before = await store.find(input.portGroupId);
    if (!before || !network) throw networkErrors.portGroupMissing(input.portGroupId);
    if (hasOtherVlans(before, input.after)) {
      const active = await store.activeVms(before.id);
      if (active > 0) throw networkErrors.runningVms(before.id, active);
      changedPortGroup(before, asRequest(input.after), network.vlanPools);
    }
    await store.update(before.id, input.after);
    if (hasOtherVlans(before, input.after)) await ports.redefineVmsOn(db, before.id);
  },
  noUndo: "rolled back as a whole when it fails",
});

function asRequest(shape: PortGroupShape) {
  return shape.kind === "trunk"
    ? { portType: 1, vlanRange: shape.vlanRange }
    : { portType: 0, vlanId: shape.vlanId };
}

export interface DeletePortGroupInput {
  readonly portGroupId: number;
}

export const deletePortGroup = task<DeletePortGroupInput, NetworkPorts>("portGroup.delete", {
  isCancellable: false,
}).dbStep("forget", {
  run: async ({ input }, tx) => {
    try {
      await portGroupStore(dbOn(tx)).remove(input.portGroupId);
    } catch (error) {
      // A VM came in between; its NIC's reference kept the row.
      if (pgCode(error) === "23503") throw networkErrors.portGroupInUse(input.portGroupId, 1);
      throw error;
    }
  },
  noUndo: "one statement",
});
