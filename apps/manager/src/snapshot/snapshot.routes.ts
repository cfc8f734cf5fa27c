import {
  CreateSnapshotRequest,
  ModifySnapshotRequest,
  SnapshotTree,
  TaskAnswer,
  VoidAnswer,
  WireSnapshot,
} from "@sinter/northbound";
import { inArray } from "drizzle-orm";
import type { FastifyInstance } from "fastify";
import { vmIdFrom } from "../compute/vm-filter.ts";
import { vmErrors } from "../compute/vm.errors.ts";
import type { Database } from "../database/database.ts";
import { registerRoute, type RouteContext, SITE } from "../http/route.ts";
import { datastores } from "../storage/datastore.table.ts";
import { storageTypeOnWire } from "../storage/volume.wire.ts";
import { taskAnswer } from "../task/task.wire.ts";
import { snapshotErrors } from "./snapshot.errors.ts";
import type { SnapshotBegun, SnapshotService } from "./snapshot.service.ts";
import { snapshotToWire, snapshotUrn, treeToWire } from "./snapshot.wire.ts";

type Context = Pick<RouteContext<unknown>, "params">;

/** Snapshots of VMs (contract 2.13). */
export function registerSnapshotRoutes(
  app: FastifyInstance,
  parts: { snapshots: SnapshotService; database: Database; siteId: () => string },
): void {
  const { snapshots, database, siteId } = parts;
  const vmId = ({ params }: Context): number => {
    const text = params.vmId ?? "";
    const parsed = vmIdFrom(text);
    if (parsed === undefined) throw vmErrors.notFound(text.slice(0, 32));
    return parsed;
  };
  const id = ({ params }: Context): number => {
    const text = params.snapshotId ?? "";
    if (!/^\d{1,15}$/.test(text)) throw snapshotErrors.notFound(text.slice(0, 32));
    return Number(text);
  };
  const answer = ({ taskId, vmId: ofVm, id: made }: SnapshotBegun) =>
    taskAnswer(siteId(), taskId, snapshotUrn(siteId(), ofVm, made));

  registerRoute(app, {
    method: "POST",
    url: `${SITE}/vms/:vmId/snapshots`,
    access: "operate",
    summary: "Takes a snapshot of all disks of a VM at one moment, with its memory when asked.",
    body: CreateSnapshotRequest,
    reply: TaskAnswer,
    handle: async (context) => answer(await snapshots.create(context.actor, vmId(context), context.body)),
  });

  registerRoute(app, {
    method: "GET",
    url: `${SITE}/vms/:vmId/snapshots`,
    access: "read",
    summary: "Shows the snapshots of a VM as a tree, and the one its present comes from.",
    reply: SnapshotTree,
    handle: async (context) => {
      const ofVm = vmId(context);
      return treeToWire(await snapshots.list(ofVm), ofVm, siteId());
    },
  });

  registerRoute(app, {
    method: "GET",
    url: `${SITE}/vms/:vmId/snapshots/:snapshotId`,
    access: "read",
    summary: "Shows one snapshot with its disks.",
    query: { refreshflag: "accepted; what is shown is always read anew" },
    reply: WireSnapshot,
    handle: async (context) => {
      const found = await snapshots.get(vmId(context), id(context));
      const ids = found.whole.disks.map(({ volume }) => volume.datastoreId);
      const kinds = await database.db
        .select({ id: datastores.id, kind: datastores.kind })
        .from(datastores)
        .where(inArray(datastores.id, ids));
      return snapshotToWire(found, siteId(), (datastoreId) =>
        storageTypeOnWire(kinds.find((one) => one.id === datastoreId)?.kind ?? "local"),
      );
    },
  });

  registerRoute(app, {
    method: "PUT",
    url: `${SITE}/vms/:vmId/snapshots/:snapshotId`,
    access: "operate",
    summary: "Changes name or description of a snapshot.",
    body: ModifySnapshotRequest,
    reply: VoidAnswer,
    handle: async (context) => {
      await snapshots.modify(vmId(context), id(context), context.body);
      return {};
    },
  });

  registerRoute(app, {
    method: "DELETE",
    url: `${SITE}/vms/:vmId/snapshots/:snapshotId`,
    access: "operate",
    summary: "Deletes a snapshot, also of a running VM; what the VM reads stays as it is.",
    reply: TaskAnswer,
    handle: async (context) => answer(await snapshots.remove(context.actor, vmId(context), id(context))),
  });

  registerRoute(app, {
    method: "POST",
    url: `${SITE}/vms/:vmId/snapshots/:snapshotId/action/resumevm`,
    access: "operate",
    summary: "Sets the VM back to a snapshot; what it wrote since the last one is lost.",
    reply: TaskAnswer,
    handle: async (context) => answer(await snapshots.revert(context.actor, vmId(context), id(context))),
  });
}
