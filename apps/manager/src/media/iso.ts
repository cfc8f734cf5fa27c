/**
 * uploading: pieces arrive; ready: a VM may have it; failed: its file is gone or it could not be finished; removing:
 * its file is about to go.
 */
export type IsoStatus = "uploading" | "ready" | "failed" | "removing";

export interface Iso {
  readonly id: number;
  readonly datastoreId: number;
  readonly name: string;
  readonly sizeBytes: number;
  readonly receivedBytes: number;
  readonly status: IsoStatus;
  readonly reason: string;
  readonly sha256: string | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

const ENDING = ".iso";
/** As agents take them; see IsoName of the southbound contract. */
const NAME = /^[A-Za-z0-9_-][A-Za-z0-9._ -]{0,122}\.iso$/i;

/** The file name that a person's words mean: the ending may be left out. Undefined when it is none. */
export function isoNameFrom(text: string): string | undefined {
  const trimmed = text.trim();
  const name = trimmed.toLowerCase().endsWith(ENDING) ? trimmed : trimmed + ENDING;
  return NAME.test(name) ? name : undefined;
}

/** `<datastore id>@<file name>`, as the contract writes a CD's path. */
export function readDevicePath(path: string): { datastoreId: number; name: string } | undefined {
  const [, id, name] = /^\s*(\d{1,15})@(.+?)\s*$/.exec(path) ?? [];
  return id === undefined || name === undefined ? undefined : { datastoreId: Number(id), name };
}

export function devicePath(iso: { readonly datastoreId: number; readonly name: string }): string {
  return `${iso.datastoreId}@${iso.name}`;
}
