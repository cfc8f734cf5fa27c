import type { Database } from "../database/database.ts";
import { type Series, SERIES, type SeriesValues } from "./series.ts";

/*
 * Figures over time, in three tables that PostgreSQL keeps in partitions: dropping a day is then one statement. They
 * are made here and not by the migrations, because partitions come and go with the days.
 *
 * | table          | a row is the mean of | kept     | partition |
 * |----------------|----------------------|----------|-----------|
 * | metric_samples | 1 to 5 minutes       | 2 days   | a day     |
 * | metric_hours   | an hour              | 35 days  | a week    |
 * | metric_days    | a day (UTC)          | 2 years  | a quarter |
 */

export type MetricKind = "host" | "vm" | "cluster" | "datastore";

export interface MetricRow {
  readonly kind: MetricKind;
  readonly objectId: number;
  readonly values: SeriesValues;
}

interface Tier {
  readonly table: string;
  readonly keptMs: number;
  readonly partitionMs: number;
}

const DAY_MS = 86_400_000;
export const TIERS = {
  samples: { table: "metric_samples", keptMs: 2 * DAY_MS, partitionMs: DAY_MS },
  hours: { table: "metric_hours", keptMs: 35 * DAY_MS, partitionMs: 7 * DAY_MS },
  days: { table: "metric_days", keptMs: 730 * DAY_MS, partitionMs: 90 * DAY_MS },
} as const satisfies Record<string, Tier>;
export type TierName = keyof typeof TIERS;

/** Two managers that start together make the tables once. */
const LOCK = 7_447_002;
const COLUMN: { readonly [S in Series]: string } = {
  cpu: "cpu",
  memory: "memory",
  disk: "disk",
  diskIn: "disk_in",
  diskOut: "disk_out",
  nicIn: "nic_in",
  nicOut: "nic_out",
  hostCpu: "host_cpu",
  guestCpu: "guest_cpu",
  hostMemory: "host_memory",
  guestMemory: "guest_memory",
};
const COLUMNS = SERIES.map((series) => COLUMN[series]);

export function metricStore(database: Database) {
  const { pool } = database;

  return {
    /** Makes the tables and the partitions around now, and drops what is too old. Idempotent; run it daily. */
    async prepare(nowMs: number): Promise<void> {
      await database.transaction(async ({ client }) => {
        await client.query("select pg_advisory_xact_lock($1)", [LOCK]);
        for (const tier of Object.values<Tier>(TIERS)) {
          const columns = COLUMNS.map((column) => `${column} real`).join(", ");
          await client.query(`create table if not exists ${tier.table} (
            at timestamptz not null, kind text not null, object_id bigint not null, ${columns},
            primary key (kind, object_id, at)) partition by range (at)`);
          const first = Math.floor((nowMs - tier.keptMs) / tier.partitionMs);
          const last = Math.floor(nowMs / tier.partitionMs) + 1;
          const { rows } = await client.query<{ name: string }>(
            "select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = $1::regclass",
            [tier.table],
          );
          const there = new Set(rows.map((row) => row.name));
          for (let number = Math.floor(nowMs / tier.partitionMs); number <= last; number++) {
            await client.query(partitionSql(tier, number));
            there.delete(partitionName(tier, number));
          }
          for (const name of there) {
            const number = Number(name.slice(tier.table.length + 1));
            // The names are ours: table and a number.
            if (Number.isInteger(number) && number < first)
              await client.query(`drop table if exists "${name}"`);
          }
        }
      });
    },

    /** Writes means of the time before `atMs`. A row that is there already (a repeated write) stays. */
    async write(rows: readonly MetricRow[], atMs: number): Promise<void> {
      for (let start = 0; start < rows.length; start += 5_000) {
        const part = rows.slice(start, start + 5_000);
        const values = SERIES.map((series) => part.map((row) => row.values[series]));
        await pool.query(
          `insert into metric_samples (at, kind, object_id, ${COLUMNS.join(", ")})
           select to_timestamp($1::double precision / 1000), * from unnest($2::text[], $3::bigint[], ${COLUMNS.map(
             (_, index) => `$${index + 4}::real[]`,
           ).join(", ")}) on conflict do nothing`,
          [atMs, part.map((row) => row.kind), part.map((row) => row.objectId), ...values],
        );
      }
    },

    /** Sums a whole hour, or day, of the finer table up. Idempotent. */
    async rollUp(into: "hours" | "days", startMs: number): Promise<void> {
      const source = into === "hours" ? TIERS.samples.table : TIERS.hours.table;
      const lengthMs = into === "hours" ? 3_600_000 : DAY_MS;
      const means = COLUMNS.map((column) => `avg(${column})`).join(", ");
      const updates = COLUMNS.map((column) => `${column} = excluded.${column}`).join(", ");
      // A sample stands for the time before it, so an hour's samples end after its start and with its end.
      await pool.query(
        `insert into ${TIERS[into].table} (at, kind, object_id, ${COLUMNS.join(", ")})
         select to_timestamp($2::double precision / 1000), kind, object_id, ${means} from ${source}
         where at > to_timestamp($1::double precision / 1000) and at <= to_timestamp($2::double precision / 1000)
         group by kind, object_id
         on conflict (kind, object_id, at) do update set ${updates}`,
        [startMs, startMs + lengthMs],
      );
    },

    /** Mean of one figure over a time, by object; objects without figures are absent. */
    async means(query: {
      tier: TierName;
      kind: MetricKind;
      objectIds: readonly number[];
      series: Series;
      startMs: number;
      endMs: number;
    }): Promise<Map<number, number>> {
      const column = COLUMN[query.series];
      const { rows } = await pool.query<{ id: string; value: number }>(
        `select object_id as id, avg(${column}) as value from ${TIERS[query.tier].table}
         where kind = $1 and object_id = any($2) and ${column} is not null
           and at > to_timestamp($3::double precision / 1000) and at <= to_timestamp($4::double precision / 1000)
         group by object_id`,
        [query.kind, query.objectIds, query.startMs, query.endMs],
      );
      return new Map(rows.map((row) => [Number(row.id), row.value]));
    },

    /**
     * Means of one figure of one object: point number i covers the time (startMs + (i−1)·stepMs, startMs + i·stepMs],
     * for i from 0 while it ends by endMs. Missing ones are absent.
     */
    async curve(query: {
      tier: TierName;
      kind: MetricKind;
      objectId: number;
      series: Series;
      startMs: number;
      endMs: number;
      stepMs: number;
    }): Promise<Map<number, number>> {
      const { rows } = await pool.query<{ point: string; value: number }>(
        `select ceil((extract(epoch from at) * 1000 - $3) / $5)::bigint as point, avg(${COLUMN[query.series]}) as value
         from ${TIERS[query.tier].table}
         where kind = $1 and object_id = $2
           and at > to_timestamp(($3::double precision - $5) / 1000) and at <= to_timestamp($4::double precision / 1000)
           and ${COLUMN[query.series]} is not null
         group by 1`,
        [query.kind, query.objectId, query.startMs, query.endMs, query.stepMs],
      );
      return new Map(rows.map((row) => [Number(row.point), row.value]));
    },
  };
}
export type MetricStore = ReturnType<typeof metricStore>;

function partitionName(tier: Tier, number: number): string {
  return `${tier.table}_${number}`;
}

function partitionSql(tier: Tier, number: number): string {
  const from = new Date(number * tier.partitionMs).toISOString();
  const to = new Date((number + 1) * tier.partitionMs).toISOString();
  return `create table if not exists "${partitionName(tier, number)}" partition of ${tier.table} for values from ('${from}') to ('${to}')`;
}
