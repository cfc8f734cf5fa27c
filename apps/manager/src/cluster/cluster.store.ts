import { and, asc, count, eq, inArray, type SQL, sql } from "drizzle-orm";
import { vms } from "../compute/vm.table.ts";
import type { Db } from "../database/database.ts";
import { contains } from "../database/like.ts";
import { hosts } from "../host/host.table.ts";
import type { StoredCluster } from "./cluster.ts";
import { clusters } from "./cluster.table.ts";

export interface ClusterFilter {
  /** Substring, any case. */
  readonly name?: string;
  readonly tag?: string;
  readonly ids?: readonly number[];
  /** Nothing can match. */
  readonly isNone?: boolean;
}

export function clusterStore(db: Db) {
  return {
    async find(id: number): Promise<StoredCluster | undefined> {
      return (await db.select().from(clusters).where(eq(clusters.id, id)))[0];
    },

    /** Held until the transaction ends, so that two changes of one cluster do not overwrite each other. */
    async findForUpdate(id: number): Promise<StoredCluster | undefined> {
      return (await db.select().from(clusters).where(eq(clusters.id, id)).for("update"))[0];
    },

    async list(filter: ClusterFilter): Promise<StoredCluster[]> {
      return db.select().from(clusters).where(conditions(filter)).orderBy(asc(clusters.id));
    },

    /** Two creations wait for each other here, so that the limit holds. */
    async countLocked(): Promise<number> {
      await db.execute(sql`lock table ${clusters} in share row exclusive mode`);
      return (await db.select({ n: count() }).from(clusters))[0]?.n ?? 0;
    },

    async insert(cluster: Omit<StoredCluster, "createdAt">): Promise<void> {
      await db.insert(clusters).values(cluster);
    },

    async update(id: number, change: Partial<Omit<StoredCluster, "id" | "createdAt">>): Promise<void> {
      if (Object.keys(change).length > 0) await db.update(clusters).set(change).where(eq(clusters.id, id));
    },

    async remove(id: number): Promise<boolean> {
      const rows = await db.delete(clusters).where(eq(clusters.id, id)).returning({ id: clusters.id });
      return rows.length > 0;
    },

    async hostCount(id: number): Promise<number> {
      return (await db.select({ n: count() }).from(hosts).where(eq(hosts.clusterId, id)))[0]?.n ?? 0;
    },

    /** Whether a host of the cluster has this architecture. */
    async hasArchitecture(id: number, architecture: "x86_64" | "aarch64"): Promise<boolean> {
      const [row] = await db
        .select({ n: count() })
        .from(hosts)
        .where(and(eq(hosts.clusterId, id), sql`${hosts.report}->>'architecture' = ${architecture}`));
      return (row?.n ?? 0) > 0;
    },

    /** Read model: names of VMs that rules mention, as far as they are of the cluster. */
    async vmNames(id: number, vmIds: readonly number[]): Promise<Map<number, string>> {
      if (vmIds.length === 0) return new Map();
      const rows = await db
        .select({ id: vms.id, name: vms.name })
        .from(vms)
        .where(and(eq(vms.clusterId, id), inArray(vms.id, [...vmIds])));
      return new Map(rows.map((row) => [row.id, row.name]));
    },
  };
}

function conditions(filter: ClusterFilter): SQL | undefined {
  return and(
    filter.isNone ? sql`false` : undefined,
    filter.name === undefined ? undefined : contains(clusters.name, filter.name),
    filter.tag === undefined ? undefined : eq(clusters.tag, filter.tag),
    filter.ids === undefined ? undefined : inArray(clusters.id, [...filter.ids]),
  );
}
