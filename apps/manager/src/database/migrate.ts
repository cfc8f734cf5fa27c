import { fileURLToPath } from "node:url";
import { drizzle } from "drizzle-orm/node-postgres";
import { migrate } from "drizzle-orm/node-postgres/migrator";
import { TASK_TABLES_SQL } from "@sinter/tasks";
import pg from "pg";

const MIGRATIONS = fileURLToPath(new URL("../../migrations", import.meta.url));
/** Any number, the same for all managers of a database. */
const MIGRATION_LOCK = 7_447_001;

/** Brings the tables up to this version. Two managers that start together do it once. */
export async function migrateDatabase(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, application_name: "sinter-migration" });
  await client.connect();
  try {
    await client.query("select pg_advisory_lock($1)", [MIGRATION_LOCK]);
    // The engine owns its tables and can bring them up on any older version of them.
    await client.query(TASK_TABLES_SQL);
    await migrate(drizzle({ client }), { migrationsFolder: MIGRATIONS });
  } finally {
    // The lock goes with the connection.
    await client.end();
  }
}
