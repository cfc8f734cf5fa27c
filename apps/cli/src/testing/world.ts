import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type ContractServer,
  type RecordedRequest,
  refuse,
  SITE_ID,
  startContractServer,
} from "@sinter/client/testing";

/*
 * A small data centre behind the contract server: enough of it to list, create, start and delete, with tasks that take
 * a few looks to end. What the manager decides is not decided here; that is tested with the manager.
 */

export const SITE_URN = `urn:sites:${SITE_ID}`;
export const SITE_URI = `/service/sites/${SITE_ID}`;

export interface WorldVm {
  urn: string;
  uri: string;
  uuid: string;
  name: string;
  status: string;
  isTemplate: boolean;
  [field: string]: unknown;
}

export interface World extends AsyncDisposable {
  readonly server: ContractServer;
  /** A home of its own for each test, with nothing in it. */
  readonly home: string;
  readonly vms: WorldVm[];
  addVm(name: string, change?: Partial<WorldVm>): WorldVm;
  /** The next task fails with this instead of succeeding. */
  failNextTask(reason: string, reasonDes: string): void;
  /** Tasks that begin from now on stay where they are until `release` is called. */
  holdTasks(): { release(): void };
  /** Requests of one method and path, `*` for a segment. */
  asked(route: string): RecordedRequest[];
}

interface WorldTask {
  id: number;
  looks: number;
  failure: { reason: string; reasonDes: string } | undefined;
  isHeld: boolean;
  isCancelled: boolean;
  readonly type: string;
  readonly vm: { urn: string; name: string };
  readonly end: () => void;
}

export async function startWorld(): Promise<World> {
  const server = await startContractServer();
  const home = await mkdtemp(join(tmpdir(), "sinter-cli-"));
  const vms: WorldVm[] = [];
  const tasks: WorldTask[] = [];
  let nextId = 0x34;
  let failure: WorldTask["failure"];
  let isHolding = false;

  const addVm: World["addVm"] = (name, change = {}) => {
    const id = `i-${(nextId++).toString(16).toUpperCase().padStart(8, "0")}`;
    const vm: WorldVm = {
      urn: `${SITE_URN}:vms:${id}`,
      uri: `${SITE_URI}/vms/${id}`,
      uuid: `00000000-0000-4000-8000-0000${id.slice(2)}`,
      name,
      status: "stopped",
      idle: 0,
      isTemplate: false,
      hostName: "",
      clusterName: "main",
      vncAcessInfo: { hostIp: "", vncPort: -1, vncPassword: "" },
      vmConfig: {
        cpu: { quantity: 2, coresPerSocket: 1 },
        memory: { quantityMB: 2048 },
        nics: [{ mac: "28:6e:d4:88:c6:2d", ip: "0.0.0.0", ipList: "", ips6: [], sequenceNum: 0 }],
        disks: [],
        properties: { bootOption: "disk" },
      },
      ...change,
    };
    vms.push(vm);
    return vm;
  };

  const begin = (type: string, vm: { urn: string; uri: string; name: string }, end: () => void) => {
    const id = 8784 + tasks.length;
    tasks.push({ id, looks: 0, failure, isHeld: isHolding, isCancelled: false, type, vm, end });
    failure = undefined;
    return {
      urn: vm.urn,
      uri: vm.uri,
      taskUrn: `${SITE_URN}:tasks:${id}`,
      taskUri: `${SITE_URI}/tasks/${id}`,
    };
  };

  const look = (task: WorldTask) => {
    if (!task.isHeld) task.looks++;
    const isOver = task.looks >= 3 || task.isCancelled;
    const hasFailed = isOver && (task.failure !== undefined || task.isCancelled);
    if (task.looks === 3 && !hasFailed) task.end();
    return {
      urn: `${SITE_URN}:tasks:${task.id}`,
      uri: `${SITE_URI}/tasks/${task.id}`,
      type: task.type,
      entityUrn: task.vm.urn,
      entityName: task.vm.name,
      startTime: "1767225600000",
      finishTime: isOver ? "1767225601000" : "",
      user: "admin",
      status: hasFailed ? "failed" : isOver ? "success" : "running",
      progress: isOver ? 100 : task.looks * 40,
      reason: hasFailed ? (task.failure?.reason ?? "10800006") : "",
      reasonDes: hasFailed ? (task.failure?.reasonDes ?? "") : "",
      cancelable: !isOver,
      cancelled: task.isCancelled,
      params: {},
    };
  };

  const route = (text: string, answer: Parameters<ContractServer["answer"]>[1]) => {
    const [method, path] = text.split(" ");
    server.answer(`${method} ${SITE_URI}${path}`, answer);
  };
  const vmOf = (request: RecordedRequest) => vms.find((vm) => vm.uri.endsWith(`/${request.matched[0]}`));

  route("GET /vms", (request) => {
    const name = request.query.get("name")?.toLowerCase() ?? "";
    const isTemplate = request.query.get("isTemplate");
    const found = vms.filter(
      (vm) =>
        vm.name.toLowerCase().includes(name) && (isTemplate === null || String(vm.isTemplate) === isTemplate),
    );
    return { total: found.length, vms: pageOf(found, request) };
  });
  route("GET /vms/*", (request) => vmOf(request) ?? noVm());
  route("POST /vms", (request) => {
    const { name, autoBoot } = request.body as { name: string; autoBoot: boolean };
    const vm = addVm(name, { status: "creating" });
    return begin("CreateVmTask", vm, () => {
      vm.status = autoBoot ? "running" : "stopped";
      vm.hostName = autoBoot ? "h1" : "";
    });
  });
  route("PUT /vms/*", (request) => {
    const vm = vmOf(request);
    if (vm === undefined) return noVm();
    return begin("ModifyVmTask", vm, () => Object.assign(vm, request.body));
  });
  route("DELETE /vms/*", (request) => {
    const vm = vmOf(request);
    if (vm === undefined) return noVm();
    return begin("DeleteVmTask", vm, () => void vms.splice(vms.indexOf(vm), 1));
  });
  const power = {
    start: "running",
    stop: "stopped",
    pause: "pause",
    resume: "running",
    hibernate: "hibernated",
  };
  for (const [action, status] of Object.entries(power)) {
    route(`POST /vms/*/action/${action}`, (request) => {
      const vm = vmOf(request);
      if (vm === undefined) return noVm();
      if (vm.status === status) return refuse(400, "10300094", `VM ${vm.name} is ${status} already.`);
      return begin("VmPowerTask", vm, () => {
        vm.status = status;
      });
    });
  }
  route("GET /tasks", (request) => ({
    total: tasks.length,
    tasks: pageOf(tasks.map(look).toReversed(), request),
  }));
  route("GET /tasks/*", (request) => {
    const task = tasks.find(({ id }) => id === Number(request.matched[0]));
    return task === undefined ? refuse(400, "10000008", "There is no such task.") : look(task);
  });
  route("POST /tasks/*/cancel", (request) => {
    const task = tasks.find(({ id }) => id === Number(request.matched[0]));
    if (task === undefined || task.looks >= 3) return refuse(400, "10800002", "The task has finished.");
    task.isCancelled = true;
    return {};
  });
  server.answer("GET /sinter/v1/tasks/*", {
    steps: [
      { name: "reserve", state: "done", attempts: 1, startedAt: "", endedAt: "", message: "on h1", log: [] },
    ],
  });
  for (const [path, key, items] of inventory())
    route(`GET ${path}`, (request) => ({ total: items.length, [key]: pageOf(items, request) }));
  for (const [path, , items] of inventory()) {
    for (const item of items) server.answer(`GET ${item.uri}`, item);
    if (path === "/portgroups") continue;
    route(`GET ${path}/*`, refuse(400, "10000008", "There is no such object."));
    for (const item of items) server.answer(`GET ${item.uri}`, item);
  }

  return {
    server,
    home,
    vms,
    addVm,
    failNextTask: (reason, reasonDes) => {
      failure = { reason, reasonDes };
    },
    holdTasks: () => {
      isHolding = true;
      return {
        release: () => {
          isHolding = false;
          for (const task of tasks) task.isHeld = false;
        },
      };
    },
    asked: (text) => {
      const [method, path = ""] = text.split(" ");
      const pattern = new RegExp(
        `^${(path.startsWith("/sinter") ? path : SITE_URI + path).replaceAll("*", "[^/]+")}$`,
      );
      return server.requests.filter((request) => request.method === method && pattern.test(request.path));
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await rm(home, { recursive: true, force: true });
    },
  };
}

