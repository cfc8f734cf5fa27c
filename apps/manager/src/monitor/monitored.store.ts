import { eq, inArray, sql } from "drizzle-orm";
import { clusters } from "../cluster/cluster.table.ts";
import { vms } from "../compute/vm.table.ts";
import type { Db } from "../database/database.ts";
import { hosts } from "../host/host.table.ts";
import { datastores } from "../storage/datastore.table.ts";
import { attachments, volumes } from "../storage/volume.table.ts";
import type { HostFacts, VmFacts } from "./metrics.ts";

/** Read model over the inventory: names and the facts that metrics need besides counters. */
export function monitoredStore(db: Db) {
  const diskSizes = async (vmIds: readonly number[]): Promise<Map<number, number[]>> => {
    const rows = await db
      .select({ vmId: attachments.vmId, sizeBytes: volumes.sizeBytes })
      .from(attachments)
      .innerJoin(volumes, eq(volumes.id, attachments.volumeId))
      .where(inArray(attachments.vmId, [...vmIds]))
      .orderBy(attachments.slot);
    const result = new Map<number, number[]>();
    for (const row of rows) result.set(row.vmId, [...(result.get(row.vmId) ?? []), row.sizeBytes]);
    return result;
  };

  return {
    async vms(ids: readonly number[]): Promise<Map<number, VmFacts & { name: string; uuid: string }>> {
      if (ids.length === 0) return new Map();
      const rows = await db
        .select({
          id: vms.id,
          name: vms.name,
          uuid: vms.uuid,
          vcpus: sql<number>`(${vms.cpu}->>'count')::int`,
        })
        .from(vms)
        .where(inArray(vms.id, [...ids]));
      const sizes = await diskSizes(ids);
      return new Map(rows.map((row) => [row.id, { ...row, diskBytes: sizes.get(row.id) ?? [] }]));
    },

    /** Ids and disk sizes of all VMs, by UUID: once per sampling period. */
    async allVms(): Promise<Map<string, { id: number; diskBytes: number }>> {
      const rows = await db
        .select({
          id: vms.id,
          uuid: vms.uuid,
          diskBytes: sql<string>`coalesce((select sum(v.size_bytes) from ${attachments} a join ${volumes} v on v.id = a.volume_id where a.vm_id = ${vms.id}), 0)`,
        })
        .from(vms)
        .where(eq(vms.isTemplate, false));
      return new Map(rows.map((row) => [row.uuid, { id: row.id, diskBytes: Number(row.diskBytes) }]));
    },

    async hosts(ids: readonly number[]): Promise<Map<number, HostFacts & { name: string }>> {
      if (ids.length === 0) return new Map();
      const rows = await db
        .select({ id: hosts.id, name: hosts.name, report: hosts.report })
        .from(hosts)
        .where(inArray(hosts.id, [...ids]));
      return new Map(
        rows.map(({ id, name, report }) => [
          id,
          {
            name,
            threads: report.cpu.threads,
            mhz: report.cpu.mhz,
            cpuModel: report.cpu.model,
            vendor: report.vendor,
            product: report.product,
            serial: report.serial,
            linkMbps: report.nics
              .filter((nic) => nic.up)
              .reduce((sum, nic) => sum + Math.max(0, nic.speedMbps ?? 0), 0),
          },
        ]),
      );
    },

    /** Hosts of clusters with their threads; all clusters when `ids` is absent. */
    async hostsOfClusters(
      ids?: readonly number[],
    ): Promise<Map<number, { hostId: number; threads: number }[]>> {
      const rows = await db
        .select({
          hostId: hosts.id,
          clusterId: hosts.clusterId,
          threads: sql<number>`(${hosts.report}->'cpu'->>'threads')::int`,
        })
        .from(hosts)
        .where(ids === undefined ? sql`${hosts.clusterId} is not null` : inArray(hosts.clusterId, [...ids]));
      const result = new Map<number, { hostId: number; threads: number }[]>();
      for (const { hostId, clusterId, threads } of rows) {
        if (clusterId === null) continue;
        result.set(clusterId, [...(result.get(clusterId) ?? []), { hostId, threads }]);
      }
      return result;
    },

    /** Names of all hosts, or of a cluster's. */
    async hostNames(clusterId: number | undefined): Promise<Map<number, string>> {
      const rows = await db
        .select({ id: hosts.id, name: hosts.name })
        .from(hosts)
        .where(clusterId === undefined ? undefined : eq(hosts.clusterId, clusterId));
      return new Map(rows.map((row) => [row.id, row.name]));
    },

    async clusterNames(ids: readonly number[]): Promise<Map<number, string>> {
      if (ids.length === 0) return new Map();
      const rows = await db
        .select({ id: clusters.id, name: clusters.name })
        .from(clusters)
        .where(inArray(clusters.id, [...ids]));
      return new Map(rows.map((row) => [row.id, row.name]));
    },

    async datastores(ids?: readonly number[]): Promise<Map<number, { name: string; used: number | null }>> {
      if (ids?.length === 0) return new Map();
      const rows = await db
        .select({
          id: datastores.id,
          name: datastores.name,
          capacityBytes: datastores.capacityBytes,
          freeBytes: datastores.freeBytes,
        })
        .from(datastores)
        .where(ids === undefined ? undefined : inArray(datastores.id, [...ids]));
      return new Map(
        rows.map((row) => [
          row.id,
          {
            name: row.name,
            used: row.capacityBytes === 0 ? null : (1 - row.freeBytes / row.capacityBytes) * 100,
          },
        ]),
      );
    },
  };
}
