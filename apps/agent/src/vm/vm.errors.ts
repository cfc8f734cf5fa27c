import { southboundError } from "@sinter/agent-link/agent-side";
import { AppError } from "@sinter/kit";

export const vmErrors = {
  notOnHost: (vmUuid: string) =>
    southboundError("VM_NOT_ON_HOST", `VM ${vmUuid} is not on this host.`, { params: { vmUuid } }),
  notRunning: (vmUuid: string, power: string) =>
    southboundError("VM_NOT_RUNNING", `VM ${vmUuid} is ${power}; this needs it running.`, {
      params: { vmUuid, power },
    }),
  stillRunning: (vmUuid: string, power: string) =>
    southboundError("VM_STILL_RUNNING", `VM ${vmUuid} is ${power}; stop it first.`, {
      params: { vmUuid, power },
    }),
  didNotStop: (vmUuid: string, waitMs: number) =>
    southboundError(
      "GUEST_DID_NOT_STOP",
      `The guest of VM ${vmUuid} did not shut down within ${waitMs} ms and runs on.`,
      { params: { vmUuid, waitMs } },
    ),
  keepsDevice: (vmUuid: string, device: string) =>
    southboundError(
      "GUEST_KEEPS_DEVICE",
      `The guest of VM ${vmUuid} does not let go of ${device}. Unmount or unconfigure it in the guest, or stop the VM.`,
      { params: { vmUuid, device } },
    ),
  guestAgentAway: (vmUuid: string, why: string, cause?: unknown) =>
    southboundError("GUEST_AGENT_AWAY", `The guest agent of VM ${vmUuid} does not answer: ${why}.`, {
      params: { vmUuid },
      ...(cause === undefined ? {} : { cause }),
    }),
  guestRefused: (vmUuid: string, command: string, why: string, cause: unknown) =>
    new AppError("conflict", "GUEST_REFUSED", `The guest of VM ${vmUuid} refused ${command}: ${why}.`, {
      params: { vmUuid, command },
      cause,
    }),
  diskMissing: (vmUuid: string, volumeUuid: string, datastoreId: string, cause?: unknown) =>
    southboundError(
      "DISK_MISSING",
      `VM ${vmUuid} needs volume ${volumeUuid}, which is not on datastore ${datastoreId} as this host sees it.`,
      { params: { vmUuid, volumeUuid, datastoreId }, ...(cause === undefined ? {} : { cause }) },
    ),
  diskNotOfVm: (vmUuid: string, volumeUuid: string) =>
    southboundError("DISK_MISSING", `VM ${vmUuid} has no volume ${volumeUuid}.`, {
      params: { vmUuid, volumeUuid },
    }),
  memoryMissing: (vmUuid: string, snapshotUuid: string) =>
    southboundError(
      "SNAPSHOT_MEMORY_MISSING",
      `What snapshot ${snapshotUuid} kept of the memory of VM ${vmUuid} is not there.`,
      { params: { vmUuid, snapshotUuid } },
    ),
  memoryUnusable: (vmUuid: string, reason: string, cause: unknown) =>
    southboundError(
      "SNAPSHOT_MEMORY_UNUSABLE",
      `VM ${vmUuid} cannot go on from the snapshot's memory: ${reason}`,
      { params: { vmUuid, reason }, cause },
    ),
  switchMissing: (vmUuid: string, switchId: string) =>
    southboundError("SWITCH_MISSING", `VM ${vmUuid} needs switch ${switchId}, which is not on this host.`, {
      params: { vmUuid, switchId },
    }),
  architecture: (vmUuid: string, wanted: string, is: string) =>
    new AppError("invalid", "ARCHITECTURE_MISMATCH", `VM ${vmUuid} is for ${wanted}; this host is ${is}.`, {
      params: { vmUuid, wanted, is },
    }),
  slotTaken: (vmUuid: string, target: string) =>
    new AppError("conflict", "DISK_SLOT_TAKEN", `VM ${vmUuid} has another disk at ${target}.`, {
      params: { vmUuid, target },
    }),
  macTaken: (vmUuid: string, mac: string) =>
    new AppError("conflict", "MAC_TAKEN", `VM ${vmUuid} has another NIC with the MAC ${mac}.`, {
      params: { vmUuid, mac },
    }),
  noScreen: (vmUuid: string) =>
    new AppError(
      "conflict",
      "VM_HAS_NO_SCREEN",
      `VM ${vmUuid} has no VNC server; it was not made by Sinter.`,
      {
        params: { vmUuid },
      },
    ),
  noIdeSlot: (vmUuid: string, slot: number) =>
    new AppError("invalid", "IDE_SLOT_MISSING", `VM ${vmUuid}: IDE has no slot ${slot}.`, {
      params: { vmUuid, slot },
    }),
};
