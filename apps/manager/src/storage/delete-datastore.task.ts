import { AppError } from "@sinter/kit";
import { task } from "@sinter/tasks";
import { dbOn, pgCode } from "../database/database.ts";
import { datastoreErrors } from "./datastore.errors.ts";
import { datastoreIdOnAgent, ensureLink } from "./datastore-link.ts";
import type { DatastorePorts } from "./datastore.ports.ts";
import { datastoreStore } from "./datastore.store.ts";

export interface DeleteDatastoreInput {
  readonly datastoreId: number;
  readonly hostIds: readonly number[];
  /** Rows of volumes whose data no host reaches any more; they go with it. */
  readonly lostVolumeIds: readonly number[];
}

/** Forgets a datastore everywhere; what lies in the directory stays. Its status was set together with the task. */
export const deleteDatastore = task<DeleteDatastoreInput, DatastorePorts>("datastore.delete")
  .step("forget on hosts", {
    weight: 3,
    run: async ({ input, ports, note }) => {
      for (const hostId of input.hostIds) {
        // Its directory may become another datastore.
        await removeOnHost(ports, { ...input, hostId, eraseMarker: true }, note);
      }
    },
    undo: async ({ input, ports }) => {
      const store = datastoreStore(ports.database.db);
      await store.setStatus(input.datastoreId, ["deleting"], "normal");
      // A host may have erased it; whichever is linked first says what the marker is now.
      await store.forgetMarker(input.datastoreId);
      const datastore = await store.find(input.datastoreId);
      for (const { hostId } of datastore?.links ?? []) {
        const current = await store.find(input.datastoreId);
        // Away now: the reconciler makes the link again when the host is back.
        if (current) await ensureLink(ports, current, hostId).catch(ignoreAway);
      }
      await store.settleStatus(input.datastoreId);
    },
  })
  .dbStep("forget", {
    run: async ({ input }, tx) => {
      const store = datastoreStore(dbOn(tx));
      try {
        await store.removeVolumes(input.lostVolumeIds);
        await store.remove(input.datastoreId);
      } catch (error) {
        if (pgCode(error) === "23503") throw datastoreErrors.inUse(input.datastoreId, "it has volumes");
        throw error;
      }
    },
    noUndo: "rolled back as a whole when it fails",
  });

export interface DisconnectDatastoreInput {
  readonly datastoreId: number;
  readonly hostId: number;
}

/** Takes a datastore away from one host. */
export const disconnectDatastore = task<DisconnectDatastoreInput, DatastorePorts>("datastore.disconnect")
  .step("forget on host", {
    run: ({ input, ports, note }) => removeOnHost(ports, { ...input, eraseMarker: false }, note),
    noUndo: "the link is still desired, so the reconciler makes it again",
  })
  .dbStep("unlink", {
    run: ({ input }, tx) => datastoreStore(dbOn(tx)).unlink(input.datastoreId, input.hostId),
    noUndo: "last step: one row",
  });

/** A host that is away keeps its record until it is back and the reconciler finds no row for it. */
async function removeOnHost(
  ports: DatastorePorts,
  { datastoreId, hostId, eraseMarker }: { datastoreId: number; hostId: number; eraseMarker: boolean },
  note: (line: string) => void,
): Promise<void> {
  try {
    await ports.fleet
      .agent(hostId)
      .removeDatastore({ datastoreId: datastoreIdOnAgent(datastoreId), eraseMarker });
  } catch (error) {
    if (error instanceof AppError && error.code === "DATASTORE_IN_USE") {
      throw datastoreErrors.inUse(datastoreId, `a VM on host ${hostId} has a disk on it`);
    }
    ignoreAway(error);
    note(`Host ${hostId} is away and forgets it later.`);
  }
}

function ignoreAway(error: unknown): void {
  if (error instanceof AppError && (error.kind === "unavailable" || error.code === "HOST_NOT_FOUND")) return;
  throw error;
}
