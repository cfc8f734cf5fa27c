import { rmSync } from "node:fs";
import { chmod, mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isAlive, silentLog } from "@sinter/kit";
import { PrivatePostgres } from "@sinter/postgres";

const PREFIX = "sinter-test-postgres-";
const CONNECTIONS_MAX = 400;

let shared: Promise<PrivatePostgres> | undefined;

/**
 * The one PostgreSQL of this test process, in memory. It is started by the first test that asks for it (some 0.6 s)
 * and ends with the process, whatever ends that. Tests share nothing of it but its time: each has its own database.
 */
export function sharedPostgres(): Promise<PrivatePostgres> {
  shared ??= start();
  return shared;
}

async function start(): Promise<PrivatePostgres> {
  const memory = await stat("/dev/shm").then(
    (entry) => (entry.isDirectory() ? "/dev/shm" : tmpdir()),
    () => tmpdir(),
  );
  await sweep(memory);
  const folder = await mkdtemp(join(memory, `${PREFIX}${process.pid}-`));
  await chmod(folder, 0o755); // the server runs as another account
  const server = await PrivatePostgres.start({
    dataDir: join(folder, "data"),
    socketDir: join(folder, "socket"),
    log: silentLog,
    durable: false,
    connectionsMax: CONNECTIONS_MAX,
  });
  process.once("exit", () => {
    // Nothing of it is wanted any more, so it need not shut down in order before its files go.
    if (server.pid !== undefined) killIfThere(server.pid);
    rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 10 });
  });
  return server;
}

/** Removes what test processes that were killed have left in memory. */
async function sweep(memory: string): Promise<void> {
  for (const name of await readdir(memory)) {
    if (!name.startsWith(PREFIX)) continue;
    const owner = Number(name.slice(PREFIX.length).split("-")[0]);
    if (!isAlive(owner)) await rm(join(memory, name), { recursive: true, force: true, maxRetries: 5 });
  }
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, "SIGQUIT");
  } catch {
    // It has ended by itself.
  }
}
