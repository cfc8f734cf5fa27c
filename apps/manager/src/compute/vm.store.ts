import { and, asc, count, desc, eq, exists, ilike, inArray, or, type SQL, sql } from "drizzle-orm";
import type { PgColumn } from "drizzle-orm/pg-core";
import type { VmState } from "@sinter/rules";
import type { GuestObservation } from "@sinter/southbound";
import { clusters } from "../cluster/cluster.table.ts";
import type { Db } from "../database/database.ts";
import { hosts } from "../host/host.table.ts";
import type { Page } from "../http/query.ts";
import { portGroups } from "../network/network.table.ts";
import { escapeLike } from "../storage/volume.store.ts";
import { attachments, volumes } from "../storage/volume.table.ts";
import type { Nic, Vm, VmDisk, VmSummary, WholeVm } from "./vm.ts";
import { nics, vms } from "./vm.table.ts";

export interface VmFilter {
  readonly name?: string;
  readonly description?: string;
  readonly groupLabel?: string;
  readonly isTemplate?: boolean;
  readonly isLinkClone?: boolean;
  readonly states?: readonly VmState[];
  readonly uuid?: string;
  readonly externalUuid?: string;
  /** Part of the wire id, any case. */
  readonly wireIdPart?: string;
  readonly ids?: readonly number[];
  readonly ip?: string;
  readonly mac?: string;
  readonly toolsRunning?: boolean;
  readonly clusterId?: number;
  readonly hostId?: number;
  readonly datastoreId?: number;
  readonly volumeId?: number;
  readonly switchId?: number;
  readonly portGroupId?: number;
  /** Nothing can match: the client asked for a scope that holds no VMs. */
  readonly isNone?: boolean;
}

export interface VmOrder {
  readonly field: "name" | "status" | "id";
  readonly isDescending: boolean;
}

/** Columns that a list without details needs. */
export type VmIdentity = Pick<Vm, "id" | "uuid" | "name" | "state" | "isTemplate">;

/** All that a VM's summary depends on. */
export interface VmVersion {
  readonly id: number;
  /** Of its row: the transaction that wrote it last. Who changes a VM's NICs changes its row as well. */
  readonly version: string;
  readonly hostName: string | null;
  readonly clusterName: string | null;
}

