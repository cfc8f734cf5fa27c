import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { connectAgent } from "@sinter/agent-link";
import { type Clock, type Log, systemClock, writeFileAtomic } from "@sinter/kit";
import { createTaskEngine, type FaultHook } from "@sinter/tasks";
import type { FastifyInstance } from "fastify";
import { createAudit } from "./audit/index.ts";
import { registerAuditRoutes } from "./audit/audit.routes.ts";
import { clusterWireErrors, createClusterService, registerClusterRoutes } from "./cluster/index.ts";
import {
  computeTasks,
  createDirectVnc,
  createProgressHub,
  createVmLists,
  createVmReconciler,
  createVmService,
  registerVmMediaRoutes,
  registerVmRoutes,
  vmWireErrors,
} from "./compute/index.ts";
import {
  createSnapshotService,
  registerSnapshotRoutes,
  snapshotTasks,
  snapshotWireErrors,
} from "./snapshot/index.ts";
import { DEFAULT_PORT, defaultServerNames, type ManagerConfig } from "./config.ts";
import {
  createConsoleCheck,
  createConsoleProxy,
  createConsoleService,
  createConsoleSessions,
  DEFAULT_CONSOLE_PORT,
  DEFAULT_CONSOLE_PUBLIC_PORT,
  RECHECK_MS,
  registerConsoleRoutes,
  registerConsoles,
} from "./console/index.ts";
import { openDatabase } from "./database/database.ts";
import { OBJECT_ID_SEQUENCE } from "./database/ids.ts";
import { migrateDatabase } from "./database/migrate.ts";
import { createAuthorityStore, createEnrolment, rotateCertificates } from "./enrolment/index.ts";
import { type ConnectAgent, createFleet } from "./fleet/index.ts";
import {
  createHostService,
  deleteHost,
  hostWireErrors,
  modifyHost,
  registerHostRoutes,
} from "./host/index.ts";
import { registerHealthRoute } from "./http/health.routes.ts";
import { createMetrics, registerMetrics } from "./http/metrics.ts";
import { registerOpenApiRoute } from "./http/openapi.ts";
import { createHttpServer } from "./http/server.ts";
import { createUpgrades } from "./http/upgrades.ts";
import { createWireErrors } from "./http/wire-errors.ts";
import { createIdentity, type IdentityOptions } from "./identity/index.ts";
import {
  browserMediaStore,
  createIsoService,
  mediaWireErrors,
  registerIsoRoutes,
  registerMediaUpgrade,
} from "./media/index.ts";
import {
  createCollector,
  createMonitorService,
  createRecorder,
  monitorWireErrors,
  registerMonitorRoutes,
} from "./monitor/index.ts";
import {
  createPortGroupService,
  createSwitchService,
  deletePortGroup,
  modifyPortGroup,
  networkWireErrors,
  registerPortGroupRoutes,
  registerSwitchRoutes,
  removeVlanPools,
} from "./network/index.ts";
import {
  ChangeListener,
  createChangeStream,
  createPortalDoor,
  DEFAULT_PORTAL_PORT,
  type PortalDoor,
  registerChangeRoute,
} from "./portal/index.ts";
import { createInventoryReconcilers, createReconciler } from "./reconcile/index.ts";
import { openSealer } from "./secrets.ts";
import { createSiteService, registerSiteRoutes } from "./site/index.ts";
import {
  connectDatastore,
  createDatastore,
  createDatastoreService,
  datastoreStore,
  datastoreWireErrors,
  deleteDatastore,
  disconnectDatastore,
  registerDatastoreRoutes,
} from "./storage/index.ts";
import { registerLeaseRoutes } from "./storage/lease.routes.ts";
import { createLeaseService } from "./storage/lease.service.ts";
import { volumeWireErrors } from "./storage/volume.errors.ts";
import { registerVolumeRoutes } from "./storage/volume.routes.ts";
import { createVolumeService } from "./storage/volume.service.ts";
import { registerTaskRoutes, taskWireErrors } from "./task/task.routes.ts";

export const VERSION = "0.1.0";

/** Everything that runs in background of the API, by how often. */
const VMS_EVERY_MS = 60_000;
const LISTS_EVERY_MS = 20_000;
const ISOS_EVERY_MS = 300_000;
const SWEEP_EVERY_MS = 60_000;
const HOUSEKEEPING_EVERY_MS = 3_600_000;
/** Finished tasks stay readable so long; clients come back after hours. */
const TASKS_KEPT_MS = 30 * 86_400_000;

export interface Manager extends AsyncDisposable {
  readonly app: FastifyInstance;
  /** Begins to serve and to work; gives the API's address, the portal's where there is one, and where consoles are. */
  start(): Promise<{ api: string; portal: string | undefined; consolePorts: readonly number[] }>;
  /** What is done once an hour: renews certificates that are due, removes old tasks. For tests that move the clock. */
  housekeep(): Promise<void>;
  /** Stops in order: no new requests, reconcilers, tasks (which go on at the next start), links, database. */
  stop(): Promise<void>;
}

