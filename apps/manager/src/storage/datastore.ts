/** local: one host's own disk; shared: the same directory on several hosts (NAS in production). */
export type DatastoreKind = "local" | "shared";
export type DatastoreStatus = "creating" | "normal" | "abnormal" | "readOnly" | "deleting";
export type LinkState = "connecting" | "connected" | "abnormal" | "readOnly";

export interface Datastore {
  readonly id: number;
  readonly name: string;
  readonly description: string;
  readonly kind: DatastoreKind;
  /** Directory on every linked host. */
  readonly path: string;
  readonly status: DatastoreStatus;
  /** Percent of the capacity that may be promised. */
  readonly thinRate: number;
  /** Marker found on the file system; null until a host has taken it into use. */
  readonly markerId: string | null;
  readonly capacityBytes: number;
  readonly freeBytes: number;
  readonly refreshedAt: Date | null;
  readonly createdAt: Date;
}

export interface DatastoreLink {
  readonly hostId: number;
  readonly state: LinkState;
  /** Why it is not connected, for a person. */
  readonly reason: string;
  /** null: never looked at. */
  readonly observedAt: Date | null;
}

/** A datastore with its links and what volumes were promised of it. */
export interface DatastoreView extends Datastore {
  readonly links: readonly DatastoreLink[];
  readonly promisedBytes: number;
}

/** What its links say of a datastore: one working link is enough. */
export function statusFromLinks(links: readonly Pick<DatastoreLink, "state">[]): DatastoreStatus {
  if (links.some((link) => link.state === "connected")) return "normal";
  if (links.some((link) => link.state === "readOnly")) return "readOnly";
  return "abnormal";
}
