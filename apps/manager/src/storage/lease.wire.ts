import { type DatastoreLeases, objectUrn, type VmLeases } from "@sinter/northbound";
import type { DiskLease, HostLease } from "./lease.service.ts";

export function leasesToWire(
  { isLeased, hosts }: { isLeased: boolean; hosts: readonly HostLease[] },
  siteId: string,
): DatastoreLeases {
  return {
    isLeased,
    hosts: hosts.map(({ own, ...host }) => ({
      hostUrn: objectUrn(siteId, "hosts", host.hostId),
      hostName: host.hostName,
      place: host.place,
      status: own === undefined ? "unknown" : (own?.state ?? "off"),
      reason:
        own === undefined
          ? "The host does not answer."
          : own === null
            ? "The host does not take part yet."
            : (own.reason ?? ""),
      heartbeatAgeMs: own?.heartbeatAgeMs ?? null,
      seenByOthers: host.seenByOthers,
      networkHeartbeat: host.isConnected,
    })),
  };
}

export function vmLeasesToWire(disks: readonly DiskLease[], siteId: string): VmLeases {
  return {
    disks: disks.map(({ volume, owner }) => ({
      volumeUrn: objectUrn(siteId, "volumes", volume.id),
      volumeName: volume.name,
      datastoreUrn: objectUrn(siteId, "datastores", volume.datastoreId),
      ownerHostUrn: owner?.hostId ? objectUrn(siteId, "hosts", owner.hostId) : "",
      ownerHostName: owner?.name ?? "",
      ownerStatus: owner?.state ?? "",
      reason: owner === undefined ? "No host that reaches the datastore can be asked." : "",
    })),
  };
}
