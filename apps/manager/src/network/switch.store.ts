import type { HostNic } from "@sinter/southbound";
import type { Static } from "typebox";
import { and, asc, count, eq, inArray, type SQL, sql } from "drizzle-orm";
import { nics, vms } from "../compute/vm.table.ts";
import type { Db } from "../database/database.ts";
import { contains } from "../database/like.ts";
import { hosts } from "../host/host.table.ts";
import type { Switch, SwitchHost } from "./network.ts";
import { portGroups, switches, switchHosts } from "./network.table.ts";

export interface SwitchFilter {
  /** Substring, any case. */
  readonly name?: string;
  readonly ids?: readonly number[];
  /** Carried by this host, or by any host of this cluster. */
  readonly hostId?: number;
  readonly clusterId?: number;
  /** Nothing can match. */
  readonly isNone?: boolean;
}

export interface SwitchView extends Switch {
  readonly portGroupCount: number;
}

/** A host of a switch with what the wire shows of it. */
export interface SwitchHostView extends SwitchHost {
  readonly hostName: string;
  readonly nics: readonly Static<typeof HostNic>[];
}

/** What is read of a host before its NICs are given to a switch. */
export interface UplinkHost {
  readonly id: number;
  readonly name: string;
  readonly address: string;
  readonly nics: readonly Static<typeof HostNic>[];
}

