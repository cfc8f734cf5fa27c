import { task } from "@sinter/tasks";
import { dbOn } from "../database/database.ts";
import { switchStore } from "../network/switch.store.ts";
import { datastoreStore } from "../storage/datastore.store.ts";
import { hostErrors } from "./host.errors.ts";
import type { HostPorts } from "./host.ports.ts";
import { hostStore } from "./host.store.ts";
import { usageStore } from "./usage.store.ts";

export interface DeleteHostInput {
  readonly hostId: number;
  readonly isForce: boolean;
  readonly wasMaintaining: boolean;
}

/**
 * Takes a host out of the site. It was put into maintenance mode together with the submission, so nothing is placed
 * there meanwhile. By force also when it has disappeared for good.
 */
export const deleteHost = task<DeleteHostInput, HostPorts>("host.delete")
  .step("release", {
    run: async ({ input, ports }) => {
      if (input.isForce) await ports.releaseHost(input.hostId);
    },
    // VMs that were released stay so: the next start finds them a host, perhaps this one.
    undo: async ({ input, ports }) => {
      if (input.wasMaintaining) return;
      const store = hostStore(ports.database.db);
      const host = await store.find(input.hostId);
      if (host) await store.setMaintaining(host.id, false, [host.status]);
    },
  })
  .step("tidy", {
    run: async ({ input, ports, log, note }) => {
      if (!ports.fleet.isConnected(input.hostId)) return note("The host is away; nothing is tidied on it.");
      const agent = ports.fleet.agent(input.hostId);
      const { db } = ports.database;
      const work = [
        ...(await switchStore(db).switchesOf(input.hostId)).map(
          (id) => () => agent.removeSwitch({ switchId: String(id) }),
        ),
        ...(await datastoreStore(db).datastoresOf(input.hostId)).map(
          (id) => () => agent.removeDatastore({ datastoreId: String(id) }),
        ),
      ];
      for (const remove of work) {
        // What stays behind on a host that leaves is of no more concern; its content was never ours to delete.
        await remove().catch((error: unknown) => log.warn({ err: error }, "tidying a leaving host failed"));
      }
    },
    noUndo: "the next round of the reconciler makes them anew",
  })
  .dbStep("forget", {
    run: async ({ input }, tx) => {
      const db = dbOn(tx);
      const left = await usageStore(db).vmsOn(input.hostId);
      if (left > 0) throw hostErrors.hasVms(input.hostId, left);
      await datastoreStore(db).onHostGone(input.hostId);
      await hostStore(db).remove(input.hostId);
    },
    noUndo: "rolled back as a whole when it fails",
  })
  .pointOfNoReturn()
  .step("disconnect", { run: ({ input, ports }) => ports.fleet.onRemoved(input.hostId) });
