import type { AgentClient } from "@sinter/agent-link";
import { SimHost, simPort, SimStore } from "@sinter/agent-sim";
import { GiB, silentLog, systemClock } from "@sinter/kit";
import { createTaskEngine, type FaultHook, type TaskEngine, type TaskView } from "@sinter/tasks";
import { clusters } from "../cluster/cluster.table.ts";
import { computeTasks, createDirectVnc, createVmReconciler, createVmService } from "../compute/index.ts";
import { createProgressHub } from "../compute/progress-hub.ts";
import type { Database } from "../database/database.ts";
import { nextId, OBJECT_ID_SEQUENCE } from "../database/ids.ts";
import type { Fleet } from "../fleet/fleet.ts";
import { hosts } from "../host/host.table.ts";
import type { Actor } from "../identity/user.ts";
import { isoStore } from "../media/iso.store.ts";
import { portGroups, switches, switchHosts } from "../network/network.table.ts";
import { datastoreHosts, datastores } from "../storage/datastore.table.ts";
import { createSnapshotService, snapshotTasks, type SnapshotService } from "../snapshot/index.ts";
import { createVolumeService } from "../storage/volume.service.ts";
import { managerDatabase } from "./test-app.ts";

export const OPERATOR: Actor = { userId: "1", userName: "olga", roles: ["operator"], access: "operate" };
/** The site part of a URN is checked by the server, not by the services. */
const SITE = "urn:sites:00000000";

export interface ComputeWorld extends AsyncDisposable {
  readonly database: Database;
  readonly sims: readonly SimHost[];
  readonly store: SimStore;
  /** Of the second datastore, once it is added. */
  readonly otherStore: SimStore;
  readonly hostIds: readonly number[];
  readonly fleet: Fleet;
  readonly urns: {
    readonly cluster: string;
    readonly hosts: readonly string[];
    readonly datastore: string;
    readonly portGroup: string;
  };
  readonly tasks: TaskEngine;
  readonly vms: ReturnType<typeof createVmService>;
  readonly volumes: ReturnType<typeof createVolumeService>;
  readonly snapshots: SnapshotService;
  readonly reconciler: ReturnType<typeof createVmReconciler>;
  /** What an engine on this world is made with, for the crash matrix. */
  engine(fault?: FaultHook): TaskEngine;
  services(tasks: TaskEngine): Pick<ComputeWorld, "vms" | "volumes" | "snapshots">;
  /** The task once it has ended. */
  ended(begun: { taskId: number }): Promise<TaskView>;
  /** Ended well; otherwise the failure. */
  done(begun: { taskId: number }): Promise<TaskView>;
  /** Makes a second shared datastore that both hosts reach; gives its URN. */
  addDatastore(): Promise<string>;
  /** Puts an ISO file into the shared datastore and the library; gives its path as attachCdrom takes it. */
  addIso(name: string): Promise<string>;
  setHostStatus(index: number, status: "normal" | "fault"): Promise<void>;
}

