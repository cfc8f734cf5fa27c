import { AppError } from "@sinter/kit";
import { task } from "@sinter/tasks";
import { datastoreErrors } from "./datastore.errors.ts";
import { datastoreIdOnAgent, ensureLink } from "./datastore-link.ts";
import type { DatastorePorts } from "./datastore.ports.ts";
import { datastoreStore } from "./datastore.store.ts";

export interface ConnectDatastoreInput {
  readonly datastoreId: number;
  readonly hostIds: readonly number[];
}

/**
 * Takes a directory into use on its hosts; the rows were written together with the task. One host that succeeds is
 * enough: the reconciler goes on with the others, and their links say what is wrong.
 */
export const createDatastore = task<ConnectDatastoreInput, DatastorePorts>("datastore.create")
  .step("connect", {
    weight: 5,
    run: async (context) => {
      if ((await connectAll(context)) === 0) throw await whyNone(context.ports, context.input.datastoreId);
    },
    undo: async ({ input, ports, log }) => {
      await forgetOnHosts(ports, input, { log, eraseMarker: true });
      await datastoreStore(ports.database.db).remove(input.datastoreId);
    },
  })
  .step("settle", {
    run: async ({ input, ports }) => {
      const store = datastoreStore(ports.database.db);
      await store.setStatus(input.datastoreId, ["creating"], "normal");
      await store.settleStatus(input.datastoreId);
    },
    noUndo: "last step: one row",
  });

/** Links further hosts to a datastore that is there. */
export const connectDatastore = task<ConnectDatastoreInput, DatastorePorts>("datastore.connect").step(
  "connect",
  {
    run: async (context) => {
      if ((await connectAll(context)) === 0) throw await whyNone(context.ports, context.input.datastoreId);
    },
    undo: async ({ input, ports, log }) => {
      await forgetOnHosts(ports, input, { log, eraseMarker: false });
      for (const hostId of input.hostIds) {
        await datastoreStore(ports.database.db).unlink(input.datastoreId, hostId);
      }
    },
  },
);

interface ConnectContext {
  readonly input: ConnectDatastoreInput;
  readonly ports: DatastorePorts;
  readonly signal: AbortSignal;
  progress(fraction: number, message?: string): void;
  note(line: string): void;
}

/** How many hosts use it now. */
async function connectAll(context: ConnectContext): Promise<number> {
  const { input, ports, signal } = context;
  let connected = 0;
  for (const [index, hostId] of input.hostIds.entries()) {
    // Read anew: the first host's marker is what the next must have.
    const datastore = await datastoreStore(ports.database.db).find(input.datastoreId);
    if (!datastore) throw datastoreErrors.notFound(input.datastoreId);
    context.progress(index / input.hostIds.length, `taking ${datastore.path} into use on host ${hostId}`);
    try {
      const { state, reason } = await ensureLink(ports, datastore, hostId, { signal });
      if (state === "connected" || state === "readOnly") connected++;
      else context.note(`Host ${hostId}: ${reason}`);
    } catch (error) {
      if (signal.aborted || !(error instanceof AppError) || error.kind !== "unavailable") throw error;
      context.note(`Host ${hostId}: ${error.message}`);
    }
  }
  return connected;
}

async function whyNone(ports: DatastorePorts, id: number): Promise<AppError> {
  const links = await datastoreStore(ports.database.db).linksOf(id);
  const reasons = links.map((link) => link.reason || "A host does not answer.");
  return datastoreErrors.noHostCouldConnect([...new Set(reasons)].slice(0, 3).join(" "));
}

async function forgetOnHosts(
  ports: DatastorePorts,
  input: ConnectDatastoreInput,
  { log, eraseMarker }: { log: DatastorePorts["log"]; eraseMarker: boolean },
): Promise<void> {
  for (const hostId of input.hostIds) {
    try {
      await ports.fleet
        .agent(hostId)
        .removeDatastore({ datastoreId: datastoreIdOnAgent(input.datastoreId), eraseMarker });
    } catch (error) {
      // The reconciler removes what no row stands for when the host is there again.
      log.warn({ err: error, hostId, datastoreId: input.datastoreId }, "forgetting a datastore failed");
    }
  }
}
