import { AppError, type Clock, type Log } from "@sinter/kit";
import type { DatastoreObservation } from "@sinter/southbound";
import type { Database } from "../database/database.ts";
import type { Fleet } from "../fleet/fleet.ts";
import { datastoreStore } from "./datastore.store.ts";
import type { Datastore, LinkState } from "./datastore.ts";

/** Datastores and switches are known to agents by their number. */
export function datastoreIdOnAgent(id: number): string {
  return String(id);
}

export interface LinkParts {
  readonly database: Database;
  readonly fleet: Fleet;
  readonly clock: Clock;
  readonly log: Log;
}

export interface LinkOutcome {
  readonly state: LinkState;
  readonly reason: string;
}

/**
 * Makes a host use a datastore and writes down what came of it. Throws only when the host is away (`unavailable`);
 * that the directory is missing there or is another file system is an outcome. Repeatable.
 */
export async function ensureLink(
  parts: LinkParts,
  datastore: Datastore,
  hostId: number,
  signal?: AbortSignal,
): Promise<LinkOutcome> {
  const store = datastoreStore(parts.database.db);
  const outcome = await attempt(parts, datastore, hostId, signal);
  const at = new Date(parts.clock.now());
  await store.setLink(datastore.id, hostId, { ...outcome, at });
  if (outcome.observation && (outcome.state === "connected" || outcome.state === "readOnly")) {
    const { capacityBytes, freeBytes } = outcome.observation;
    await store.setSizes(datastore.id, { capacityBytes, freeBytes, refreshedAt: at });
  }
  await store.settleStatus(datastore.id);
  return { state: outcome.state, reason: outcome.reason };
}

async function attempt(
  parts: LinkParts,
  datastore: Datastore,
  hostId: number,
  signal: AbortSignal | undefined,
): Promise<LinkOutcome & { observation?: DatastoreObservation }> {
  const { path } = datastore;
  const spec = {
    datastoreId: datastoreIdOnAgent(datastore.id),
    path,
    shared: datastore.kind === "shared",
  };
  let observation: DatastoreObservation;
  try {
    observation = await parts.fleet.agent(hostId).ensureDatastore(spec, signal ? { signal } : {});
  } catch (error) {
    if (!(error instanceof AppError) || error.kind === "unavailable" || error.kind === "cancelled")
      throw error;
    return { state: "abnormal", reason: error.message };
  }
  if (observation.state === "lost") {
    return { state: "abnormal", reason: `The directory ${path} is gone or does not answer.` };
  }
  if (observation.markerId === null) {
    return { state: "abnormal", reason: `The directory ${path} bears no mark of this datastore.` };
  }
  const counts = await datastoreStore(parts.database.db).claimMarker(datastore.id, observation.markerId);
  if (counts !== observation.markerId) {
    const reason = `The directory ${path} on this host is not the same file system as on the other hosts. Is it mounted?`;
    return { state: "abnormal", reason };
  }
  if (observation.state === "readOnly") {
    return { state: "readOnly", reason: `The directory ${path} is full or read-only.`, observation };
  }
  return { state: "connected", reason: "", observation };
}
