import { createHash, randomBytes } from "node:crypto";
import { KeyedQueue, waitFor } from "@sinter/kit";
import { Client, Pool, type PoolConfig } from "pg";
import { sharedPostgres } from "./shared-postgres.ts";

export interface TestDatabaseOptions {
  /** Makes the tables. Runs once per process and `templateKey`; every test then gets a copy of the result. */
  readonly migrate?: (url: string) => Promise<void>;
  /** Name under which the migrated template is kept; needed with `migrate`, one name for one way of migrating. */
  readonly templateKey?: string;
}

/** A database of one test. Disposing of it ends its pools and drops it, whoever is still connected. */
export interface TestDatabase extends AsyncDisposable {
  readonly name: string;
  readonly url: string;
  /** A pool that is ended with the database. */
  pool(config?: PoolConfig): Pool;
}

const templates = new Map<string, Promise<string>>();
const administration = new KeyedQueue();

/**
 * A fresh database, some 20 ms, in this process's own PostgreSQL:
 *
 *     await using database = await testDatabase({ migrate, templateKey: "manager" });
 */
export async function testDatabase(options: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const server = await sharedPostgres();
  const template = await templateFor(options);
  const name = `test_${randomBytes(6).toString("hex")}`;
  await administer(`create database ${name} template ${template} strategy file_copy`);
  const pools: Pool[] = [];
  return {
    name,
    url: server.url(name),
    pool: (config = {}) => {
      const pool = new Pool({ connectionString: server.url(name), ...config });
      // Tests cut connections on purpose; without a listener that would end the process.
      pool.on("error", () => {});
      pools.push(pool);
      return pool;
    },
    [Symbol.asyncDispose]: async () => {
      // From here they open no new connection. Not awaited: a test that failed may still hold a client.
      for (const pool of pools) pool.end().catch(() => {});
      await dropDatabase(name);
    },
  };
}

async function templateFor({ migrate, templateKey }: TestDatabaseOptions): Promise<string> {
  if (migrate === undefined) return "template0";
  if (templateKey === undefined)
    throw new Error("testDatabase: a migration needs a templateKey to be kept under.");
  const known = templates.get(templateKey);
  if (known !== undefined) return await known;
  const made = makeTemplate(templateKey, migrate);
  templates.set(templateKey, made);
  return await made;
}

async function makeTemplate(key: string, migrate: (url: string) => Promise<void>): Promise<string> {
  const name = `template_${createHash("sha256").update(key).digest("hex").slice(0, 16)}`;
  await administer(`create database ${name} template template0`);
  await migrate((await sharedPostgres()).url(name));
  // A database cannot be copied while somebody is still leaving it.
  await endSessions(name);
  return name;
}

async function dropDatabase(name: string): Promise<void> {
  await endSessions(name);
  await administer(`drop database if exists ${name} with (force)`);
}

/** Ends all sessions and sees them gone. PostgreSQL itself would sleep 100 ms and more while one is still leaving. */
async function endSessions(name: string): Promise<void> {
  const terminate = "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1";
  await waitFor(
    `the end of the sessions of ${name}`,
    async () => ((await administer(terminate, [name])).length === 0 ? true : undefined),
    { timeoutMs: 15_000, intervalMs: 1 },
  );
}

/** pg has them; its types do not say so. */
type Administrator = Client & { ref(): void; unref(): void };

let administrator: Promise<Administrator> | undefined;

/** Statements about databases cannot run in a transaction, and queue for the same lock in the server anyway. */
async function administer(statement: string, values: unknown[] = []): Promise<unknown[]> {
  administrator ??= connectAdministrator();
  const client = await administrator;
  return await administration.run("server", async () => {
    // The connection keeps the process alive only while somebody waits for it.
    client.ref();
    try {
      return (await client.query(statement, values)).rows;
    } finally {
      client.unref();
    }
  });
}

async function connectAdministrator(): Promise<Administrator> {
  const server = await sharedPostgres();
  const client = new Client({ connectionString: server.url() });
  await client.connect();
  return client as Administrator;
}
