import { AppError } from "@sinter/kit";
import type { WireError } from "@sinter/northbound";

/** What can be wrong with a request about datastores. */
export const datastoreErrors = {
  notFound: (id: number | string) =>
    new AppError("notFound", "DATASTORE_NOT_FOUND", `There is no datastore ${String(id).slice(0, 64)}.`),
  nameUsed: (name: string) =>
    new AppError("conflict", "DATASTORE_NAME_USED", `There is a datastore called "${name}" already.`),
  pathInvalid: (path: string) =>
    new AppError(
      "invalid",
      "DATASTORE_PATH_INVALID",
      `"${path.slice(0, 96)}" is not an absolute path without "..", below the root.`,
    ),
  localNeedsOneHost: () =>
    new AppError(
      "invalid",
      "DATASTORE_LOCAL_HOSTS",
      "A local datastore belongs to exactly one host; several hosts need a shared one.",
    ),
  needsHost: () => new AppError("invalid", "HOST_MISSING", "A datastore needs at least one host."),
  hostMissing: (urn: string) =>
    new AppError("invalid", "HOST_MISSING", `There is no host ${urn.slice(0, 96)}.`),
  clusterMissing: (urn: string) =>
    new AppError("invalid", "CLUSTER_MISSING", `There is no cluster ${urn.slice(0, 96)}.`),
  inUse: (id: number, by: string) =>
    new AppError("conflict", "DATASTORE_IN_USE", `Datastore ${id} is in use: ${by}.`),
  notLinked: (id: number, hostId: number) =>
    new AppError("conflict", "DATASTORE_NOT_LINKED", `Datastore ${id} and host ${hostId} are not linked.`),
  changing: (id: number) =>
    new AppError("conflict", "DATASTORE_CHANGING", `Datastore ${id} is being created or deleted.`),
  unreachable: (id: number) =>
    new AppError("unavailable", "NO_HOST_REACHES_DATASTORE", `No connected host reaches datastore ${id}.`),
  noHostCouldConnect: (reasons: string) =>
    new AppError("conflict", "DATASTORE_UNUSABLE", `No host could take the directory into use. ${reasons}`),
};

export const datastoreWireErrors = {
  DATASTORE_NOT_FOUND: { code: "10410006", http: 400 },
  DATASTORE_NAME_USED: { code: "10410025", http: 400 },
  DATASTORE_PATH_INVALID: { code: "10400002", http: 400 },
  DATASTORE_LOCAL_HOSTS: { code: "10400002", http: 400 },
  HOST_MISSING: { code: "10300027", http: 400 },
  CLUSTER_MISSING: { code: "10300028", http: 400 },
  DATASTORE_IN_USE: { code: "10410017", http: 400 },
  DATASTORE_NOT_LINKED: { code: "10410024", http: 400 },
  DATASTORE_CHANGING: { code: "10410071", http: 400 },
  NO_HOST_REACHES_DATASTORE: { code: "10420016", http: 400 },
  DATASTORE_UNUSABLE: { code: "10410052", http: 400 },
  DATASTORE_FOREIGN: { code: "10410052", http: 400 },
} as const satisfies Record<string, WireError>;
