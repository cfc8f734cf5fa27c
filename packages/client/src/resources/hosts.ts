import type {
  HostCapabilities,
  HostList,
  HostStatistics,
  ModifyHostRequest,
  TaskAnswer,
  UnmanagedVmList,
  WireHost,
  WireHostBasic,
} from "@sinter/northbound";
import type { Static } from "typebox";
import type { Api } from "../api.ts";
import { iteratePages, type Page, type PageQuery } from "../pages.ts";
import { pathOf, type Reference } from "../references.ts";
import type { PowerMode } from "./vms.ts";

export type HostQuery = PageQuery & {
  /** Substring, in any case. */
  readonly name?: string;
  readonly ip?: string;
  /** URN of a cluster, datastore or switch; `default`: hosts outside any cluster. */
  readonly scope?: string;
  /** `normal`, `fault`, `initial` and so on. */
  readonly status?: string;
};

export function createHosts(api: Api) {
  const list = async (query: HostQuery = {}): Promise<Page<WireHostBasic>> => {
    const answer = await api.get<Static<typeof HostList>>(await api.inSite("hosts"), query);
    return { total: answer.total, items: answer.hosts };
  };
  return {
    list,
    iterate: (query: Omit<HostQuery, keyof PageQuery> = {}) =>
      iteratePages(
        (page) => list({ ...query, ...page }),
        (host) => host.urn,
      ),
    get: (host: Reference) => api.get<WireHost>(pathOf(host)),
    /** Changes name, description and settings; a host joins by a token instead (`joinTokens.create`). */
    modify: (host: Reference, change: ModifyHostRequest) => api.put<TaskAnswer>(pathOf(host), change),
    /** `force` also removes one that does not answer. */
    remove: (host: Reference, options: { readonly force?: boolean } = {}) =>
      api.remove<TaskAnswer>(pathOf(host), { isForce: options.force ? 1 : 0 }),
    /** No new VM is placed on it from now on; those that run stay until they are moved or stopped. */
    async enterMaintenance(host: Reference): Promise<void> {
      await api.post(`${pathOf(host)}/action/enterMaintenanceMode`);
    },
    async exitMaintenance(host: Reference): Promise<void> {
      await api.post(`${pathOf(host)}/action/exitMaintenanceMode`);
    },
    /** To another cluster, or without one directly below the site; only a host without VMs. */
    async move(host: Reference, clusterUrn?: string): Promise<void> {
      await api.post(`${pathOf(host)}/action/move`, { clusterUrn: clusterUrn ?? "" });
    },
    reboot: (host: Reference, mode: PowerMode = "safe") =>
      api.post<TaskAnswer>(`${pathOf(host)}/action/reboot`, { mode }),
    capabilities: (host: Reference) => api.get<HostCapabilities>(`${pathOf(host)}/capabilities`),
    /** Domains on the host that the manager does not know. */
    unmanagedVms: (host: Reference) =>
      api.get<UnmanagedVmList>(`/sinter/v1/hosts/${pathOf(host).split("/").at(-1)}/unmanaged-vms`),
    statistics: async (scope?: string) =>
      api.get<HostStatistics>(await api.inSite("hosts", "statistics"), { scope }),
  };
}
