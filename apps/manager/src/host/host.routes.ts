import {
  CreateHostRequest,
  HostCapabilities,
  HostList,
  HostPowerRequest,
  HostStatistics,
  ModifyHostRequest,
  MoveHostRequest,
  TaskAnswer,
  UnmanagedVmList,
  VoidAnswer,
  WireComputeResource,
  WireHost,
} from "@sinter/northbound";
import type { FastifyInstance } from "fastify";
import { readId } from "../http/ids.ts";
import type { Query } from "../http/query.ts";
import { registerRoute, type RouteContext, SITE } from "../http/route.ts";
import { taskAnswer } from "../task/task.wire.ts";
import { hostFilterFrom } from "./host-filter.ts";
import type { HostService } from "./host.service.ts";
import type { HostView } from "./host.ts";
import {
  capabilitiesToWire,
  capacityOf,
  computeResourceToWire,
  type HostContext,
  hostBasicToWire,
  hostStatisticsToWire,
  hostToWire,
  hostUrn,
  unmanagedToWire,
} from "./host.wire.ts";
import { NO_USAGE } from "./usage.ts";

export interface HostRouteParts {
  readonly hosts: HostService;
  readonly siteId: () => string;
  /** Bytes in use as last measured; undefined when not known. */
  readonly memoryUsed: (hostId: number) => number | undefined;
}

export function registerHostRoutes(app: FastifyInstance, parts: HostRouteParts): void {
  const { hosts } = parts;
  const contextOf = async (items: readonly HostView[]): Promise<HostContext> => {
    const ids = items.map((host) => host.id);
    const [usage, isoVms] = await Promise.all([hosts.usageOf(ids), hosts.isoVmsOf(ids)]);
    return {
      siteId: parts.siteId(),
      usage: (hostId) => usage.get(hostId),
      isoVms: (hostId) => isoVms.get(hostId) ?? [],
      memoryUsed: parts.memoryUsed,
    };
  };
  const answer = (hostId: number, taskId: number) =>
    taskAnswer(parts.siteId(), taskId, hostUrn(parts.siteId(), hostId));

  registerRoute(app, {
    method: "GET",
    url: `${SITE}/hosts`,
    access: "read",
    summary: "Lists hosts; without limit and offset all of them.",
    query: {
      limit: "1 to 100; 0: all",
      offset: "items to skip",
      scope: "URN of a cluster, switch or datastore; `default`: hosts in no cluster",
      name: "substring",
      ip: "substring",
      hostRealName: "substring of the operating system's name",
      status: "normal, fault, initial, …",
    },
    reply: HostList,
    handle: async ({ query }) => {
      const { total, items } = await hosts.list(hostFilterFrom(query, parts.siteId()), query.page());
      const context = await contextOf(items);
      return { total, hosts: items.map((host) => hostBasicToWire(host, context)) };
    },
  });

  registerRoute(app, {
    method: "GET",
    url: `${SITE}/hosts/statistics`,
    access: "read",
    summary: "Counts hosts by status.",
    query: { scope: "URN of a cluster; absent: the site" },
    reply: HostStatistics,
    handle: async ({ query }) => hostStatisticsToWire(await hosts.countByStatus(query.text("scope"))),
  });

  registerRoute(app, {
    method: "POST",
    url: `${SITE}/hosts`,
    access: "administer",
    summary: "Refuses, and tells how hosts join: by a token that is used on the host.",
    body: CreateHostRequest,
    reply: TaskAnswer,
    handle: ({ body }) => hosts.create(body),
  });

  registerRoute(app, {
    method: "GET",
    url: `${SITE}/hosts/:hostId`,
    access: "read",
    summary: "Shows a host.",
    reply: WireHost,
    handle: async (context) => {
      const host = await hosts.get(id(context));
      return hostToWire(host, await contextOf([host]));
    },
  });

  registerRoute(app, {
    method: "PUT",
    url: `${SITE}/hosts/:hostId`,
    access: "administer",
    summary: "Changes name, description, BMC and time settings of a host.",
    body: ModifyHostRequest,
    reply: TaskAnswer,
    handle: async (context) =>
      answer(id(context), await hosts.modify(context.actor, id(context), context.body)),
  });

  registerRoute(app, {
    method: "DELETE",
    url: `${SITE}/hosts/:hostId`,
    access: "administer",
    summary: "Takes a host out of the site; by force also with VMs, whose home is then to be found anew.",
    query: { isForce: "0 (default) or 1" },
    reply: TaskAnswer,
    handle: async (context) =>
      answer(id(context), await hosts.remove(context.actor, id(context), isForced(context.query))),
  });

  for (const path of ["computeResourceStatics", "computeresource"]) {
    registerRoute(app, {
      method: "GET",
      url: `${SITE}/hosts/:hostId/${path}`,
      access: "read",
      summary: "Shows what a host has, what VMs were promised and what is left (CMP-26).",
      reply: WireComputeResource,
      handle: async (context) => {
        const host = await hosts.get(id(context));
        const usage = (await hosts.usageOf([host.id])).get(host.id) ?? NO_USAGE;
        return computeResourceToWire(capacityOf(host), usage);
      },
    });
  }

  registerRoute(app, {
    method: "GET",
    url: `${SITE}/hosts/:hostId/capabilities`,
    access: "read",
    summary: "Shows which features the host's architecture has (GEN-14), and how guests run there.",
    reply: HostCapabilities,
    handle: async (context) => capabilitiesToWire(await hosts.get(id(context))),
  });

  for (const [action, summary] of [
    ["reboot", "Restarts a host through its BMC."],
    ["poweron", "Switches a host on through its BMC."],
    ["poweroff", "Switches a host off through its BMC."],
  ] as const) {
    registerRoute(app, {
      method: "POST",
      url: `${SITE}/hosts/:hostId/action/${action}`,
      access: "administer",
      summary,
      body: HostPowerRequest,
      reply: TaskAnswer,
      handle: (context) => hosts.power(id(context)),
    });
  }

  registerRoute(app, {
    method: "POST",
    url: `${SITE}/hosts/:hostId/action/enterMaintenanceMode`,
    access: "administer",
    summary: "Keeps new VMs away from a host.",
    reply: VoidAnswer,
    handle: async (context) => {
      await hosts.enterMaintenance(id(context));
      return {};
    },
  });

  registerRoute(app, {
    method: "POST",
    url: `${SITE}/hosts/:hostId/action/exitMaintenanceMode`,
    access: "administer",
    summary: "Lets VMs be placed on a host again.",
    reply: VoidAnswer,
    handle: async (context) => {
      await hosts.exitMaintenance(id(context));
      return {};
    },
  });

  registerRoute(app, {
    method: "POST",
    url: `${SITE}/hosts/:hostId/action/move`,
    access: "administer",
    summary: "Moves a host without VMs to another cluster, or directly below the site.",
    body: MoveHostRequest,
    reply: VoidAnswer,
    handle: async (context) => {
      await hosts.move(id(context), context.body.clusterUrn);
      return {};
    },
  });

  registerRoute(app, {
    method: "GET",
    url: "/sinter/v1/hosts/:hostId/unmanaged-vms",
    access: "read",
    summary: "Lists domains on a host that this manager does not know.",
    reply: UnmanagedVmList,
    handle: async (context) => unmanagedToWire(await hosts.unmanagedVms(id(context))),
  });
}

function isForced(query: Query): boolean {
  return query.boolean("isForce") ?? false;
}

function id({ params }: Pick<RouteContext<unknown>, "params">): number {
  return readId(params.hostId);
}