/** Two simulated hosts with one shared datastore and one switch, a real database, and the compute domain on them. */
export async function computeWorld(options: { retryMs?: number } = {}): Promise<ComputeWorld> {
  const test = await managerDatabase();
  const { database } = test;
  const store = new SimStore({ capacityBytes: 100 * GiB });
  store.addImage("mini.qcow2", GiB);
  const otherStore = new SimStore({ capacityBytes: 100 * GiB });
  const sims = ["a", "b"].map(
    (seed) =>
      new SimHost({ seed, mounts: { "/srv/shared": store, "/srv/other": otherStore }, guest: { bootMs: 0 } }),
  );
  const ports: AgentClient[] = sims.map((sim) => simPort(sim));
  const { db } = database;
  const [clusterId, datastoreId, switchId, portGroupId] = [
    await nextId(db),
    await nextId(db),
    await nextId(db),
    await nextId(db),
  ];
  await db.insert(clusters).values({ id: clusterId, name: "c" });
  await db.insert(datastores).values({
    id: datastoreId,
    name: "shared",
    kind: "shared",
    path: "/srv/shared",
    status: "normal",
    capacityBytes: 100 * GiB,
    freeBytes: 90 * GiB,
    refreshedAt: new Date(),
  });
  await db.insert(switches).values({ id: switchId, name: "dvs" });
  await db.insert(portGroups).values({ id: portGroupId, switchId, name: "net", kind: "access", vlanId: 10 });
  const hostIds: number[] = [];
  for (const [index, sim] of sims.entries()) {
    const id = await nextId(db);
    hostIds.push(id);
    await db.insert(hosts).values({
      id,
      uuid: sim.hostUuid,
      clusterId,
      name: `h${index + 1}`,
      address: "127.0.0.1",
      port: 0,
      status: "normal",
      report: sim.report,
      certificateNotAfter: new Date(Date.now() + 1e9),
    });
    await db.insert(datastoreHosts).values({ datastoreId, hostId: id, state: "connected" });
    await db.insert(switchHosts).values({ switchId, hostId: id, uplinks: [], appliedGeneration: 1 });
    const agent = ports[index] as AgentClient;
    await agent.ensureDatastore({ datastoreId: String(datastoreId), path: "/srv/shared", shared: true });
    await agent.ensureSwitch({
      switchId: String(switchId),
      name: "dvs",
      generation: 1,
      mtu: 1500,
      uplinks: [],
    });
  }

  const fleet: Fleet = {
    agent: (hostId) => ports[hostIds.indexOf(hostId)] as AgentClient,
    isConnected: (hostId) => sims[hostIds.indexOf(hostId)]?.isReachable ?? false,
  };
  const engines: TaskEngine[] = [];
  const quick = { attempts: 3, firstDelayMs: options.retryMs ?? 5, delayMsMax: 20 };
  const engine = (fault?: FaultHook): TaskEngine => {
    const made = createTaskEngine({
      pool: database.pool,
      definitions: [...computeTasks, ...snapshotTasks],
      ports: { database, fleet, log: silentLog, progress: createProgressHub() },
      log: silentLog,
      idSequence: OBJECT_ID_SEQUENCE,
      retry: { run: quick, undo: quick, noReturn: quick },
      pollMs: 50,
      ...(fault === undefined ? {} : { fault }),
    });
    engines.push(made);
    return made;
  };
  const services = (tasks: TaskEngine) => ({
    vms: createVmService({
      database,
      tasks,
      fleet,
      directVnc: createDirectVnc({ database, fleet, clock: systemClock, isOn: true }),
      cpuLoadOf: () => undefined,
    }),
    volumes: createVolumeService({ database, tasks, fleet }),
    snapshots: createSnapshotService({ database, tasks, fleet, cpuLoadOf: () => undefined }),
  });
  const tasks = engine();
  tasks.start();
  const own = services(tasks);
  const ended = (begun: { taskId: number }): Promise<TaskView> =>
    tasks.whenEnded(begun.taskId, AbortSignal.timeout(20_000));
  return {
    database,
    sims,
    store,
    otherStore,
    hostIds,
    fleet,
    urns: {
      cluster: `${SITE}:clusters:${clusterId}`,
      hosts: hostIds.map((id) => `${SITE}:hosts:${id}`),
      datastore: `${SITE}:datastores:${datastoreId}`,
      portGroup: `${SITE}:dvswitchs:${switchId}:portgroups:${portGroupId}`,
    },
    tasks,
    ...own,
    reconciler: createVmReconciler({ database, tasks, fleet, log: silentLog }),
    engine,
    services,
    ended,
    done: async (begun) => {
      const task = await ended(begun);
      if (task.state !== "succeeded")
        throw new Error(`${task.type} ${task.state}: ${JSON.stringify(task.reason)}`);
      return task;
    },
    addDatastore: async () => {
      const id = await nextId(db);
      await db.insert(datastores).values({
        id,
        name: "other",
        kind: "shared",
        path: "/srv/other",
        status: "normal",
        capacityBytes: 100 * GiB,
        freeBytes: 90 * GiB,
        refreshedAt: new Date(),
      });
      for (const [index, hostId] of hostIds.entries()) {
        await db.insert(datastoreHosts).values({ datastoreId: id, hostId, state: "connected" });
        const agent = ports[index] as AgentClient;
        await agent.ensureDatastore({ datastoreId: String(id), path: "/srv/other", shared: true });
      }
      return `${SITE}:datastores:${id}`;
    },
    addIso: async (name) => {
      const iso = { name, sizeBytes: 4096, receivedBytes: 4096, status: "ready", reason: "" } as const;
      await isoStore(db).insert({
        id: await nextId(db),
        datastoreId,
        ...iso,
        sha256: null,
        updatedAt: new Date(),
      });
      store.isos.set(name, { sizeBytes: iso.sizeBytes, modifiedAt: 0 });
      return `${datastoreId}@${name}`;
    },
    setHostStatus: async (index, status) => {
      await database.pool.query("update hosts set status = $1 where id = $2", [status, hostIds[index]]);
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(engines.map((each) => each.stop()));
      await Promise.all(ports.map((port) => port.close()));
      for (const sim of sims) sim.dispose();
      await test[Symbol.asyncDispose]();
    },
  };
}
