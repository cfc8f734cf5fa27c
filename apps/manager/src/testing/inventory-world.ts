import assert from "node:assert/strict";
import { SimHost, type SimHostOptions, simPort } from "@sinter/agent-sim";
import { type Clock, silentLog, systemClock, waitFor } from "@sinter/kit";
import { ErrorAnswer } from "@sinter/northbound";
import { createTaskEngine, type FaultHook, type TaskEngine, type TaskView } from "@sinter/tasks";
import type { FastifyInstance } from "fastify";
import type { TSchema } from "typebox";
import { Value } from "typebox/value";
import {
  type ClusterService,
  clusterWireErrors,
  createClusterService,
  registerClusterRoutes,
} from "../cluster/index.ts";
import { type Database, dbOn } from "../database/database.ts";
import { nextId, OBJECT_ID_SEQUENCE } from "../database/ids.ts";
import { createFleet, type ManagedFleet } from "../fleet/index.ts";
import {
  createHostService,
  deleteHost,
  hostStore,
  hostWireErrors,
  modifyHost,
  registerHostRoutes,
} from "../host/index.ts";
import { createWireErrors } from "../http/wire-errors.ts";
import {
  type Collector,
  createCollector,
  createMonitorService,
  createRecorder,
  monitorWireErrors,
  type Recorder,
  registerMonitorRoutes,
} from "../monitor/index.ts";
import {
  createPortGroupService,
  createSwitchService,
  deletePortGroup,
  modifyPortGroup,
  networkWireErrors,
  registerPortGroupRoutes,
  registerSwitchRoutes,
  removeVlanPools,
} from "../network/index.ts";
import { createInventoryReconcilers, type InventoryReconcilers } from "../reconcile/index.ts";
import { createSiteService, registerSiteRoutes } from "../site/index.ts";
import { siteStore } from "../site/site.store.ts";
import { sites } from "../site/site.table.ts";
import {
  connectDatastore,
  createDatastore,
  createDatastoreService,
  datastoreWireErrors,
  deleteDatastore,
  disconnectDatastore,
  registerDatastoreRoutes,
} from "../storage/index.ts";
import { registerTaskRoutes, taskWireErrors } from "../task/task.routes.ts";
import { TEST_SITE, testApp, type TestApp } from "./test-app.ts";

export const INVENTORY_TASKS = [
  modifyHost,
  deleteHost,
  createDatastore,
  connectDatastore,
  disconnectDatastore,
  deleteDatastore,
  modifyPortGroup,
  deletePortGroup,
  removeVlanPools,
] as const;

export interface Answer {
  readonly status: number;
  readonly errorCode: string | undefined;
  // Tests look into answers of all shapes; schemas are checked separately.
  // biome-ignore lint/suspicious/noExplicitAny: see above
  readonly body: any;
}

export interface InventoryWorld extends AsyncDisposable {
  readonly database: Database;
  readonly app: FastifyInstance;
  readonly test: TestApp;
  readonly tasks: TaskEngine;
  readonly fleet: ManagedFleet;
  readonly reconcilers: InventoryReconcilers;
  readonly collector: Collector;
  readonly recorder: Recorder;
  readonly clusters: ClusterService;
  readonly sims: SimHost[];
  readonly hostIds: number[];
  readonly released: number[];
  readonly redefined: number[];
  /** Adds a host to site and fleet; resolves when it is connected, unless told not to wait. */
  addHost(options?: { sim?: SimHost; clusterId?: number | null; isAwaited?: boolean }): Promise<number>;
  /** A request below the site, or by absolute path; every answer is checked against the route's schema. */
  call(method: "GET" | "POST" | "PUT" | "DELETE", path: string, payload?: unknown): Promise<Answer>;
  /** The same, expecting success; a task is awaited and must succeed. */
  ok(method: "GET" | "POST" | "PUT" | "DELETE", path: string, payload?: unknown): Promise<Answer["body"]>;
  /** Waits for the task of an answer. */
  ended(answer: { taskUri: string }): Promise<TaskView>;
  engine(fault?: FaultHook): TaskEngine;
  urn(path: string): string;
}

