import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { AppError, KeyedQueue, type Log, systemClock } from "@sinter/kit";
import type { LeaseObservation, LeaseOwner, LeaseSpec } from "@sinter/southbound";
import { holdByProgram } from "../programs.ts";
import { leaseErrors } from "./lease.errors.ts";
import { ensureArea, isThere } from "./lease-area.ts";
import { leaseFile, lockspaceFile, sanlockPlace } from "./lease-paths.ts";
import {
  joinLockspace,
  leaveLockspace,
  type Lockspace,
  readHeartbeatAges,
  readLockspaces,
  readRecords,
} from "./sanlock.ts";

export type LeaseService = ReturnType<typeof createLeaseService>;

/** A datastore whose disks are written under leases, as far as this host knows it. */
export interface LeasedDatastore {
  readonly datastoreId: string;
  readonly path: string;
  readonly shared: boolean;
  readonly markerId?: string | null | undefined;
  /** Undefined: the manager has not told this host its place yet. */
  readonly lease?: LeaseSpec | undefined;
}

/** What libvirt's plug-in lets one VM hold. */
export const LEASES_PER_VM_MAX = 8;

/** Who starts a VM waits so long for a place in the lockspace, in I/O timeouts: a place of our own takes 2.5. */
const JOIN_WAIT_IO_TIMEOUTS = 6;
/** A heartbeat is written every 2 I/O timeouts; older than so many of these it does not get through. */
const FAILING_IO_TIMEOUTS = 4;
/** sanlock's own. */
const USUAL_IO_TIMEOUT_S = 10;
const LOOK_MS = 200;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * Leases on shared datastores, kept by the host's sanlock (VIM-02). A VM gets them through libvirt, which hands the
 * leases that its definition names to sanlock before QEMU runs; this service sees to it that there is a lockspace, a
 * place in it, and a lease per volume, tells who has what, and holds leases for work on files outside of QEMU.
 *
 * Nothing here is remembered: sanlock and the files say what is.
 */
