import type {
  ClusterList,
  CreateClusterRequest,
  CreatedAnswer,
  ModifyClusterRequest,
  ModifySiteRequest,
  SiteList,
  WireAllVmComputeResource,
  WireCluster,
  WireComputeResource,
  WireSite,
} from "@sinter/northbound";
import type { Static } from "typebox";
import type { Api } from "../api.ts";
import { pathOf, type Reference } from "../references.ts";

export function createSites(api: Api) {
  return {
    list: async () => (await api.get<Static<typeof SiteList>>("/service/sites")).sites,
    /** The manager's own. */
    own: () => api.site(),
    get: (site: Reference) => api.get<WireSite>(pathOf(site)),
    modify: (site: Reference, change: ModifySiteRequest) => api.put<object>(pathOf(site), change),
  };
}

export function createClusters(api: Api) {
  return {
    /** All of them: this list has no pages. */
    async list(query: { readonly name?: string; readonly tag?: string } = {}) {
      return (await api.get<Static<typeof ClusterList>>(await api.inSite("clusters"), query)).clusters;
    },
    get: (cluster: Reference) => api.get<WireCluster>(pathOf(cluster)),
    create: async (request: CreateClusterRequest) =>
      api.post<CreatedAnswer>(await api.inSite("clusters"), request),
    modify: (cluster: Reference, change: ModifyClusterRequest) => api.put<object>(pathOf(cluster), change),
    remove: (cluster: Reference) => api.remove<object>(pathOf(cluster)),
    computeResource: (cluster: Reference) =>
      api.get<WireComputeResource>(`${pathOf(cluster)}/computeresource`),
    /** What all its VMs were given, running or not, its threads, and the memory in use as last measured. */
    allVmComputeResource: (cluster: Reference) =>
      api.get<WireAllVmComputeResource>(`${pathOf(cluster)}/allvmcomputeresource`),
  };
}
