import type {
  CreateVolumeRequest,
  MigrateVolumeRequest,
  ModifyVolumeLimitsRequest,
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
    /** `sizeMiB`: the new size; never less than it has. */
    grow: (volume: Reference, sizeMiB: number) =>
      api.post<TaskAnswer>(`${pathOf(volume)}/action/expandVol`, { size: sizeMiB }),
    /** Its VM must be stopped. */
    move: (volume: Reference, request: MigrateVolumeRequest) =>
      api.post<TaskAnswer>(`${pathOf(volume)}/action/migratevol`, request),
    /** KB/s and requests/s; 0: unlimited. */
    limit: (volume: Reference, limits: ModifyVolumeLimitsRequest) =>
      api.put<TaskAnswer>(`${pathOf(volume)}/modifyIOpropertyOfVolume`, limits),
    /** `isWiped`: it is overwritten with zeroes before. */
    remove: (volume: Reference, options: { isWiped?: boolean } = {}) =>
      api.remove<TaskAnswer>(pathOf(volume), options.isWiped ? { isFormat: 1 } : {}),
  };
}
