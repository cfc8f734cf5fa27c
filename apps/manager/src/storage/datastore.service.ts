import { AppError } from "@sinter/kit";
import type { CreateDatastoreRequest, ModifyDatastoreRequest } from "@sinter/northbound";
import type { ImageFile } from "@sinter/southbound";
import type { TaskDefinition, TaskEngine } from "@sinter/tasks";
import { clusterStore } from "../cluster/cluster.store.ts";
import type { Database, Tx } from "../database/database.ts";
import { nextId } from "../database/ids.ts";
import type { Fleet } from "../fleet/fleet.ts";
import { idOfUrn } from "../http/ids.ts";
import type { Page } from "../http/query.ts";
import type { Actor } from "../identity/user.ts";
import { connectDatastore, type ConnectDatastoreInput, createDatastore } from "./create-datastore.task.ts";
import { datastoreErrors } from "./datastore.errors.ts";
import { datastoreIdOnAgent } from "./datastore-link.ts";
import type { DatastorePorts } from "./datastore.ports.ts";
import { type DatastoreFilter, datastoreStore } from "./datastore.store.ts";
import type { Datastore, DatastoreView } from "./datastore.ts";
import {
  deleteDatastore,
  type DeleteDatastoreInput,
  disconnectDatastore,
  type DisconnectDatastoreInput,
} from "./delete-datastore.task.ts";

export interface DatastoreServiceParts {
  readonly database: Database;
  readonly tasks: TaskEngine;
  readonly fleet: Fleet;
  readonly siteId: () => string;
}

export function datastoreLock(id: number): string {
  return `datastore:${id}`;
}

