import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { isAlive, run, silentLog, waitFor } from "@sinter/kit";
import { Client } from "pg";
import { PrivatePostgres, type PrivatePostgresOptions } from "./private-postgres.ts";

const TIMEOUT_MS = 30_000;

interface Folder extends AsyncDisposable {
  readonly path: string;
  readonly options: PrivatePostgresOptions;
}

async function makeFolder(): Promise<Folder> {
  const path = await mkdtemp(join(tmpdir(), "sinter-postgres-"));
  await chmod(path, 0o755);
  return {
    path,
    options: { dataDir: join(path, "data"), socketDir: join(path, "socket"), log: silentLog, durable: false },
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, maxRetries: 5 }),
  };
}

async function query(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  client.on("error", () => {});
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
}

const gone = async (pid: number): Promise<void> => {
  await waitFor(`the end of process ${pid}`, () => !isAlive(pid) || undefined, {
    timeoutMs: TIMEOUT_MS,
    intervalMs: 10,
  });
};

describe("private PostgreSQL", { timeout: 240_000 }, () => {
  test("durable: keeps what was committed when it is killed, and starts again on its own", async () => {
    await using folder = await makeFolder();
    await using server = await PrivatePostgres.start({ ...folder.options, durable: true });
    assert.deepEqual(await query(server.url(), "show fsync"), [{ fsync: "on" }]);
    await query(server.url(), "create table kept (n integer); insert into kept values (1)");
    const busy = new Client({ connectionString: server.url() });
    busy.on("error", () => {});
    await busy.connect();
    await server.kill9();
    await assert.rejects(query(server.url(), "select 1"));
    await server.start();
    assert.deepEqual(await query(server.url(), "select n from kept"), [{ n: 1 }]);
    await server.restart();
    assert.deepEqual(await query(server.url(), "select n from kept"), [{ n: 1 }]);
    await server.stop();
    await server.stop();
    assert.equal(server.pid, undefined);
  });

  test("listens on no network", async () => {
    await using folder = await makeFolder();
    await using server = await PrivatePostgres.start(folder.options);
    assert.deepEqual(await query(server.url(), "show listen_addresses"), [{ listen_addresses: "" }]);
    assert.equal((await stat(folder.options.socketDir)).mode & 0o777, 0o700);
  });

  const skip = process.getuid?.() === 0 ? false : "only root can pretend to be somebody else";
  test("is reached by nobody but root and its own account", { skip }, async () => {
    await using folder = await makeFolder();
    await using server = await PrivatePostgres.start(folder.options);
    await assert.rejects(connectAsNobody(server.url()), /EACCES/);
    // Even one who gets at the socket is told apart by the kernel's word on who he is.
    await chmod(folder.options.socketDir, 0o755);
    await chmod(join(folder.options.socketDir, ".s.PGSQL.5432"), 0o777);
    await assert.rejects(connectAsNobody(server.url()), /Peer authentication failed/);
  });

  test("starts although a lock file names a process that has nothing to do with it", async () => {
    await using folder = await makeFolder();
    {
      await using server = await PrivatePostgres.start(folder.options);
      await query(server.url(), "create table kept (n integer)");
      await server.kill9();
    }
    const pidFile = join(folder.options.dataDir, "postmaster.pid");
    const lines = (await readFile(pidFile, "utf8")).split("\n");
    // A process of PostgreSQL's own account is what it takes for a server; any other it would see through itself.
    const bystander = spawn("setpriv", [...(await accountArgs()), "sleep", "600"], { stdio: "ignore" });
    try {
      await once(bystander, "spawn");
      await writeFile(pidFile, [String(bystander.pid), ...lines.slice(1)].join("\n"));
      await using server = await PrivatePostgres.start(folder.options);
      assert.deepEqual(await query(server.url(), "select * from kept"), []);
    } finally {
      bystander.kill("SIGKILL");
    }
  });

  test("is made whole or not at all: a start that was cut short is begun anew", async () => {
    await using folder = await makeFolder();
    await mkdir(`${folder.options.dataDir}.new`);
    await writeFile(`${folder.options.dataDir}.new/PG_VERSION`, "15\n");
    await using server = await PrivatePostgres.start(folder.options);
    assert.equal((await query(server.url(), "select 1 as one")).length, 1);
  });

  test("refuses a second server on the same folder", async () => {
    await using folder = await makeFolder();
    await using server = await PrivatePostgres.start(folder.options);
    await assert.rejects(PrivatePostgres.start(folder.options), {
      code: "POSTGRES_RUNNING",
      kind: "conflict",
    });
    assert.equal((await query(server.url(), "select 1 as one")).length, 1);
  });

  test("says why it does not start", async () => {
    await using folder = await makeFolder();
    await (await PrivatePostgres.start(folder.options)).stop();
    await writeFile(join(folder.options.dataDir, "postgresql.conf"), "no_such_setting = 1\n");
    await assert.rejects(PrivatePostgres.start(folder.options), /no_such_setting/);
    await assert.rejects(
      PrivatePostgres.start({ ...folder.options, socketDir: `/tmp/${"long/".repeat(30)}` }),
      { code: "POSTGRES_SOCKET_PATH" },
    );
    await assert.rejects(PrivatePostgres.start({ ...folder.options, account: "no-such-account" }), {
      code: "POSTGRES_ACCOUNT_MISSING",
    });
    await writeFile(join(folder.options.dataDir, "PG_VERSION"), "9\n");
    await assert.rejects(PrivatePostgres.start(folder.options), { code: "POSTGRES_MISSING" });
  });

  test("ends with the process that started it, even when that is killed", async () => {
    await using folder = await makeFolder();
    const pid = await startAndKill(folder.path, "dies");
    await gone(pid);
    await using server = await PrivatePostgres.start(folder.options);
    assert.notEqual(server.pid, pid);
  });

  test("outlives that process when it is told to, and the next start joins it", async () => {
    await using folder = await makeFolder();
    const pid = await startAndKill(folder.path, "outlives");
    assert.ok(isAlive(pid));
    await using server = await PrivatePostgres.start({ ...folder.options, outlivesParent: true });
    assert.equal(server.pid, pid);
    await query(server.url(), "select 1");
    await server.stop();
    await gone(pid);
  });
});

