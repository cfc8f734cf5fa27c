import {
  AttachBrowserCdromAnswer,
  AttachBrowserCdromRequest,
  AttachCdromRequest,
  DescribeCdromAnswer,
  TaskAnswer,
} from "@sinter/northbound";
import type { FastifyInstance } from "fastify";
import { registerRoute, type RouteContext, SITE } from "../http/route.ts";
import { taskAnswer } from "../task/task.wire.ts";
import { vmIdFrom } from "./vm-filter.ts";
import { vmErrors } from "./vm.errors.ts";
import type { VmService } from "./vm.service.ts";
import { cdToWire, vmUrn } from "./vm.wire.ts";
import type { Begun } from "./vm-work.ts";

/** Path of the WebSocket over which a browser hands out its file. */
export const MEDIA_TICKET_PATH = "/sinter/v1/media/:ticket";

/** A VM's CD drive (contract 2.9), and files of browsers in it (CMP-29). */
export function registerVmMediaRoutes(
  app: FastifyInstance,
  parts: { vms: VmService; siteId: () => string },
): void {
  const { vms, siteId } = parts;
  const id = (context: Pick<RouteContext<unknown>, "params">): number => {
    const text = context.params.vmId ?? "";
    const parsed = vmIdFrom(text);
    if (parsed === undefined) throw vmErrors.notFound(text.slice(0, 32));
    return parsed;
  };
  const answer = (begun: Begun) => taskAnswer(siteId(), begun.taskId, vmUrn(siteId(), begun.id));

  registerRoute(app, {
    method: "POST",
    url: `${SITE}/vms/:vmId/action/attachCdrom`,
    access: "operate",
    summary: "Puts an ISO file of the library into the CD drive, of a running VM at once.",
    body: AttachCdromRequest,
    reply: TaskAnswer,
    handle: async (context) => answer(await vms.attachCdrom(context.actor, id(context), context.body)),
  });

  registerRoute(app, {
    method: "POST",
    url: `${SITE}/vms/:vmId/action/detachCdrom`,
    access: "operate",
    summary: "Takes the CD out; a guest that keeps the drive locked is overruled.",
    reply: TaskAnswer,
    handle: async (context) => answer(await vms.detachCdrom(context.actor, id(context))),
  });

  registerRoute(app, {
    method: "POST",
    url: `${SITE}/vms/:vmId/action/describeCdrom`,
    access: "read",
    summary: "Shows what is in the CD drive.",
    reply: DescribeCdromAnswer,
    handle: async (context) => {
      const cdrom = await vms.describeCdrom(id(context));
      const cdRom = cdToWire(cdrom, siteId());
      return { devicePath: cdRom?.devicePath ?? "", attachCdromTime: cdRom?.attachTime ?? "", cdRom };
    },
  });

  registerRoute(app, {
    method: "POST",
    url: `${SITE}/vms/:vmId/action/attachBrowserCdrom`,
    access: "operate",
    summary:
      "Puts a file that stays with the caller into the CD drive; it is read over the WebSocket at `path`.",
    body: AttachBrowserCdromRequest,
    reply: AttachBrowserCdromAnswer,
    handle: async (context) => {
      const begun = await vms.attachBrowserCdrom(context.actor, id(context), context.body);
      return { ...answer(begun), path: MEDIA_TICKET_PATH.replace(":ticket", begun.ticket) };
    },
  });
}
