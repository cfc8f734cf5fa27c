import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Client, createClient } from "@sinter/client";
import { silentLog, stopChild, waitFor } from "@sinter/kit";
import { PrivatePostgres } from "@sinter/postgres";
import pg from "pg";
import { splitPem } from "../../apps/manager/src/enrolment/own-certificate.ts";
import { ManagerProcess } from "../stand/manager-process.ts";
import { runtimeDir } from "../stand/paths.ts";
import { freePort } from "../stand/stand.ts";
import type { BenchContext } from "./figure.ts";
import { type SharedIds, takeIds, writeFleet } from "./fleet-rows.ts";
import type { Order, Ready } from "./sim-hosts.ts";

export interface LargeSite extends AsyncDisposable {
  readonly manager: ManagerProcess;
  readonly client: Client;
  readonly ca: string;
  /** Of the user admin. */
  readonly password: string;
  readonly ids: SharedIds;
  /** From the manager's start until it had heard all hosts. */
  readonly connectedMs: number;
}

/** The true manager on a true database, with simulated hosts behind real mutual TLS. */
export async function openLargeSite(
  size: { readonly hosts: number; readonly vmsPerHost: number },
  { say, signal }: BenchContext,
  managerEnv: Readonly<Record<string, string>> = {},
): Promise<LargeSite> {
  await using undo = new AsyncDisposableStack();
  const stateDir = await mkdtemp(join("/var/tmp", "sinter-bench-"));
  // PostgreSQL runs as another account.
  await chmod(stateDir, 0o755);
  undo.defer(() => rm(stateDir, { recursive: true, force: true }));
  const runDir = runtimeDir(stateDir);
  undo.defer(() => rm(runDir, { recursive: true, force: true }));
  const postgres = await PrivatePostgres.start({
    dataDir: join(stateDir, "postgres"),
    socketDir: join(runDir, "pg"),
    durable: true,
    log: silentLog,
  });
  undo.use(postgres);
  const passwordFile = join(stateDir, "password");
  const manager = new ManagerProcess({
    stateDir: join(stateDir, "manager"),
    logFile: join(stateDir, "manager.log"),
    databaseUrl: postgres.url(),
    port: await freePort(),
    advertisedAddress: "127.0.0.1",
    passwordFile,
    env: managerEnv,
  });
  undo.defer(() => manager.stop());
  say("starting the manager once, which makes its tables and its authority");
  await manager.start();
  await manager.stop();

  signal.throwIfAborted();
  say(`making ${size.hosts} hosts with ${size.hosts * size.vmsPerHost} VMs`);
  const session = new pg.Client({ connectionString: postgres.url() });
  await session.connect();
  let ids: SharedIds;
  try {
    ids = await takeIds(session);
    const { cert, key } = splitPem(await readFile(join(stateDir, "manager/pki/authority.pem"), "utf8"));
    const ready = await startSims(undo, {
      ...size,
      ca: { privateKeyPem: key, certificatePem: cert },
      datastoreId: String(ids.datastore),
      switchId: String(ids.network),
    });
    await writeFleet(session, ids, ready);
  } finally {
    await session.end();
  }

  signal.throwIfAborted();
  say("starting the manager on them");
  const startedAt = performance.now();
  await manager.start();
  const ca = await readFile(manager.caFile, "utf8");
  const password = (await readFile(passwordFile, "utf8")).trim();
  const client = createClient({ url: manager.url, ca, userName: "admin", password });
  undo.defer(() => client.close());
  await waitFor(
    "All simulated hosts being connected",
    async () => {
      signal.throwIfAborted();
      const { rows } = await counted(postgres, "select count(*) as n from hosts where status = 'normal'");
      return rows === size.hosts ? true : undefined;
    },
    { timeoutMs: 300_000, intervalMs: 500 },
  );
  const connectedMs = performance.now() - startedAt;
  const kept = undo.move();
  return {
    manager,
    client,
    ca,
    password,
    ids,
    connectedMs,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

async function counted(postgres: PrivatePostgres, query: string): Promise<{ rows: number }> {
  const session = new pg.Client({ connectionString: postgres.url() });
  await session.connect();
  try {
    const answer = await session.query<{ n: string }>(query);
    return { rows: Number(answer.rows[0]?.n) };
  } finally {
    await session.end();
  }
}

async function startSims(undo: AsyncDisposableStack, order: Order): Promise<Ready> {
  const child: ChildProcess = fork(join(import.meta.dirname, "sim-hosts.ts"), { serialization: "advanced" });
  undo.defer(() => stopChild(child));
  child.send(order);
  const ended = once(child, "exit").then(([code]) => {
    throw new Error(`The simulated hosts ended with ${code as number}.`);
  });
  const [ready] = (await Promise.race([once(child, "message"), ended])) as [Ready];
  ended.catch(() => {}); // later it is meant to end
  return ready;
}
