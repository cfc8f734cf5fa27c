import { and, asc, count, eq, inArray, isNull, type SQL, sql } from "drizzle-orm";
import type { Db } from "../database/database.ts";
import { contains } from "../database/like.ts";
import { hosts } from "../host/host.table.ts";
import type { Page } from "../http/query.ts";
import { datastoreHosts, datastores } from "./datastore.table.ts";
import {
  type Datastore,
  type DatastoreKind,
  type DatastoreLink,
  type DatastoreStatus,
  type DatastoreView,
  type LinkState,
  statusFromLinks,
} from "./datastore.ts";
import { attachments, volumes } from "./volume.table.ts";
import { vms } from "../compute/vm.table.ts";

export interface DatastoreFilter {
  /** Substring, any case. */
  readonly name?: string;
  readonly ids?: readonly number[];
  /** Linked to this host, or to any host of this cluster. */
  readonly hostId?: number;
  readonly clusterId?: number;
  readonly statuses?: readonly DatastoreStatus[];
  /** Of the link to `hostId`. */
  readonly linkStates?: readonly LinkState[];
  readonly kind?: DatastoreKind;
  /** Nothing can match. */
  readonly isNone?: boolean;
}

export function datastoreStore(db: Db) {
  const linkedTo = (where: SQL | undefined): SQL =>
    inArray(
      datastores.id,
      db
        .select({ id: datastoreHosts.datastoreId })
        .from(datastoreHosts)
        .innerJoin(hosts, eq(hosts.id, datastoreHosts.hostId))
        .where(where),
    );

  const conditions = (filter: DatastoreFilter): SQL | undefined =>
    and(
      filter.isNone ? sql`false` : undefined,
      filter.name === undefined ? undefined : contains(datastores.name, filter.name),
      filter.ids === undefined ? undefined : inArray(datastores.id, [...filter.ids]),
      filter.kind === undefined ? undefined : eq(datastores.kind, filter.kind),
      filter.statuses === undefined ? undefined : inArray(datastores.status, [...filter.statuses]),
      filter.clusterId === undefined ? undefined : linkedTo(eq(hosts.clusterId, filter.clusterId)),
      filter.hostId === undefined
        ? undefined
        : linkedTo(
            and(
              eq(hosts.id, filter.hostId),
              filter.linkStates === undefined
                ? undefined
                : inArray(datastoreHosts.state, [...filter.linkStates]),
            ),
          ),
    );

  /** Adds links and promised sizes: a read model over three tables. */
  const view = async (rows: readonly Datastore[]): Promise<DatastoreView[]> => {
    if (rows.length === 0) return [];
    const ids = rows.map((row) => row.id);
    const links = await db
      .select()
      .from(datastoreHosts)
      .where(inArray(datastoreHosts.datastoreId, ids))
      .orderBy(asc(datastoreHosts.hostId));
    const promised = await db
      .select({ id: volumes.datastoreId, bytes: sql<string>`sum(${volumes.sizeBytes})` })
      .from(volumes)
      .where(inArray(volumes.datastoreId, ids))
      .groupBy(volumes.datastoreId);
    const linksOf = Map.groupBy(links, (link) => link.datastoreId);
    const bytesOf = new Map(promised.map((row) => [row.id, Number(row.bytes)]));
    return rows.map((row) => ({
      ...row,
      links: linksOf.get(row.id) ?? [],
      promisedBytes: bytesOf.get(row.id) ?? 0,
    }));
  };

  const linksOf = (id: number): Promise<DatastoreLink[]> =>
    db
      .select()
      .from(datastoreHosts)
      .where(eq(datastoreHosts.datastoreId, id))
      .orderBy(asc(datastoreHosts.hostId));

  /** Brings the status in line with the links, unless a task is at work on it. */
  const settleStatus = async (id: number): Promise<void> => {
    // Of 1,250 links, each of which asks for this each minute, only how they differ is read.
    const states = await db
      .selectDistinct({ state: datastoreHosts.state })
      .from(datastoreHosts)
      .where(eq(datastoreHosts.datastoreId, id));
    const status = statusFromLinks(states);
    await db
      .update(datastores)
      .set({ status })
      .where(
        and(
          eq(datastores.id, id),
          inArray(datastores.status, ["normal", "abnormal", "readOnly"]),
          sql`${datastores.status} <> ${status}`,
        ),
      );
  };

  return {
    linksOf,
    settleStatus,

    async find(id: number): Promise<DatastoreView | undefined> {
      return (await view(await db.select().from(datastores).where(eq(datastores.id, id))))[0];
    },

    async list(filter: DatastoreFilter, page: Page): Promise<{ total: number; items: DatastoreView[] }> {
      const where = conditions(filter);
      const total = (await db.select({ n: count() }).from(datastores).where(where))[0]?.n ?? 0;
      let query = db.select().from(datastores).where(where).orderBy(asc(datastores.id)).$dynamic();
      if (page.limit !== undefined) query = query.limit(page.limit).offset(page.offset);
      return { total, items: await view(await query) };
    },

    /** Whether another datastore has the name. Creations and renamings wait for each other here. */
    async isNameUsed(name: string, exceptId = 0): Promise<boolean> {
      await db.execute(sql`lock table ${datastores} in share row exclusive mode`);
      const rows = await db
        .select({ id: datastores.id })
        .from(datastores)
        .where(and(eq(datastores.name, name), sql`${datastores.id} <> ${exceptId}`));
      return rows.length > 0;
    },

    async insert(
      row: Pick<Datastore, "id" | "name" | "description" | "kind" | "path" | "status">,
      hostIds: readonly number[],
    ): Promise<void> {
      await db.insert(datastores).values(row);
      await this.link(row.id, hostIds);
    },

    async link(id: number, hostIds: readonly number[]): Promise<void> {
      if (hostIds.length === 0) return;
      await db
        .insert(datastoreHosts)
        .values(hostIds.map((hostId) => ({ datastoreId: id, hostId, state: "connecting" as const })))
        .onConflictDoNothing();
    },

    async unlink(id: number, hostId: number): Promise<void> {
      await db
        .delete(datastoreHosts)
        .where(and(eq(datastoreHosts.datastoreId, id), eq(datastoreHosts.hostId, hostId)));
      await settleStatus(id);
    },

    async setLink(
      id: number,
      hostId: number,
      link: { state: LinkState; reason: string; at: Date },
    ): Promise<void> {
      await db
        .update(datastoreHosts)
        .set({ state: link.state, reason: link.reason, observedAt: link.at })
        .where(and(eq(datastoreHosts.datastoreId, id), eq(datastoreHosts.hostId, hostId)));
    },

    /** The first host to take a directory into use decides which file system it is. Answers the one that counts. */
    async claimMarker(id: number, markerId: string): Promise<string> {
      await db
        .update(datastores)
        .set({ markerId })
        .where(and(eq(datastores.id, id), isNull(datastores.markerId)));
      const [row] = await db
        .select({ markerId: datastores.markerId })
        .from(datastores)
        .where(eq(datastores.id, id));
      return row?.markerId ?? markerId;
    },

    async forgetMarker(id: number): Promise<void> {
      await db.update(datastores).set({ markerId: null }).where(eq(datastores.id, id));
    },

    async setSizes(
      id: number,
      sizes: { capacityBytes: number; freeBytes: number; refreshedAt: Date },
    ): Promise<void> {
      await db.update(datastores).set(sizes).where(eq(datastores.id, id));
    },

    async update(id: number, change: Partial<Pick<Datastore, "name" | "description" | "thinRate">>) {
      if (Object.keys(change).length > 0)
        await db.update(datastores).set(change).where(eq(datastores.id, id));
    },

    /** False when it was in none of the states. */
    async setStatus(id: number, from: readonly DatastoreStatus[], to: DatastoreStatus): Promise<boolean> {
      const rows = await db
        .update(datastores)
        .set({ status: to })
        .where(and(eq(datastores.id, id), inArray(datastores.status, [...from])))
        .returning({ id: datastores.id });
      return rows.length > 0;
    },

    /** Foreign-key violation while it has volumes. */
    async remove(id: number): Promise<void> {
      await db.delete(datastores).where(eq(datastores.id, id));
    },

    /** Of volumes that no VM has. */
    async removeVolumes(ids: readonly number[]): Promise<void> {
      if (ids.length > 0) await db.delete(volumes).where(inArray(volumes.id, [...ids]));
    },

    async volumeIds(id: number): Promise<number[]> {
      const rows = await db.select({ id: volumes.id }).from(volumes).where(eq(volumes.datastoreId, id));
      return rows.map((row) => row.id);
    },

    async volumeCount(id: number): Promise<number> {
      return (await db.select({ n: count() }).from(volumes).where(eq(volumes.datastoreId, id)))[0]?.n ?? 0;
    },

    /** Read model: VMs that live on a host of this cluster (or on this host) with a disk on the datastore. */
    async vmsWithDisks(id: number, where: { clusterId: number } | { hostId: number }): Promise<number> {
      const place = "clusterId" in where ? eq(vms.clusterId, where.clusterId) : eq(vms.hostId, where.hostId);
      const [row] = await db
        .select({ n: sql<string>`count(distinct ${vms.id})` })
        .from(vms)
        .innerJoin(attachments, eq(attachments.vmId, vms.id))
        .innerJoin(volumes, eq(volumes.id, attachments.volumeId))
        .where(and(eq(volumes.datastoreId, id), place));
      return Number(row?.n ?? 0);
    },

    /** Datastores that a host should have. */
    async desiredOn(hostId: number): Promise<{ datastore: Datastore; link: DatastoreLink }[]> {
      return db
        .select({ datastore: datastores, link: datastoreHosts })
        .from(datastoreHosts)
        .innerJoin(datastores, eq(datastores.id, datastoreHosts.datastoreId))
        .where(and(eq(datastoreHosts.hostId, hostId), sql`${datastores.status} <> 'deleting'`))
        .orderBy(asc(datastores.id));
    },

    async datastoresOf(hostId: number): Promise<number[]> {
      const rows = await db
        .select({ id: datastoreHosts.datastoreId })
        .from(datastoreHosts)
        .where(eq(datastoreHosts.hostId, hostId));
      return rows.map((row) => row.id);
    },

    /** Those that some host reaches. */
    async connected(): Promise<number[]> {
      const rows = await db
        .selectDistinct({ id: datastoreHosts.datastoreId })
        .from(datastoreHosts)
        .where(eq(datastoreHosts.state, "connected"));
      return rows.map((row) => row.id);
    },

    /** Of these ids, those that name a datastore. */
    async existing(ids: readonly number[]): Promise<Set<number>> {
      if (ids.length === 0) return new Set();
      const rows = await db
        .select({ id: datastores.id })
        .from(datastores)
        .where(inArray(datastores.id, [...ids]));
      return new Set(rows.map((row) => row.id));
    },

    /** Name of a datastore with volumes that only this host reaches. */
    async soleWithVolumes(hostId: number): Promise<string | undefined> {
      const result = await db.execute<{ name: string }>(sql`
        select d.name from ${datastores} d
        join ${datastoreHosts} h on h.datastore_id = d.id and h.host_id = ${hostId}
        where exists (select 1 from ${volumes} v where v.datastore_id = d.id)
          and not exists (select 1 from ${datastoreHosts} o where o.datastore_id = d.id and o.host_id <> ${hostId})
        order by d.id limit 1`);
      return result.rows[0]?.name;
    },

    /** A host leaves: its links go, and what nobody else reaches is abnormal. */
    async onHostGone(hostId: number): Promise<void> {
      const ids = await this.datastoresOf(hostId);
      for (const id of ids) await this.unlink(id, hostId);
    },

    async hostIdsOf(ids: readonly number[]): Promise<Set<number>> {
      if (ids.length === 0) return new Set();
      const rows = await db
        .select({ id: hosts.id })
        .from(hosts)
        .where(inArray(hosts.id, [...ids]));
      return new Set(rows.map((row) => row.id));
    },
  };
}
export type DatastoreStore = ReturnType<typeof datastoreStore>;
