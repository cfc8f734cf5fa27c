import type { WireIso } from "@sinter/northbound";
import type { Api } from "../api.ts";

/** An ISO image in a datastore's library. */
export type Iso = WireIso;

/** Content of an upload, from `first` on. */
export interface IsoPiece {
  readonly first: number;
  readonly totalBytes: number;
  /** At most 8 MiB. */
  readonly bytes: Uint8Array;
}

const ISOS = "/sinter/v1/isos";

/** The ISO library. Content is sent apart, in pieces: see `put`. */
export function createIsos(api: Api) {
  return {
    list: async (query: { readonly datastore?: string } = {}) =>
      (await api.get<{ isos: readonly Iso[] }>(ISOS, query)).isos,
    get: (id: string) => api.get<Iso>(pathOf(id)),
    /** Announces an upload, or goes on with one of the same name and size; its content follows. */
    create: (request: { readonly name: string; readonly datastoreUrn: string; readonly sizeBytes: number }) =>
      api.post<Iso>(ISOS, request),
    /** Also ends an upload that has not arrived whole. Refused while a VM has it in its drive. */
    remove: (id: string) => api.remove<object>(pathOf(id)),
    /** Gives the image as it is then: its `receivedBytes` is where the next piece begins. */
    put: (id: string, { first, totalBytes, bytes }: IsoPiece, signal?: AbortSignal) => {
      const range = `bytes ${first}-${first + bytes.length - 1}/${totalBytes}`;
      return api.putBytes<Iso>(`${pathOf(id)}/content`, bytes, { "content-range": range }, signal);
    },
  };
}

function pathOf(id: string): string {
  return `${ISOS}/${encodeURIComponent(id)}`;
}
