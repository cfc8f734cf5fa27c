import {
  CreatedAnswer,
  CreatePortGroupRequest,
  ModifyPortGroupRequest,
  PortGroupList,
  portGroupUrn,
  QueryPortGroupsRequest,
  TaskAnswer,
  uriOf,
  WirePortGroup,
} from "@sinter/northbound";
import type { FastifyInstance } from "fastify";
import { readId } from "../http/ids.ts";
import { registerRoute, type RouteContext, SITE } from "../http/route.ts";
import { taskAnswer } from "../task/task.wire.ts";
import { portGroupFilterFrom } from "./network-filter.ts";
import { portGroupToWire } from "./network.wire.ts";
import type { PortGroupService } from "./port-group.service.ts";
import type { PortGroupView } from "./port-group.store.ts";

const LIST_QUERY = {
  limit: "1 to 100; 0: all",
  offset: "items to skip",
  portGroupName: "substring",
  vlan: "digits within the VLAN or the VLAN range",
} as const;

export function registerPortGroupRoutes(
  app: FastifyInstance,
  parts: { portGroups: PortGroupService; siteId: () => string },
): void {
  const { portGroups } = parts;
  const toList = ({ total, items }: { total: number; items: PortGroupView[] }) => ({
    total,
    portGroups: items.map((item) => portGroupToWire(item, parts.siteId())),
  });
  const answer = (context: Params, taskId: number) =>
    taskAnswer(parts.siteId(), taskId, portGroupUrn(parts.siteId(), switchId(context), id(context)));

  registerRoute(app, {
    method: "GET",
    url: `${SITE}/portgroups`,
    access: "read",
    summary: "Lists the port groups of all switches.",
    query: LIST_QUERY,
    reply: PortGroupList,
    handle: async ({ query }) => toList(await portGroups.list(portGroupFilterFrom(query), query.page())),
  });

  registerRoute(app, {
    method: "POST",
    url: `${SITE}/portgroups`,
    access: "read",
    summary: "Looks port groups up by URNs, by switches or by exact names; creates nothing.",
    body: QueryPortGroupsRequest,
    reply: PortGroupList,
    handle: async ({ body }) => toList(await portGroups.query(body)),
  });

  registerRoute(app, {
    method: "GET",
    url: `${SITE}/dvswitchs/:switchId/portgroups`,
    access: "read",
    summary: "Lists the port groups of a switch.",
    query: LIST_QUERY,
    reply: PortGroupList,
    handle: async (context) => {
      const { query } = context;
      return toList(await portGroups.listOn(switchId(context), portGroupFilterFrom(query), query.page()));
    },
  });

  registerRoute(app, {
    method: "POST",
    url: `${SITE}/dvswitchs/:switchId/portgroups`,
    access: "operate",
    summary: "Creates a port group.",
    body: CreatePortGroupRequest,
    reply: CreatedAnswer,
    handle: async (context) => {
      const made = await portGroups.create(context.actor, switchId(context), context.body);
      const urn = portGroupUrn(parts.siteId(), switchId(context), made);
      return { urn, uri: uriOf(urn) };
    },
  });

  registerRoute(app, {
    method: "GET",
    url: `${SITE}/dvswitchs/:switchId/portgroups/:portGroupId`,
    access: "read",
    summary: "Shows a port group.",
    reply: WirePortGroup,
    handle: async (context) =>
      portGroupToWire(await portGroups.get(switchId(context), id(context)), parts.siteId()),
  });

  registerRoute(app, {
    method: "PUT",
    url: `${SITE}/dvswitchs/:switchId/portgroups/:portGroupId`,
    access: "operate",
    summary: "Changes a port group; its VLAN only while no VM on it runs.",
    body: ModifyPortGroupRequest,
    reply: TaskAnswer,
    handle: async (context) =>
      answer(context, await portGroups.modify(context.actor, switchId(context), id(context), context.body)),
  });

  registerRoute(app, {
    method: "DELETE",
    url: `${SITE}/dvswitchs/:switchId/portgroups/:portGroupId`,
    access: "operate",
    summary: "Deletes a port group that no VM uses.",
    reply: TaskAnswer,
    handle: async (context) =>
      answer(context, await portGroups.remove(context.actor, switchId(context), id(context))),
  });
}

type Params = Pick<RouteContext<unknown>, "params">;

function switchId({ params }: Params): number {
  return readId(params.switchId);
}

function id({ params }: Params): number {
  return readId(params.portGroupId);
}
