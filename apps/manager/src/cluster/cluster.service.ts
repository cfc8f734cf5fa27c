import { type Clock, systemClock } from "@sinter/kit";
import { type CreateClusterRequest, type ModifyClusterRequest, parseUrn } from "@sinter/northbound";
import { isSupportedOn, LIMITS, type VmState } from "@sinter/rules";
import { type Database, pgCode, type Tx, violatedConstraint } from "../database/database.ts";
import { nextId } from "../database/ids.ts";
import { usageStore } from "../host/usage.store.ts";
import { type ClusterCapacity, NO_CAPACITY, NO_USAGE, type Usage } from "../host/usage.ts";
import { clusterErrors } from "./cluster.errors.ts";
import { type ClusterFilter, clusterStore } from "./cluster.store.ts";
import type { StoredCluster } from "./cluster.ts";
import { changedSettings, type StoredSettings } from "./cluster-settings.ts";
import { changedRules } from "./drs-rule.ts";

export interface ClusterResources {
  /** Of the hosts that answer. */
  readonly capacity: ClusterCapacity;
  readonly usage: Usage;
}

export interface ClusterServiceParts {
  readonly database: Database;
  readonly siteId: () => string;
  readonly clock?: Clock;
}

export function createClusterService(parts: ClusterServiceParts) {
  const { database } = parts;
  const clock = parts.clock ?? systemClock;

  const get = async (id: number): Promise<StoredCluster> => {
    const cluster = await clusterStore(database.db).find(id);
    if (!cluster) throw clusterErrors.notFound(id);
    return cluster;
  };

  const resourcesOf = async (ids: readonly number[]): Promise<Map<number, ClusterResources>> => {
    const store = usageStore(database.db);
    const [capacities, usages] = await Promise.all([store.capacityOf(ids), store.byCluster(ids)]);
    return new Map(
      ids.map((id) => {
        const capacity = capacities.get(id) ?? NO_CAPACITY;
        return [id, { capacity, usage: usages.get(id) ?? NO_USAGE }];
      }),
    );
  };

  /** Clusters lie directly below the site; other parents are folders, of which there are none. */
  const checkParent = (urn: string | undefined): void => {
    if (urn && parseUrn(urn)?.kind !== undefined) throw clusterErrors.parentMissing(urn);
    if (urn && parseUrn(urn)?.siteId !== parts.siteId()) throw clusterErrors.parentMissing(urn);
  };

  /** Settings after a request, rules included; reads the VMs that rules name. */
  const settingsAfter = async (
    tx: Tx,
    id: number,
    stored: StoredSettings,
    request: CreateClusterRequest | ModifyClusterRequest,
  ): Promise<StoredSettings> => {
    const changed = changedSettings(stored, request);
    if (
      changed.isMemOvercommit &&
      !stored.isMemOvercommit &&
      !isSupportedOn("memoryOvercommit", "aarch64") &&
      (await clusterStore(tx.db).hasArchitecture(id, "aarch64"))
    ) {
      throw clusterErrors.notOnArchitecture("memory overcommit");
    }
    const rules = request.drsSetting?.drsRules ?? [];
    if (rules.length === 0) return changed;
    const ids = rules.flatMap((rule) => (rule.vms ?? []).map((vm) => vmIdOf(vm.urn)));
    const known = await clusterStore(tx.db).vmNames(id, ids);
    const after = changedRules({ rules: stored.rules ?? [], nextIndex: stored.nextRuleIndex ?? 1 }, rules, {
      now: clock.now(),
      vmIdsOf: (urns) =>
        urns.map((urn) => {
          const vmId = vmIdOf(urn);
          if (!known.has(vmId)) throw clusterErrors.ruleVmElsewhere(urn);
          return vmId;
        }),
    });
    return { ...changed, rules: after.rules, nextRuleIndex: after.nextIndex };
  };

  return {
    get,

    list: (filter: ClusterFilter) => clusterStore(database.db).list(filter),

    resourcesOf,

    /** Over all VMs of the cluster by state, running or not. */
    async usageByState(id: number): Promise<Map<VmState, Usage>> {
      return usageStore(database.db).byState(id);
    },

    vmNames: (cluster: StoredCluster) =>
      clusterStore(database.db).vmNames(
        cluster.id,
        (cluster.settings.rules ?? []).flatMap((rule) => rule.vmIds),
      ),

    async create(request: CreateClusterRequest): Promise<number> {
      checkParent(request.parentObjUrn);
      return guarded(request.name, () =>
        database.transaction(async (tx) => {
          const store = clusterStore(tx.db);
          if ((await store.countLocked()) >= LIMITS.clusters) throw clusterErrors.tooMany();
          const id = await nextId(tx.db);
          await store.insert({
            id,
            name: request.name,
            description: request.description ?? "",
            tag: request.tag ?? "",
            settings: await settingsAfter(tx, id, {}, request),
          });
          return id;
        }),
      );
    },

    async modify(id: number, request: ModifyClusterRequest): Promise<void> {
      checkParent(request.parentObjUrn);
      await guarded(request.name ?? "", () =>
        database.transaction(async (tx) => {
          const store = clusterStore(tx.db);
          const cluster = await store.findForUpdate(id);
          if (!cluster) throw clusterErrors.notFound(id);
          await store.update(id, {
            ...(request.name === undefined ? {} : { name: request.name }),
            ...(request.description === undefined ? {} : { description: request.description }),
            ...(request.tag === undefined ? {} : { tag: request.tag }),
            settings: await settingsAfter(tx, id, cluster.settings, request),
          });
        }),
      );
    },

    async remove(id: number): Promise<void> {
      const usage = usageStore(database.db);
      const store = clusterStore(database.db);
      if ((await usage.vmsIn(id)) > 0) throw clusterErrors.hasVms(id);
      if ((await store.hostCount(id)) > 0) throw clusterErrors.hasHosts(id);
      try {
        if (!(await store.remove(id))) throw clusterErrors.notFound(id);
      } catch (error) {
        // Something came in between the look and the act; the foreign keys noticed.
        if (pgCode(error) === "23503") {
          throw (await usage.vmsIn(id)) > 0 ? clusterErrors.hasVms(id) : clusterErrors.hasHosts(id);
        }
        throw error;
      }
    },
  };
}
export type ClusterService = ReturnType<typeof createClusterService>;

function vmIdOf(urn: string): number {
  const parsed = parseUrn(urn);
  return parsed?.kind === "vms" && parsed.child === undefined ? (parsed.id ?? 0) : 0;
}

async function guarded<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (violatedConstraint(error) === "clusters_name_unique") throw clusterErrors.nameUsed(name);
    throw error;
  }
}
