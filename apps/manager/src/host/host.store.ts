import type { HostReport } from "@sinter/southbound";
import { and, asc, count, eq, inArray, isNull, or, type SQL, sql } from "drizzle-orm";
import { clusters } from "../cluster/cluster.table.ts";
import type { Db } from "../database/database.ts";
import { contains } from "../database/like.ts";
import type { Page } from "../http/query.ts";
import { switchHosts } from "../network/network.table.ts";
import { datastoreHosts } from "../storage/datastore.table.ts";
import type { EnrolledHost, Host, HostStatus, HostView } from "./host.ts";
import { hosts } from "./host.table.ts";

export interface HostFilter {
  /** Substrings, any case. */
  readonly name?: string;
  readonly hostname?: string;
  readonly address?: string;
  readonly ids?: readonly number[];
  readonly status?: HostStatus;
  /** null: hosts directly below the site. */
  readonly clusterId?: number | null;
  /** Linked to this datastore. */
  readonly datastoreId?: number;
  /** Carrying this switch. */
  readonly switchId?: number;
  /** Nothing can match. */
  readonly isNone?: boolean;
}

export function hostStore(db: Db) {
  const conditions = (filter: HostFilter): SQL | undefined =>
    and(
      filter.isNone ? sql`false` : undefined,
      filter.name === undefined ? undefined : contains(hosts.name, filter.name),
      filter.hostname === undefined
        ? undefined
        : contains(sql`(${hosts.report}->>'hostname')`, filter.hostname),
      filter.address === undefined ? undefined : contains(hosts.address, filter.address),
      filter.ids === undefined ? undefined : inArray(hosts.id, [...filter.ids]),
      filter.status === undefined ? undefined : eq(hosts.status, filter.status),
      filter.clusterId === undefined
        ? undefined
        : filter.clusterId === null
          ? isNull(hosts.clusterId)
          : eq(hosts.clusterId, filter.clusterId),
      filter.datastoreId === undefined
        ? undefined
        : inArray(
            hosts.id,
            db
              .select({ id: datastoreHosts.hostId })
              .from(datastoreHosts)
              .where(eq(datastoreHosts.datastoreId, filter.datastoreId)),
          ),
      filter.switchId === undefined
        ? undefined
        : inArray(
            hosts.id,
            db
              .select({ id: switchHosts.hostId })
              .from(switchHosts)
              .where(eq(switchHosts.switchId, filter.switchId)),
          ),
    );

  return {
    async find(id: number): Promise<Host | undefined> {
      return (await db.select().from(hosts).where(eq(hosts.id, id)))[0];
    },

    async findByUuid(uuid: string): Promise<Host | undefined> {
      return (await db.select().from(hosts).where(eq(hosts.uuid, uuid)))[0];
    },

    /** With the name of the cluster: a read model over two tables. In the order in which they joined. */
    async list(filter: HostFilter, page: Page): Promise<{ total: number; items: HostView[] }> {
      const where = conditions(filter);
      const total = (await db.select({ n: count() }).from(hosts).where(where))[0]?.n ?? 0;
      let query = db
        .select({ host: hosts, clusterName: clusters.name })
        .from(hosts)
        .leftJoin(clusters, eq(clusters.id, hosts.clusterId))
        .where(where)
        .orderBy(asc(hosts.id))
        .$dynamic();
      if (page.limit !== undefined) query = query.limit(page.limit).offset(page.offset);
      const rows = await query;
      return { total, items: rows.map((row) => ({ ...row.host, clusterName: row.clusterName ?? "" })) };
    },

    async countByStatus(clusterId?: number): Promise<Map<HostStatus, number>> {
      const rows = await db
        .select({ status: hosts.status, n: count() })
        .from(hosts)
        .where(conditions(clusterId === undefined ? {} : { clusterId }))
        .groupBy(hosts.status);
      return new Map(rows.map((row) => [row.status, row.n]));
    },

    /** What the fleet needs to reach them; all when `ids` is absent. */
    async enrolled(ids?: readonly number[]): Promise<EnrolledHost[]> {
      return db
        .select({
          id: hosts.id,
          uuid: hosts.uuid,
          address: hosts.address,
          port: hosts.port,
          status: hosts.status,
        })
        .from(hosts)
        .where(ids === undefined ? undefined : inArray(hosts.id, [...ids]))
        .orderBy(asc(hosts.id));
    },

    async isAddressUsed(address: string): Promise<boolean> {
      const rows = await db.select({ id: hosts.id }).from(hosts).where(eq(hosts.address, address)).limit(1);
      return rows.length > 0;
    },

    async allIds(): Promise<number[]> {
      const rows = await db.select({ id: hosts.id }).from(hosts).orderBy(asc(hosts.id));
      return rows.map((row) => row.id);
    },

    async insert(host: NewHost): Promise<void> {
      await db.insert(hosts).values(host);
    },

    async update(id: number, change: HostChange): Promise<boolean> {
      if (Object.keys(change).length === 0) return true;
      const rows = await db.update(hosts).set(change).where(eq(hosts.id, id)).returning({ id: hosts.id });
      return rows.length > 0;
    },

    /** Moves those that are in one of `from`; answers the ids that moved. */
    async setStatus(
      ids: readonly number[],
      from: readonly HostStatus[],
      to: HostStatus,
      options: { reason: string; at: Date },
    ): Promise<number[]> {
      if (ids.length === 0) return [];
      const rows = await db
        .update(hosts)
        .set({ status: to, statusReason: options.reason, statusSince: options.at })
        .where(
          and(
            inArray(hosts.id, [...ids]),
            or(
              inArray(hosts.status, [...from]),
              and(eq(hosts.status, to), sql`${hosts.statusReason} <> ${options.reason}`),
            ),
          ),
        )
        .returning({ id: hosts.id });
      return rows.map((row) => row.id);
    },

    async saveReport(id: number, report: HostReport, at: Date): Promise<void> {
      await db.update(hosts).set({ report, lastSeenAt: at }).where(eq(hosts.id, id));
    },

    async touch(ids: readonly number[], at: Date): Promise<void> {
      if (ids.length === 0) return;
      await db
        .update(hosts)
        .set({ lastSeenAt: at })
        .where(inArray(hosts.id, [...ids]));
    },

    /** False when it was (or was not) in maintenance mode already, or is in none of the states. */
    async setMaintaining(
      id: number,
      isMaintaining: boolean,
      states: readonly HostStatus[],
    ): Promise<boolean> {
      const rows = await db
        .update(hosts)
        .set({ isMaintaining })
        .where(
          and(eq(hosts.id, id), eq(hosts.isMaintaining, !isMaintaining), inArray(hosts.status, [...states])),
        )
        .returning({ id: hosts.id });
      return rows.length > 0;
    },

    /** Its links to datastores and switches and its pending cleanups go with it. */
    async remove(id: number): Promise<void> {
      await db.delete(hosts).where(eq(hosts.id, id));
    },
  };
}
export type HostStore = ReturnType<typeof hostStore>;

export type NewHost = typeof hosts.$inferInsert;
export type HostChange = Partial<
  Pick<Host, "name" | "description" | "clusterId" | "address" | "port" | "settings" | "certificateNotAfter">
>;
