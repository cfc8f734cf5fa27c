import { AppError, type Clock, type Log, systemClock } from "@sinter/kit";
import type { Database } from "../database/database.ts";
import type { Fleet } from "../fleet/fleet.ts";
import { ensureSwitchOn } from "../network/switch-link.ts";
import { switchStore } from "../network/switch.store.ts";
import { ensureLink } from "../storage/datastore-link.ts";
import { datastoreStore } from "../storage/datastore.store.ts";

export interface HostReconcilerParts {
  readonly database: Database;
  readonly fleet: Fleet;
  readonly log: Log;
  readonly clock?: Clock;
}

/**
 * Brings one host in line: it has the datastores and switches that it should have and no others of ours, and what it
 * says of them is written down.
 *
 * What a host has is always read before what it should have: a thing that came in between is then known as desired,
 * and is not taken for a stray.
 */
export function createHostReconciler(options: HostReconcilerParts) {
  const parts = { ...options, clock: options.clock ?? systemClock };
  const { database, fleet, log } = parts;

  /** Only what bears a number can be ours. What is in use there stays until it is not. */
  const dropStrays = async (
    kind: "switch" | "datastore",
    has: readonly string[],
    should: ReadonlySet<string>,
    drop: (id: string) => Promise<unknown>,
  ): Promise<void> => {
    for (const id of has.filter((each) => /^\d{1,15}$/.test(each) && !should.has(each))) {
      try {
        await drop(id);
        log.info({ kind, id }, "a host has dropped what it should no longer have");
      } catch (error) {
        if (!(error instanceof AppError) || error.kind !== "conflict") throw error;
        log.debug({ kind, id, err: error }, "a stray is still in use");
      }
    }
  };

  const reconcileSwitches = async (hostId: number, signal: AbortSignal): Promise<void> => {
    const store = switchStore(database.db);
    const agent = fleet.agent(hostId);
    const { switches: seen } = await agent.listSwitches({}, { signal });
    await store.cover([hostId]);
    const desired = await store.desiredOn(hostId);
    // First the strays: a NIC may have to leave one switch for another.
    const should = new Set(desired.map(({ network }) => String(network.id)));
    const has = seen.map((s) => s.switchId);
    await dropStrays("switch", has, should, (id) => agent.removeSwitch({ switchId: id }, { signal }));
    for (const { network, link } of desired) {
      const there = seen.find((s) => s.switchId === String(network.id));
      await ensureSwitchOn(parts, network, link, there, signal);
    }
  };

  const reconcileDatastores = async (hostId: number, signal: AbortSignal): Promise<void> => {
    const store = datastoreStore(database.db);
    const agent = fleet.agent(hostId);
    const { datastores: seen } = await agent.listDatastores({}, { signal });
    const linked = new Set((await store.datastoresOf(hostId)).map(String));
    const has = seen.map((d) => d.datastoreId);
    await dropStrays("datastore", has, linked, (id) =>
      agent.removeDatastore({ datastoreId: id }, { signal }),
    );
    for (const { datastore, link } of await store.desiredOn(hostId)) {
      const there = seen.find((d) => d.datastoreId === String(datastore.id));
      await ensureLink(parts, datastore, hostId, { seen: there, link, signal });
    }
  };

  return {
    reconcileSwitches,

    /** Throws `unavailable` when the host is away. */
    async reconcile(hostId: number, signal: AbortSignal): Promise<void> {
      await reconcileSwitches(hostId, signal);
      await reconcileDatastores(hostId, signal);
    },

    /** The host is lost: what it reaches is not known any more. */
    async onLost(hostId: number): Promise<void> {
      const store = datastoreStore(database.db);
      const at = new Date(parts.clock.now());
      for (const id of await store.datastoresOf(hostId)) {
        await store.setLink(id, hostId, { state: "abnormal", reason: "The host does not answer.", at });
        await store.settleStatus(id);
      }
    },
  };
}
export type HostReconciler = ReturnType<typeof createHostReconciler>;
