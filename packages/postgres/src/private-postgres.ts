import { type ChildProcess, spawn } from "node:child_process";
import { chown, mkdir, open, readFile, rename, rm, writeFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { dirname, join } from "node:path";
import { AppError, type Log, isAlive, run } from "@sinter/kit";
import { Client } from "pg";
import { findPostgresPrograms, type PostgresPrograms } from "./postgres-programs.ts";
import { leftOver, removeStaleLocks, serverPid } from "./server-process.ts";

export interface PrivatePostgresOptions {
  /** Made with `initdb` when it is not there. */
  readonly dataDir: string;
  /** Folder of the socket, made with mode 0700. Short: the kernel allows 107 bytes for the whole socket path. */
  readonly socketDir: string;
  readonly log: Log;
  /** True: what was committed survives a power cut. False: no fsync, for tests in memory. */
  readonly durable: boolean;
  /**
   * Default false: the server stops when this process ends, however it ends. True: it goes on without us, and a
   * later start on the same folder joins it.
   */
  readonly outlivesParent?: boolean;
  /** Account the server runs as when we are root, which PostgreSQL refuses to be; default `postgres`. */
  readonly account?: string;
  /** Most connections at once; default 100. */
  readonly connectionsMax?: number;
}

/** The one role of a private server. Only root and the server's own account may be it, as `peer` checks. */
const ROLE = "sinter";
const START_TIMEOUT_MS = 120_000;
const STOP_TIMEOUT_MS = 30_000;
const SOCKET_PATH_BYTES_MAX = 107;

/** A PostgreSQL server of our own, reached through a Unix socket and nothing else. */
export class PrivatePostgres implements AsyncDisposable {
  readonly #options: PrivatePostgresOptions;
  readonly #programs: PostgresPrograms;
  readonly #owner: Owner;
  #pid: number | undefined;
  #child: ChildProcess | undefined;

  private constructor(options: PrivatePostgresOptions, programs: PostgresPrograms, owner: Owner) {
    this.#options = options;
    this.#programs = programs;
    this.#owner = owner;
  }

  /** Throws `unavailable` POSTGRES_MISSING or POSTGRES_NOT_STARTED, `conflict` POSTGRES_RUNNING. */
  static async start(options: PrivatePostgresOptions): Promise<PrivatePostgres> {
    const socketPath = join(options.socketDir, ".s.PGSQL.5432");
    if (Buffer.byteLength(socketPath) > SOCKET_PATH_BYTES_MAX) {
      throw new AppError(
        "invalid",
        "POSTGRES_SOCKET_PATH",
        `The socket path ${socketPath} is longer than ${SOCKET_PATH_BYTES_MAX} bytes; choose a shorter folder.`,
      );
    }
    const programs = await findPostgresPrograms(options.dataDir);
    const server = new PrivatePostgres(options, programs, await findOwner(options.account ?? "postgres"));
    await server.#initialize();
    await server.start();
    return server;
  }

  /** Connection string of one database; understood by pg and by the command line tools. */
  url(database = "postgres"): string {
    return `postgresql://${ROLE}@/${encodeURIComponent(database)}?host=${encodeURIComponent(this.#options.socketDir)}`;
  }

  /** Process id of the server, undefined while it is stopped. */
  get pid(): number | undefined {
    return this.#pid;
  }

  /** Starts it again after `stop` or `kill9`. Resolves when it answers queries. */
  async start(): Promise<void> {
    const { dataDir, outlivesParent } = this.#options;
    const running = await leftOver(dataDir, outlivesParent === true ? 0 : undefined);
    if (running === undefined) return await this.#launch();
    if (outlivesParent === true) {
      this.#pid = running;
      return await this.#untilReady();
    }
    throw new AppError(
      "conflict",
      "POSTGRES_RUNNING",
      `Another process (${running}) already runs PostgreSQL on ${dataDir}.`,
      { params: { dataDir, pid: running } },
    );
  }

  /** Ends all sessions, writes everything out and stops. Succeeds when it is already stopped. */
  async stop(): Promise<void> {
    await this.#end("SIGINT");
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** What a power cut or the kernel's out-of-memory killer does to the server. */
  async kill9(): Promise<void> {
    await this.#end("SIGKILL");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #initialize(): Promise<void> {
    const { dataDir, socketDir, durable } = this.#options;
    // The folders above are for all to pass; only the last one is private.
    await Promise.all(
      [socketDir, dataDir].map((path) => mkdir(dirname(path), { recursive: true, mode: 0o755 })),
    );
    await mkdir(socketDir, { recursive: true, mode: 0o700 });
    if (this.#owner.isOther) await chown(socketDir, this.#owner.uid, this.#owner.gid);
    if ((await readFile(join(dataDir, "PG_VERSION"), "utf8").catch(() => undefined)) !== undefined) return;

    // Made beside its place and moved there whole, so that a start cut short never leaves half a database.
    const draft = `${dataDir}.new`;
    await rm(draft, { recursive: true, force: true });
    await mkdir(draft, { mode: 0o700 });
    if (this.#owner.isOther) await chown(draft, this.#owner.uid, this.#owner.gid);
    const args = ["-D", draft, "-U", ROLE, "--auth=peer", "--encoding=UTF8", "--locale=C.UTF-8"];
    const [program, ...rest] = this.#asOwner(this.#programs.initdb, [
      ...args,
      ...(durable ? [] : ["--no-sync"]),
    ]);
    await run(program as string, rest, { env: environment(), cwd: "/", timeoutMs: START_TIMEOUT_MS }).catch(
      (error) => {
        const who = this.#owner.isOther
          ? ` (the account ${this.#owner.name} must be able to reach that folder)`
          : "";
        throw new AppError(
          "unavailable",
          "POSTGRES_NOT_STARTED",
          `Making a database in ${dataDir} failed${who}.`,
          {
            cause: error,
          },
        );
      },
    );
    const accounts = new Set(["root", this.#owner.name]);
    const map = [...accounts].map((account) => `private ${account} ${ROLE}\n`).join("");
    await writeFile(join(draft, "pg_ident.conf"), map);
    await writeFile(join(draft, "pg_hba.conf"), "local all all peer map=private\n");
    await rename(draft, dataDir);
  }

  async #launch(): Promise<void> {
    const { dataDir, socketDir, log } = this.#options;
    await removeStaleLocks(dataDir, socketDir);
    const output = await open(join(dataDir, "start.log"), "w", 0o600);
    const [program, ...args] = this.#asOwner(this.#programs.postgres, ["-D", dataDir, ...this.#settings()]);
    const outlives = this.#options.outlivesParent === true;
    const child = spawn(program as string, args, {
      env: environment(),
      cwd: "/",
      detached: outlives,
      stdio: ["ignore", output.fd, output.fd],
    });
    try {
      await new Promise((resolve, reject) => child.once("spawn", resolve).once("error", reject));
    } finally {
      await output.close();
    }
    // A server that is stopped on purpose must not hold up the end of a process that forgot to stop it.
    child.unref();
    this.#child = child;
    this.#pid = child.pid;
    await this.#untilReady();
    log.info({ pid: this.#pid, dataDir, major: this.#programs.major }, "private PostgreSQL started");
  }

  async #untilReady(): Promise<void> {
    const deadline = Date.now() + START_TIMEOUT_MS;
    for (;;) {
      const client = new Client({ connectionString: this.url() });
      client.on("error", () => {});
      try {
        await client.connect();
        await client.query("select 1");
        await client.end();
        return;
      } catch (error) {
        await client.end().catch(() => {});
        const ended = this.#child !== undefined && hasEnded(this.#child);
        if (ended || Date.now() > deadline) throw await this.#startFailure(error);
      }
      await new Promise((resolve) => setTimeout(resolve, 15));
    }
  }

  async #startFailure(cause: unknown): Promise<AppError> {
    const { dataDir } = this.#options;
    const text = await readFile(join(dataDir, "start.log"), "utf8").catch(() => "");
    await this.#end("SIGKILL");
    const tail = text.trim().split("\n").slice(-5).join("\n");
    return new AppError(
      "unavailable",
      "POSTGRES_NOT_STARTED",
      `PostgreSQL on ${dataDir} did not start: ${tail}`,
      {
        cause,
      },
    );
  }

  async #end(signal: "SIGINT" | "SIGKILL"): Promise<void> {
    const pid = this.#pid;
    if (pid === undefined) return;
    const child = this.#child;
    // As a child it stays a zombie until Node has reaped it; only one we joined is watched from outside.
    const isGone = async (): Promise<boolean> =>
      child === undefined
        ? (await serverPid(this.#options.dataDir)) !== pid || !isAlive(pid)
        : hasEnded(child);
    const deadline = Date.now() + STOP_TIMEOUT_MS;
    if (!(await isGone())) process.kill(pid, signal);
    while (!(await isGone())) {
      if (Date.now() > deadline) process.kill(pid, "SIGQUIT");
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    this.#pid = undefined;
    this.#child = undefined;
  }

  /** The program as the server's account and, unless it shall outlive us, tied to our life. */
  #asOwner(program: string, args: readonly string[]): string[] {
    const { uid, gid, isOther } = this.#owner;
    const tie = this.#options.outlivesParent === true ? [] : ["--pdeathsig=INT"];
    const identity = isOther ? [`--reuid=${uid}`, `--regid=${gid}`, "--clear-groups"] : [];
    if (tie.length + identity.length === 0) return [program, ...args];
    return ["setpriv", ...identity, ...tie, "--", program, ...args];
  }

  #settings(): string[] {
    const { socketDir, durable } = this.#options;
    const settings: Record<string, string> = {
      listen_addresses: "",
      unix_socket_directories: socketDir,
      unix_socket_permissions: "0700",
      max_connections: String(this.#options.connectionsMax ?? 100),
      timezone: "UTC",
      log_timezone: "UTC",
      ...(durable ? DURABLE : VOLATILE),
    };
    return Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  }
}

/** A week of logs, one file a day, each bounded. */
const DURABLE: Record<string, string> = {
  logging_collector: "on",
  log_directory: "log",
  log_filename: "server-%a.log",
  log_rotation_age: "1d",
  log_truncate_on_rotation: "on",
};

/** Nothing here outlives the tests, so nothing is written twice or flushed. */
const VOLATILE: Record<string, string> = {
  fsync: "off",
  full_page_writes: "off",
  wal_level: "minimal",
  max_wal_senders: "0",
  max_wal_size: "256MB",
  shared_buffers: "32MB",
  autovacuum: "off",
};

interface Owner {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  /** Whether it is somebody else than we are. */
  readonly isOther: boolean;
}

async function findOwner(account: string): Promise<Owner> {
  const me = userInfo();
  if (me.uid !== 0) return { name: me.username, uid: me.uid, gid: me.gid, isOther: false };
  const id = async (what: string): Promise<number> => Number((await run("id", [what, account])).stdout);
  try {
    return { name: account, uid: await id("-u"), gid: await id("-g"), isOther: true };
  } catch (error) {
    throw new AppError(
      "unavailable",
      "POSTGRES_ACCOUNT_MISSING",
      `There is no account ${account} to run PostgreSQL.`,
      {
        cause: error,
      },
    );
  }
}

/** Nothing of ours is inherited: neither secrets nor a PGPORT that would redirect it. */
const environment = (): NodeJS.ProcessEnv => ({
  PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
  LANG: "C.UTF-8",
  TZ: "UTC",
});

const hasEnded = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;
