import { AppError } from "@sinter/kit";
import { vmWireId, type WireError } from "@sinter/northbound";

/** What can be wrong with a request about CDs and the ISO library. */
export const mediaErrors = {
  attached: (id: number) =>
    new AppError("conflict", "CDROM_ATTACHED", `VM ${vmWireId(id)} has a CD already; detach it first.`),
  empty: (id: number) =>
    new AppError("conflict", "CDROM_EMPTY", `The CD drive of VM ${vmWireId(id)} is empty.`),
  protocolUnknown: (protocol: string) =>
    new AppError(
      "invalid",
      "CDROM_PROTOCOL_UNKNOWN",
      `A CD is attached by the protocol file, from the ISO library; "${protocol.slice(0, 32)}" is not offered. Upload the image to a datastore first.`,
    ),
  pathInvalid: (path: string) =>
    new AppError(
      "invalid",
      "CDROM_PATH_INVALID",
      `"${path.slice(0, 96)}" is not "<datastore id>@<file name>.iso".`,
    ),
  isoNotFound: (what: string) =>
    new AppError("notFound", "ISO_NOT_FOUND", `There is no ISO file ${what.slice(0, 160)} in the library.`),
  isoNotReady: (name: string, status: string) =>
    new AppError("conflict", "ISO_NOT_READY", `The ISO file "${name}" is not ready: it is ${status}.`),
  unreachable: (name: string) =>
    new AppError("conflict", "ISO_UNREACHABLE", `The VM's host does not reach the datastore of "${name}".`),
  nameInvalid: (name: string) =>
    new AppError(
      "invalid",
      "ISO_NAME_INVALID",
      `"${name.slice(0, 128)}" is no name for an ISO file: letters, digits, ".", "_", "-" and blanks, at most 128, beginning with a letter or digit.`,
    ),
  exists: (name: string) =>
    new AppError("conflict", "ISO_EXISTS", `The datastore has an ISO file "${name}" already.`),
  inUse: (name: string, vms: readonly string[]) =>
    new AppError(
      "conflict",
      "ISO_IN_USE",
      `The ISO file "${name}" is in the CD drive of ${vms.join(", ")}.`,
      {
        params: { vms: [...vms] },
      },
    ),
  rangeInvalid: (text: string) =>
    new AppError(
      "invalid",
      "ISO_RANGE_INVALID",
      `A piece needs a header "Content-Range: bytes <first>-<last>/<size of the file>" that fits it; "${text.slice(0, 64)}" does not.`,
    ),
  pieceTooLarge: (bytesMax: number) =>
    new AppError("invalid", "ISO_PIECE_TOO_LARGE", `A piece may have at most ${bytesMax / 1024 / 1024} MiB.`),
  gap: (name: string, receivedBytes: number) =>
    new AppError(
      "conflict",
      "ISO_UPLOAD_GAP",
      `Of "${name}" ${receivedBytes} bytes are there; go on from byte ${receivedBytes}.`,
      { params: { receivedBytes } },
    ),
  uploadBusy: (name: string) =>
    new AppError("conflict", "ISO_UPLOAD_BUSY", `Another piece of "${name}" is being received.`),
  ticketUnknown: () =>
    new AppError(
      "forbidden",
      "MEDIA_TICKET_UNKNOWN",
      "This ticket was used, has run out or is somebody else's; attach the file again.",
    ),
};

export const mediaWireErrors = {
  CDROM_ATTACHED: { code: "10300033", http: 400 },
  CDROM_EMPTY: { code: "10300034", http: 400 },
  CDROM_PROTOCOL_UNKNOWN: { code: "10300343", http: 400 },
  CDROM_PATH_INVALID: { code: "10301035", http: 400 },
  CDROM_DRIVE_MISSING: { code: "10300470", http: 400 },
  ISO_NOT_FOUND: { code: "10800110", http: 400 },
  ISO_NOT_READY: { code: "10800110", http: 400 },
  ISO_UNREACHABLE: { code: "10800109", http: 400 },
  ISO_NAME_INVALID: { code: "10301035", http: 400 },
} as const satisfies Record<string, WireError>;