export interface InventoryOptions {
  readonly hosts?: number;
  readonly host?: (index: number) => SimHostOptions;
  /** Of fleet, simulated hosts, reconcilers and collector. */
  readonly clock?: Clock;
  readonly graceMs?: number;
  /** Reconcilers and collector run by themselves; default false: tests call them. */
  readonly isRunning?: boolean;
}

/** Simulated hosts in a true fleet, and every route of the inventory on a real database. */
export async function inventoryWorld(options: InventoryOptions = {}): Promise<InventoryWorld> {
  const clock = options.clock ?? systemClock;
  const sims: SimHost[] = [];
  const hostIds: number[] = [];
  const released: number[] = [];
  const redefined: number[] = [];
  const engines: TaskEngine[] = [];
  let parts!: Omit<
    InventoryWorld,
    keyof AsyncDisposable | "app" | "test" | "addHost" | "call" | "ok" | "ended"
  >;

  const test = await testApp({
    errors: [
      hostWireErrors,
      clusterWireErrors,
      datastoreWireErrors,
      networkWireErrors,
      monitorWireErrors,
      taskWireErrors,
    ],
    extend: async (app, database) => {
      await database.db.insert(sites).values({ id: TEST_SITE, name: "site" });
      const fleet = createFleet({
        database,
        clock,
        log: silentLog,
        connect: ({ hostUuid }) => {
          const sim = sims.find((s) => s.hostUuid === hostUuid);
          assert.ok(sim, `a simulated host ${hostUuid}`);
          return simPort(sim);
        },
        ...(options.graceMs === undefined ? {} : { graceMs: options.graceMs }),
      });
      const quick = { attempts: 3, firstDelayMs: 5, delayMsMax: 20 };
      const engine = (fault?: FaultHook): TaskEngine => {
        const made = createTaskEngine({
          pool: database.pool,
          definitions: INVENTORY_TASKS,
          ports: {
            database,
            fleet,
            clock,
            log: silentLog,
            releaseHost: async (hostId: number) => {
              released.push(hostId);
            },
            redefineVmsOn: async (_db: unknown, portGroupId: number) => {
              redefined.push(portGroupId);
            },
          },
          log: silentLog,
          idSequence: OBJECT_ID_SEQUENCE,
          retry: { run: quick, undo: quick, noReturn: quick },
          pollMs: 50,
          ...(fault === undefined ? {} : { fault }),
        });
        engines.push(made);
        return made;
      };
      const tasks = engine();
      const reconcilers = createInventoryReconcilers({ database, fleet, log: silentLog, clock });
      const collector = createCollector({ fleet, log: silentLog, clock });
      const recorder = createRecorder({ database, collector, log: silentLog, clock });
      const clusters = createClusterService({ database, siteId, clock });
      const monitor = createMonitorService({ database, collector, siteId, clock });
      const hosts = createHostService({
        database,
        tasks,
        siteId,
        log: silentLog,
        unmanagedOn: async (hostId) => (await fleet.agent(hostId).listVms({})).vms,
      });
      const datastores = createDatastoreService({ database, tasks, fleet, siteId });
      const switches = createSwitchService({
        database,
        tasks,
        siteId,
        applyOn: reconcilers.applySwitchesOn,
      });
      const portGroups = createPortGroupService({ database, tasks, siteId });
      const site = await createSiteService({ database, siteName: "never used" });
      registerSiteRoutes(app, { sites: site, address: "192.0.2.1" });
      registerClusterRoutes(app, { clusters, siteId, memoryUsedMiB: (id) => monitor.memoryUsedMiB(id) });
      registerHostRoutes(app, {
        hosts,
        siteId,
        memoryUsed: (hostId) => collector.reportLoad(hostId)?.usedMemoryBytes,
      });
      registerDatastoreRoutes(app, { datastores, siteId });
      registerSwitchRoutes(app, { switches, siteId });
      registerPortGroupRoutes(app, { portGroups, siteId });
      registerMonitorRoutes(app, { monitor });
      registerTaskRoutes(app, { tasks, siteId, errors: createWireErrors([hostWireErrors]) });
      parts = {
        database,
        tasks,
        fleet,
        reconcilers,
        collector,
        recorder,
        clusters,
        sims,
        hostIds,
        released,
        redefined,
        engine,
        urn,
      };
    },
  });
  const { app } = test;
  const { database, fleet, tasks, reconcilers, collector } = parts;
  assert.equal((await siteStore(database.db).find())?.id, TEST_SITE);
  const token = await test.login();

  const addHost: InventoryWorld["addHost"] = async (adding = {}) => {
    const index = sims.length;
    const sim = adding.sim ?? new SimHost({ seed: `inventory-${index}`, clock, ...options.host?.(index) });
    sims.push(sim);
    const id = await database.transaction(async (tx) => {
      const made = await nextId(dbOn(tx.client));
      await hostStore(tx.db).insert({
        id: made,
        uuid: sim.hostUuid,
        clusterId: adding.clusterId ?? null,
        name: `host-${index + 1}`,
        address: `192.0.2.${index + 10}`,
        port: 7447,
        report: sim.report,
        certificateNotAfter: new Date(clock.now() + 1e9),
      });
      return made;
    });
    hostIds.push(id);
    await fleet.onEnrolled(id);
    if (adding.isAwaited !== false) {
      await waitFor(
        `host ${id} is normal`,
        async () => ((await hostStore(database.db).find(id))?.status === "normal" ? true : undefined),
        { timeoutMs: 10_000, intervalMs: 5 },
      );
    }
    return id;
  };

  const call: InventoryWorld["call"] = async (method, path, payload) => {
    const url = path.startsWith("/") ? path : `/service/sites/${TEST_SITE}/${path}`;
    const answer = await app.inject({
      method,
      url,
      headers: { "x-auth-token": token },
      ...(payload === undefined ? {} : { payload: JSON.stringify(payload) }),
    });
    const body: unknown = answer.json();
    checkAnswer(app, { method, url, status: answer.statusCode, body });
    return {
      status: answer.statusCode,
      errorCode: (body as { errorCode?: string }).errorCode,
      body,
    };
  };

  const ended: InventoryWorld["ended"] = (answer) =>
    tasks.whenEnded(Number(answer.taskUri.split("/").at(-1)), AbortSignal.timeout(20_000));

  await fleet.start();
  tasks.start();
  if (options.isRunning) {
    reconcilers.start();
    collector.start();
  }
  for (let index = 0; index < (options.hosts ?? 0); index++) await addHost();

  return {
    ...parts,
    app,
    test,
    addHost,
    call,
    ended,
    ok: async (method, path, payload) => {
      const answer = await call(method, path, payload);
      assert.equal(answer.status, 200, `${method} ${path}: ${JSON.stringify(answer.body)}`);
      if (typeof answer.body.taskUri === "string") {
        const task = await ended(answer.body);
        assert.equal(task.state, "succeeded", `${method} ${path}: ${JSON.stringify(task.reason)}`);
      }
      return answer.body;
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all([reconcilers.stop(), collector.stop(), ...engines.map((each) => each.stop())]);
      await fleet.stop();
      for (const sim of sims) sim.dispose();
      await test[Symbol.asyncDispose]();
    },
  };
}

