import { southboundError } from "@sinter/agent-link/agent-side";

export const datastoreErrors = {
  notFound: (datastoreId: string) =>
    southboundError("DATASTORE_NOT_FOUND", `Datastore ${datastoreId} is not in use on this host.`, {
      params: { datastoreId },
    }),
  unusable: (datastoreId: string, path: string, why: string, cause?: unknown) =>
    southboundError("DATASTORE_UNUSABLE", `Datastore ${datastoreId} at ${path}: ${why}.`, {
      params: { datastoreId, path },
      ...(cause === undefined ? {} : { cause }),
    }),
  foreign: (datastoreId: string, path: string, owner: string) =>
    southboundError(
      "DATASTORE_FOREIGN",
      `The directory ${path} is datastore ${owner} already and cannot be ${datastoreId} as well.`,
      { params: { datastoreId, path, owner } },
    ),
  inUse: (datastoreId: string, vms: readonly string[]) =>
    southboundError(
      "DATASTORE_IN_USE",
      `Datastore ${datastoreId} holds disks of VMs on this host: ${vms.join(", ")}.`,
      {
        params: { datastoreId, vms: [...vms] },
      },
    ),
  full: (datastoreId: string, neededBytes: number, freeBytes: number, cause?: unknown) =>
    southboundError(
      "DATASTORE_FULL",
      `Datastore ${datastoreId} has ${mib(freeBytes)} MiB to give, ${mib(neededBytes)} MiB are needed.`,
      { params: { datastoreId, neededBytes, freeBytes }, ...(cause === undefined ? {} : { cause }) },
    ),
};

function mib(bytes: number): number {
  return Math.ceil(bytes / (1024 * 1024));
}
