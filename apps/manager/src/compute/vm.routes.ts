import {
  AttachVolumeRequest,
  CloneVmRequest,
  CreatedAnswer,
  CreateVmRequest,
  DetachVolumeRequest,
  ModifyVmRequest,
  NicRequest,
  OsVersionList,
  PowerModeRequest,
  TaskAnswer,
  uriOf,
  VmList,
  VmStatistics,
  VoidAnswer,
  WireVm,
} from "@sinter/northbound";
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import type { Database } from "../database/database.ts";
import { allows } from "../http/server.ts";
import { registerRoute, type RouteContext, SITE } from "../http/route.ts";
import { taskAnswer } from "../task/task.wire.ts";
import { readNames } from "./names.store.ts";
import { osVersions } from "./os-versions.ts";
import { vmErrors } from "./vm.errors.ts";
import type { VmService } from "./vm.service.ts";
import type { Begun } from "./vm-work.ts";
import { detailFrom, vmFilterFrom, vmIdFrom, vmOrderFrom } from "./vm-filter.ts";
import type { VmLists } from "./vm-list.ts";
import { vmToWire, vmUrn } from "./vm.wire.ts";

/** More than this many VMs are cut when a client names no page; templates are all returned. */
const UNPAGED_MAX = 100;

const LIST_QUERY = {
  limit: "1 to 100; 0: all",
  offset: "items to skip",
  detail: "0, 1 (default) or 2",
  name: "substring",
  scope: "URN of a cluster, host, datastore, volume, switch or port group",
  isTemplate: "true: templates only, false: VMs only",
  status: "one status",
  uuid: "exact",
  externalUuid: "exact",
  ip: "substring",
  mac: "substring",
  vmId: "substring of the id",
  group: "substring",
  description: "substring",
  vmurns: "repeated, at most 50",
  orderField: "name or status",
  order: "ASC or DESC",
} as const;

