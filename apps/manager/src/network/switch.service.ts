import { AppError } from "@sinter/kit";
import {
  type CreateSwitchRequest,
  type HostPortRequest,
  type ModifySwitchRequest,
  parseUrn,
} from "@sinter/northbound";
import { isWithin, LIMITS } from "@sinter/rules";
import type { TaskEngine } from "@sinter/tasks";
import { type Database, pgCode, type Tx } from "../database/database.ts";
import { nextId } from "../database/ids.ts";
import { hostStore } from "../host/host.store.ts";
import { idOfUrn } from "../http/ids.ts";
import type { Actor } from "../identity/user.ts";
import { networkErrors } from "./network.errors.ts";
import type { Switch, VlanPool } from "./network.ts";
import { portGroupStore } from "./port-group.store.ts";
import { removeVlanPools } from "./remove-vlan-pools.task.ts";
import {
  type SwitchFilter,
  type SwitchHostView,
  switchStore,
  type SwitchView,
  type UplinkHost,
} from "./switch.store.ts";
import { poolsWith, poolsWithout } from "./vlan-pool.ts";

export interface SwitchServiceParts {
  readonly database: Database;
  readonly tasks: TaskEngine;
  readonly siteId: () => string;
  /**
   * Hosts have something to make: tells the reconciler, and waits a moment for those that are connected, so that a
   * client that goes on at once finds the switch there.
   */
  readonly applyOn: (hostIds: readonly number[]) => Promise<void>;
}

export function switchLock(id: number): string {
  return `switch:${id}`;
}

export function createSwitchService(parts: SwitchServiceParts) {
  const { database, tasks } = parts;

  const get = async (id: number): Promise<SwitchView> => {
    const network = await switchStore(database.db).find(id);
    if (!network) throw networkErrors.switchMissing(id);
    return network;
  };

  const uplinksFrom = async (
    tx: Tx,
    ports: readonly HostPortRequest[],
  ): Promise<{ hostId: number; uplinks: string[] }[]> => {
    const wanted = new Map<number, string[]>();
    for (const port of ports) {
      const hostId = idOfUrn(port.hostUrn, "hosts", parts.siteId());
      if (hostId === undefined) throw networkErrors.hostMissing(port.hostUrn);
      const names = wanted.get(hostId) ?? [];
      wanted.set(hostId, names);
      if (port.portName) names.push(...splitNames(port.portName));
      else if (port.portUrn) names.push(`#${parseUrn(port.portUrn)?.child?.id ?? 0}`);
    }
    const hosts = await switchStore(tx.db).uplinkHosts([...wanted.keys()]);
    return [...wanted].map(([hostId, names]) => {
      const host = hosts.get(hostId);
      if (!host) throw networkErrors.hostMissing(`hosts:${hostId}`);
      const uplinks = names.map((name) => checkedNic(host, name));
      const twice = uplinks.find((name, index) => uplinks.indexOf(name) !== index);
      if (twice !== undefined) throw networkErrors.uplinkUsed(twice, host.name);
      return { hostId, uplinks };
    });
  };

  return {
    get,

    list: (filter: SwitchFilter) => switchStore(database.db).list(filter),

    hostsOf: (id: number): Promise<SwitchHostView[]> => switchStore(database.db).hostsOf(id),

    portsInUse: (id: number) => switchStore(database.db).portsInUse(id),

    async usedVlans(id: number): Promise<number[]> {
      await get(id);
      return [...(await portGroupStore(database.db).accessVlans(id)).keys()].toSorted((a, b) => a - b);
    },

    async create(request: CreateSwitchRequest): Promise<number> {
      if (request.type) throw networkErrors.switchTypeUnsupported(request.type);
      if (request.vxlanPoolSet && request.vxlanPoolSet.length > 0) throw networkErrors.vxlanUnsupported();
      const mtu = mtuFrom(request.mtu) ?? LIMITS.mtu.min;
      const vlanPools = poolsWith([], request.vlanPoolSet ?? []);
      const coversAllHosts = (request.hostPortSet ?? []).length === 0;
      const made = await database.transaction(async (tx) => {
        const store = switchStore(tx.db);
        if (await store.isNameUsed(request.name)) throw networkErrors.switchNameUsed(request.name);
        const id = await nextId(tx.db);
        const { name, description = "" } = request;
        await store.insert({ id, name, description, mtu, coversAllHosts, vlanPools });
        if (coversAllHosts) await store.cover(await hostStore(tx.db).allIds());
        else await store.addHosts(id, await uplinksFrom(tx, request.hostPortSet ?? []));
        return { id, hostIds: await store.hostIdsOf(id) };
      });
      await parts.applyOn(made.hostIds);
      return made.id;
    },

    async modify(id: number, request: ModifySwitchRequest): Promise<void> {
      const mtu = mtuFrom(request.mtu);
      const hostIds = await database.transaction(async (tx) => {
        const store = switchStore(tx.db);
        const { name, description } = request;
        if (name !== undefined && (await store.isNameUsed(name, id)))
          throw networkErrors.switchNameUsed(name);
        const network = await locked(tx, id);
        const isForHosts =
          (mtu !== undefined && mtu !== network.mtu) || (name !== undefined && name !== network.name);
        await store.update(
          id,
          {
            ...(name === undefined ? {} : { name }),
            ...(description === undefined ? {} : { description }),
            ...(mtu === undefined ? {} : { mtu }),
          },
          isForHosts,
        );
        return isForHosts ? store.hostIdsOf(id) : [];
      });
      await parts.applyOn(hostIds);
    },

    async remove(id: number): Promise<void> {
      const store = switchStore(database.db);
      const hostIds = await store.hostIdsOf(id);
      try {
        if (!(await store.remove(id))) throw networkErrors.switchMissing(id);
      } catch (error) {
        if (pgCode(error) === "23503") throw networkErrors.switchHasPortGroups(id);
        throw error;
      }
      // Hosts drop what no row stands for.
      await parts.applyOn(hostIds);
    },

    async addVlanPools(id: number, pools: readonly VlanPool[]): Promise<void> {
      await database.transaction(async (tx) => {
        const network = await locked(tx, id);
        if (pools.length === 0) throw networkErrors.poolMissing();
        await switchStore(tx.db).update(id, { vlanPools: poolsWith(network.vlanPools, pools) }, false);
      });
    },

    async removeVlanPools(actor: Actor, id: number, pools: readonly VlanPool[]): Promise<number> {
      return database.transaction(async (tx) => {
        const network = await locked(tx, id);
        if (pools.length === 0) throw networkErrors.poolMissing();
        // Said now rather than by a failed task; the task looks again.
        poolsWithout(network.vlanPools, pools, await portGroupStore(tx.db).accessVlans(id));
        return tasks.submit(tx.client, removeVlanPools, {
          input: { switchId: id, pools },
          entity: { urn: switchLock(id), name: network.name },
          user: actor.userName,
          locks: [],
        });
      });
    },

    /** Further hosts carry the switch; a host that every switch of this kind covers anyway gets its NICs. */
    async addHosts(id: number, ports: readonly HostPortRequest[]): Promise<void> {
      const hostIds = await database.transaction(async (tx) => {
        const store = switchStore(tx.db);
        const network = await locked(tx, id);
        const added = await uplinksFrom(tx, ports);
        const there = new Map((await store.hostsOf(id)).map((host) => [host.hostId, host]));
        for (const { hostId } of added) {
          const host = there.get(hostId);
          if (!host) continue;
          const isBare = network.coversAllHosts && host.uplinks.length === 0;
          if (!isBare) throw networkErrors.hostTwice(host.hostName);
          await store.removeHosts(id, [hostId]);
        }
        await store.addHosts(id, added);
        await store.update(id, {}, true);
        return store.hostIdsOf(id);
      });
      await parts.applyOn(hostIds);
    },

    async removeHosts(id: number, ports: readonly HostPortRequest[]): Promise<void> {
      const gone = await database.transaction(async (tx) => {
        const store = switchStore(tx.db);
        const network = await locked(tx, id);
        const there = new Map((await store.hostsOf(id)).map((host) => [host.hostId, host]));
        const ids: number[] = [];
        for (const { hostUrn } of ports) {
          const host = there.get(idOfUrn(hostUrn, "hosts", parts.siteId()) ?? 0);
          if (!host) throw networkErrors.hostNotOnSwitch(hostUrn.slice(0, 96));
          if ((await store.portsInUse(id, [host.hostId])) > 0)
            throw networkErrors.hostHasPorts(host.hostName);
          ids.push(host.hostId);
        }
        await store.removeHosts(id, ids);
        // A switch that covers all hosts comes back to it, without the NIC.
        if (network.coversAllHosts) await store.cover(ids);
        await store.update(id, {}, true);
        return [...new Set([...ids, ...(await store.hostIdsOf(id))])];
      });
      await parts.applyOn(gone);
    },
  };
}
export type SwitchService = ReturnType<typeof createSwitchService>;

