import type { Api } from "../api.ts";

/** An ISO image in a datastore's library. */
export interface Iso {
  readonly id: string;
  /** File name in the library. */
  readonly name: string;
  readonly datastoreUrn: string;
  readonly sizeBytes: number;
  /** What has arrived of it; an upload goes on from here. */
  readonly receivedBytes: number;
  readonly status: "uploading" | "ready" | "failed";
  /** Empty until all has arrived. */
  readonly sha256: string;
  readonly createdAt: string;
  /** URNs of VMs with the image in their drive. */
  readonly attachedVms: readonly string[];
}

const ISOS = "/sinter/v1/isos";

/** The ISO library. Content is sent apart, in pieces: see `contentPath`. */
export function createIsos(api: Api) {
  return {
    list: async (query: { readonly datastore?: string } = {}) =>
      (await api.get<{ isos: readonly Iso[] }>(ISOS, query)).isos,
    get: (id: string) => api.get<Iso>(pathOf(id)),
    /** Announces an upload; its content follows. */
    create: (request: { readonly name: string; readonly datastoreUrn: string; readonly sizeBytes: number }) =>
      api.post<Iso>(ISOS, request),
    /** Also ends an upload that has not arrived whole. Refused while a VM has it in its drive. */
    remove: (id: string) => api.remove<object>(pathOf(id)),
    /** Where pieces of at most 8 MiB are put, each with `Content-Range: bytes first-last/total`. */
    contentPath: (id: string) => `${pathOf(id)}/content`,
  };
}

function pathOf(id: string): string {
  return `${ISOS}/${encodeURIComponent(id)}`;
}
