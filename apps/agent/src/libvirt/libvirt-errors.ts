import { AppError } from "@sinter/kit";
import { southboundError } from "@sinter/agent-link/agent-side";
import {
  AuthenticationError,
  CallTimeoutError,
  ConnectionLostError,
  isAgentUnavailable,
  isLibvirtError,
  type LibvirtError,
  NotConnectedError,
  ProtocolError,
} from "@sinter/libvirt";

/** What libvirt says, in the contract's words. The libvirt error stays the cause. */
export function fromLibvirt(error: unknown, vmUuid?: string): unknown {
  if (error instanceof AppError) return error;
  if (isAway(error)) return libvirtAway(error);
  if (!isLibvirtError(error)) return error;
  const vm = vmUuid === undefined ? "The VM" : `VM ${vmUuid}`;
  const { message } = error;
  const details = { params: vmUuid === undefined ? {} : { vmUuid }, cause: error };
  if (isLibvirtError(error, "NO_DOMAIN")) {
    return southboundError("VM_NOT_ON_HOST", `${vm} is not on this host.`, details);
  }
  if (isAgentUnavailable(error)) {
    return southboundError(
      "GUEST_AGENT_AWAY",
      `${vm}: the guest agent does not answer (${message}). It must be installed and running in the guest.`,
      details,
    );
  }
  return new AppError(...classify(error), `${vm}: ${message}`, details);
}

/** Runs libvirt calls about one VM and translates their failures. */
export async function translated<T>(vmUuid: string | undefined, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw fromLibvirt(error, vmUuid);
  }
}

export function libvirtAway(cause: unknown): AppError {
  return southboundError(
    "LIBVIRT_AWAY",
    "libvirtd on this host does not answer; running VMs are not affected. Check its service and log.",
    { cause },
  );
}

function isAway(error: unknown): boolean {
  return (
    error instanceof NotConnectedError ||
    error instanceof ConnectionLostError ||
    error instanceof CallTimeoutError ||
    error instanceof AuthenticationError ||
    error instanceof ProtocolError
  );
}

/** libvirt has few codes for many causes; what a caller can act on differently is told apart by its words. */
function classify(error: LibvirtError): ["conflict" | "exhausted" | "invalid" | "internal", string] {
  const { message } = error;
  if (/Failed to get .*(write|consistent read)" lock/.test(message)) return ["conflict", "VOLUME_IN_USE"];
  if (/Failed to acquire lock|Lease is held by another/i.test(message)) return ["conflict", "LEASE_HELD"];
  if (/Cannot allocate memory|cannot set up guest memory/i.test(message))
    return ["exhausted", "HOST_MEMORY_SHORT"];
  if (/No space left on device/i.test(message)) return ["exhausted", "DATASTORE_FULL"];
  if (/already exists with uuid|domain .* already exists/.test(message)) return ["conflict", "VM_NAME_TAKEN"];
  if (/No more available PCI slots|no free .*slot/i.test(message)) return ["conflict", "NO_FREE_SLOT"];
  if (/Unable to find .*firmware|no suitable firmware|firmware .*not found/i.test(message)) {
    return ["invalid", "FIRMWARE_MISSING"];
  }
  if (isLibvirtError(error, "OPERATION_INVALID", "OPERATION_TIMEOUT", "RESOURCE_BUSY"))
    return ["conflict", "VM_BUSY"];
  if (isLibvirtError(error, "CONFIG_UNSUPPORTED", "OPERATION_UNSUPPORTED", "XML_ERROR", "XML_DETAIL")) {
    return ["invalid", "VM_SPEC_UNSUPPORTED"];
  }
  return ["internal", "LIBVIRT_FAILED"];
}
