import type {
  CreatedAnswer,
  CreateDatastoreRequest,
  DatastoreFileList,
  DatastoreList,
  ModifyDatastoreRequest,
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
    create: (request: CreateDatastoreRequest) => api.post<CreatedAnswer>("/sinter/v1/datastores", request),
    modify: (datastore: Reference, change: ModifyDatastoreRequest) =>
      api.put<object>(pathOf(datastore), change),
    remove: (datastore: Reference) => api.remove<object>(pathOf(datastore)),
    /** Images in its library, from which disks may start. */
    images: async (datastore: Reference) =>
      (await api.get<DatastoreFileList>(`${pathOf(datastore)}/file`)).files,
  };
}
