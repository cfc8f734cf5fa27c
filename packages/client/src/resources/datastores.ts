import type {
  CreatedAnswer,
  CreateDatastoreRequest,
  DatastoreFileList,
  DatastoreLeases,
  DatastoreList,
  ModifyDatastoreRequest,
  TaskAnswer,
  WireDatastore,
} from "@sinter/northbound";
import type { Static } from "typebox";
import type { Api } from "../api.ts";
import { iteratePages, type Page, type PageQuery } from "../pages.ts";
import { pathOf, type Reference } from "../references.ts";

export type DatastoreQuery = PageQuery & {
  /** Substring, in any case. */
  readonly name?: string;
  /** URN of a cluster or host. */
  readonly scope?: string;
  readonly status?: string;
};

export function createDatastores(api: Api) {
  const list = async (query: DatastoreQuery = {}): Promise<Page<WireDatastore>> => {
    const answer = await api.get<Static<typeof DatastoreList>>(await api.inSite("datastores"), query);
    return { total: answer.total, items: answer.datastores };
  };
  return {
    list,
    iterate: (query: Omit<DatastoreQuery, keyof PageQuery> = {}) =>
      iteratePages(
        (page) => list({ ...query, ...page }),
        (datastore) => datastore.urn,
      ),
    get: (datastore: Reference) => api.get<WireDatastore>(pathOf(datastore)),
    /** A directory that the hosts have becomes a place for volumes. */
    create: (request: CreateDatastoreRequest) =>
      api.post<TaskAnswer & CreatedAnswer>("/sinter/v1/datastores", request),
    modify: (datastore: Reference, change: ModifyDatastoreRequest) =>
      api.put<object>(pathOf(datastore), change),
    /** Forgets it; its directories stay on the hosts. Refused while it holds volumes. */
    remove: (datastore: Reference) => api.remove<TaskAnswer>(pathOf(datastore)),
    /** Lets another host use it. */
    connect: (datastore: Reference, hostUrn: string) =>
      api.post<TaskAnswer>(`/sinter/v1/datastores/${pathOf(datastore).split("/").at(-1)}/hosts`, { hostUrn }),
    disconnect: (datastore: Reference, hostUrn: string) =>
      api.remove<TaskAnswer>(`${pathOf(datastore)}/disconnect`, { hostUrn }),
    /** Who keeps its place there alive; asked of the hosts. */
    leases: (datastore: Reference) =>
      api.get<DatastoreLeases>(`/sinter/v1/datastores/${pathOf(datastore).split("/").at(-1)}/leases`),
    /** Images in its library, from which disks may start. */
    images: async (datastore: Reference) =>
      (await api.get<DatastoreFileList>(`${pathOf(datastore)}/file`)).files,
  };
}
