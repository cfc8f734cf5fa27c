import {
  CreateVolumeRequest,
  ExpandVolumeRequest,
  ExpandVmVolumeRequest,
  MigrateVolumeRequest,
  ModifyVolumeLimitsRequest,
  ModifyVolumeRequest,
  parseUrn,
  TaskAnswer,
  VoidAnswer,
  VolumeList,
  WireVolume,
} from "@sinter/northbound";
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import { vmIdFrom } from "../compute/vm-filter.ts";
import { registerRoute, SITE } from "../http/route.ts";
import { taskAnswer } from "../task/task.wire.ts";
import { volumeErrors } from "./volume.errors.ts";
import { volumeFilterFrom, type VolumeService } from "./volume.service.ts";
import { volumeToWire, volumeUrn } from "./volume.wire.ts";

export function registerVolumeRoutes(
  app: FastifyInstance,
  parts: { volumes: VolumeService; siteId: () => string },
): void {
  const { volumes } = parts;
  const idOf = (params: Readonly<Record<string, string>>): number => {
    const text = params.volumeId ?? "";
    if (!/^\d{1,15}$/.test(text)) throw volumeErrors.notFound(text.slice(0, 32));
    return Number(text);
  };
  const answer = (begun: { taskId: number; id: number }) =>
    taskAnswer(parts.siteId(), begun.taskId, volumeUrn(parts.siteId(), begun.id));

  // The OpenStack driver reads its lists under two more names, one of them with a blank at its end.
  for (const path of ["volumes", "volumes/compatibility/discovery", "volumes/extend"]) {
    registerRoute(app, {
      method: "GET",
      url: `${SITE}/${path}`,
      access: "read",
      summary: "Lists volumes.",
      query: {
        limit: "1 to 100; 0: all",
        offset: "items to skip",
        name: "substring",
        uuid: "exact",
        scope: "URN of a host or datastore",
        attachstatus: "0 all, 1 free and shared, 2 free, 3 attached",
        pciType: "IDE, SCSI or VIRTIO",
        volUrns: "repeated, at most 50",
      },
      reply: VolumeList,
      handle: async ({ query }) => {
        const { total, items } = await volumes.list(volumeFilterFrom(query), query.page());
        return { total, volumes: items.map((volume) => volumeToWire(volume, parts.siteId())) };
      },
    });
  }

  registerRoute(app, {
    method: "POST",
    url: `${SITE}/volumes`,
    access: "operate",
    summary: "Creates a volume.",
    body: CreateVolumeRequest,
    reply: TaskAnswer,
    handle: async ({ body, actor }) => answer(await volumes.create(actor, body)),
  });

  registerRoute(app, {
    method: "GET",
    url: `${SITE}/volumes/:volumeId`,
    access: "read",
    summary: "Shows one volume.",
    reply: WireVolume,
    handle: async ({ params }) => volumeToWire(await volumes.get(idOf(params)), parts.siteId()),
  });

  registerRoute(app, {
    method: "PUT",
    url: `${SITE}/volumes/:volumeId`,
    access: "operate",
    summary: "Changes a volume's name, share flag, or snapshot flags.",
    body: ModifyVolumeRequest,
    reply: VoidAnswer,
    handle: async ({ params, body }) => {
      await volumes.modify(idOf(params), body);
      return {};
    },
  });

  registerRoute(app, {
    method: "DELETE",
    url: `${SITE}/volumes/:volumeId`,
    access: "operate",
    summary: "Deletes a volume that no VM has.",
    query: { isFormat: "1: overwrite it with zeroes before", isOnlyDelDB: "accepted" },
    reply: TaskAnswer,
    handle: async ({ params, actor, query }) => {
      const isWiped = query.boolean("isFormat") ?? false;
      return answer(await volumes.remove(actor, idOf(params), { isWiped }));
    },
  });

  registerRoute(app, {
    method: "POST",
    url: `${SITE}/volumes/:volumeId/action/expandVol`,
    access: "operate",
    summary: "Makes a volume larger, also while its VM runs; size is the new one in MB.",
    body: ExpandVolumeRequest,
    reply: TaskAnswer,
    handle: async ({ params, body, actor }) => answer(await volumes.grow(actor, idOf(params), body)),
  });

  registerRoute(app, {
    method: "POST",
    url: `${SITE}/vms/:vmId/action/expandvol`,
    access: "operate",
    summary: "Makes a disk of the VM larger, also while it runs; size is the new one in MB.",
    body: ExpandVmVolumeRequest,
    reply: TaskAnswer,
    handle: async ({ params, body, actor }) => {
      const id = parseUrn(body.volUrn)?.id;
      const vmId = vmIdFrom(params.vmId ?? "");
      const volume = id === undefined ? undefined : await volumes.get(id);
      if (vmId === undefined || !volume?.attachedTo.some((one) => one.vmId === vmId))
        throw volumeErrors.notAttachedHere(body.volUrn.slice(0, 96));
      return answer(await volumes.grow(actor, volume.id, body));
    },
  });

  registerRoute(app, {
    method: "POST",
    url: `${SITE}/volumes/:volumeId/action/migratevol`,
    access: "operate",
    summary: "Moves a volume that no VM runs with to another datastore.",
    body: MigrateVolumeRequest,
    reply: TaskAnswer,
    handle: async ({ params, body, actor }) => answer(await volumes.move(actor, idOf(params), body)),
  });

  registerRoute(app, {
    method: "PUT",
    url: `${SITE}/volumes/:volumeId/modifyIOpropertyOfVolume`,
    access: "operate",
    summary: "Changes a volume's I/O limits, at once where its VM runs; KB/s and requests/s, 0: unlimited.",
    body: ModifyVolumeLimitsRequest,
    reply: TaskAnswer,
    handle: async ({ params, body, actor }) => answer(await volumes.tune(actor, idOf(params), body)),
  });

  registerRoute(app, {
    method: "GET",
    url: `${SITE}/volumes/:volumeId/action/replications`,
    access: "read",
    summary: "Lists replications of a volume; there are none.",
    reply: Type.Object({ replications: Type.Array(Type.Object({})) }),
    handle: async ({ params }) => {
      await volumes.get(idOf(params));
      return { replications: [] };
    },
  });
}
