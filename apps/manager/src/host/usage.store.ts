import { MiB } from "@sinter/kit";
import type { VmState } from "@sinter/rules";
import type { HostReport } from "@sinter/southbound";
import { and, asc, eq, inArray, type SQL, sql } from "drizzle-orm";
import { vms } from "../compute/vm.table.ts";
import { OCCUPYING_STATES } from "../compute/vm.ts";
import type { Db } from "../database/database.ts";
import { hosts } from "./host.table.ts";
import { addUsage, type ClusterCapacity, NO_USAGE, type Usage, type UsageRow } from "./usage.ts";

/** Read model over VMs and hosts: what is there and what is promised, per host and per cluster. */
export function usageStore(db: Db) {
  const rows = async (where: SQL | undefined): Promise<UsageRow[]> => {
    const found = await db
      .select({
        hostId: vms.hostId,
        clusterId: vms.clusterId,
        state: vms.state,
        vms: sql<string>`count(*)`,
        vcpus: sql<string>`coalesce(sum((${vms.cpu}->>'count')::bigint), 0)`,
        memoryMiB: sql<string>`coalesce(sum((${vms.memory}->>'sizeMiB')::bigint), 0)`,
        reservedMhz: sql<string>`coalesce(sum((${vms.cpu}->>'reservationMhz')::bigint), 0)`,
      })
      .from(vms)
      .where(and(eq(vms.isTemplate, false), where))
      .groupBy(vms.hostId, vms.clusterId, vms.state);
    return found.map((row) => ({
      ...row,
      vms: Number(row.vms),
      vcpus: Number(row.vcpus),
      memoryMiB: Number(row.memoryMiB),
      reservedMhz: Number(row.reservedMhz),
    }));
  };

  return {
    /** What VMs hold of these hosts: those that run or are about to. Hosts without any are absent. */
    async byHost(ids: readonly number[]): Promise<Map<number, Usage>> {
      if (ids.length === 0) return new Map();
      const where = and(inArray(vms.hostId, [...ids]), inArray(vms.state, [...OCCUPYING_STATES]));
      return summed(await rows(where), (row) => row.hostId);
    },

    /** VMs of these hosts that have an ISO file in their drive; hosts without any are absent. */
    async isoVmsByHost(ids: readonly number[]): Promise<Map<number, number[]>> {
      if (ids.length === 0) return new Map();
      const found = await db
        .select({ id: vms.id, hostId: vms.hostId })
        .from(vms)
        .where(and(inArray(vms.hostId, [...ids]), sql`${vms.cdrom}->>'kind' = 'iso'`))
        .orderBy(asc(vms.id));
      const byHost = new Map<number, number[]>();
      for (const { id, hostId } of found) {
        if (hostId !== null) byHost.set(hostId, [...(byHost.get(hostId) ?? []), id]);
      }
      return byHost;
    },

    /** The same of clusters. */
    async byCluster(ids: readonly number[]): Promise<Map<number, Usage>> {
      if (ids.length === 0) return new Map();
      const where = and(inArray(vms.clusterId, [...ids]), inArray(vms.state, [...OCCUPYING_STATES]));
      return summed(await rows(where), (row) => row.clusterId);
    },

    /** Of all VMs of a cluster, running or not, by state. */
    async byState(clusterId: number): Promise<Map<VmState, Usage>> {
      return summed(await rows(eq(vms.clusterId, clusterId)), (row) => row.state);
    },

    /** Sum over the hosts of each cluster that answer. */
    async capacityOf(clusterIds: readonly number[]): Promise<Map<number, ClusterCapacity>> {
      if (clusterIds.length === 0) return new Map();
      const found = await db
        .select({
          clusterId: hosts.clusterId,
          threads: sql<string>`sum((${hosts.report}->'cpu'->>'threads')::bigint)`,
          mhz: sql<string>`sum((${hosts.report}->'cpu'->>'threads')::bigint * (${hosts.report}->'cpu'->>'mhz')::bigint)`,
          memoryMiB: sql<string>`sum((${hosts.report}->>'memoryBytes')::bigint / ${MiB})`,
          architecture: sql<HostReport["architecture"]>`min(${hosts.report}->>'architecture')`,
          threadsMax: sql<
            string | null
          >`max((${hosts.report}->'cpu'->>'threads')::bigint) filter (where not ${hosts.isMaintaining})`,
        })
        .from(hosts)
        .where(and(inArray(hosts.clusterId, [...clusterIds]), eq(hosts.status, "normal")))
        .groupBy(hosts.clusterId);
      return new Map(
        found.map((row) => [
          row.clusterId ?? 0,
          {
            architecture: row.architecture,
            threads: Number(row.threads),
            mhz: Number(row.mhz),
            memoryMiB: Number(row.memoryMiB),
            threadsMax: Number(row.threadsMax ?? 0),
          },
        ]),
      );
    },

    /** VMs and templates whose definition lies on the host. */
    async vmsOn(hostId: number): Promise<number> {
      const [row] = await db.select({ n: sql<string>`count(*)` }).from(vms).where(eq(vms.hostId, hostId));
      return Number(row?.n ?? 0);
    },

    async vmsIn(clusterId: number): Promise<number> {
      const [row] = await db
        .select({ n: sql<string>`count(*)` })
        .from(vms)
        .where(eq(vms.clusterId, clusterId));
      return Number(row?.n ?? 0);
    },
  };
}

function summed<K>(rows: readonly UsageRow[], keyOf: (row: UsageRow) => K | null): Map<K, Usage> {
  const result = new Map<K, Usage>();
  for (const row of rows) {
    const key = keyOf(row);
    if (key !== null) result.set(key, addUsage(result.get(key) ?? NO_USAGE, row));
  }
  return result;
}