async function locked(tx: Tx, id: number): Promise<Switch> {
  const network = await switchStore(tx.db).findForUpdate(id);
  if (!network) throw networkErrors.switchMissing(id);
  return network;
}

function splitNames(text: string): string[] {
  return text
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
}

/** `#3` names the third NIC, as in the URN of an uplink. */
function checkedNic(host: UplinkHost & { used: ReadonlySet<string> }, name: string): string {
  const byNumber = /^#(\d+)$/.exec(name)?.[1];
  const nic = byNumber ? host.nics[Number(byNumber) - 1] : host.nics.find((n) => n.name === name);
  if (!nic) {
    throw networkErrors.uplinkMissing(
      name,
      host.name,
      host.nics.map((n) => n.name),
    );
  }
  if (host.used.has(nic.name)) throw networkErrors.uplinkUsed(nic.name, host.name);
  if (nic.addresses.some((address) => address.split("/")[0] === host.address)) {
    throw networkErrors.uplinkIsManagement(nic.name, host.name);
  }
  return nic.name;
}

/** NET-25. 0 and 1 are how older releases wrote the ends of the range. */
function mtuFrom(given: number | undefined): number | undefined {
  if (given === undefined) return undefined;
  const mtu = given === 0 ? LIMITS.mtu.min : given === 1 ? LIMITS.mtu.max : given;
  if (!isWithin(mtu, LIMITS.mtu)) throw networkErrors.mtuInvalid(mtu);
  return mtu;
}

export function isBusy(error: unknown): boolean {
  return error instanceof AppError && error.code === "OBJECT_BUSY";
}