type Item = { urn: string; uri: string; name: string };

/** Path, name of the list, and what is in it. Two port groups share a name on purpose. */
function inventory(): readonly (readonly [path: string, key: string, items: Item[]])[] {
  const host = {
    ip: "198.18.1.11",
    status: "normal",
    isMaintaining: false,
    cpuQuantity: 2,
    memQuantityMB: 24_000,
    accelerator: "emulated",
    acceleratorReason: "KVM is not usable here",
    clusterName: "main",
  };
  const resources = {
    description: "",
    cpuResource: { totalSizeMHz: 4000, allocatedSizeMHz: 0, allocatedVcpus: 0 },
    memResource: { totalSizeMB: 48_000, allocatedSizeMB: 2048 },
  };
  const store = { status: "NORMAL", storageType: "LOCALPOME", capacityGB: 100, freeSizeGB: 90, hosts: ["h"] };
  const volume = { status: "USE", quantityGB: 20, isThin: true, volType: 0, type: "normal", bindToVm: 2 };
  const access = { portType: 0, vlanId: 10, vlanRange: "" };
  return [
    ["/clusters", "clusters", [object("clusters", 117, "main", resources)]],
    ["/hosts", "hosts", [object("hosts", 65, "h1", host), object("hosts", 66, "h2", host)]],
    ["/datastores", "datastores", [object("datastores", 41, "fast", { ...store, path: "/srv/fast" })]],
    ["/volumes", "volumes", [object("volumes", 58, "data", { ...volume, datastoreName: "fast" })]],
    [
      "/dvswitchs",
      "dvSwitchs",
      [object("dvswitchs", 1, "edge"), object("dvswitchs", 2, "core")].map((item) => ({
        ...item,
        portGroupNum: 1,
        mtu: 1500,
        description: "",
      })),
    ],
    [
      "/portgroups",
      "portGroups",
      [
        object("dvswitchs/1/portgroups", 44, "lan", access),
        object("dvswitchs/2/portgroups", 45, "lan", access),
        object("dvswitchs/2/portgroups", 46, "dmz", access),
      ],
    ],
  ];
}

function object(path: string, id: number, name: string, fields: object = {}) {
  return {
    urn: `${SITE_URN}:${path.replaceAll("/", ":")}:${id}`,
    uri: `${SITE_URI}/${path}/${id}`,
    name,
    ...fields,
  };
}

function pageOf<T>(items: readonly T[], { query }: RecordedRequest): T[] {
  const limit = Number(query.get("limit") ?? items.length);
  const offset = Number(query.get("offset") ?? 0);
  return items.slice(offset, offset + limit);
}

const noVm = () => refuse(400, "10300001", "There is no such VM.");
