import { chmod, mkdtemp, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { serveSims, SimHost, SimStore, simEnrolment } from "@sinter/agent-sim";
import { type Client, createClient } from "@sinter/client";
import { createLog, GiB, waitFor } from "@sinter/kit";
import { PrivatePostgres } from "@sinter/postgres";
import { ENROLMENT_PATH, type EnrolmentReply } from "@sinter/southbound";
import { freePort } from "./stand.ts";
import { ManagerProcess } from "./manager-process.ts";
import { standFiles } from "./paths.ts";

/** The true manager on simulated agents; forgotten at the end. */
export interface SimStand extends AsyncDisposable {
  readonly manager: ManagerProcess;
  readonly client: Client;
  readonly sims: readonly SimHost[];
  readonly url: string;
  /** Where browsers go; needs `portalDir`. */
  readonly portalUrl: string;
  readonly userName: string;
  readonly password: string;
}

export interface SimStandOptions {
  /** Default 4. */
  readonly hosts?: number;
  /** Default any free one. */
  readonly port?: number;
  /** Default any free one. */
  readonly portalPort?: number;
  /** Folder of the built portal. */
  readonly portalDir?: string;
}

export async function startSimStand(options: SimStandOptions = {}): Promise<SimStand> {
  const stateDir = await mkdtemp(join("/var/tmp", "sinter-sim-"));
  await chmod(stateDir, 0o755);
  const undo: (() => Promise<unknown>)[] = [() => rm(stateDir, { recursive: true, force: true })];
  const stop = async (): Promise<void> => {
    for (const step of undo.splice(0).toReversed()) await step();
  };
  try {
    const files = standFiles(stateDir);
    const log = createLog({ name: "sim-stand", level: "warn" });
    const postgres = await PrivatePostgres.start({
      dataDir: files.postgres,
      socketDir: join(stateDir, "pg"),
      durable: false,
      log,
    });
    undo.push(() => postgres.stop());
    const portalPort = options.portalPort ?? (await freePort());
    const manager = new ManagerProcess({
      stateDir: files.manager,
      logFile: files.managerLog,
      databaseUrl: postgres.url(),
      port: options.port ?? (await freePort()),
      advertisedAddress: "127.0.0.1",
      passwordFile: files.password,
      env: {
        SINTER_PORTAL_PORT: String(portalPort),
        SINTER_CONSOLE_PORT: "0",
        SINTER_CONSOLE_PUBLIC_PORT: "0",
        ...(options.portalDir === undefined ? {} : { SINTER_PORTAL_DIR: options.portalDir }),
      },
    });
    undo.push(() => manager.stop());
    await manager.start();
    const userName = "admin";
    const password = (await readFile(files.password, "utf8")).trim();
    const ca = await readFile(manager.caFile, "utf8");
    const client = createClient({ url: manager.url, ca, userName, password });
    undo.push(() => client.close());

    const sims = await joinSims(client, options.hosts ?? 4, undo);
    await furnishSims(client);
    return {
      manager,
      client,
      sims,
      url: manager.url,
      portalUrl: `https://127.0.0.1:${portalPort}`,
      userName,
      password,
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function joinSims(client: Client, count: number, undo: (() => Promise<unknown>)[]): Promise<SimHost[]> {
  const store = new SimStore({ capacityBytes: 1024 * GiB });
  store.addImage("sinter-mini.qcow2", GiB);
  const sims = Array.from(
    { length: count },
    (_, index) => new SimHost({ seed: `dev-${index}`, mounts: { "/srv/shared": store } }),
  );
  const server = await serveSims(sims, {});
  undo.push(async () => {
    await server.close();
    for (const sim of sims) sim.dispose();
  });
  const { urn: clusterUrn } = await client.clusters.create({ name: "ManagementCluster" });
  for (const sim of sims) {
    const { token } = await client.joinTokens.create({ clusterUrn });
    const { request, accept } = await simEnrolment(sim, { token, address: "127.0.0.1", port: server.port });
    accept(await client.api.post<EnrolmentReply>(ENROLMENT_PATH, request));
  }
  // Before that nothing can be placed on them.
  await waitFor(
    "The simulated hosts being connected",
    async () => ((await client.hosts.statistics()).normal === count ? true : undefined),
    { timeoutMs: 60_000, intervalMs: 100 },
  );
  return sims;
}

async function furnishSims(client: Client): Promise<void> {
  const hostUrns = (await client.hosts.list()).items.map((host) => host.urn);
  await client.tasks.wait(
    await client.datastores.create({ name: "shared", path: "/srv/shared", shared: true, hostUrns }),
  );
  const dvs = await client.switches.create({
    name: "ManagementDVS",
    hostPortSet: hostUrns.map((hostUrn) => ({ hostUrn })),
  });
  await client.portGroups.create(dvs.uri, { name: "VM Network", vlanId: 0 });
}
