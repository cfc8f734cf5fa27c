import { AppError, type Log } from "@sinter/kit";
import type { CreateHostRequest, ModifyHostRequest } from "@sinter/northbound";
import type { TaskDefinition, TaskEngine } from "@sinter/tasks";
import type { VmObservation } from "@sinter/southbound";
import { clusterStore } from "../cluster/cluster.store.ts";
import type { Database, Tx } from "../database/database.ts";
import { idOfUrn } from "../http/ids.ts";
import type { Page } from "../http/query.ts";
import type { Actor } from "../identity/user.ts";
import { datastoreStore } from "../storage/datastore.store.ts";
import { deleteHost, type DeleteHostInput } from "./delete-host.task.ts";
import { hostErrors } from "./host.errors.ts";
import type { HostPorts } from "./host.ports.ts";
import { type HostChange, type HostFilter, hostStore } from "./host.store.ts";
import { type Host, type HostSettings, type HostStatus, type HostView, MAINTENANCE_STATES } from "./host.ts";
import { modifyHost, type ModifyHostInput } from "./modify-host.task.ts";
import { usageStore } from "./usage.store.ts";
import type { Usage } from "./usage.ts";

export interface HostServiceParts {
  readonly database: Database;
  readonly tasks: TaskEngine;
  readonly siteId: () => string;
  readonly log: Log;
  /** Domains on a host that no VM of ours stands for. */
  readonly unmanagedOn: (hostId: number) => Promise<VmObservation[]>;
}

/** Lock that every task about a host holds. */
export function hostLock(id: number): string {
  return `host:${id}`;
}

export function createHostService(parts: HostServiceParts) {
  const { database, tasks, log } = parts;

  const get = async (id: number): Promise<HostView> => {
    const { items } = await hostStore(database.db).list({ ids: [id] }, { limit: 1, offset: 0 });
    const host = items[0];
    if (!host) throw hostErrors.notFound(id);
    return host;
  };

  const clusterIdOf = async (urn: string, tx: Pick<Tx, "db">): Promise<number> => {
    const id = idOfUrn(urn, "clusters", parts.siteId());
    if (id === undefined || !(await clusterStore(tx.db).find(id))) throw hostErrors.clusterMissing(urn);
    return id;
  };

  /** Writes and task in one transaction; the task begins when it is committed. */
  const begin = (work: (tx: Tx) => Promise<number>): Promise<number> =>
    asHostBusy(() => database.transaction(work));

  const submit = <Input>(
    tx: Tx,
    actor: Actor,
    definition: TaskDefinition<Input, HostPorts>,
    host: Host,
    input: Input,
  ): Promise<number> =>
    tasks.submit(tx.client, definition, {
      input,
      entity: { urn: hostLock(host.id), name: host.name },
      user: actor.userName,
      locks: [hostLock(host.id)],
    });

  return {
    get,

    list: (filter: HostFilter, page: Page) => hostStore(database.db).list(filter, page),

    /** VMs with an ISO file in their drive. */
    isoVmsOf: (ids: readonly number[]): Promise<Map<number, number[]>> =>
      usageStore(database.db).isoVmsByHost(ids),

    usageOf: (ids: readonly number[]): Promise<Map<number, Usage>> => usageStore(database.db).byHost(ids),

    countByStatus: async (scope: string | undefined): Promise<Map<HostStatus, number>> => {
      const isSite = scope === undefined || scope === `urn:sites:${parts.siteId()}`;
      const clusterId = isSite ? undefined : await clusterIdOf(scope, database);
      return hostStore(database.db).countByStatus(clusterId);
    },

    /** Hosts join by themselves; this refuses in a way that tells the caller how. */
    async create(request: CreateHostRequest): Promise<never> {
      if (request.clusterUrn) await clusterIdOf(request.clusterUrn, database);
      const isUsed = await hostStore(database.db).isAddressUsed(request.ip);
      throw isUsed ? hostErrors.addressUsed(request.ip) : hostErrors.joinsByToken(request.ip);
    },

    async modify(actor: Actor, id: number, request: ModifyHostRequest): Promise<number> {
      return begin(async (tx) => {
        const host = await hostStore(tx.db).find(id);
        if (!host) throw hostErrors.notFound(id);
        const input: ModifyHostInput = { hostId: id, change: changeFrom(host, request) };
        return submit(tx, actor, modifyHost, host, input);
      });
    },

    /** From now on no VM is placed there. By force its VMs lose their home; without, there may be none. */
    async remove(actor: Actor, id: number, isForce: boolean): Promise<number> {
      return begin(async (tx) => {
        const host = await hostStore(tx.db).find(id);
        if (!host) throw hostErrors.notFound(id);
        if (!isForce) await refuseInUse(tx, id);
        await hostStore(tx.db).setMaintaining(id, true, [host.status]);
        const input: DeleteHostInput = { hostId: id, isForce, wasMaintaining: host.isMaintaining };
        return submit(tx, actor, deleteHost, host, input);
      });
    },

    /** Only keeps new VMs away; moving those that are there is an operation of its own (contract, section 5). */
    async enterMaintenance(id: number): Promise<void> {
      if (await hostStore(database.db).setMaintaining(id, true, MAINTENANCE_STATES)) {
        log.info({ hostId: id }, "a host entered maintenance mode");
        return;
      }
      const host = await get(id);
      if (host.isMaintaining) throw hostErrors.maintainingAlready(id);
      throw hostErrors.wrongStatus(id, host.status, MAINTENANCE_STATES);
    },

    async exitMaintenance(id: number): Promise<void> {
      const host = await get(id);
      if ((await tasks.lockedBy([hostLock(id)])).size > 0) throw hostErrors.busy(id);
      if (!(await hostStore(database.db).setMaintaining(id, false, [host.status])))
        throw hostErrors.notMaintaining(id);
      log.info({ hostId: id }, "a host left maintenance mode");
    },

    /** `clusterUrn` absent: directly below the site. */
    async move(id: number, clusterUrn: string | undefined): Promise<void> {
      await database.transaction(async (tx) => {
        const host = await hostStore(tx.db).find(id);
        if (!host) throw hostErrors.notFound(id);
        const clusterId = clusterUrn ? await clusterIdOf(clusterUrn, tx) : null;
        if (clusterId === host.clusterId) throw hostErrors.sameCluster(id);
        // A VM belongs to the cluster it was placed in.
        if ((await usageStore(tx.db).vmsOn(id)) > 0) throw hostErrors.movesWithVms(id);
        await hostStore(tx.db).update(id, { clusterId });
      });
    },

    /** Power goes through the BMC; every reason why it cannot has its own answer. */
    async power(id: number): Promise<never> {
      const { settings } = await get(id);
      if (!settings.bmcIp) throw hostErrors.noBmc(id);
      if (!settings.bmcUserName) throw hostErrors.noBmcUser(id);
      throw hostErrors.noBmcPassword(id);
    },

    async unmanagedVms(id: number): Promise<VmObservation[]> {
      await get(id);
      return parts.unmanagedOn(id);
    },
  };
}
export type HostService = ReturnType<typeof createHostService>;