/** Lets another process start a server, kills that process, and gives the server's process id. */
async function startAndKill(folder: string, mode: "dies" | "outlives"): Promise<number> {
  const script = fileURLToPath(new URL("testing/server-child.ts", import.meta.url));
  const child = spawn(process.execPath, [script, folder, mode], { stdio: ["ignore", "pipe", "inherit"] });
  try {
    const [chunk] = (await once(child.stdout, "data")) as [Buffer];
    return Number(String(chunk));
  } finally {
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  }
}

/** Tries a connection as an account that owns nothing; rejects with what it was told. */
async function connectAsNobody(url: string): Promise<void> {
  const program = `
    const { Client } = await import(${JSON.stringify(import.meta.resolve("pg"))});
    try { await new Client(${JSON.stringify(url)}).connect(); }
    catch (error) { console.error(error.message, error.code); process.exit(1); }`;
  const nobody = ["--reuid=65534", "--regid=65534", "--clear-groups", "--"];
  await run("setpriv", [...nobody, process.execPath, "--input-type=module", "-e", program]);
}

/** Arguments that make setpriv run a program as PostgreSQL's account. */
async function accountArgs(): Promise<string[]> {
  if (process.getuid?.() !== 0) return ["--"];
  const uid = (await run("id", ["-u", "postgres"])).stdout.trim();
  const gid = (await run("id", ["-g", "postgres"])).stdout.trim();
  return [`--reuid=${uid}`, `--regid=${gid}`, "--clear-groups", "--"];
}
