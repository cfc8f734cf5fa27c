import { task } from "@sinter/tasks";
import type { ComputePorts } from "./compute.ports.ts";
import { readSpec } from "./spec-reader.ts";
import { vmStore } from "./vm.store.ts";
import type { Vm } from "./vm.ts";

/** The columns of a VM that a modification may touch. */
export type VmChange = Partial<
  Pick<
    Vm,
    | "name"
    | "description"
    | "groupLabel"
    | "externalUuid"
    | "isTemplate"
    | "isBoundToHost"
    | "cpu"
    | "memory"
    | "properties"
    | "os"
  >
>;

export interface ModifyVmInput {
  readonly vmId: number;
  readonly hostId: number | null;
  /** The rows were changed with the task; this is what they held. */
  readonly before: VmChange;
  /** Whether the node needs to know. */
  readonly isRedefined: boolean;
}

export const modifyVm = task<ModifyVmInput, ComputePorts>("vm.modify")
  .step("record", {
    run: async () => {},
    undo: async ({ input, ports }) => {
      await ports.database.transaction(async ({ db }) => {
        await vmStore(db).update(input.vmId, input.before);
        // A newer generation, so that a node that did take the change takes the old shape again.
        await vmStore(db).bumpGeneration(input.vmId);
      });
    },
  })
  .step("define", {
    run: async ({ input, ports, signal }) => {
      if (!input.isRedefined || input.hostId === null) return;
      const { spec } = await readSpec(ports.database.db, input.vmId);
      await ports.fleet.agent(input.hostId).defineVm(spec, { signal });
    },
    noUndo:
      "last step; a change that did not arrive is taken back in the record, and the reconciler defines again",
  });
