import { AppError } from "@sinter/kit";
import { parseVmWireId } from "@sinter/northbound";
import { callerOf } from "../http/caller.ts";
import type { UpgradeContext, Upgrades } from "../http/upgrades.ts";
import type { ConsoleService } from "./console.service.ts";

/** Where a ticket is redeemed on every port. */
export const CONSOLES_PATH = "/sinter/v1/consoles";
/** The same as clients of websockify spell it, with the ticket as `token` (CON-02). */
export const WEBSOCKIFY_PATH = "/websockify";
/** More than anybody types or pastes at once. */
const MESSAGE_BYTES_MAX = 64 * 1024;
/** Also a clipboard. */
const SCREEN_MESSAGE_BYTES_MAX = 1024 * 1024;

/** Consoles as WebSockets: binary messages are the bytes of a serial line, or of an RFB server, both ways. */
export function registerConsoles(upgrades: Upgrades, consoles: ConsoleService): void {
  const byTicket = {
    access: "public", // the ticket is what is asked for
    subprotocol: "binary",
    messageBytesMax: SCREEN_MESSAGE_BYTES_MAX,
  } as const;
  const redeem = (ticket: string, context: UpgradeContext) => consoles.redeem(ticket, context);

  upgrades.register({
    ...byTicket,
    path: `${CONSOLES_PATH}/:ticket`,
    open: (context) => redeem(context.params.ticket ?? "", context),
  });
  upgrades.register({
    ...byTicket,
    path: WEBSOCKIFY_PATH,
    open: (context) => redeem(context.query.get("token") ?? context.query.get("ticket") ?? "", context),
  });
  upgrades.register({
    path: "/sinter/v1/vms/:vmId/console",
    access: "operate",
    subprotocol: "binary",
    messageBytesMax: MESSAGE_BYTES_MAX,
    open: (context) => {
      const vmId = parseVmWireId(context.params.vmId ?? "");
      if (vmId === undefined) throw new AppError("notFound", "PATH_UNKNOWN", "There is no such console.");
      return consoles.openLine(vmId, {
        ...context,
        token: callerOf(context.request, context.door).token,
      });
    },
  });
}
