import { southboundError } from "@sinter/agent-link/agent-side";
import { AppError } from "@sinter/kit";

export const mediaErrors = {
  isoNotFound: (datastoreId: string, name: string) =>
    southboundError("ISO_NOT_FOUND", `Datastore ${datastoreId} has no ISO file ${JSON.stringify(name)}.`, {
      params: { datastoreId, name },
    }),
  isoExists: (datastoreId: string, name: string) =>
    southboundError(
      "ISO_EXISTS",
      `Datastore ${datastoreId} has an ISO file ${JSON.stringify(name)} already.`,
      {
        params: { datastoreId, name },
      },
    ),
  isoInUse: (name: string, vms: readonly string[]) =>
    southboundError(
      "ISO_IN_USE",
      `The ISO file ${JSON.stringify(name)} is in the CD drive of ${vms.join(", ")}.`,
      {
        params: { name, vms: [...vms] },
      },
    ),
  uploadGap: (uploadId: string, receivedBytes: number, what: string) =>
    southboundError(
      "ISO_UPLOAD_GAP",
      `Of upload ${uploadId} ${receivedBytes} bytes are there, so that ${what}.`,
      { params: { uploadId, receivedBytes } },
    ),
  tooMany: (most: number) =>
    new AppError(
      "exhausted",
      "MEDIA_TOO_MANY",
      `This host has ${most} files of browsers in its VMs' drives; detach one first.`,
    ),
  driveMissing: (vmUuid: string) =>
    southboundError(
      "CDROM_DRIVE_MISSING",
      `VM ${vmUuid} was started without a CD drive. It has one after it has been stopped and started again.`,
      { params: { vmUuid } },
    ),
};
