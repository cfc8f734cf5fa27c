import { AppError, type Clock, type Log } from "@sinter/kit";
import type { DatastoreObservation } from "@sinter/southbound";
import type { Database } from "../database/database.ts";
import type { Fleet } from "../fleet/fleet.ts";
import { datastoreStore } from "./datastore.store.ts";
import { leaseStore } from "./lease.store.ts";
import { DEFAULT_LEASE_IO_TIMEOUT_S } from "./lease.ts";
import type { Datastore, DatastoreLink, LinkState } from "./datastore.ts";

/** Datastores and switches are known to agents by their number. */
export function datastoreIdOnAgent(id: number): string {
  return String(id);
}

export interface LinkParts {
  readonly database: Database;
  readonly fleet: Fleet;
  readonly clock: Clock;
  readonly log: Log;
  readonly leaseIoTimeoutS?: number;
}

export interface LinkOutcome {
  readonly state: LinkState;
  readonly reason: string;
}

/** What is known already, so that a look that finds nothing new costs neither a call nor a write. */
export interface LinkKnowledge {
  /** As the host has just reported it. */
  readonly seen?: DatastoreObservation | undefined;
  /** As the database has it. */
  readonly link?: DatastoreLink;
  readonly signal?: AbortSignal;
}

/** An unchanged link is written again after this, so that its time says that somebody looks. */
const LINK_WRITTEN_MS = 5 * 60_000;
/** Of a datastore with a thousand hosts each would write the same sizes every minute. */
const SIZES_WRITTEN_MS = 5_000;
/** A change of this share of the capacity is written at once. */
const SIZES_CHANGED_RATIO = 0.01;

/**
 * Makes a host use a datastore and writes down what came of it. Throws only when the host is away (`unavailable`);
 * that the directory is missing there or is another file system is an outcome. Repeatable.
 */
export async function ensureLink(
  parts: LinkParts,
  datastore: Datastore,
  hostId: number,
  known: LinkKnowledge = {},
): Promise<LinkOutcome> {
  const store = datastoreStore(parts.database.db);
  const { state, reason, observation } = await attempt(parts, datastore, hostId, known);
  const at = new Date(parts.clock.now());
  const { link } = known;
  const isNews =
    link?.state !== state ||
    link.reason !== reason ||
    link.observedAt === null ||
    at.getTime() - link.observedAt.getTime() > LINK_WRITTEN_MS;
  if (isNews) await store.setLink(datastore.id, hostId, { state, reason, at });
  if (observation && areNewSizes(datastore, observation, at)) {
    const { capacityBytes, freeBytes } = observation;
    await store.setSizes(datastore.id, { capacityBytes, freeBytes, refreshedAt: at });
  }
  if (isNews) await store.settleStatus(datastore.id);
  return { state, reason };
}

function areNewSizes(datastore: Datastore, seen: DatastoreObservation, at: Date): boolean {
  if (datastore.refreshedAt === null || datastore.capacityBytes !== seen.capacityBytes) return true;
  const change = Math.abs(datastore.freeBytes - seen.freeBytes);
  return (
    change > datastore.capacityBytes * SIZES_CHANGED_RATIO ||
    at.getTime() - datastore.refreshedAt.getTime() > SIZES_WRITTEN_MS
  );
}

async function attempt(
  parts: LinkParts,
  datastore: Datastore,
  hostId: number,
  known: LinkKnowledge,
): Promise<LinkOutcome & { observation?: DatastoreObservation }> {
  const { path } = datastore;
  const lease =
    datastore.kind === "shared"
      ? {
          hostId: await leaseStore(parts.database.db).placeOf(hostId),
          ioTimeoutS: parts.leaseIoTimeoutS ?? DEFAULT_LEASE_IO_TIMEOUT_S,
        }
      : undefined;
  let observation = known.seen;
  if (
    observation === undefined ||
    observation.path !== path ||
    observation.markerId === null ||
    // Also one from before there were leases, which gets them now.
    observation.lease?.hostId !== lease?.hostId
  ) {
    const spec = {
      datastoreId: datastoreIdOnAgent(datastore.id),
      path,
      shared: datastore.kind === "shared",
      // Once it is known, a host whose file system is not mounted writes nothing to the empty directory.
      markerId: datastore.markerId,
      ...(lease === undefined ? {} : { lease }),
    };
    try {
      const options = known.signal ? { signal: known.signal } : {};
      observation = await parts.fleet.agent(hostId).ensureDatastore(spec, options);
    } catch (error) {
      if (!(error instanceof AppError) || error.kind === "unavailable" || error.kind === "cancelled")
        throw error;
      return { state: "abnormal", reason: error.message };
    }
  }
  if (observation.state === "lost") {
    return { state: "abnormal", reason: `The directory ${path} is gone or does not answer.` };
  }
  if (observation.markerId === null) {
    return { state: "abnormal", reason: `The directory ${path} bears no mark of this datastore.` };
  }
  const counts =
    datastore.markerId ??
    (await datastoreStore(parts.database.db).claimMarker(datastore.id, observation.markerId));
  if (counts !== observation.markerId) {
    const reason = `The directory ${path} on this host is not the same file system as on the other hosts. Is it mounted?`;
    return { state: "abnormal", reason };
  }
  if (observation.state === "readOnly") {
    return { state: "readOnly", reason: `The directory ${path} is full or read-only.`, observation };
  }
  return { state: "connected", reason: "", observation };
}