function siteId(): string {
  return TEST_SITE;
}

/** `hosts/12` as the URN of this site's host. */
function urn(path: string): string {
  return `urn:sites:${TEST_SITE}:${path.replaceAll("/", ":")}`;
}

/** An answer must be what the route says it answers: all fields there, none too many, each of its type. */
function checkAnswer(
  app: FastifyInstance,
  answer: { method: string; url: string; status: number; body: unknown },
): void {
  const path = answer.url.split("?")[0] ?? "";
  const found = app.routeRecords.filter(
    (route) => route.method === answer.method && matches(route.url, path),
  );
  const route = found.toSorted((a, b) => colons(a.url) - colons(b.url))[0];
  if (!route) return;
  const schema: TSchema = answer.status === 200 ? route.reply : ErrorAnswer;
  const [fault] = Value.Errors(schema, answer.body);
  assert.equal(fault, undefined, `${answer.method} ${path}: ${JSON.stringify(fault)}`);
  // A schema lists all that is sent: what it does not know has no business there.
  assert.deepEqual(
    Value.Clean(schema, structuredClone(answer.body)),
    answer.body,
    `${answer.method} ${path}`,
  );
}

function matches(pattern: string, path: string): boolean {
  const [a, b] = [pattern.split("/"), path.split("/")];
  return a.length === b.length && a.every((part, i) => part.startsWith(":") || part === b[i]);
}

function colons(url: string): number {
  return url.split(":").length;
}
