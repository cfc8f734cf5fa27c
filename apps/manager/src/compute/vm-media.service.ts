import { randomUUID } from "node:crypto";
import type { AttachBrowserCdromRequest, AttachCdromRequest } from "@sinter/northbound";
import type { Database, Tx } from "../database/database.ts";
import type { Actor } from "../identity/user.ts";
import { browserMediaStore, newTicket } from "../media/browser-media.store.ts";
import { readDevicePath } from "../media/iso.ts";
import { isoStore } from "../media/iso.store.ts";
import { mediaErrors } from "../media/media.errors.ts";
import { volumeStore } from "../storage/volume.store.ts";
import { vmErrors } from "./vm.errors.ts";
import { attachCdrom, detachCdrom, type MediaInput } from "./vm-media.task.ts";
import { vmStore } from "./vm.store.ts";
import type { Begun, VmWork } from "./vm-work.ts";
import type { Vm, VmCdrom, VmIso } from "./vm.ts";

/** Protocols that mean the library; without one the path tells. */
const LIBRARY_PROTOCOLS = ["file", "datastore"];

/** CDs that come and go, also while the VM runs. */
export function createVmMedia({ database, work }: { database: Database; work: VmWork }) {
  const { begin, submit, getWhole, refuseBusy, requireEdit } = work;

  /** The VM, whose drive is empty and may be filled. */
  const emptyDrive = async (tx: Tx, id: number): Promise<Vm & { hostId: number }> => {
    const { vm } = await getWhole(tx, id);
    await refuseBusy(id, tx.client);
    requireEdit(vm, "attachCdrom");
    if (vm.cdrom !== null) throw mediaErrors.attached(id);
    const { hostId } = vm;
    if (hostId === null) throw vmErrors.hostAway(id);
    return { ...vm, hostId };
  };

  const fill = async (tx: Tx, actor: Actor, vm: Vm & { hostId: number }, cdrom: VmCdrom): Promise<Begun> => {
    await vmStore(tx.db).update(vm.id, { cdrom });
    const input: MediaInput = { vmId: vm.id, vmUuid: vm.uuid, hostId: vm.hostId, cdrom };
    return { taskId: await submit(tx, actor, attachCdrom, { input, vm }), id: vm.id };
  };

  return {
    async attachCdrom(actor: Actor, id: number, request: AttachCdromRequest): Promise<Begun> {
      return begin(async (tx) => {
        const vm = await emptyDrive(tx, id);
        const cdrom = await isoFrom(tx, request.protocol, request.devicePath);
        const reaching = await volumeStore(tx.db).hostsReaching(cdrom.datastoreId);
        if (!reaching.includes(vm.hostId)) throw mediaErrors.unreachable(cdrom.name);
        return fill(tx, actor, vm, cdrom);
      });
    },

    /** CMP-29. The ticket opens the WebSocket over which the browser hands the file out. */
    async attachBrowserCdrom(
      actor: Actor,
      id: number,
      request: AttachBrowserCdromRequest,
    ): Promise<Begun & { ticket: string }> {
      const ticket = newTicket();
      const begun = await begin(async (tx) => {
        const vm = await emptyDrive(tx, id);
        const { name, sizeBytes } = request;
        const [mediaId, now] = [randomUUID(), new Date()];
        const medium = { id: mediaId, vmId: id, hostId: vm.hostId, userId: actor.userId, sizeBytes };
        await browserMediaStore(tx.db).insert(medium, ticket, now);
        const attachedAt = now.toISOString();
        return fill(tx, actor, vm, { kind: "browser", mediaId, name, sizeBytes, attachedAt, isLost: false });
      });
      return { ...begun, ticket };
    },

    async detachCdrom(actor: Actor, id: number): Promise<Begun> {
      return begin(async (tx) => {
        const { vm } = await getWhole(tx, id);
        await refuseBusy(id, tx.client);
        requireEdit(vm, "detachCdrom");
        if (vm.cdrom === null) throw mediaErrors.empty(id);
        if (vm.hostId === null) throw vmErrors.hostAway(id);
        const input: MediaInput = { vmId: id, vmUuid: vm.uuid, hostId: vm.hostId, cdrom: vm.cdrom };
        return { taskId: await submit(tx, actor, detachCdrom, { input, vm }), id };
      });
    },

    async describeCdrom(id: number): Promise<VmCdrom | null> {
      return (await getWhole(database, id)).vm.cdrom;
    },
  };
}

/** The file of the library that a request names; nobody removes it before the transaction ends. */
export async function isoFrom(
  tx: Pick<Tx, "db">,
  protocol: string | undefined,
  path: string,
): Promise<VmIso> {
  const named = readDevicePath(path);
  if (protocol ? !LIBRARY_PROTOCOLS.includes(protocol.toLowerCase()) : named === undefined)
    throw mediaErrors.protocolUnknown(protocol || "cifs");
  if (named === undefined) throw mediaErrors.pathInvalid(path);
  const iso = await isoStore(tx.db).findNamed(named.datastoreId, named.name, true);
  if (!iso) throw mediaErrors.isoNotFound(path);
  if (iso.status !== "ready") throw mediaErrors.isoNotReady(iso.name, iso.status);
  return {
    kind: "iso",
    datastoreId: iso.datastoreId,
    name: iso.name,
    attachedAt: new Date().toISOString(),
  };
}
