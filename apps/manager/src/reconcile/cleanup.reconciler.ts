import { AppError, type Log } from "@sinter/kit";
import { asc, eq } from "drizzle-orm";
import type { Database } from "../database/database.ts";
import type { Agent, Fleet } from "../fleet/fleet.ts";
import { hostCleanups } from "../host/host.table.ts";

type Cleanup = typeof hostCleanups.$inferSelect;

/**
 * Removes from hosts what was to be removed while they were away. One that fails for a reason of its own stays on the
 * list and does not keep the others waiting.
 */
export function createCleanupReconciler(parts: {
  readonly database: Database;
  readonly fleet: Fleet;
  readonly log: Log;
}) {
  const { database, fleet, log } = parts;
  return {
    /** Hosts that have something on the list. */
    async hosts(): Promise<number[]> {
      const rows = await database.db.selectDistinct({ id: hostCleanups.hostId }).from(hostCleanups);
      return rows.map((row) => row.id).filter((id) => fleet.isConnected(id));
    },

    /** Throws `unavailable` when the host is away. */
    async reconcile(hostId: number, signal: AbortSignal): Promise<void> {
      const rows = await database.db
        .select()
        .from(hostCleanups)
        .where(eq(hostCleanups.hostId, hostId))
        .orderBy(asc(hostCleanups.id));
      for (const row of rows) {
        if (signal.aborted) return;
        try {
          await remove(fleet.agent(hostId), row, signal);
        } catch (error) {
          if (error instanceof AppError && (error.kind === "unavailable" || error.kind === "cancelled"))
            throw error;
          log.warn(
            { err: error, hostId, cleanup: row },
            "something could not be cleaned up; it stays on the list",
          );
          continue;
        }
        await database.db.delete(hostCleanups).where(eq(hostCleanups.id, row.id));
        log.info({ hostId, kind: row.kind, uuid: row.objectUuid }, "cleaned up on a host that is back");
      }
    },
  };
}

async function remove(agent: Agent, { kind, objectUuid, datastoreId }: Cleanup, signal: AbortSignal) {
  if (kind === "vm") return agent.removeVm({ vmUuid: objectUuid, force: true }, { signal });
  try {
    return await agent.removeVolume({ datastoreId: String(datastoreId), volumeUuid: objectUuid }, { signal });
  } catch (error) {
    // The host has forgotten the datastore and with it the volume.
    if (error instanceof AppError && error.code === "DATASTORE_NOT_FOUND") return undefined;
    throw error;
  }
}
