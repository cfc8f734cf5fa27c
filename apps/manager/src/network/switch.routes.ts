import {
  CreatedAnswer,
  CreateSwitchRequest,
  HostPortsRequest,
  ModifySwitchRequest,
  SwitchList,
  TaskAnswer,
  uriOf,
  UsedVlans,
  VlanPoolsRequest,
  VoidAnswer,
  WireSwitch,
} from "@sinter/northbound";
import type { FastifyInstance } from "fastify";
import { readId } from "../http/ids.ts";
import { registerRoute, type RouteContext, SITE } from "../http/route.ts";
import { taskAnswer } from "../task/task.wire.ts";
import { switchFilterFrom } from "./network-filter.ts";
import { switchBasicToWire, switchToWire, switchUrn } from "./network.wire.ts";
import type { SwitchService } from "./switch.service.ts";

export function registerSwitchRoutes(
  app: FastifyInstance,
  parts: { switches: SwitchService; siteId: () => string },
): void {
  const { switches } = parts;

  registerRoute(app, {
    method: "GET",
    url: `${SITE}/dvswitchs`,
    access: "read",
    summary: "Lists distributed switches.",
    query: { location: "URN of a cluster or host", name: "substring" },
    reply: SwitchList,
    handle: async ({ query }) => {
      const items = await switches.list(switchFilterFrom(query, parts.siteId()));
      return { dvSwitchs: items.map((item) => switchBasicToWire(item, parts.siteId())) };
    },
  });

  registerRoute(app, {
    method: "POST",
    url: `${SITE}/dvswitchs`,
    access: "administer",
    summary: "Creates a distributed switch on the hosts named, or on all without an uplink.",
    body: CreateSwitchRequest,
    reply: CreatedAnswer,
    handle: async ({ body }) => {
      const urn = switchUrn(parts.siteId(), await switches.create(body));
      return { urn, uri: uriOf(urn) };
    },
  });

  registerRoute(app, {
    method: "GET",
    url: `${SITE}/dvswitchs/:switchId`,
    access: "read",
    summary: "Shows a distributed switch with its hosts and VLAN pools.",
    reply: WireSwitch,
    handle: async (context) => {
      const network = await switches.get(id(context));
      const [hosts, used] = [await switches.hostsOf(network.id), await switches.portsInUse(network.id)];
      return switchToWire(network, hosts, used, parts.siteId());
    },
  });

  registerRoute(app, {
    method: "PUT",
    url: `${SITE}/dvswitchs/:switchId`,
    access: "administer",
    summary: "Changes name, description or MTU of a switch.",
    body: ModifySwitchRequest,
    reply: VoidAnswer,
    handle: async (context) => {
      await switches.modify(id(context), context.body);
      return {};
    },
  });

  registerRoute(app, {
    method: "DELETE",
    url: `${SITE}/dvswitchs/:switchId`,
    access: "administer",
    summary: "Deletes a switch that has no port groups.",
    reply: VoidAnswer,
    handle: async (context) => {
      await switches.remove(id(context));
      return {};
    },
  });

  registerRoute(app, {
    method: "POST",
    url: `${SITE}/dvswitchs/:switchId/action/addvlanpool`,
    access: "administer",
    summary: "Adds VLAN pools to a switch.",
    body: VlanPoolsRequest,
    reply: VoidAnswer,
    handle: async (context) => {
      await switches.addVlanPools(id(context), context.body.vlanPoolSet);
      return {};
    },
  });

  registerRoute(app, {
    method: "POST",
    url: `${SITE}/dvswitchs/:switchId/action/delvlanpool`,
    access: "administer",
    summary: "Removes VLAN pools that no port group uses.",
    body: VlanPoolsRequest,
    reply: TaskAnswer,
    handle: async (context) => {
      const { actor, body } = context;
      const taskId = await switches.removeVlanPools(actor, id(context), body.vlanPoolSet);
      return taskAnswer(parts.siteId(), taskId, switchUrn(parts.siteId(), id(context)));
    },
  });

  registerRoute(app, {
    method: "POST",
    url: `${SITE}/dvswitchs/:switchId/action/addhost`,
    access: "administer",
    summary: "Lets further hosts carry a switch, with the NICs that they give it.",
    body: HostPortsRequest,
    reply: VoidAnswer,
    handle: async (context) => {
      await switches.addHosts(id(context), context.body.hostPortSet);
      return {};
    },
  });

  registerRoute(app, {
    method: "POST",
    url: `${SITE}/dvswitchs/:switchId/action/delhost`,
    access: "administer",
    summary: "Takes hosts off a switch that no VM there uses.",
    body: HostPortsRequest,
    reply: VoidAnswer,
    handle: async (context) => {
      await switches.removeHosts(id(context), context.body.hostPortSet);
      return {};
    },
  });

  registerRoute(app, {
    method: "GET",
    url: `${SITE}/dvswitchs/:switchId/usedvlan`,
    access: "read",
    summary: "Lists the VLANs that port groups of a switch use.",
    reply: UsedVlans,
    handle: async (context) => {
      const vlanIds = await switches.usedVlans(id(context));
      return { dvswitchId: id(context), vlanIds, muxVlanIds: [] };
    },
  });
}

function id({ params }: Pick<RouteContext<unknown>, "params">): number {
  return readId(params.switchId);
}
