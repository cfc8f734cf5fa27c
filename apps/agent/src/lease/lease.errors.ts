import { southboundError } from "@sinter/agent-link/agent-side";
import type { LeaseOwner } from "@sinter/southbound";

export const leaseErrors = {
  unavailable: (datastoreId: string, why: string, cause?: unknown) =>
    southboundError(
      "LEASES_UNAVAILABLE",
      `This host cannot have leases on datastore ${datastoreId}: ${why}.`,
      {
        params: { datastoreId },
        ...(cause === undefined ? {} : { cause }),
      },
    ),
  held: (
    datastoreId: string,
    volumeUuid: string | null,
    owner: Partial<LeaseOwner> | null,
    cause?: unknown,
  ) =>
    southboundError(
      "LEASE_HELD",
      `${volumeUuid === null ? "A disk" : `Volume ${volumeUuid}`} may be written by ${nameOf(owner)} alone until that gives it up.`,
      {
        params: {
          datastoreId,
          volumeUuid,
          ownerHostId: owner?.hostId ?? null,
          ownerHostUuid: owner?.hostUuid ?? null,
          ownerState: owner?.state ?? "unknown",
        },
        ...(cause === undefined ? {} : { cause }),
      },
    ),
  lost: (datastoreId: string, volumeUuid: string, ownerHostId: number) =>
    southboundError(
      "LEASE_LOST",
      `Volume ${volumeUuid} was in use by the host with number ${ownerHostId} while the VM was paused: it cannot go on with what it remembers of it. Stop it by force.`,
      { params: { datastoreId, volumeUuid, ownerHostId } },
    ),
  tooMany: (vmUuid: string, max: number) =>
    southboundError(
      "LEASE_LIMIT",
      `VM ${vmUuid} can have ${max} disks on shared datastores; put others on a local one or share them.`,
      { params: { vmUuid, max } },
    ),
};

function nameOf(owner: Partial<LeaseOwner> | null): string {
  if (owner?.hostUuid) return `host ${owner.hostUuid}`;
  return owner?.hostId === undefined ? "another host" : `the host with number ${owner.hostId}`;
}
