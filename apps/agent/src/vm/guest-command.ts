import { CallTimeoutError, isLibvirtError } from "@sinter/libvirt";
import { fromLibvirt } from "../libvirt/libvirt-errors.ts";
import type { LibvirtLink } from "../libvirt/libvirt-link.ts";
import { vmErrors } from "./vm.errors.ts";

/** libvirt's timer for a guest agent knows whole seconds. */
const SECOND_MS = 1_000;

/** One command to a guest's agent, for the manager. */
export async function runGuestCommand(
  libvirt: LibvirtLink,
  vmUuid: string,
  request: {
    readonly command: string;
    readonly arguments?: Record<string, unknown>;
    readonly timeoutMs: number;
  },
  signal: AbortSignal,
): Promise<unknown> {
  const { command, timeoutMs } = request;
  try {
    return await libvirt.guests
      .domain({ uuid: vmUuid })
      .agentCommand(
        { execute: command, ...(request.arguments === undefined ? {} : { arguments: request.arguments }) },
        Math.ceil(timeoutMs / SECOND_MS),
        { signal, timeoutMs: timeoutMs + 2 * SECOND_MS },
      );
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof CallTimeoutError) {
      throw vmErrors.guestAgentAway(vmUuid, "it did not answer in time", error);
    }
    if (isLibvirtError(error, "ARGUMENT_UNSUPPORTED", "OPERATION_INVALID")) {
      throw vmErrors.guestAgentAway(vmUuid, error.message, error);
    }
    // "internal error: unable to execute QEMU agent command": the agent answered, with a refusal.
    if (isLibvirtError(error, "INTERNAL_ERROR") && /agent command/.test(error.message)) {
      throw vmErrors.guestRefused(vmUuid, command, error.message, error);
    }
    throw fromLibvirt(error, vmUuid);
  }
}
