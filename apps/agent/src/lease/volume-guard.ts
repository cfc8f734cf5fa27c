import type { DatastoreService } from "../datastore/datastore.service.ts";
import type { LeaseService } from "./lease.service.ts";

export type VolumeGuard = ReturnType<typeof createVolumeGuard>;

/**
 * Work on a volume's files that QEMU does not do itself (merging, growing, removing) happens under the volume's lease,
 * as if a VM of this host had it. Where a VM of this host runs with it, that has the lease already.
 */
export function createVolumeGuard(options: {
  readonly datastores: DatastoreService;
  readonly leases: LeaseService;
  /** Whether a VM runs here that has the volume. */
  readonly isRunningHere: (volumeUuid: string) => Promise<boolean>;
}) {
  const { datastores, leases } = options;

  return {
    /** Throws conflict LEASE_HELD and unavailable LEASES_UNAVAILABLE, see LeaseService.withLease. */
    async run<T>(
      { datastoreId, volumeUuid }: { readonly datastoreId: string; readonly volumeUuid: string },
      signal: AbortSignal,
      work: (signal: AbortSignal) => Promise<T>,
    ): Promise<T> {
      const datastore = await datastores.open(datastoreId);
      const isFree = !(await leases.isLeased(datastore)) || !(await leases.hasLease(datastore, volumeUuid));
      if (isFree || (await options.isRunningHere(volumeUuid))) return await work(signal);
      return await leases.withLease(datastore, volumeUuid, signal, work);
    },
  };
}
