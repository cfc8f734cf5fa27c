import {
  type CreatePortGroupRequest,
  type ModifyPortGroupRequest,
  parseUrn,
  type QueryPortGroupsRequest,
} from "@sinter/northbound";
import type { TaskEngine } from "@sinter/tasks";
import type { Database, Tx } from "../database/database.ts";
import { nextId } from "../database/ids.ts";
import type { Page } from "../http/query.ts";
import type { Actor } from "../identity/user.ts";
import { networkErrors } from "./network.errors.ts";
import { changedPortGroup, hasOtherVlans, newPortGroup } from "./port-group.ts";
import { type PortGroupFilter, portGroupStore, type PortGroupView } from "./port-group.store.ts";
import { deletePortGroup, modifyPortGroup } from "./port-group.task.ts";
import { isBusy } from "./switch.service.ts";
import { switchStore } from "./switch.store.ts";

export interface PortGroupServiceParts {
  readonly database: Database;
  readonly tasks: TaskEngine;
  readonly siteId: () => string;
}

/** Lock that every task about a port group holds. */
export function portGroupLock(id: number): string {
  return `portGroup:${id}`;
}

export function createPortGroupService(parts: PortGroupServiceParts) {
  const { database, tasks } = parts;

  const begin = async (id: number, work: (tx: Tx) => Promise<number>): Promise<number> => {
    try {
      return await database.transaction(work);
    } catch (error) {
      throw isBusy(error) ? networkErrors.portGroupBusy(id) : error;
    }
  };

  return {
    get: (switchId: number, id: number) => getOn(database, switchId, id),

    list: (filter: PortGroupFilter, page: Page) => portGroupStore(database.db).list(filter, page),

    async listOn(switchId: number, filter: PortGroupFilter, page: Page) {
      if (!(await switchStore(database.db).find(switchId))) throw networkErrors.switchMissing(switchId);
      return portGroupStore(database.db).list({ ...filter, switchIds: [switchId] }, page);
    },

    /** The site-wide query: by URNs, by switches or by exact names, of which only the first given counts. */
    async query(request: QueryPortGroupsRequest) {
      const limit = request.limit ?? 100;
      const page: Page =
        limit === 0
          ? { limit: undefined, offset: 0 }
          : { limit: Math.min(limit, 1000), offset: request.offset ?? 0 };
      return portGroupStore(database.db).list(filterFrom(request, parts.siteId()), page);
    },

    async create(actor: Actor, switchId: number, request: CreatePortGroupRequest): Promise<number> {
      return database.transaction(async (tx) => {
        const network = await switchStore(tx.db).findForUpdate(switchId);
        if (!network) throw networkErrors.switchMissing(switchId);
        const shape = newPortGroup(request, network.vlanPools);
        const id = await nextId(tx.db);
        await portGroupStore(tx.db).insert({ id, switchId, createdBy: actor.userName, ...shape });
        return id;
      });
    },

    async modify(actor: Actor, switchId: number, id: number, request: ModifyPortGroupRequest) {
      return begin(id, async (tx) => {
        const group = await getOn(tx, switchId, id);
        const network = await switchStore(tx.db).findForUpdate(switchId);
        const after = changedPortGroup(group, request, network?.vlanPools ?? []);
        if (hasOtherVlans(group, after)) {
          const active = await portGroupStore(tx.db).activeVms(id);
          if (active > 0) throw networkErrors.runningVms(id, active);
        }
        return tasks.submit(tx.client, modifyPortGroup, {
          input: { portGroupId: id, switchId, after },
          entity: { urn: portGroupLock(id), name: group.name },
          user: actor.userName,
          locks: [portGroupLock(id)],
          attributes: { switchId },
        });
      });
    },

    async remove(actor: Actor, switchId: number, id: number) {
      return begin(id, async (tx) => {
        const group = await getOn(tx, switchId, id);
        if (group.nicCount > 0) throw networkErrors.portGroupInUse(id, group.nicCount);
        return tasks.submit(tx.client, deletePortGroup, {
          input: { portGroupId: id },
          entity: { urn: portGroupLock(id), name: group.name },
          user: actor.userName,
          locks: [portGroupLock(id)],
          attributes: { switchId },
        });
      });
    },
  };
}
export type PortGroupService = ReturnType<typeof createPortGroupService>;

async function getOn(tx: Pick<Tx, "db">, switchId: number, id: number): Promise<PortGroupView> {
  if (!(await switchStore(tx.db).find(switchId))) throw networkErrors.switchMissing(switchId);
  const group = await portGroupStore(tx.db).find(id);
  if (!group) throw networkErrors.portGroupMissing(id);
  if (group.switchId !== switchId) throw networkErrors.portGroupElsewhere(id);
  return group;
}

function filterFrom(request: QueryPortGroupsRequest, siteId: string): PortGroupFilter {
  if (request.pgurns && request.pgurns.length > 0) {
    return {
      ids: request.pgurns.map((text) => {
        const urn = parseUrn(text);
        const isGroup =
          urn?.siteId === siteId && urn.kind === "dvswitchs" && urn.child?.kind === "portgroups";
        if (!isGroup || !urn.child) throw networkErrors.portGroupUrnInvalid(text);
        return urn.child.id;
      }),
    };
  }
  if (request.dvsurns && request.dvsurns.length > 0) {
    return {
      switchIds: request.dvsurns.map((text) => {
        const urn = parseUrn(text);
        return urn?.siteId === siteId && urn.kind === "dvswitchs" && !urn.child ? (urn.id ?? 0) : 0;
      }),
    };
  }
  return request.names && request.names.length > 0 ? { names: request.names } : {};
}
