import { AppError } from "@sinter/kit";
import { vmWireId } from "@sinter/northbound";

export const consoleErrors = {
  ticketInvalid: () =>
    new AppError(
      "forbidden",
      "CONSOLE_TICKET_INVALID",
      "This ticket opens nothing: it has been used, has expired, or never was one. Ask for another.",
    ),
  ticketOfAnother: () =>
    new AppError("forbidden", "CONSOLE_TICKET_OF_ANOTHER", "This ticket was given to another user."),
  noPermission: () => new AppError("forbidden", "NO_PERMISSION", "A console needs the right to operate VMs."),
  tooMany: (vmId: number, max: number) =>
    new AppError(
      "conflict",
      "CONSOLES_TOO_MANY",
      `${max} consoles of VM ${vmWireId(vmId)} are open, which is the most. Close one of them.`,
      { params: { vmId, max } },
    ),
};