export function createLeaseService(options: {
  readonly hostUuid: string;
  readonly libvirtConfigDir: string;
  /** VMs that run here with leases of that datastore; see LeaseWatch for why they keep a place from being taken. */
  readonly holders: (datastore: LeasedDatastore) => Promise<readonly unknown[]>;
  readonly log: Log;
}) {
  const { hostUuid, log } = options;
  const making = new KeyedQueue();
  const joining = new Map<string, Promise<void>>();
  const joinFailures = new Map<string, string>();
  const life = new AbortController();

  /** Why this host can have no leases at all; undefined when it can. */
  async function obstacle(): Promise<string | undefined> {
    const path = join(options.libvirtConfigDir, "qemu.conf");
    const config = await readFile(path, "utf8").catch(() => "");
    if (!/^\s*lock_manager\s*=\s*"sanlock"/m.test(config)) {
      return `libvirtd starts VMs without leases; set lock_manager = "sanlock" in ${path} and restart it`;
    }
    return undefined;
  }

  async function findLockspace(datastore: LeasedDatastore): Promise<Lockspace | undefined> {
    const all = await readLockspaces();
    if (all === undefined) throw unavailable(datastore, "its sanlock service does not run");
    return all.get(nameOf(datastore));
  }

  function startJoining(datastore: LeasedDatastore, lease: LeaseSpec): Promise<void> {
    const name = nameOf(datastore);
    const pending =
      joining.get(name) ??
      (async () => {
        const path = lockspaceFile(datastore.path);
        await making.run(name, () =>
          ensureArea("lockspace", { lockspace: name, name: 0, path, ioTimeoutS: lease.ioTimeoutS }, hostUuid),
        );
        await joinLockspace(name, { ...lease, path }, life.signal);
        joinFailures.delete(name);
        log.info({ datastoreId: datastore.datastoreId, hostId: lease.hostId }, "joined a lockspace");
      })()
        .catch((error: unknown) => {
          if (life.signal.aborted) return;
          joinFailures.set(name, error instanceof AppError ? error.message : String(error));
          log.warn({ datastoreId: datastore.datastoreId, err: error }, "could not join a lockspace");
        })
        .finally(() => joining.delete(name));
    joining.set(name, pending);
    return pending;
  }

  async function joinLater(datastore: LeasedDatastore): Promise<void> {
    const { lease } = datastore;
    if (lease === undefined || (await obstacle()) !== undefined) return;
    const there = await findLockspace(datastore).catch(() => undefined);
    if (there?.hostId === lease.hostId) return;
    if (there !== undefined) {
      // VMs of ours hang on the old place; sanlock refuses to leave it as long as they do.
      log.warn({ datastoreId: datastore.datastoreId, ...there }, "the host has another place than it should");
      await leaveLockspace(nameOf(datastore), there.hostId, lockspaceFile(datastore.path));
      return;
    }
    if ((await options.holders(datastore)).length > 0) return;
    void startJoining(datastore, lease);
  }

  /** Throws unavailable LEASES_UNAVAILABLE when this host has no place and gets none soon. */
  async function requireJoined(datastore: LeasedDatastore): Promise<Lockspace> {
    const { lease } = datastore;
    const why = await obstacle();
    if (why !== undefined) throw unavailable(datastore, why);
    if (lease === undefined) throw unavailable(datastore, "the manager has not given it a place yet");
    const deadline = performance.now() + JOIN_WAIT_IO_TIMEOUTS * lease.ioTimeoutS * 1000;
    for (;;) {
      const there = await findLockspace(datastore);
      if (there?.hostId === lease.hostId && there.change === null) return there;
      if (there === undefined) await joinLater(datastore);
      if (performance.now() > deadline) {
        const failure = joinFailures.get(nameOf(datastore));
        throw unavailable(datastore, failure ?? "it has no place in the lockspace yet; try again soon");
      }
      await systemClock.sleep(LOOK_MS, life.signal);
    }
  }

  async function ownerOf(datastore: LeasedDatastore, volumeUuid: string): Promise<LeaseOwner | null> {
    const path = leaseFile(datastore.path, volumeUuid);
    if (!(await isThere(path))) return null;
    const [record] = await readRecords(path);
    if (record === undefined || record.timestampS === 0) return null;
    const [lockspace, places] = await Promise.all([
      findLockspace(datastore).catch(() => undefined),
      readRecords(lockspaceFile(datastore.path)),
    ]);
    const place = places.find(({ hostId }) => hostId === record.hostId);
    const name = place?.name ?? "";
    return {
      hostId: record.hostId,
      hostUuid: UUID.test(name) ? name : null,
      // One that has left its place in order had given up its leases before.
      state: lockspace?.hosts.find(({ hostId }) => hostId === record.hostId)?.state ?? "unknown",
    };
  }

  return {
    /** Whether disks there need a lease: told by the manager, or by what another host has made there. */
    isLeased: async (datastore: LeasedDatastore): Promise<boolean> =>
      datastore.shared && (datastore.lease !== undefined || (await isThere(lockspaceFile(datastore.path)))),

    /** Begins to take the host's place in the datastore's lockspace, unless it has it. */
    join: joinLater,

    /** Whether sanlock runs and has this host in the datastore's lockspace. */
    hasPlace: async (datastore: LeasedDatastore): Promise<boolean> =>
      (await findLockspace(datastore).catch(() => undefined)) !== undefined,

    /** Gives the place back. Leaves it when VMs hang on it. */
    async leave(datastore: LeasedDatastore): Promise<void> {
      const there = await findLockspace(datastore).catch(() => undefined);
      if (there !== undefined)
        await leaveLockspace(nameOf(datastore), there.hostId, lockspaceFile(datastore.path));
    },

    requireJoined,

    /** Null for a datastore without leases. */
    async observe(datastore: LeasedDatastore): Promise<LeaseObservation | null> {
      const { lease } = datastore;
      if (lease === undefined) return null;
      const seen = { hostId: lease.hostId, heartbeatAgeMs: null, reason: null, hosts: [] };
      const why = await obstacle();
      if (why !== undefined) return { ...seen, state: "off", reason: why };
      let there: Lockspace | undefined;
      try {
        there = await findLockspace(datastore);
      } catch (error) {
        return { ...seen, state: "off", reason: error instanceof Error ? error.message : String(error) };
      }
      if (there === undefined || there.change !== null) {
        const failure = joinFailures.get(nameOf(datastore)) ?? null;
        return { ...seen, state: failure === null ? "joining" : "off", reason: failure };
      }
      const ageS = (await readHeartbeatAges()).get(nameOf(datastore));
      const fails = ageS === undefined || ageS > FAILING_IO_TIMEOUTS * lease.ioTimeoutS;
      return {
        state: fails ? "failing" : "joined",
        hostId: lease.hostId,
        heartbeatAgeMs: ageS === undefined ? null : ageS * 1000,
        reason: fails ? "the host's disk heartbeat does not get through" : null,
        hosts: [...there.hosts],
      };
    },

    /** Makes the volume's lease unless there is one. */
    async ensureLease(datastore: LeasedDatastore, volumeUuid: string): Promise<void> {
      const place = {
        lockspace: nameOf(datastore),
        name: volumeUuid,
        path: leaseFile(datastore.path, volumeUuid),
        ioTimeoutS: datastore.lease?.ioTimeoutS ?? USUAL_IO_TIMEOUT_S,
      };
      await making.run(place.path, () => ensureArea("lease", place, hostUuid));
    },

    /** False for a volume that no VM has had yet. */
    hasLease: (datastore: LeasedDatastore, volumeUuid: string): Promise<boolean> =>
      isThere(leaseFile(datastore.path, volumeUuid)),

    ownerOf,

    /**
     * Throws conflict LEASE_HELD when another host has it, or may still have it. sanlock would say the same, but only
     * after it has waited for a silent owner.
     */
    async requireFree(datastore: LeasedDatastore, volumeUuid: string): Promise<void> {
      const owner = await ownerOf(datastore, volumeUuid);
      if (owner === null || owner.hostId === datastore.lease?.hostId || owner.state === "dead") return;
      throw leaseErrors.held(datastore.datastoreId, volumeUuid, owner);
    },

    /**
     * For a VM that was paused, when libvirt gives its leases up, and is to go on: throws conflict LEASE_LOST when
     * another host has had the lease since. libvirt does not look; on disk the last owner stays after it has let go.
     */
    async requireUntouched(datastore: LeasedDatastore, volumeUuid: string): Promise<void> {
      const [record] = await readRecords(leaseFile(datastore.path, volumeUuid));
      if (record === undefined || record.hostId === 0 || record.hostId === datastore.lease?.hostId) return;
      throw leaseErrors.lost(datastore.datastoreId, volumeUuid, record.hostId);
    },

    /**
     * Runs work on a volume's files with its lease held by this host: its signal aborts when the caller's does or when
     * the lease is lost. Throws conflict LEASE_HELD when a VM of any host, this one too, or other work has it.
     */
    async withLease<T>(
      datastore: LeasedDatastore,
      volumeUuid: string,
      signal: AbortSignal,
      work: (signal: AbortSignal) => Promise<T>,
    ): Promise<T> {
      await requireJoined(datastore);
      await this.ensureLease(datastore, volumeUuid);
      await this.requireFree(datastore, volumeUuid);
      const where = sanlockPlace(nameOf(datastore), volumeUuid, leaseFile(datastore.path, volumeUuid));
      await using holder = await holdByProgram("sanlock", ["client", "command", "-r", where, "-c"]);
      if (!holder.isHeld) {
        const owner = await ownerOf(datastore, volumeUuid);
        throw leaseErrors.held(datastore.datastoreId, volumeUuid, owner, new Error(holder.complaint));
      }
      return await work(AbortSignal.any([signal, holder.lost]));
    },

    [Symbol.dispose]: () => life.abort(new Error("The agent ends.")),
  };
}

/** What the datastore's lockspace is called on every host. */
export function nameOf({ datastoreId, markerId }: LeasedDatastore): string {
  if (!markerId) throw leaseErrors.unavailable(datastoreId, "its marker is not known");
  return markerId;
}

function unavailable({ datastoreId }: LeasedDatastore, why: string): AppError {
  return leaseErrors.unavailable(datastoreId, why);
}
