import { and, asc, count, eq, inArray, or, type SQL, sql } from "drizzle-orm";
import { nics, vms } from "../compute/vm.table.ts";
import type { Db } from "../database/database.ts";
import { contains } from "../database/like.ts";
import type { Page } from "../http/query.ts";
import type { PortGroup } from "./network.ts";
import { portGroups } from "./network.table.ts";

export interface PortGroupFilter {
  readonly ids?: readonly number[];
  readonly switchIds?: readonly number[];
  /** Substring, any case. */
  readonly name?: string;
  /** Exact. */
  readonly names?: readonly string[];
  /** Digits within the VLAN or the VLAN range. */
  readonly vlan?: string;
  /** Nothing can match. */
  readonly isNone?: boolean;
}

export interface PortGroupView extends PortGroup {
  /** NICs of VMs on it. */
  readonly nicCount: number;
}

export function portGroupStore(db: Db) {
  const view = async (rows: readonly PortGroup[]): Promise<PortGroupView[]> => {
    if (rows.length === 0) return [];
    const counts = await db
      .select({ id: nics.portGroupId, n: count() })
      .from(nics)
      .where(
        inArray(
          nics.portGroupId,
          rows.map((row) => row.id),
        ),
      )
      .groupBy(nics.portGroupId);
    const countOf = new Map(counts.map((row) => [row.id, row.n]));
    return rows.map((row) => ({ ...row, nicCount: countOf.get(row.id) ?? 0 }));
  };

  return {
    /** With the number of NICs: a read model over two tables. */
    async list(filter: PortGroupFilter, page: Page): Promise<{ total: number; items: PortGroupView[] }> {
      const where = conditions(filter);
      const total = (await db.select({ n: count() }).from(portGroups).where(where))[0]?.n ?? 0;
      let query = db.select().from(portGroups).where(where).orderBy(asc(portGroups.id)).$dynamic();
      if (page.limit !== undefined) query = query.limit(page.limit).offset(page.offset);
      return { total, items: await view(await query) };
    },

    async find(id: number): Promise<PortGroupView | undefined> {
      return (await view(await db.select().from(portGroups).where(eq(portGroups.id, id))))[0];
    },

    async insert(row: Omit<PortGroup, "createdAt">): Promise<void> {
      await db.insert(portGroups).values(row);
    },

    async update(id: number, change: Partial<Omit<PortGroup, "id" | "switchId">>): Promise<boolean> {
      const rows = await db
        .update(portGroups)
        .set(change)
        .where(eq(portGroups.id, id))
        .returning({ id: portGroups.id });
      return rows.length > 0;
    },

    /** Foreign-key violation while NICs are on it. */
    async remove(id: number): Promise<void> {
      await db.delete(portGroups).where(eq(portGroups.id, id));
    },

    /** Read model: VMs on the port group that are not stopped. */
    async activeVms(id: number): Promise<number> {
      const [row] = await db
        .select({ n: sql<string>`count(distinct ${vms.id})` })
        .from(nics)
        .innerJoin(vms, eq(vms.id, nics.vmId))
        .where(and(eq(nics.portGroupId, id), sql`${vms.state} <> 'stopped'`));
      return Number(row?.n ?? 0);
    },

    /** VLANs that access port groups of a switch use, with the name of one group each. */
    async accessVlans(switchId: number): Promise<Map<number, string>> {
      const rows = await db
        .select({ vlanId: portGroups.vlanId, name: portGroups.name })
        .from(portGroups)
        .where(and(eq(portGroups.switchId, switchId), eq(portGroups.kind, "access")));
      return new Map(rows.filter((row) => row.vlanId > 0).map((row) => [row.vlanId, row.name]));
    },
  };
}
export type PortGroupStore = ReturnType<typeof portGroupStore>;

function conditions(filter: PortGroupFilter): SQL | undefined {
  return and(
    filter.isNone ? sql`false` : undefined,
    filter.ids === undefined ? undefined : inArray(portGroups.id, [...filter.ids]),
    filter.switchIds === undefined ? undefined : inArray(portGroups.switchId, [...filter.switchIds]),
    filter.name === undefined ? undefined : contains(portGroups.name, filter.name),
    filter.names === undefined ? undefined : inArray(portGroups.name, [...filter.names]),
    filter.vlan === undefined
      ? undefined
      : or(
          and(eq(portGroups.kind, "access"), contains(sql`${portGroups.vlanId}::text`, filter.vlan)),
          and(eq(portGroups.kind, "trunk"), contains(portGroups.vlanRange, filter.vlan)),
        ),
  );
}
