import { chmod, mkdir, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { type Client, createClient } from "@sinter/client";
import { createLog, type Log, waitFor } from "@sinter/kit";
import { createLab, ensureGuestImage, type Lab } from "@sinter/lab";
import { PrivatePostgres } from "@sinter/postgres";
import { builtPortal } from "../portal-build.ts";
import { furnish } from "./furnish.ts";
import { ManagerProcess } from "./manager-process.ts";
import { bundledAgent } from "../agent-bundle.ts";
import { labName, ROOT, runtimeDir, standFiles } from "./paths.ts";

/** A whole Sinter on one machine: laboratory, PostgreSQL, manager, agents, and what a newcomer would create first. */
export interface Stand extends AsyncDisposable {
  readonly lab: Lab;
  readonly manager: ManagerProcess;
  readonly postgres: PrivatePostgres;
  readonly client: Client;
  readonly access: {
    readonly url: string;
    /** Where browsers go. */
    readonly portalUrl: string;
    readonly userName: string;
    readonly password: string;
    readonly ca: string;
  };
  /** Stops everything it started and nothing else; disks and database stay when asked. Idempotent. */
  stop(options: { readonly keepState: boolean }): Promise<void>;
}

export interface StandOptions {
  readonly stateDir: string;
  readonly hosts: number;
  /** 0: any free one. */
  readonly port: number;
  /** Default any free one. */
  readonly portalPort?: number;
  /** Told what is going on, in a few words each. */
  readonly say: (line: string) => void;
  /** Template and demo VM; default true. Tests make their own. */
  readonly isFurnished?: boolean;
  /** Other entry of the manager, for tests that kill it from inside. */
  readonly managerEntry?: string;
  readonly managerEnv?: Readonly<Record<string, string>>;
}

export const AGENT_PROGRAM = join(ROOT, "apps/agent/dist/main.mjs");
const IMAGE_NAME = "sinter-mini.qcow2";

export async function startStand(options: StandOptions): Promise<Stand> {
  const { stateDir, say } = options;
  const files = standFiles(stateDir);
  await mkdir(stateDir, { recursive: true });
  // PostgreSQL runs under an account of its own and must be able to pass; what is secret inside has its own mode.
  await chmod(stateDir, 0o755);
  const log = createLog({ name: "stand", file: files.startLog });
  const undo: (() => Promise<unknown>)[] = [];
  try {
    await bundledAgent(say);
    const portalDir = await builtPortal(say);
    const image = await ensureGuestImage({ onProgress: say });

    say("starting PostgreSQL");
    const postgres = await PrivatePostgres.start({
      dataDir: files.postgres,
      socketDir: join(runtimeDir(stateDir), "pg"),
      durable: true,
      log,
    });
    undo.push(() => postgres.stop());
    await ensureDatabase(postgres, "sinter");

    say(`starting ${options.hosts} hosts`);
    const lab = await startLab(options, log);
    undo.push(() => lab.down({ keepState: true }));

    say("starting the manager");
    const portalPort =
      options.portalPort === undefined || options.portalPort === 0 ? await freePort() : options.portalPort;
    const manager = new ManagerProcess({
      stateDir: files.manager,
      logFile: files.managerLog,
      databaseUrl: postgres.url("sinter"),
      port: options.port === 0 ? await freePort() : options.port,
      advertisedAddress: lab.addresses.manager,
      passwordFile: files.password,
      ...(options.managerEntry === undefined ? {} : { entry: options.managerEntry }),
      env: {
        SINTER_PORTAL_DIR: portalDir,
        SINTER_PORTAL_PORT: String(portalPort),
        // A place in a lockspace takes 2.5 times as long, and nobody here wants to wait for it.
        SINTER_LEASE_IO_TIMEOUT_S: "2",
        ...options.managerEnv,
      },
    });
    await manager.start();
    undo.push(() => manager.stop());

    const password = (await readFile(files.password, "utf8")).trim();
    const ca = await readFile(manager.caFile, "utf8");
    const client = createClient({ url: manager.url, ca, userName: "admin", password });
    undo.push(() => client.close());

    await joinHosts(lab, manager, client, say);
    await furnish({
      lab,
      client,
      image,
      imageName: IMAGE_NAME,
      isFurnished: options.isFurnished ?? true,
      say,
    });

    let stopping: Promise<void> | undefined;
    const stop = ({ keepState }: { keepState: boolean }): Promise<void> => {
      stopping ??= (async () => {
        await client.close();
        await manager.stop();
        await lab.down({ keepState });
        await postgres.stop();
        await rm(runtimeDir(stateDir), { recursive: true, force: true });
        if (!keepState) await rm(stateDir, { recursive: true, force: true });
      })();
      return stopping;
    };
    return {
      lab,
      manager,
      postgres,
      client,
      access: {
        url: manager.url,
        portalUrl: `https://127.0.0.1:${portalPort}`,
        userName: "admin",
        password,
        ca,
      },
      stop,
      [Symbol.asyncDispose]: () => stop({ keepState: false }),
    };
  } catch (error) {
    for (const step of undo.toReversed())
      await step().catch((failure: unknown) => log.error({ err: failure }, "stopping failed"));
    throw error;
  }
}

async function startLab(options: StandOptions, log: Log): Promise<Lab> {
  const lab = await createLab({
    name: labName(options.stateDir),
    stateDir: standFiles(options.stateDir).lab,
    hosts: options.hosts,
    guestNetworks: [{ cidr: "172.31.0.0/24" }, { vlanId: 100, cidr: "172.31.100.0/24" }],
    agentCommand: (host) => ({
      program: process.execPath,
      args: [AGENT_PROGRAM, "run", "--address", host.addresses.management],
    }),
    superviseAgents: true,
    log,
  });
  await lab.resume();
  await lab.sharedDirectory("shared");
  return lab;
}

/** Enrols the hosts that have not joined, each with a token of its own: the very way a real host joins. */
async function joinHosts(
  lab: Lab,
  manager: ManagerProcess,
  client: Client,
  say: (line: string) => void,
): Promise<void> {
  const cluster = await ensureCluster(client);
  const known = new Set((await client.hosts.list()).items.map((host) => host.uuid));
  const port = new URL(manager.url).port;
  for (const host of lab.hosts) {
    if (known.has(host.uuid)) continue;
    say(`enrolling host ${host.name}`);
    const { token } = await client.joinTokens.create({ clusterUrn: cluster, validMinutes: 10 });
    const args = [AGENT_PROGRAM, "join", `${lab.addresses.manager}:${port}`, "--token-file", "-"];
    await lab.exec(host, process.execPath, [...args, "--address", host.addresses.management], {
      input: token,
    });
    await host.restart("agent");
  }
  await waitFor(
    "All hosts being connected",
    async () => {
      const { items } = await client.hosts.list();
      const up = items.filter((host) => host.status === "normal").length;
      return up >= lab.hosts.length ? true : undefined;
    },
    { timeoutMs: 60_000, intervalMs: 200 },
  );
}

async function ensureCluster(client: Client): Promise<string> {
  const [there] = await client.clusters.list();
  return there?.urn ?? (await client.clusters.create({ name: "ManagementCluster" })).urn;
}

async function ensureDatabase(postgres: PrivatePostgres, name: string): Promise<void> {
  const { Client: PgClient } = (await import("pg")).default;
  const session = new PgClient({ connectionString: postgres.url() });
  await session.connect();
  try {
    const there = await session.query("select 1 from pg_database where datname = $1", [name]);
    // The name is ours and fixed: nothing in it needs quoting.
    if (there.rowCount === 0) await session.query(`create database ${name}`);
  } finally {
    await session.end();
  }
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (typeof address !== "object" || address === null)
    throw new Error("Broken assumption: a listening server has a port.");
  return address.port;
}
