import type {
  CreateVolumeRequest,
  ModifyVolumeRequest,
  TaskAnswer,
  VolumeList,
  WireVolume,
} from "@sinter/northbound";
import type { Static } from "typebox";
import type { Api } from "../api.ts";
import { iteratePages, type Page, type PageQuery } from "../pages.ts";
import { pathOf, type Reference } from "../references.ts";

export type VolumeQuery = PageQuery & {
  /** Substring, in any case. */
  readonly name?: string;
  /** URN of a cluster, host or datastore. */
  readonly scope?: string;
  readonly uuid?: string;
  /** 0 all, 1 unattached ones and all shared ones, 2 unattached, 3 attached. */
  readonly attachstatus?: 0 | 1 | 2 | 3;
  readonly volUrns?: readonly string[];
};

export function createVolumes(api: Api) {
  const list = async (query: VolumeQuery = {}): Promise<Page<WireVolume>> => {
    const answer = await api.get<Static<typeof VolumeList>>(await api.inSite("volumes"), query);
    return { total: answer.total, items: answer.volumes };
  };
  return {
    list,
    iterate: (query: Omit<VolumeQuery, keyof PageQuery> = {}) =>
      iteratePages(
        (page) => list({ ...query, ...page }),
        (volume) => volume.urn,
      ),
    get: (volume: Reference) => api.get<WireVolume>(pathOf(volume)),
    create: async (request: CreateVolumeRequest) =>
      api.post<TaskAnswer>(await api.inSite("volumes"), request),
    modify: (volume: Reference, change: ModifyVolumeRequest) => api.put<object>(pathOf(volume), change),
    remove: (volume: Reference) => api.remove<TaskAnswer>(pathOf(volume)),
  };
}
