import type { Log } from "@sinter/kit";
import { drizzle, type NodePgDatabase } from "drizzle-orm/node-postgres";
import pg from "pg";

export type Db = NodePgDatabase & {
  /** For the few queries where drizzle's work on each row would be most of the time. */
  readonly $client: { query(query: pg.QueryArrayConfig): Promise<{ rows: unknown[][] }> };
};

/** One transaction, seen as drizzle and as the plain client that the task engine writes with. */
export interface Tx {
  readonly db: Db;
  readonly client: pg.PoolClient;
}

export interface Database {
  readonly pool: pg.Pool;
  readonly db: Db;
  /** Runs `work` in one transaction: all of it happens or none. Serialization failures and deadlocks are tried again. */
  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** PostgreSQL's codes for "nothing happened, try the same again". */
const TRANSIENT = new Set(["40001", "40P01"]);
const ATTEMPTS = 4;

export function openDatabase(options: { url: string; log: Log; connections?: number }): Database {
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.connections ?? 12,
    // A database that was cut off without a word must not hold requests for ever.
    connectionTimeoutMillis: 15_000,
    application_name: "sinter-manager",
  });
  // Without a listener the loss of an idle connection (PostgreSQL restarts) ends the whole process.
  pool.on("error", (error) => options.log.warn({ err: error }, "an idle database connection was lost"));
  const attempt = async <T>(work: (tx: Tx) => Promise<T>): Promise<T> => {
    const client = await pool.connect();
    let broken: Error | undefined;
    // An active client reports a lost connection as an event as well as by its query.
    const onError = (error: Error): void => {
      broken = error;
    };
    client.on("error", onError);
    try {
      await client.query("begin");
      const result = await work({ client, db: drizzle({ client }) });
      await client.query("commit");
      return result;
    } catch (error) {
      await client.query("rollback").catch((rollbackError: Error) => {
        broken = rollbackError;
      });
      throw error;
    } finally {
      client.off("error", onError);
      client.release(broken ?? false);
    }
  };
  return {
    pool,
    db: drizzle({ client: pool }),
    transaction: async (work) => {
      for (let round = 1; ; round++) {
        try {
          return await attempt(work);
        } catch (error) {
          if (round >= ATTEMPTS || !TRANSIENT.has(pgCode(error) ?? "")) throw error;
        }
      }
    },
    close: () => pool.end(),
  };
}

/** Drizzle on a connection that is inside somebody's transaction, such as a task's step. */
export function dbOn(client: pg.ClientBase): Db {
  // Drizzle runs queries on it and nothing else; its type asks for the methods of a pool's client as well.
  return drizzle({ client: client as pg.Client });
}

/** PostgreSQL's five-character code of an error, also when drizzle has wrapped it. */
export function pgCode(error: unknown): string | undefined {
  for (
    let inner = error;
    typeof inner === "object" && inner !== null;
    inner = (inner as { cause?: unknown }).cause
  ) {
    const { code } = inner as { code?: unknown };
    if (typeof code === "string" && /^[0-9A-Z]{5}$/.test(code)) return code;
  }
  return undefined;
}

/** Name of the constraint that refused a row. */
export function violatedConstraint(error: unknown): string | undefined {
  for (
    let inner = error;
    typeof inner === "object" && inner !== null;
    inner = (inner as { cause?: unknown }).cause
  ) {
    const { constraint } = inner as { constraint?: unknown };
    if (typeof constraint === "string") return constraint;
  }
  return undefined;
}