async function refuseInUse(tx: Tx, id: number): Promise<void> {
  const vms = await usageStore(tx.db).vmsOn(id);
  if (vms > 0) throw hostErrors.hasVms(id, vms);
  const sole = await datastoreStore(tx.db).soleWithVolumes(id);
  if (sole !== undefined) throw hostErrors.hasVolumes(id, sole);
}

async function asHostBusy<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof AppError && error.code === "OBJECT_BUSY") {
      throw hostErrors.busy(numberOf(error.params.urn));
    }
    throw error;
  }
}

/** Of `host:12`. */
function numberOf(urn: unknown): number {
  return typeof urn === "string" ? Number(urn.split(":")[1]) : 0;
}

const NTP_CYCLES = [16, 32, 64, 128, 256, 512, 1024, 2048, 4096];

/** What is asked for against what is there. The BMC password is not kept: nothing here would use it. */
function changeFrom(host: Host, request: ModifyHostRequest): HostChange {
  if (request.hostRealName && request.hostRealName !== host.report.hostname) throw hostErrors.nameNotOurs();
  const settings: HostSettings = { ...host.settings };
  if (request.bmcIp !== undefined) settings.bmcIp = request.bmcIp;
  if (request.bmcUserName !== undefined) settings.bmcUserName = request.bmcUserName;
  if (request.ntpIp1 !== undefined) settings.ntpIp1 = request.ntpIp1;
  if (request.ntpIp2 !== undefined) settings.ntpIp2 = request.ntpIp2;
  if (request.ntpIp3 !== undefined) settings.ntpIp3 = request.ntpIp3;
  if (!settings.ntpIp1 && (settings.ntpIp2 || settings.ntpIp3)) throw hostErrors.ntpNeedsFirst();
  if (request.ntpCycle) {
    if (!NTP_CYCLES.includes(request.ntpCycle)) throw hostErrors.ntpCycle();
    settings.ntpCycle = request.ntpCycle;
  }
  return {
    ...(request.name === undefined ? {} : { name: request.name }),
    ...(request.description === undefined ? {} : { description: request.description }),
    settings,
  };
}