export interface ComposeOptions {
  readonly config: ManagerConfig;
  readonly log: Log;
  readonly clock?: Clock;
  /** Other than mutual TLS, for tests. */
  readonly connect?: ConnectAgent;
  readonly identity?: Partial<IdentityOptions>;
  /** How often streams of changes are pinged; tests do not wait for 15 s. */
  readonly pingEveryMs?: number;
  /** Tests interfere with tasks here. */
  readonly fault?: FaultHook;
}

/** The one place where concrete parts are chosen and joined. */
export async function composeManager(options: ComposeOptions): Promise<Manager> {
  const { config, log } = options;
  const clock = options.clock ?? systemClock;
  await mkdir(config.stateDir, { recursive: true, mode: 0o700 });
  await migrateDatabase(config.databaseUrl);
  const database = openDatabase({ url: config.databaseUrl, log });

  const sites = await createSiteService({ database, siteName: config.siteName ?? "site" });
  const siteId = sites.id;
  const authority = await createAuthorityStore({
    db: database.db,
    stateDir: config.stateDir,
    serverNames: defaultServerNames(config),
    clock,
    log,
  });
  const identity = createIdentity({ database, clock, log, ...options.identity });
  const audit = await createAudit({ database, stateDir: config.stateDir, clock, log });
  await bootstrap(identity, config);

  const leaseSettings =
    config.leaseIoTimeoutS === undefined ? {} : { leaseIoTimeoutS: config.leaseIoTimeoutS };
  const progress = createProgressHub();
  const fleet = createFleet({
    database,
    clock,
    log,
    connect: options.connect ?? ((address) => connectAgent({ ...address, tls: authority.managerTls, log })),
    onEvent: (hostId, event) => {
      progress.take(event);
      if (event.type === "vmChanged") changedVms.signal(`${hostId} ${event.vmUuid}`);
      // A NIC that came back may be what a switch was waiting for.
      if (event.type === "datastoreChanged" || event.type === "hostChanged") inventory.hosts.signal(hostId);
      if (event.type === "datastoreChanged") isoFolders.signal(Number(event.datastoreId));
    },
  });

  const tasks = createTaskEngine({
    pool: database.pool,
    definitions: [
      ...computeTasks,
      ...snapshotTasks,
      createDatastore,
      connectDatastore,
      disconnectDatastore,
      deleteDatastore,
      modifyHost,
      deleteHost,
      modifyPortGroup,
      deletePortGroup,
      removeVlanPools,
    ],
    ports: {
      database,
      fleet,
      clock,
      log,
      progress,
      ...leaseSettings,
      releaseHost: (hostId: number) => vmReconciler.releaseHost(hostId),
      redefineVmsOn: (db, portGroupId) => vmReconciler.redefineVmsOn(db, portGroupId),
    },
    log,
    clock,
    idSequence: OBJECT_ID_SEQUENCE,
    sealer: await openSealer(join(config.stateDir, "secrets.key")),
    onStuck: (task) =>
      log.error({ taskId: task.id, type: task.type, reason: task.stuckReason }, "a task is stuck"),
    ...(options.fault === undefined ? {} : { fault: options.fault }),
  });

  const vmReconciler = createVmReconciler({ database, tasks, fleet, log });
  const inventory = createInventoryReconcilers({ database, fleet, log, clock, ...leaseSettings });
  const vmsOfHosts = createReconciler<number>({
    name: "vms",
    everyMs: VMS_EVERY_MS,
    keys: () => fleet.connectedHosts(),
    reconcile: (hostId) => vmReconciler.reconcileHost(hostId),
    log,
    clock,
  });
  const changedVms = createReconciler<string>({
    name: "changed vms",
    everyMs: VMS_EVERY_MS,
    // Only ever upon an event; the round over hosts finds what an event did not.
    keys: () => [],
    reconcile: async (key) => {
      const [hostId, vmUuid] = key.split(" ");
      if (vmUuid !== undefined) await vmReconciler.reconcileVm(Number(hostId), vmUuid);
    },
    log,
    clock,
  });
  const isos = createIsoService({ database, fleet, clock, log });
  const isoFolders = createReconciler<number>({
    name: "ISO files",
    everyMs: ISOS_EVERY_MS,
    keys: () => datastoreStore(database.db).connected(),
    reconcile: (datastoreId) => isos.reconcile(datastoreId),
    log,
    clock,
  });
  const collector = createCollector({ fleet, log, clock });
  const recorder = createRecorder({ database, collector, log, clock });
  const cpuLoadOf = (hostId: number): number | undefined =>
    collector.reportLoad(hostId)?.cpuRatio ?? undefined;

  const clusters = createClusterService({ database, siteId, clock });
  const hosts = createHostService({
    database,
    tasks,
    siteId,
    log,
    unmanagedOn: vmReconciler.unmanagedOn,
  });
  const datastores = createDatastoreService({ database, tasks, fleet, siteId });
  const volumes = createVolumeService({ database, tasks, fleet });
  const switches = createSwitchService({ database, tasks, siteId, applyOn: inventory.applySwitchesOn });
  const portGroups = createPortGroupService({ database, tasks, siteId });
  const directVnc = createDirectVnc({ database, fleet, clock, isOn: config.directVnc ?? true });
  const vms = createVmService({ database, tasks, fleet, directVnc, cpuLoadOf });
  const snapshots = createSnapshotService({ database, tasks, fleet, cpuLoadOf });
  const monitor = createMonitorService({ database, collector, siteId, clock });
  const port = config.listenPort ?? DEFAULT_PORT;
  const advertised = config.advertisedAddress ?? "127.0.0.1";
  const enrolment = createEnrolment({
    database,
    authority,
    siteId,
    isConnected: fleet.isConnected,
    onEnrolled: (hostId) => fleet.onEnrolled(hostId),
    ...(config.advertisedAddress === undefined ? {} : { managerAddress: `${advertised}:${port}` }),
    clock,
    log,
  });

  const errors = createWireErrors([
    identity.wireErrors,
    enrolment.wireErrors,
    hostWireErrors,
    clusterWireErrors,
    datastoreWireErrors,
    networkWireErrors,
    monitorWireErrors,
    taskWireErrors,
    volumeWireErrors,
    snapshotWireErrors,
    mediaWireErrors,
    vmWireErrors,
  ]);
  const tls = authority.serverTls();
  const changes = createChangeStream({
    siteId,
    log,
    ...(options.pingEveryMs === undefined ? {} : { pingEveryMs: options.pingEveryMs }),
  });
  const listener = new ChangeListener({
    url: config.databaseUrl,
    log,
    onChange: changes.announce,
    onLost: () => changes.announceAll(),
  });
  const app = createHttpServer({
    siteId,
    authenticate: identity.authenticate,
    errors,
    log,
    tls: { ...tls, minVersion: "TLSv1.2" },
    onMutation: audit.recordCall,
  });
  const door = openDoor({ app, config, tls, advertised, log });
  authority.onServerRenewed((fresh) => {
    (app.server as unknown as { setSecureContext(context: object): void }).setSecureContext(fresh);
    door?.server.setSecureContext(fresh);
    consoleProxy.renew(fresh);
  });
  const registry = createMetrics(database);
  registerMetrics(app, { registry, authenticate: identity.authenticate });
  registerHealthRoute(app, database);
  identity.routes(app, () => ({ siteId: siteId(), siteName: sites.get().name, version: VERSION }));
  registerSiteRoutes(app, { sites, address: advertised });
  registerClusterRoutes(app, { clusters, siteId, memoryUsedMiB: monitor.memoryUsedMiB });
  registerHostRoutes(app, {
    hosts,
    siteId,
    memoryUsed: (hostId) => collector.reportLoad(hostId)?.usedMemoryBytes,
  });
  const vmLists = createVmLists({ database, siteId });
  registerVmRoutes(app, { vms, lists: vmLists, database, siteId });
  registerVmMediaRoutes(app, { vms, siteId });
  registerSnapshotRoutes(app, { snapshots, database, siteId });
  registerIsoRoutes(app, { isos, siteId, lookSoon: (datastoreId) => isoFolders.signal(datastoreId) });
  registerVolumeRoutes(app, { volumes, siteId });
  registerLeaseRoutes(app, { leases: createLeaseService({ database, fleet }), siteId });
  registerDatastoreRoutes(app, { datastores, siteId });
  registerSwitchRoutes(app, { switches, siteId });
  registerPortGroupRoutes(app, { portGroups, siteId });
  registerTaskRoutes(app, { tasks, errors, siteId });
  registerMonitorRoutes(app, { monitor });
  registerAuditRoutes(app, audit);
  enrolment.routes(app);
  registerOpenApiRoute(app, { version: VERSION });
  const upgrades = createUpgrades({ authenticate: identity.authenticate, errors, log });
  upgrades.attach(app.server, "api");
  if (door) upgrades.attach(door.server, "portal");
  const { authenticate } = identity;
  const consoleSessions = createConsoleSessions({ authenticate, record: audit.recordConsole, log });
  const consoles = createConsoleService({ vms, fleet, sessions: consoleSessions, authenticate, clock });
  registerMediaUpgrade(upgrades, { app, database, fleet, log });
  registerConsoles(upgrades, consoles);
  const consoleProxy = createConsoleProxy({
    upgrades,
    tls,
    host: config.listenHost ?? "::",
    port: config.consolePort ?? DEFAULT_CONSOLE_PORT,
    publicPort: config.consolePublicPort ?? DEFAULT_CONSOLE_PUBLIC_PORT,
    servesPublicPort: config.servesConsolePublicPort ?? true,
    log,
  });
  registerConsoleRoutes(app, {
    consoles,
    proxy: consoleProxy,
    check: createConsoleCheck({ vms, fleet, proxy: consoleProxy }),
    advertisedAddress: advertised,
  });
  registerChangeRoute(app, { changes, authenticate: identity.authenticate });
  // Connections that stay open for hours would keep the servers from closing.
  app.addHook("preClose", async () => {
    upgrades.close();
    changes.close();
  });

  const timers: NodeJS.Timeout[] = [];
  const every = (ms: number, what: string, work: () => Promise<unknown>): void => {
    const run = (): void => {
      work().catch((error: unknown) =>
        log.warn({ err: error }, `${what} failed; the next round tries again`),
      );
    };
    timers.push(setInterval(run, ms).unref());
  };
  const stopHearing: (() => void)[] = [];

  const manager: Manager = {
    app,
    start: async () => {
      stopHearing.push(
        fleet.onHostChanged((hostId, status) => {
          if (status === "normal") vmsOfHosts.signal(hostId);
          else
            vmReconciler
              .hostLost(hostId)
              .catch((error: unknown) => log.warn({ err: error, hostId }, "marking VMs failed"));
        }),
      );
      tasks.start();
      inventory.start();
      vmsOfHosts.start();
      changedVms.start();
      isoFolders.start();
      collector.start();
      recorder.start();
      await fleet.start();
      every(LISTS_EVERY_MS, "keeping lists of VMs ready", () => vmLists.warm());
      every(SWEEP_EVERY_MS, "sweeping sessions", () => identity.sweep());
      every(SWEEP_EVERY_MS, "sweeping tickets of media", () => browserMediaStore(database.db).removeUnused());
      every(SWEEP_EVERY_MS, "sweeping audit records", () => audit.sweep());
      every(HOUSEKEEPING_EVERY_MS, "housekeeping", manager.housekeep);
      every(RECHECK_MS, "looking after consoles", () => consoleSessions.recheck());
      await listener.start();
      await consoleProxy.listen();
      const api = await app.listen({ host: config.listenHost ?? "::", port });
      return { api, portal: await door?.listen(), consolePorts: consoleProxy.ports().served };
    },
    housekeep: async () => {
      await rotateCertificates({
        db: database.db,
        authority,
        agent: fleet.agent,
        isConnected: fleet.isConnected,
        clock,
        log,
      });
      await tasks.prune(clock.now() - TASKS_KEPT_MS);
    },
    stop: async () => {
      for (const timer of timers) clearInterval(timer);
      for (const stop of stopHearing) stop();
      await listener[Symbol.asyncDispose]();
      await Promise.all([app.close(), door?.close(), consoleProxy.close()]);
      await Promise.all([
        inventory.stop(),
        vmsOfHosts.stop(),
        changedVms.stop(),
        isoFolders.stop(),
        collector.stop(),
        recorder.stop(),
      ]);
      await tasks.stop();
      await fleet.stop();
      await audit[Symbol.asyncDispose]();
      await identity[Symbol.asyncDispose]();
      await database.close();
    },
    [Symbol.asyncDispose]: () => manager.stop(),
  };
  return manager;
}

/** The portal's port, when there is a portal. */
function openDoor(parts: {
  app: FastifyInstance;
  config: ManagerConfig;
  tls: { key: string; cert: string };
  advertised: string;
  log: Log;
}): PortalDoor | undefined {
  const { app, config, tls, advertised, log } = parts;
  if (config.portalDir === undefined) {
    log.info("no folder of a portal is configured (portalDir): its port stays closed");
    return undefined;
  }
  return createPortalDoor({
    app,
    tls: { ...tls, minVersion: "TLSv1.2" },
    host: config.listenHost ?? "::",
    port: config.portalPort ?? DEFAULT_PORTAL_PORT,
    directory: config.portalDir,
    advertisedAddress: advertised,
    log,
  });
}

/** The first administrator's password goes to the person who installs, once, and is kept nowhere else in clear. */
async function bootstrap(identity: ReturnType<typeof createIdentity>, config: ManagerConfig): Promise<void> {
  const result = await identity.bootstrap();
  if (!result.created) return;
  if (config.adminPasswordFile === undefined) {
    process.stdout.write(`The administrator is "${result.userName}" with the password ${result.password}\n`);
  } else {
    await writeFileAtomic(config.adminPasswordFile, `${result.password}\n`, 0o600);
  }
}
