import { AppError } from "@sinter/kit";
import { ConsoleCheck, ConsoleRequest, ConsoleTicket, parseVmWireId } from "@sinter/northbound";
import type { FastifyInstance } from "fastify";
import { registerRoute, SITE } from "../http/route.ts";
import type { ConsoleProxy } from "./console-proxy.ts";
import type { ConsoleService } from "./console.service.ts";
import { CONSOLES_PATH, WEBSOCKIFY_PATH } from "./console.upgrade.ts";

export function registerConsoleRoutes(
  app: FastifyInstance,
  parts: {
    consoles: ConsoleService;
    proxy: Pick<ConsoleProxy, "publicPort">;
    check: (vmId: number) => Promise<ConsoleCheck>;
    /** For clients that do not say under which name they reached us. */
    advertisedAddress: string;
  },
): void {
  const { consoles, proxy } = parts;

  registerRoute(app, {
    method: "POST",
    url: `${SITE}/vms/:vmId/action/console`,
    access: "operate",
    summary: "Gives a ticket that opens the VM's screen or serial line once, within 30 s.",
    body: ConsoleRequest,
    reply: ConsoleTicket,
    handle: async ({ params, body, actor, request }) => {
      const issued = await consoles.issue({
        actor,
        token: request.caller.token,
        vmId: readVmId(params.vmId ?? ""),
        kind: body.kind ?? "vnc",
      });
      const path = `${CONSOLES_PATH}/${issued.ticket}`;
      const host = request.headers.host ?? parts.advertisedAddress;
      const port = proxy.publicPort();
      const url =
        port === undefined
          ? `wss://${host}${path}`
          : `wss://${withoutPort(host)}:${port}${WEBSOCKIFY_PATH}?token=${issued.ticket}`;
      return { url, path, ...issued };
    },
  });

  registerRoute(app, {
    method: "GET",
    url: `${CONSOLES_PATH}/check`,
    access: "operate",
    summary: "Tries the way to a VM's screen and says which link of it fails.",
    query: { vm: "URN or id of the VM" },
    reply: ConsoleCheck,
    handle: ({ query }) => parts.check(readVmId(query.text("vm")?.split(/[:/]/).at(-1) ?? "")),
  });
}

function readVmId(text: string): number {
  const id = parseVmWireId(text);
  if (id === undefined)
    throw new AppError("notFound", "VM_NOT_FOUND", `There is no VM ${text.slice(0, 32)}.`);
  return id;
}

/** The Host header names a port unless it is 443; addresses of version 6 stand in brackets. */
function withoutPort(host: string): string {
  return host.replace(/:\d+$/, "");
}
