import { sharedPostgres } from "@sinter/testing";
import { Client } from "pg";

/** Makes one database refuse and lose all connections while `work` runs, as a restart of PostgreSQL does. */
export async function whileDatabaseIsAway<T>(name: string, work: () => Promise<T>): Promise<T> {
  const server = await sharedPostgres();
  const admin = new Client({ connectionString: server.url() });
  await admin.connect();
  try {
    await admin.query(`alter database ${name} allow_connections false`);
    await admin.query("select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", [name]);
    return await work();
  } finally {
    await admin.query(`alter database ${name} allow_connections true`);
    await admin.end();
  }
}
