import { type QueryClient, queryOptions } from "@tanstack/react-query";
import type { HostQuery, VmQuery } from "@sinter/client/portable";
import { client } from "./client.ts";

/* Queries of all pages. A key begins with the kind that the event stream names. */

export const siteQuery = () =>
  queryOptions({
    queryKey: ["sites", "own"],
    queryFn: async () => client.sites.get(await client.sites.own()),
  });

export const clustersQuery = () =>
  queryOptions({ queryKey: ["clusters", "list"], queryFn: () => client.clusters.list() });

export const clusterQuery = (urn: string) =>
  queryOptions({ queryKey: ["clusters", "one", urn], queryFn: () => client.clusters.get(urn) });

export const hostsQuery = (query: HostQuery = {}) =>
  queryOptions({ queryKey: ["hosts", "list", query], queryFn: () => client.hosts.list(query) });

export const hostQuery = (urn: string) =>
  queryOptions({ queryKey: ["hosts", "one", urn], queryFn: () => client.hosts.get(urn) });

export const vmsQuery = (query: VmQuery = {}) =>
  queryOptions({ queryKey: ["vms", "list", query], queryFn: () => client.vms.list(query) });

export const vmQuery = (urn: string) =>
  queryOptions({ queryKey: ["vms", "one", urn], queryFn: () => client.vms.get(urn) });

export const datastoresQuery = () =>
  queryOptions({
    queryKey: ["datastores", "list"],
    queryFn: async () => (await client.datastores.list({ limit: 100 })).items,
  });

export const datastoreQuery = (urn: string) =>
  queryOptions({ queryKey: ["datastores", "one", urn], queryFn: () => client.datastores.get(urn) });

export const switchesQuery = () =>
  queryOptions({ queryKey: ["switches", "list"], queryFn: () => client.switches.list() });

export const portGroupsQuery = () =>
  queryOptions({
    queryKey: ["portGroups", "list"],
    queryFn: async () => (await client.portGroups.list({ limit: 100 })).items,
  });

export const tasksQuery = (
  query: { scope?: string; limit?: number; offset?: number; status?: "running" | "failed" } = {},
) => queryOptions({ queryKey: ["tasks", "list", query], queryFn: () => client.tasks.list(query) });

export const taskStepsQuery = (uri: string) =>
  queryOptions({
    queryKey: ["tasks", "steps", uri],
    queryFn: async () => (await client.tasks.getWithSteps(uri)).steps,
  });

/** After a call of ours: the event stream says it as well, but who acted looks at once. */
export async function refreshKinds(queries: QueryClient, ...kinds: readonly string[]): Promise<void> {
  await Promise.all([...kinds, "tasks"].map((kind) => queries.invalidateQueries({ queryKey: [kind] })));
}