export function vmStore(db: Db) {
  /**
   * Rows as the driver reads them, columns in order: for lists of all VMs, where what the query builder does for each
   * row is most of the time.
   */
  const readPlain = async <Row extends unknown[]>(query: { toSQL(): { sql: string; params: unknown[] } }) => {
    const { sql: text, params: values } = query.toSQL();
    return (await db.$client.query({ text, values, rowMode: "array" })).rows as Row[];
  };

  /** Whoever changes NICs goes through this: lists know a VM's summary as changed by its row. */
  const touch = async (id: number): Promise<void> => {
    await db
      .update(vms)
      .set({ generation: sql`${vms.generation}` })
      .where(eq(vms.id, id));
  };

  const contains = (column: typeof vms.name | typeof vms.description, text: string): SQL =>
    ilike(column, `%${escapeLike(text)}%`);

  const conditions = (filter: VmFilter): SQL | undefined =>
    and(
      filter.isNone ? sql`false` : undefined,
      filter.name === undefined ? undefined : contains(vms.name, filter.name),
      filter.description === undefined ? undefined : contains(vms.description, filter.description),
      filter.groupLabel === undefined
        ? undefined
        : ilike(vms.groupLabel, `%${escapeLike(filter.groupLabel)}%`),
      filter.isTemplate === undefined ? undefined : eq(vms.isTemplate, filter.isTemplate),
      filter.isLinkClone === undefined ? undefined : eq(vms.isLinkClone, filter.isLinkClone),
      filter.states === undefined ? undefined : inArray(vms.state, [...filter.states]),
      filter.uuid === undefined ? undefined : sql`${vms.uuid}::text = ${filter.uuid.toLowerCase()}`,
      filter.externalUuid === undefined ? undefined : eq(vms.externalUuid, filter.externalUuid),
      filter.wireIdPart === undefined
        ? undefined
        : sql`('i-' || lpad(upper(to_hex(${vms.id})), 8, '0')) ilike ${`%${escapeLike(filter.wireIdPart)}%`}`,
      filter.ids === undefined ? undefined : inArray(vms.id, [...filter.ids]),
      filter.ip === undefined
        ? undefined
        : sql`${vms.guest}->>'addresses' ilike ${`%${escapeLike(filter.ip)}%`}`,
      filter.toolsRunning === undefined
        ? undefined
        : sql`coalesce(${vms.guest}->>'agent' = 'running', false) = ${filter.toolsRunning}`,
      filter.clusterId === undefined ? undefined : eq(vms.clusterId, filter.clusterId),
      filter.hostId === undefined ? undefined : eq(vms.hostId, filter.hostId),
      filter.mac === undefined ? undefined : existsNic(ilike(nics.mac, `%${escapeLike(filter.mac)}%`)),
      filter.portGroupId === undefined ? undefined : existsNic(eq(nics.portGroupId, filter.portGroupId)),
      filter.switchId === undefined
        ? undefined
        : existsNic(
            inArray(
              nics.portGroupId,
              db
                .select({ id: portGroups.id })
                .from(portGroups)
                .where(eq(portGroups.switchId, filter.switchId)),
            ),
          ),
      filter.volumeId === undefined ? undefined : existsDisk(eq(attachments.volumeId, filter.volumeId)),
      filter.datastoreId === undefined
        ? undefined
        : existsDisk(
            inArray(
              attachments.volumeId,
              db.select({ id: volumes.id }).from(volumes).where(eq(volumes.datastoreId, filter.datastoreId)),
            ),
          ),
    );

  const existsNic = (where: SQL): SQL =>
    exists(
      db
        .select({ one: sql`1` })
        .from(nics)
        .where(and(eq(nics.vmId, vms.id), where)),
    );
  const existsDisk = (where: SQL): SQL =>
    exists(
      db
        .select({ one: sql`1` })
        .from(attachments)
        .where(and(eq(attachments.vmId, vms.id), where)),
    );

  const orderBy = (order: VmOrder): SQL[] => {
    const column = order.field === "name" ? vms.name : order.field === "status" ? vms.state : vms.id;
    return [order.isDescending ? desc(column) : asc(column), asc(vms.id)];
  };

  /**
   * The rows of a page by their ids, which an index alone gives: PostgreSQL would read and compute all columns of the
   * rows before the page as well, which takes long for the last page of 20,000.
   */
  const pageOf = (filter: VmFilter, page: Page, order: VmOrder): SQL | undefined => {
    if (page.limit === undefined) return conditions(filter);
    const ids = db
      .select({ id: vms.id })
      .from(vms)
      .where(conditions(filter))
      .orderBy(...orderBy(order))
      .limit(page.limit)
      .offset(page.offset);
    return inArray(vms.id, ids);
  };

  const disksOf = async (ids: readonly number[]): Promise<Map<number, VmDisk[]>> => {
    const rows = await db
      .select({ link: attachments, volume: volumes })
      .from(attachments)
      .innerJoin(volumes, eq(volumes.id, attachments.volumeId))
      .where(isOneOf(attachments.vmId, ids))
      .orderBy(asc(attachments.slot));
    const result = new Map<number, VmDisk[]>();
    for (const { link, volume } of rows) {
      push(result, link.vmId, { volume, bus: link.bus, slot: link.slot });
    }
    return result;
  };

  const nicsOf = async (ids: readonly number[]): Promise<Map<number, Nic[]>> => {
    const query = db.select().from(nics).where(isOneOf(nics.vmId, ids)).orderBy(asc(nics.index));
    const result = new Map<number, Nic[]>();
    for (const row of await query) push(result, row.vmId, row);
    return result;
  };

  const macsOf = async (ids: readonly number[]): Promise<Map<number, Pick<Nic, "index" | "mac">[]>> => {
    const query = db
      .select({ vmId: nics.vmId, index: nics.index, mac: nics.mac })
      .from(nics)
      .where(isOneOf(nics.vmId, ids))
      .orderBy(asc(nics.vmId), asc(nics.index));
    const result = new Map<number, Pick<Nic, "index" | "mac">[]>();
    for (const { vmId, index, mac } of await query) push(result, vmId, { index, mac });
    return result;
  };

  return {
    async find(id: number): Promise<Vm | undefined> {
      return (await db.select().from(vms).where(eq(vms.id, id)))[0];
    },

    async findWhole(id: number): Promise<WholeVm | undefined> {
      const vm = await this.find(id);
      if (!vm) return undefined;
      const [nicMap, diskMap] = [await nicsOf([id]), await disksOf([id])];
      return { vm, nics: nicMap.get(id) ?? [], disks: diskMap.get(id) ?? [] };
    },

    async count(filter: VmFilter): Promise<number> {
      return (await db.select({ n: count() }).from(vms).where(conditions(filter)))[0]?.n ?? 0;
    },

    /** What a list of detail 0 shows. */
    async listIdentities(filter: VmFilter, page: Page, order: VmOrder): Promise<VmIdentity[]> {
      const query = db
        .select({ id: vms.id, uuid: vms.uuid, name: vms.name, state: vms.state, isTemplate: vms.isTemplate })
        .from(vms)
        .where(pageOf(filter, page, order))
        .orderBy(...orderBy(order));
      const rows = await readPlain<[string, string, string, VmState, boolean]>(query);
      return rows.map(([id, uuid, name, state, isTemplate]) => ({
        id: Number(id),
        uuid,
        name,
        state,
        isTemplate,
      }));
    },

    /** What tells whether a summary that was made earlier is still true. */
    async listVersions(filter: VmFilter, page: Page, order: VmOrder): Promise<VmVersion[]> {
      const query = db
        .select({
          id: vms.id,
          version: sql`${vms}.xmin::text`,
          hostName: hosts.name,
          clusterName: clusters.name,
        })
        .from(vms)
        .leftJoin(hosts, eq(hosts.id, vms.hostId))
        .leftJoin(clusters, eq(clusters.id, vms.clusterId))
        .where(pageOf(filter, page, order))
        .orderBy(...orderBy(order));
      const rows = await readPlain<[string, string, string | null, string | null]>(query);
      return rows.map(([id, version, hostName, clusterName]) => ({
        id: Number(id),
        version,
        hostName,
        clusterName,
      }));
    },

    /** What a list of detail 1 shows of these VMs, without the rest of the JSON columns; those that are gone lack. */
    async listSummaries(ids: readonly number[]): Promise<VmSummary[]> {
      if (ids.length === 0) return [];
      const rows = await db.select(summaryColumns).from(vms).where(isOneOf(vms.id, ids));
      const nicMap = await macsOf(ids);
      return rows.map(({ agent, agentVersion, addresses, createdAtMs, ...row }) => ({
        ...row,
        guest: agent === null ? null : { agent, agentVersion, addresses: addresses ?? [] },
        createdAt: new Date(createdAtMs),
        nics: nicMap.get(row.id) ?? [],
      }));
    },

    /** With everything that belongs to them. */
    async listWhole(filter: VmFilter, page: Page, order: VmOrder): Promise<WholeVm[]> {
      const rows = await db
        .select()
        .from(vms)
        .where(pageOf(filter, page, order))
        .orderBy(...orderBy(order));
      if (rows.length === 0) return [];
      const ids = rows.map((row) => row.id);
      const nicMap = await nicsOf(ids);
      const diskMap = await disksOf(ids);
      return rows.map((vm) => ({ vm, nics: nicMap.get(vm.id) ?? [], disks: diskMap.get(vm.id) ?? [] }));
    },

    async countByState(filter: VmFilter): Promise<Map<VmState, number>> {
      const rows = await db
        .select({ state: vms.state, n: count() })
        .from(vms)
        .where(conditions(filter))
        .groupBy(vms.state);
      return new Map(rows.map((row) => [row.state, row.n]));
    },

    async insert(
      vm: Omit<Vm, "guest" | "vnc" | "observedAt" | "createdAt">,
      rows: readonly Nic[],
    ): Promise<void> {
      await db.insert(vms).values(vm);
      if (rows.length > 0) await db.insert(nics).values([...rows]);
    },

    async update(id: number, change: Partial<Omit<Vm, "id" | "uuid">>): Promise<void> {
      await db.update(vms).set(change).where(eq(vms.id, id));
    },

    /** Moves from one of `from` to `to`; false when it was in another state by then. */
    async transition(
      id: number,
      from: readonly VmState[],
      to: VmState,
      change: Partial<Vm> = {},
    ): Promise<boolean> {
      const rows = await db
        .update(vms)
        .set({ ...change, state: to, stateReason: change.stateReason ?? "" })
        .where(and(eq(vms.id, id), inArray(vms.state, [...from])))
        .returning({ id: vms.id });
      return rows.length > 0;
    },

    /** The same for all VMs of a host, in one statement. */
    async transitionOnHost(
      hostId: number,
      from: readonly VmState[],
      to: VmState,
      stateReason: string,
    ): Promise<void> {
      await db
        .update(vms)
        .set({ state: to, stateReason })
        .where(and(eq(vms.hostId, hostId), inArray(vms.state, [...from])));
    },

    async bumpGeneration(id: number): Promise<void> {
      await db
        .update(vms)
        .set({ generation: sql`${vms.generation} + 1` })
        .where(eq(vms.id, id));
    },

    async remove(id: number): Promise<void> {
      await db.delete(vms).where(eq(vms.id, id));
    },

    async findNic(vmId: number, index: number): Promise<Nic | undefined> {
      return (
        await db
          .select()
          .from(nics)
          .where(and(eq(nics.vmId, vmId), eq(nics.index, index)))
      )[0];
    },

    /** Unique violation `nics_mac_unique` when the address is in use. */
    async insertNic(nic: Nic): Promise<void> {
      await db.insert(nics).values(nic);
      await touch(nic.vmId);
    },

    async removeNic(vmId: number, index: number): Promise<void> {
      await db.delete(nics).where(and(eq(nics.vmId, vmId), eq(nics.index, index)));
      await touch(vmId);
    },

    async usedMacs(macs: readonly string[]): Promise<Set<string>> {
      if (macs.length === 0) return new Set();
      const rows = await db
        .select({ mac: nics.mac })
        .from(nics)
        .where(inArray(nics.mac, [...macs]));
      return new Set(rows.map((row) => row.mac));
    },

    /** Ids of VMs that belong to a host, for its reconciler. */
    async onHost(hostId: number): Promise<Vm[]> {
      return db.select().from(vms).where(eq(vms.hostId, hostId)).orderBy(asc(vms.id));
    },

    async byUuids(uuids: readonly string[]): Promise<Vm[]> {
      if (uuids.length === 0) return [];
      return db
        .select()
        .from(vms)
        .where(or(...chunks(uuids).map((chunk) => inArray(vms.uuid, chunk))));
    },
  };
}
export type VmStore = ReturnType<typeof vmStore>;

