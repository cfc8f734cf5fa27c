import { and, eq, inArray, sql } from "drizzle-orm";
import type { Db } from "../database/database.ts";
import { hosts } from "../host/host.table.ts";
import { switchHosts } from "../network/network.table.ts";
import { datastoreHosts } from "../storage/datastore.table.ts";
import type { Candidate, Demand } from "./placement.ts";
import { OCCUPYING_STATES } from "./vm.ts";

export type Location = { readonly clusterId: number } | { readonly hostId: number };

/** Key of the advisory lock that makes choosing a host and writing the VM one act. */
const PLACEMENT_LOCK = 0x53_49_4e_54;

/** Until the transaction ends nobody else places a VM. */
export async function lockPlacement(db: Db): Promise<void> {
  await db.execute(sql`select pg_advisory_xact_lock(${PLACEMENT_LOCK})`);
}

/**
 * The hosts at a location with what they have promised: a read model over hosts, VMs, datastores and switches.
 * `exceptVmId`: a VM whose own claim does not count, because it is the one being placed.
 */
export async function readCandidates(
  db: Db,
  location: Location,
  demand: Demand,
  options: { exceptVmId?: number; cpuLoadOf?: (hostId: number) => number | undefined } = {},
): Promise<Candidate[]> {
  const where =
    "hostId" in location ? eq(hosts.id, location.hostId) : eq(hosts.clusterId, location.clusterId);
  // Only what is weighed: the whole reports of 1,250 hosts are two megabytes, read while others wait for the lock.
  const rows = await db
    .select({
      id: hosts.id,
      status: hosts.status,
      isMaintaining: hosts.isMaintaining,
      threads: sql<number>`(${hosts.report}->'cpu'->>'threads')::int`,
      mhz: sql<number>`(${hosts.report}->'cpu'->>'mhz')::float8`,
      memoryBytes: sql<number>`(${hosts.report}->>'memoryBytes')::float8`,
    })
    .from(hosts)
    .where(where);
  if (rows.length === 0) return [];
  const ids = rows.map((row) => row.id);
  const states = sql.join(
    OCCUPYING_STATES.map((state) => sql`${state}`),
    sql`, `,
  );
  const used = await db.execute<{ host_id: string; vcpus: string; mem: string; mhz: string }>(sql`
    select host_id, sum((cpu->>'count')::int) as vcpus, sum((memory->>'sizeMiB')::bigint) as mem,
           sum((cpu->>'reservationMhz')::int) as mhz
    from vms
    where host_id in (${sql.join(
      ids.map((id) => sql`${id}`),
      sql`, `,
    )}) and state in (${states}) and not is_template and id <> ${options.exceptVmId ?? 0}
    group by host_id`);
  const promised = new Map(used.rows.map((row) => [Number(row.host_id), row]));
  const stores = await linksOf(db, ids, demand.datastoreIds);
  const nets = await switchesOf(db, ids, demand.switchIds);
  return rows.map((row) => {
    const claim = promised.get(row.id);
    return {
      hostId: row.id,
      isNormal: row.status === "normal",
      isMaintaining: row.isMaintaining,
      threads: row.threads,
      mhz: row.mhz,
      memoryMiB: Math.floor(row.memoryBytes / 1_048_576),
      usedVcpus: Number(claim?.vcpus ?? 0),
      usedMemoryMiB: Number(claim?.mem ?? 0),
      reservedMhz: Number(claim?.mhz ?? 0),
      datastoreIds: stores.get(row.id) ?? new Set(),
      switchIds: nets.get(row.id) ?? new Set(),
      cpuLoad: options.cpuLoadOf?.(row.id),
    };
  });
}

async function linksOf(
  db: Db,
  hostIds: number[],
  datastoreIds: readonly number[],
): Promise<Map<number, Set<number>>> {
  if (datastoreIds.length === 0) return new Map();
  const rows = await db
    .select({ hostId: datastoreHosts.hostId, id: datastoreHosts.datastoreId })
    .from(datastoreHosts)
    .where(
      and(
        inArray(datastoreHosts.hostId, hostIds),
        inArray(datastoreHosts.datastoreId, [...datastoreIds]),
        eq(datastoreHosts.state, "connected"),
      ),
    );
  return grouped(rows);
}

async function switchesOf(
  db: Db,
  hostIds: number[],
  switchIds: readonly number[],
): Promise<Map<number, Set<number>>> {
  if (switchIds.length === 0) return new Map();
  const rows = await db
    .select({ hostId: switchHosts.hostId, id: switchHosts.switchId })
    .from(switchHosts)
    .where(
      and(
        inArray(switchHosts.hostId, hostIds),
        inArray(switchHosts.switchId, [...switchIds]),
        // Never made so on that host: a VM there would have no network.
        sql`${switchHosts.appliedGeneration} > 0`,
      ),
    );
  return grouped(rows);
}

function grouped(rows: readonly { hostId: number; id: number }[]): Map<number, Set<number>> {
  const result = new Map<number, Set<number>>();
  for (const { hostId, id } of rows) {
    const there = result.get(hostId) ?? new Set<number>();
    there.add(id);
    result.set(hostId, there);
  }
  return result;
}