export function registerVmRoutes(
  app: FastifyInstance,
  parts: { vms: VmService; lists: VmLists; database: Database; siteId: () => string },
): void {
  const { vms, lists, database } = parts;
  const id = (context: Pick<RouteContext<unknown>, "params">): number => {
    const text = context.params.vmId ?? "";
    const parsed = vmIdFrom(text);
    if (parsed === undefined) throw vmErrors.notFound(text.slice(0, 32));
    return parsed;
  };
  const answer = (begun: Begun) => taskAnswer(parts.siteId(), begun.taskId, vmUrn(parts.siteId(), begun.id));

  registerRoute(app, {
    method: "GET",
    url: `${SITE}/vms`,
    access: "read",
    summary: "Lists VMs and templates.",
    query: LIST_QUERY,
    reply: VmList,
    handle: async ({ query, actor }) => {
      const filter = vmFilterFrom(query);
      const page = query.page(filter.isTemplate === true ? undefined : UNPAGED_MAX);
      const order = vmOrderFrom(query);
      const detail = detailFrom(query);
      if (detail === 0) return lists.identities(filter, page, order);
      if (detail === 1) return lists.summaries(filter, page, order);
      const [total, rows] = await Promise.all([vms.count(filter), vms.list(filter, page, order)]);
      const names = await readNames(database.db, parts.siteId(), rows);
      const mayOperate = allows(actor.access, "operate");
      return { total, vms: rows.map((row) => vmToWire(row, names, mayOperate)) };
    },
  });

  registerRoute(app, {
    method: "POST",
    url: `${SITE}/vms`,
    access: "operate",
    summary: "Creates a VM and, unless autoBoot is false, starts it.",
    body: CreateVmRequest,
    reply: TaskAnswer,
    handle: async ({ body, actor }) => answer(await vms.create(actor, body)),
  });

  registerRoute(app, {
    method: "GET",
    url: `${SITE}/vms/statistics`,
    access: "read",
    summary: "Counts VMs by state.",
    query: { scope: "URN of the site, a cluster or a host" },
    reply: VmStatistics,
    handle: async ({ query }) => {
      const counts = await vms.countByState({ ...vmFilterFrom(query), isTemplate: false });
      const of = (...states: Parameters<typeof counts.get>[0][]): number =>
        states.reduce((sum, state) => sum + (counts.get(state) ?? 0), 0);
      return {
        total: [...counts.values()].reduce((sum, n) => sum + n, 0),
        running: of("running", "rebooting", "pausing"),
        stopped: of("stopped"),
        fault: of("unknown", "fault"),
        hibernated: of("hibernated"),
      };
    },
  });

  registerRoute(app, {
    method: "GET",
    url: `${SITE}/vms/osversions`,
    access: "read",
    summary: "Lists guest operating systems with their limits.",
    reply: OsVersionList,
    handle: async () => osVersions,
  });

  registerRoute(app, {
    method: "GET",
    url: `${SITE}/vms/:vmId`,
    access: "read",
    summary: "Shows one VM with everything known of it.",
    reply: WireVm,
    handle: async (context) => {
      const whole = await vms.get(id(context));
      const names = await readNames(database.db, parts.siteId(), [whole]);
      const mayOperate = allows(context.actor.access, "operate");
      // Clients with a token may be about to hand the port to a VNC viewer; the portal has tickets.
      const isPortal = context.request.caller.isCookie;
      const vnc = mayOperate && !isPortal ? await vms.openDirectVnc(whole.vm) : whole.vm.vnc;
      return vmToWire({ ...whole, vm: { ...whole.vm, vnc } }, names, mayOperate);
    },
  });

  registerRoute(app, {
    method: "PUT",
    url: `${SITE}/vms/:vmId`,
    access: "operate",
    summary: "Changes name, size (when stopped), properties, console password, or template flag.",
    body: ModifyVmRequest,
    reply: TaskAnswer,
    handle: async (context) => {
      const { body, actor } = context;
      if (body.vncAccessInfo !== undefined)
        await vms.setVncPassword(id(context), body.vncAccessInfo.vncPassword);
      return answer(await vms.modify(actor, id(context), body));
    },
  });

  registerRoute(app, {
    method: "DELETE",
    url: `${SITE}/vms/:vmId`,
    access: "operate",
    summary: "Deletes a VM, running or not, with its disks unless isReserveDisks is 1.",
    query: {
      isReserveDisks: "1: keep the disks",
      isFormat: "1: overwrite the disks with zeroes before",
      holdTime: "accepted",
    },
    reply: TaskAnswer,
    handle: async (context) => {
      const isKeepingDisks = context.query.boolean("isReserveDisks") ?? false;
      const isWiping = context.query.boolean("isFormat") ?? false;
      return answer(await vms.remove(context.actor, id(context), { isKeepingDisks, isWiping }));
    },
  });

  for (const action of ["start", "pause", "resume", "hibernate"] as const) {
    registerRoute(app, {
      method: "POST",
      url: `${SITE}/vms/:vmId/action/${action}`,
      access: "operate",
      summary: POWER_SUMMARIES[action],
      reply: TaskAnswer,
      handle: async (context) => answer(await vms[action](context.actor, id(context))),
    });
  }
  // Names that other generations of clients use for the same.
  const aliases = { suspend: "pause", unresume: "resume", wake: "start" } as const;
  for (const [alias, action] of Object.entries(aliases)) {
    registerRoute(app, {
      method: "POST",
      url: `${SITE}/vms/:vmId/action/${alias}`,
      access: "operate",
      summary: `The same as action/${action}.`,
      reply: TaskAnswer,
      handle: async (context) => answer(await vms[action](context.actor, id(context))),
    });
  }

  for (const action of ["stop", "reboot"] as const) {
    registerRoute(app, {
      method: "POST",
      url: `${SITE}/vms/:vmId/action/${action}`,
      access: "operate",
      summary: POWER_SUMMARIES[action],
      body: PowerModeRequest,
      reply: TaskAnswer,
      handle: async (context) => {
        const mode = context.body.mode === "force" ? "force" : "safe";
        return answer(await vms[action](context.actor, id(context), mode));
      },
    });
  }

  registerRoute(app, {
    method: "POST",
    url: `${SITE}/vms/:vmId/action/clone`,
    access: "operate",
    summary: "Clones a stopped VM or deploys a template.",
    body: CloneVmRequest,
    reply: TaskAnswer,
    handle: async (context) => answer(await vms.clone(context.actor, id(context), context.body)),
  });

  registerRoute(app, {
    method: "POST",
    url: `${SITE}/vms/:vmId/action/attachvol`,
    access: "operate",
    summary: "Attaches a volume, to a running VM at once.",
    body: AttachVolumeRequest,
    reply: TaskAnswer,
    handle: async (context) => answer(await vms.attachVolume(context.actor, id(context), context.body)),
  });

  registerRoute(app, {
    method: "POST",
    url: `${SITE}/vms/:vmId/action/detachvol`,
    access: "operate",
    summary: "Detaches a volume.",
    body: DetachVolumeRequest,
    reply: TaskAnswer,
    handle: async (context) => answer(await vms.detachVolume(context.actor, id(context), context.body)),
  });

  registerRoute(app, {
    method: "POST",
    url: `${SITE}/vms/:vmId/action/resetvnc`,
    access: "operate",
    summary: "Gives the console a new random password.",
    reply: VoidAnswer,
    handle: async (context) => {
      await vms.setVncPassword(id(context), undefined);
      return {};
    },
  });

  registerRoute(app, {
    method: "POST",
    url: `${SITE}/vms/:vmId/virtualNics`,
    access: "operate",
    summary: "Adds a NIC.",
    body: NicRequest,
    reply: Type.Intersect([TaskAnswer, CreatedAnswer]),
    handle: async (context) => {
      const begun = await vms.attachNic(context.actor, id(context), context.body);
      const urn = `${vmUrn(parts.siteId(), begun.id)}:nics:${begun.index}`;
      return { ...answer(begun), urn, uri: uriOf(urn) };
    },
  });

  // One client takes the NIC's uri as it is, another replaces `nics` by `virtualNics` in it.
  for (const folder of ["virtualNics", "nics"]) {
    registerRoute(app, {
      method: "DELETE",
      url: `${SITE}/vms/:vmId/${folder}/:nicId`,
      access: "operate",
      summary: "Removes a NIC.",
      reply: TaskAnswer,
      handle: async (context) => {
        const text = context.params.nicId ?? "";
        if (!/^\d{1,3}$/.test(text)) throw vmErrors.nicMissing(text.slice(0, 16));
        return answer(await vms.detachNic(context.actor, id(context), Number(text)));
      },
    });
  }
}

const POWER_SUMMARIES = {
  start: "Starts a VM, or wakes a hibernated one.",
  pause: "Suspends a running VM in memory.",
  resume: "Goes on with a suspended VM.",
  hibernate: "Saves a running VM's memory to disk and frees its host.",
  stop: "Shuts the guest down (safe, the default) or pulls the plug (force).",
  reboot: "Restarts the guest (safe) or resets the VM (force).",
} as const;
