import {
  ClusterList,
  CreateClusterRequest,
  CreatedAnswer,
  ModifyClusterRequest,
  uriOf,
  VoidAnswer,
  WireAllVmComputeResource,
  WireCluster,
  WireComputeResource,
} from "@sinter/northbound";
import type { FastifyInstance } from "fastify";
import { computeResourceToWire } from "../host/host.wire.ts";
import { idOfUrn, readId } from "../http/ids.ts";
import type { Query } from "../http/query.ts";
import { registerRoute, type RouteContext, SITE } from "../http/route.ts";
import type { ClusterResources, ClusterService } from "./cluster.service.ts";
import type { ClusterFilter } from "./cluster.store.ts";
import { allVmComputeResourceToWire, clusterBasicToWire, clusterToWire, clusterUrn } from "./cluster.wire.ts";

export interface ClusterRouteParts {
  readonly clusters: ClusterService;
  readonly siteId: () => string;
  /** MiB in use on the cluster's hosts as last measured. */
  readonly memoryUsedMiB: (clusterId: number) => Promise<number>;
}

export function registerClusterRoutes(app: FastifyInstance, parts: ClusterRouteParts): void {
  const { clusters } = parts;
  const resources = async (clusterId: number): Promise<ClusterResources> => {
    const found = (await clusters.resourcesOf([clusterId])).get(clusterId);
    if (!found) throw new Error(`Broken assumption: cluster ${clusterId} has resources, if only zero.`);
    return found;
  };

  registerRoute(app, {
    method: "GET",
    url: `${SITE}/clusters`,
    access: "read",
    summary: "Lists all clusters.",
    query: {
      name: "substring",
      tag: "exact",
      parentObjUrn: "`default` or the site: all; a folder: none",
      clusterUrns: "repeated",
    },
    reply: ClusterList,
    handle: async ({ query }) => {
      const siteId = parts.siteId();
      const items = await clusters.list(filterFrom(query, siteId));
      const found = await clusters.resourcesOf(items.map((cluster) => cluster.id));
      return {
        clusters: items.map((cluster) =>
          clusterBasicToWire(cluster, found.get(cluster.id) as ClusterResources, siteId),
        ),
      };
    },
  });

  registerRoute(app, {
    method: "POST",
    url: `${SITE}/clusters`,
    access: "administer",
    summary: "Creates a cluster.",
    body: CreateClusterRequest,
    reply: CreatedAnswer,
    handle: async ({ body }) => {
      const urn = clusterUrn(parts.siteId(), await clusters.create(body));
      return { urn, uri: uriOf(urn) };
    },
  });

  registerRoute(app, {
    method: "GET",
    url: `${SITE}/clusters/:clusterId`,
    access: "read",
    summary: "Shows a cluster with its settings.",
    reply: WireCluster,
    handle: async (context) => {
      const cluster = await clusters.get(id(context));
      return clusterToWire(
        cluster,
        await resources(cluster.id),
        await clusters.vmNames(cluster),
        parts.siteId(),
      );
    },
  });

  registerRoute(app, {
    method: "PUT",
    url: `${SITE}/clusters/:clusterId`,
    access: "administer",
    summary: "Changes the settings of a cluster that the body names.",
    body: ModifyClusterRequest,
    reply: VoidAnswer,
    handle: async (context) => {
      await clusters.modify(id(context), context.body);
      return {};
    },
  });

  registerRoute(app, {
    method: "DELETE",
    url: `${SITE}/clusters/:clusterId`,
    access: "administer",
    summary: "Deletes a cluster that has neither hosts nor VMs.",
    reply: VoidAnswer,
    handle: async (context) => {
      await clusters.remove(id(context));
      return {};
    },
  });

  registerRoute(app, {
    method: "GET",
    url: `${SITE}/clusters/:clusterId/computeresource`,
    access: "read",
    summary: "Shows what a cluster's hosts have, what running VMs hold and what is left (CMP-26).",
    reply: WireComputeResource,
    handle: async (context) => {
      const cluster = await clusters.get(id(context));
      const { capacity, usage } = await resources(cluster.id);
      return computeResourceToWire(capacity, usage);
    },
  });

  registerRoute(app, {
    method: "GET",
    url: `${SITE}/clusters/:clusterId/allvmcomputeresource`,
    access: "read",
    summary: "Shows what all VMs of a cluster were given, running or not.",
    query: { isNeedAllocVcpus: "always answered", detail: "always answered" },
    reply: WireAllVmComputeResource,
    handle: async (context) => {
      const cluster = await clusters.get(id(context));
      return allVmComputeResourceToWire(
        await resources(cluster.id),
        await clusters.usageByState(cluster.id),
        await parts.memoryUsedMiB(cluster.id),
      );
    },
  });
}

function filterFrom(query: Query, siteId: string): ClusterFilter {
  const name = query.text("name");
  const tag = query.text("tag");
  const parent = query.text("parentObjUrn");
  const urns = query.list("clusterUrns");
  const isElsewhere = parent !== undefined && parent !== "default" && parent !== `urn:sites:${siteId}`;
  return {
    ...(name === undefined ? {} : { name }),
    ...(tag === undefined ? {} : { tag }),
    ...(urns.length === 0 ? {} : { ids: urns.map((urn) => idOfUrn(urn, "clusters", siteId) ?? 0) }),
    ...(isElsewhere ? { isNone: true } : {}),
  };
}

function id({ params }: Pick<RouteContext<unknown>, "params">): number {
  return readId(params.clusterId);
}