export function switchStore(db: Db) {
  const carriedBy = (where: SQL): SQL =>
    inArray(
      switches.id,
      db
        .select({ id: switchHosts.switchId })
        .from(switchHosts)
        .innerJoin(hosts, eq(hosts.id, switchHosts.hostId))
        .where(where),
    );
  const conditions = (filter: SwitchFilter): SQL | undefined =>
    and(
      filter.isNone ? sql`false` : undefined,
      filter.name === undefined ? undefined : contains(switches.name, filter.name),
      filter.ids === undefined ? undefined : inArray(switches.id, [...filter.ids]),
      filter.hostId === undefined ? undefined : carriedBy(eq(hosts.id, filter.hostId)),
      filter.clusterId === undefined ? undefined : carriedBy(eq(hosts.clusterId, filter.clusterId)),
    );

  const list = async (filter: SwitchFilter): Promise<SwitchView[]> => {
    const rows = await db.select().from(switches).where(conditions(filter)).orderBy(asc(switches.id));
    if (rows.length === 0) return [];
    const counts = await db
      .select({ switchId: portGroups.switchId, n: count() })
      .from(portGroups)
      .where(
        inArray(
          portGroups.switchId,
          rows.map((row) => row.id),
        ),
      )
      .groupBy(portGroups.switchId);
    const countOf = new Map(counts.map((row) => [row.switchId, row.n]));
    return rows.map((row) => ({ ...row, portGroupCount: countOf.get(row.id) ?? 0 }));
  };

  return {
    list,

    async find(id: number): Promise<SwitchView | undefined> {
      return (await list({ ids: [id] }))[0];
    },

    /** Held until the transaction ends. */
    async findForUpdate(id: number): Promise<Switch | undefined> {
      return (await db.select().from(switches).where(eq(switches.id, id)).for("update"))[0];
    },

    /** Whether another switch has the name. Creations and renamings wait for each other here. */
    async isNameUsed(name: string, exceptId = 0): Promise<boolean> {
      await db.execute(sql`lock table ${switches} in share row exclusive mode`);
      const rows = await db
        .select({ id: switches.id })
        .from(switches)
        .where(and(eq(switches.name, name), sql`${switches.id} <> ${exceptId}`));
      return rows.length > 0;
    },

    async insert(row: Omit<Switch, "generation" | "createdAt">): Promise<void> {
      await db.insert(switches).values(row);
    },

    /** `isForHosts`: hosts must make it so; the generation counts up. */
    async update(
      id: number,
      change: Partial<Omit<Switch, "id" | "generation" | "createdAt">>,
      isForHosts: boolean,
    ): Promise<void> {
      const generation = isForHosts ? { generation: sql`${switches.generation} + 1` } : {};
      if (Object.keys(change).length === 0 && !isForHosts) return;
      await db
        .update(switches)
        .set({ ...change, ...generation })
        .where(eq(switches.id, id));
    },

    /** Foreign-key violation while it has port groups. False when it is gone already. */
    async remove(id: number): Promise<boolean> {
      const rows = await db.delete(switches).where(eq(switches.id, id)).returning({ id: switches.id });
      return rows.length > 0;
    },

    async hostsOf(id: number): Promise<SwitchHostView[]> {
      const rows = await db
        .select({ link: switchHosts, hostName: hosts.name, report: hosts.report })
        .from(switchHosts)
        .innerJoin(hosts, eq(hosts.id, switchHosts.hostId))
        .where(eq(switchHosts.switchId, id))
        .orderBy(asc(switchHosts.hostId));
      return rows.map((row) => ({ ...row.link, hostName: row.hostName, nics: row.report.nics }));
    },

    async hostIdsOf(id: number): Promise<number[]> {
      const rows = await db
        .select({ id: switchHosts.hostId })
        .from(switchHosts)
        .where(eq(switchHosts.switchId, id));
      return rows.map((row) => row.id);
    },

    async addHosts(id: number, rows: readonly { hostId: number; uplinks: string[] }[]): Promise<void> {
      if (rows.length > 0) {
        await db.insert(switchHosts).values(rows.map((row) => ({ ...row, switchId: id })));
      }
    },

    async removeHosts(id: number, hostIds: readonly number[]): Promise<void> {
      if (hostIds.length === 0) return;
      await db
        .delete(switchHosts)
        .where(and(eq(switchHosts.switchId, id), inArray(switchHosts.hostId, [...hostIds])));
    },

    /** Gives hosts the switches that every host carries. One that is being deleted is waited for, and left out. */
    async cover(hostIds: readonly number[]): Promise<void> {
      if (hostIds.length === 0) return;
      await db.execute(sql`
        insert into ${switchHosts} (switch_id, host_id, uplinks)
        select s.id, h.id, '{}' from ${switches} s cross join ${hosts} h
        where s.covers_all_hosts and h.id in (${sql.join(
          hostIds.map((id) => sql`${id}`),
          sql`, `,
        )})
        for key share on conflict do nothing`);
    },

    /** Switches that a host should have. */
    async desiredOn(hostId: number): Promise<{ network: Switch; link: SwitchHost }[]> {
      return db
        .select({ network: switches, link: switchHosts })
        .from(switchHosts)
        .innerJoin(switches, eq(switches.id, switchHosts.switchId))
        .where(eq(switchHosts.hostId, hostId))
        .orderBy(asc(switches.id));
    },

    async switchesOf(hostId: number): Promise<number[]> {
      const rows = await db
        .select({ id: switchHosts.switchId })
        .from(switchHosts)
        .where(eq(switchHosts.hostId, hostId));
      return rows.map((row) => row.id);
    },

    async setApplied(
      id: number,
      hostId: number,
      outcome: { generation?: number; reason: string },
    ): Promise<void> {
      await db
        .update(switchHosts)
        .set({
          reason: outcome.reason,
          ...(outcome.generation === undefined ? {} : { appliedGeneration: outcome.generation }),
        })
        .where(and(eq(switchHosts.switchId, id), eq(switchHosts.hostId, hostId)));
    },

    /** Of these ids, those that name a switch. */
    async existing(ids: readonly number[]): Promise<Set<number>> {
      if (ids.length === 0) return new Set();
      const rows = await db
        .select({ id: switches.id })
        .from(switches)
        .where(inArray(switches.id, [...ids]));
      return new Set(rows.map((row) => row.id));
    },

    /** Read model: hosts with their NICs, and which of these carry a switch; held until the transaction ends. */
    async uplinkHosts(ids: readonly number[]): Promise<Map<number, UplinkHost & { used: Set<string> }>> {
      if (ids.length === 0) return new Map();
      const rows = await db
        .select({ id: hosts.id, name: hosts.name, address: hosts.address, report: hosts.report })
        .from(hosts)
        .where(inArray(hosts.id, [...ids]))
        .orderBy(asc(hosts.id))
        .for("update");
      const links = await db
        .select({ hostId: switchHosts.hostId, uplinks: switchHosts.uplinks })
        .from(switchHosts)
        .where(inArray(switchHosts.hostId, [...ids]));
      return new Map(
        rows.map((row) => {
          const used = new Set(links.filter((l) => l.hostId === row.id).flatMap((l) => l.uplinks));
          return [row.id, { id: row.id, name: row.name, address: row.address, nics: row.report.nics, used }];
        }),
      );
    },

    /** Read model: NICs of VMs on the switch, on all hosts or on some. */
    async portsInUse(id: number, hostIds?: readonly number[]): Promise<number> {
      const [row] = await db
        .select({ n: count() })
        .from(nics)
        .innerJoin(portGroups, eq(portGroups.id, nics.portGroupId))
        .innerJoin(vms, eq(vms.id, nics.vmId))
        .where(
          and(
            eq(portGroups.switchId, id),
            hostIds === undefined ? undefined : inArray(vms.hostId, [...hostIds]),
          ),
        );
      return row?.n ?? 0;
    },
  };
}
export type SwitchStore = ReturnType<typeof switchStore>;