const summaryColumns = {
  id: vms.id,
  uuid: vms.uuid,
  name: vms.name,
  description: vms.description,
  groupLabel: vms.groupLabel,
  clusterId: vms.clusterId,
  hostId: vms.hostId,
  isBoundToHost: vms.isBoundToHost,
  isTemplate: vms.isTemplate,
  isLinkClone: vms.isLinkClone,
  state: vms.state,
  stateReason: vms.stateReason,
  agent: sql<GuestObservation["agent"] | null>`${vms.guest}->>'agent'`,
  agentVersion: sql<string | null>`${vms.guest}->>'agentVersion'`,
  addresses: sql<GuestObservation["addresses"] | null>`${vms.guest}->'addresses'`,
  secureVmType: sql<string>`coalesce(${vms.properties}->'others'->>'secureVmType', '')`,
  hasCd: sql<boolean>`${vms.cdrom} is not null`,
  createdAtMs: sql<number>`(extract(epoch from ${vms.createdAt}) * 1000)::float8`,
};

/** One array is one parameter, where `in` would make one of each of 20,000 ids. */
function isOneOf(column: PgColumn, ids: readonly number[]): SQL {
  return sql`${column} = any(${sql.param([...ids])}::bigint[])`;
}

function push<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const there = map.get(key);
  if (there) there.push(value);
  else map.set(key, [value]);
}

function chunks(items: readonly string[]): string[][] {
  const result: string[][] = [];
  for (let at = 0; at < items.length; at += 1000) result.push(items.slice(at, at + 1000));
  return result;
}
