import type { Clock, Log } from "@sinter/kit";
import type { LeasedDatastore, LeaseService } from "./lease.service.ts";

export interface LeaseHolderVm {
  readonly vmUuid: string;
  readonly name: string;
}

/** A host whose heartbeat is silent for so many I/O timeouts has lost its leases; others get them 60 s later. */
const LOST_IO_TIMEOUTS = 8;

/**
 * VMs that run with leases of a lockspace in which this host has no place any more: its sanlock was killed, which
 * then cannot end them. A watchdog resets such a host; where there is none, the agent ends these VMs before another
 * host may have their disks. Until they are gone no place is taken again: sanlock would say that this host lives, and
 * give the leases of its former life away.
 */
export function createLeaseWatch(options: {
  readonly leases: Pick<LeaseService, "join" | "hasPlace">;
  /** VMs that run here with leases of that datastore. */
  readonly holders: (datastore: LeasedDatastore) => Promise<readonly LeaseHolderVm[]>;
  readonly end: (vmUuid: string) => Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
}) {
  const { leases, clock, log } = options;
  const strandedSince = new Map<string, number>();

  return {
    /** Looks once; takes the host's place unless VMs stand in the way. Gives the names of those that do. */
    async look(datastore: LeasedDatastore): Promise<string[]> {
      const { datastoreId, lease } = datastore;
      const stranded =
        lease === undefined || (await leases.hasPlace(datastore)) ? [] : await options.holders(datastore);
      if (lease === undefined || stranded.length === 0) {
        strandedSince.delete(datastoreId);
        await leases.join(datastore);
        return [];
      }
      const names = stranded.map(({ name }) => name);
      const since = strandedSince.get(datastoreId) ?? clock.now();
      if (!strandedSince.has(datastoreId)) {
        strandedSince.set(datastoreId, since);
        log.error({ datastoreId, vms: names }, "VMs run whose leases this host has lost with its sanlock");
      }
      if (clock.now() - since < LOST_IO_TIMEOUTS * lease.ioTimeoutS * 1000) return names;
      for (const { vmUuid, name } of stranded) {
        log.error({ datastoreId, vmUuid, vmId: name }, "ending a VM before another host may have its disks");
        await options.end(vmUuid);
      }
      return [];
    },
  };
}
