import { task } from "@sinter/tasks";
import { dbOn } from "../database/database.ts";
import { hostErrors } from "./host.errors.ts";
import type { HostPorts } from "./host.ports.ts";
import { type HostChange, hostStore } from "./host.store.ts";

export interface ModifyHostInput {
  readonly hostId: number;
  readonly change: HostChange;
}

/** A task only because clients wait for one (contract 2.5). */
export const modifyHost = task<ModifyHostInput, HostPorts>("host.modify", { isCancellable: false }).dbStep(
  "write",
  {
    run: async ({ input }, tx) => {
      const isThere = await hostStore(dbOn(tx)).update(input.hostId, input.change);
      if (!isThere) throw hostErrors.notFound(input.hostId);
    },
    noUndo: "one statement",
  },
);