export function createDatastoreService(parts: DatastoreServiceParts) {
  const { database, tasks, fleet } = parts;

  const get = async (id: number): Promise<DatastoreView> => {
    const datastore = await datastoreStore(database.db).find(id);
    if (!datastore) throw datastoreErrors.notFound(id);
    return datastore;
  };

  const begin = (work: (tx: Tx) => Promise<{ taskId: number; id: number }>) =>
    busyAsChanging(() => database.transaction(work));

  const submit = <Input>(
    tx: Tx,
    actor: Actor,
    definition: TaskDefinition<Input, DatastorePorts>,
    datastore: Pick<Datastore, "id" | "name">,
    input: Input,
  ) =>
    tasks.submit(tx.client, definition, {
      input,
      entity: { urn: datastoreLock(datastore.id), name: datastore.name },
      user: actor.userName,
      locks: [datastoreLock(datastore.id)],
    });

  const hostIdsFrom = async (tx: Pick<Tx, "db">, urns: readonly string[]): Promise<number[]> => {
    const ids = [...new Set(urns.map((urn) => idOfUrn(urn, "hosts", parts.siteId()) ?? 0))];
    const there = await datastoreStore(tx.db).hostIdsOf(ids);
    const missing = urns.find((urn) => !there.has(idOfUrn(urn, "hosts", parts.siteId()) ?? 0));
    if (missing !== undefined) throw datastoreErrors.hostMissing(missing);
    return ids;
  };

  return {
    get,

    list: (filter: DatastoreFilter, page: Page) => datastoreStore(database.db).list(filter, page),

    async create(actor: Actor, request: CreateDatastoreRequest) {
      const path = checkedPath(request.path);
      const kind = request.shared ? ("shared" as const) : ("local" as const);
      return begin(async (tx) => {
        const store = datastoreStore(tx.db);
        const hostIds = await hostIdsFrom(tx, request.hostUrns);
        if (hostIds.length === 0) throw datastoreErrors.needsHost();
        if (kind === "local" && hostIds.length > 1) throw datastoreErrors.localNeedsOneHost();
        if (await store.isNameUsed(request.name)) throw datastoreErrors.nameUsed(request.name);
        const id = await nextId(tx.db);
        const { name } = request;
        const row = {
          id,
          name,
          description: request.description ?? "",
          kind,
          path,
          status: "creating" as const,
        };
        await store.insert(row, hostIds);
        const input: ConnectDatastoreInput = { datastoreId: id, hostIds };
        return { id, taskId: await submit(tx, actor, createDatastore, row, input) };
      });
    },

    async modify(id: number, request: ModifyDatastoreRequest): Promise<void> {
      await database.transaction(async (tx) => {
        const store = datastoreStore(tx.db);
        const datastore = await store.find(id);
        if (!datastore) throw datastoreErrors.notFound(id);
        refuseChanging(datastore);
        const { name, description, thinRate } = request;
        if (name !== undefined && (await store.isNameUsed(name, id))) throw datastoreErrors.nameUsed(name);
        await store.update(id, {
          ...(name === undefined ? {} : { name }),
          ...(description === undefined ? {} : { description }),
          ...(thinRate === undefined ? {} : { thinRate }),
        });
      });
    },

    /** Links a further host to a shared datastore. */
    async connect(actor: Actor, id: number, hostUrn: string) {
      return begin(async (tx) => {
        const store = datastoreStore(tx.db);
        const datastore = await store.find(id);
        if (!datastore) throw datastoreErrors.notFound(id);
        refuseChanging(datastore);
        const hostIds = await hostIdsFrom(tx, [hostUrn]);
        const isLinkedElsewhere = datastore.links.some((link) => !hostIds.includes(link.hostId));
        if (datastore.kind === "local" && isLinkedElsewhere) throw datastoreErrors.localNeedsOneHost();
        await store.link(id, hostIds);
        const input: ConnectDatastoreInput = { datastoreId: id, hostIds };
        return { id, taskId: await submit(tx, actor, connectDatastore, datastore, input) };
      });
    },

    async disconnect(actor: Actor, id: number, hostUrn: string) {
      return begin(async (tx) => {
        const store = datastoreStore(tx.db);
        const datastore = await store.find(id);
        if (!datastore) throw datastoreErrors.notFound(id);
        refuseChanging(datastore);
        const [hostId = 0] = await hostIdsFrom(tx, [hostUrn]);
        if (!datastore.links.some((link) => link.hostId === hostId)) {
          throw datastoreErrors.notLinked(id, hostId);
        }
        const vms = await store.vmsWithDisks(id, { hostId });
        if (vms > 0) throw datastoreErrors.inUse(id, `${vms} VMs of the host have disks on it`);
        if (datastore.links.length === 1 && (await store.volumeCount(id)) > 0) {
          throw datastoreErrors.inUse(id, "it has volumes and no other host");
        }
        const input: DisconnectDatastoreInput = { datastoreId: id, hostId };
        return { id, taskId: await submit(tx, actor, disconnectDatastore, datastore, input) };
      });
    },

    /** By force also when its volumes are lost with their last host; their rows then go as well. */
    async remove(actor: Actor, id: number, isForce: boolean) {
      return begin(async (tx) => {
        const store = datastoreStore(tx.db);
        const datastore = await store.find(id);
        if (!datastore) throw datastoreErrors.notFound(id);
        const volumeIds = await store.volumeIds(id);
        const isLost = isForce && datastore.links.length === 0;
        if (volumeIds.length > 0 && !isLost) {
          throw datastoreErrors.inUse(id, `it has ${volumeIds.length} volumes`);
        }
        if (!(await store.setStatus(id, ["normal", "abnormal", "readOnly"], "deleting"))) {
          throw datastoreErrors.changing(id);
        }
        const input: DeleteDatastoreInput = {
          datastoreId: id,
          hostIds: datastore.links.map((link) => link.hostId),
          lostVolumeIds: volumeIds,
        };
        return { id, taskId: await submit(tx, actor, deleteDatastore, datastore, input) };
      });
    },

    /** Whether VMs of the cluster have disks on the datastore, or could: a host of it is linked. */
    async isConnectedTo(id: number, clusterUrn: string): Promise<boolean> {
      await get(id);
      const clusterId = idOfUrn(clusterUrn, "clusters", parts.siteId());
      if (clusterId === undefined || !(await clusterStore(database.db).find(clusterId))) {
        throw datastoreErrors.clusterMissing(clusterUrn);
      }
      const { total } = await datastoreStore(database.db).list(
        { ids: [id], clusterId },
        { limit: 1, offset: 0 },
      );
      return total > 0;
    },

    /** Images in its library, as the first linked host that answers sees them. */
    async images(id: number): Promise<ImageFile[]> {
      const datastore = await get(id);
      const hostIds = datastore.links
        .filter((link) => link.state !== "abnormal" && fleet.isConnected(link.hostId))
        .map((link) => link.hostId);
      let failure: unknown = datastoreErrors.unreachable(id);
      for (const hostId of hostIds) {
        try {
          return (await fleet.agent(hostId).listImages({ datastoreId: datastoreIdOnAgent(id) })).images;
        } catch (error) {
          if (!(error instanceof AppError) || error.kind !== "unavailable") throw error;
          failure = error;
        }
      }
      throw failure;
    },
  };
}
export type DatastoreService = ReturnType<typeof createDatastoreService>;

function refuseChanging(datastore: Datastore): void {
  if (datastore.status === "creating" || datastore.status === "deleting") {
    throw datastoreErrors.changing(datastore.id);
  }
}

/** Absolute, without empty, `.` or `..` segments, and not the root itself: the agent makes folders below it. */
function checkedPath(path: string): string {
  const segments = path.replace(/\/+$/, "").split("/").slice(1);
  const isClean = segments.length > 0 && segments.every((s) => s !== "" && s !== "." && s !== "..");
  if (!path.startsWith("/") || !isClean || /\p{Cc}/u.test(path)) {
    throw datastoreErrors.pathInvalid(path);
  }
  return `/${segments.join("/")}`;
}

async function busyAsChanging<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof AppError && error.code === "OBJECT_BUSY") {
      const { urn } = error.params;
      throw datastoreErrors.changing(typeof urn === "string" ? Number(urn.split(":")[1]) : 0);
    }
    throw error;
  }
}
