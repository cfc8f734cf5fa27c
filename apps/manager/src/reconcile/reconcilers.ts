import { type Clock, type Log, mapLimited, systemClock } from "@sinter/kit";
import type { Database } from "../database/database.ts";
import type { ManagedFleet } from "../fleet/fleet.ts";
import { createCleanupReconciler } from "./cleanup.reconciler.ts";
import { createReconciler } from "./driver.ts";
import { createHostReconciler } from "./host.reconciler.ts";

const HOSTS_EVERY_MS = 60_000;
const CLEANUPS_EVERY_MS = 30_000;
/** A request that made something for hosts to do waits so long for those that are connected. */
const APPLY_MS_MAX = 3_000;

export interface ReconcilersParts {
  readonly database: Database;
  readonly fleet: ManagedFleet;
  readonly log: Log;
  readonly clock?: Clock;
  readonly leaseIoTimeoutS?: number;
}

/** The reconcilers of the inventory, fed by the fleet: a host that comes back is looked at at once. */
export function createInventoryReconcilers(parts: ReconcilersParts) {
  const { fleet, log } = parts;
  const clock = parts.clock ?? systemClock;
  const host = createHostReconciler(parts);
  const cleanup = createCleanupReconciler(parts);
  const common = { log, clock };

  const hosts = createReconciler<number>({
    ...common,
    name: "hosts",
    everyMs: HOSTS_EVERY_MS,
    keys: () => fleet.connectedHosts(),
    reconcile: async (hostId, signal) => {
      if (fleet.isConnected(hostId)) await host.reconcile(hostId, signal);
    },
  });
  const cleanups = createReconciler<number>({
    ...common,
    name: "cleanups",
    everyMs: CLEANUPS_EVERY_MS,
    keys: () => cleanup.hosts(),
    reconcile: (hostId, signal) => cleanup.reconcile(hostId, signal),
  });
  let stopListening: (() => void) | undefined;

  return {
    hosts,
    cleanups,

    start: (): void => {
      stopListening = fleet.onHostChanged((hostId, status) => {
        if (status === "normal") {
          hosts.signal(hostId);
          cleanups.signal(hostId);
        } else {
          host.onLost(hostId).catch((error: unknown) => {
            log.warn({ err: error, hostId }, "writing that a host's datastores are out of reach failed");
          });
        }
      });
      hosts.start();
      cleanups.start();
    },

    stop: async (): Promise<void> => {
      stopListening?.();
      await Promise.all([hosts.stop(), cleanups.stop()]);
    },

    /** Makes switches on these hosts now, as far as they are connected and for a moment; the reconciler does the rest. */
    applySwitchesOn: async (hostIds: readonly number[]): Promise<void> => {
      const connected = hostIds.filter((id) => fleet.isConnected(id));
      const end = new AbortController();
      const applied = mapLimited(connected, 16, (id) =>
        host.reconcileSwitches(id, end.signal).catch((error: unknown) => {
          log.debug({ err: error, hostId: id }, "making switches at once failed; the reconciler goes on");
          hosts.signal(id);
        }),
      );
      await Promise.race([applied, clock.sleep(APPLY_MS_MAX, end.signal).catch(() => {})]);
      end.abort();
      await applied;
    },
  };
}
export type InventoryReconcilers = ReturnType<typeof createInventoryReconcilers>;
