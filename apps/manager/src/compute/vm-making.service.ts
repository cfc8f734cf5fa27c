import { randomUUID } from "node:crypto";
import type { CloneVmRequest, CreateVmRequest, NicRequest } from "@sinter/northbound";
import { VM_EDITS } from "@sinter/rules";
import type { Database, Tx } from "../database/database.ts";
import { nextId } from "../database/ids.ts";
import type { Actor } from "../identity/user.ts";
import { snapshotErrors } from "../snapshot/snapshot.errors.ts";
import { snapshotStore } from "../snapshot/snapshot.store.ts";
import { volumeStore } from "../storage/volume.store.ts";
import { cloneVm, type CreateVmInput, type CreateVmSecret, createVm } from "./create-vm.task.ts";
import { lockPlacement } from "./placement.store.ts";
import type { Demand } from "./placement.ts";
import { checkRoom } from "./room.ts";
import { portGroupsOnHost } from "./spec-reader.ts";
import { diskWishesForClone, linkFirst, seedFor } from "./vm-clone.ts";
import { type DiskWish, draftDisks, draftNics, resolveLocation, type ResolvedLocation } from "./vm-draft.ts";
import { vmErrors } from "./vm.errors.ts";
import {
  cpuFrom,
  generateVncPassword,
  memoryFrom,
  osFrom,
  propertiesFrom,
  readUuid,
  readVncPassword,
  shapeOf,
} from "./vm-shape.ts";
import { isoFrom } from "./vm-media.service.ts";
import { vmStore } from "./vm.store.ts";
import { type Begun, vmLock, volumeLock, type VmWork } from "./vm-work.ts";
import type { Nic, Vm, VmIso, WholeVm } from "./vm.ts";

/** Making VMs: from a request, or as a copy of another. */
export function createVmMaking({ database, work }: { database: Database; work: VmWork }) {
  const { begin, submit, getWhole, choose, refuseBusy } = work;

  /** Everything that making a VM and cloning one share: ids, rows, place, task, in one transaction. */
  const make = (
    actor: Actor,
    wish: {
      definition: typeof createVm;
      name: string;
      description: string;
      groupLabel: string;
      externalUuid: string;
      uuid: string | undefined;
      where: (tx: Tx) => Promise<ResolvedLocation>;
      shape: Pick<Vm, "cpu" | "memory" | "properties" | "os" | "vncPassword">;
      disks: readonly DiskWish[];
      nics: readonly NicRequest[];
      isBooted: boolean;
      isTemplate: boolean;
      isLinkClone?: boolean;
      /** A CD that it has from its first start. */
      cdrom?: (tx: Tx) => Promise<VmIso>;
      secret?: (nics: readonly Nic[]) => CreateVmSecret;
      locks?: readonly string[];
    },
  ): Promise<Begun> =>
    begin(async (tx) => {
      const store = vmStore(tx.db);
      const where = await wish.where(tx);
      const id = await nextId(tx.db);
      const uuid = wish.uuid ?? randomUUID();
      const disks = await draftDisks(tx.db, wish.name, wish.disks);
      const nics = await draftNics(tx.db, id, wish.nics);
      for (const mac of await store.usedMacs(nics.nics.map((nic) => nic.mac))) throw vmErrors.macUsed(mac);
      await checkRoom(tx.db, disks.newVolumes);
      const cdrom = (await wish.cdrom?.(tx)) ?? null;
      const demand: Demand = {
        vcpus: wish.shape.cpu.count,
        memoryMiB: wish.shape.memory.sizeMiB,
        cpuReservationMhz: wish.shape.cpu.reservationMhz,
        datastoreIds: cdrom === null ? disks.datastoreIds : [...disks.datastoreIds, cdrom.datastoreId],
        switchIds: nics.switchIds,
      };
      await lockPlacement(tx.db);
      const hostId = await choose(tx, where.location, demand);
      const vm = {
        id,
        uuid,
        name: wish.name || `vm-${id}`,
        description: wish.description,
        groupLabel: wish.groupLabel,
        externalUuid: wish.externalUuid,
        clusterId: where.clusterId,
        hostId,
        isBoundToHost: where.isBoundToHost,
        isTemplate: false,
        isLinkClone: wish.isLinkClone ?? false,
        state: "creating" as const,
        stateReason: "",
        ...wish.shape,
        cdrom,
        params: {},
        generation: 1,
      };
      await store.insert(vm, nics.nics);
      const volumes = volumeStore(tx.db);
      await volumes.insert(disks.newVolumes);
      await volumes.attach(disks.attachments.map((link) => ({ ...link, vmId: id })));
      const input: CreateVmInput = {
        vmId: id,
        vmUuid: uuid,
        hostId,
        newVolumeIds: disks.newVolumes.map((volume) => volume.id),
        isBooted: wish.isBooted && !wish.isTemplate,
        isTemplate: wish.isTemplate,
      };
      const held = [...disks.newVolumes, ...disks.existing].map((volume) => volumeLock(volume.id));
      const taskId = await submit(tx, actor, wish.definition, {
        input,
        vm,
        secret: wish.secret?.(nics.nics) ?? { seed: null },
        locks: [...held, ...(wish.locks ?? [])],
      });
      return { taskId, id };
    });

  const portGroupUrnsOf = async (whole: WholeVm): Promise<{ nic: Nic; urn: string }[]> => {
    const groups = await portGroupsOnHost(
      database.db,
      whole.nics.map((nic) => nic.portGroupId),
    );
    // The site part is not looked at when a URN is read; eight zeros keep its form.
    return whole.nics.map((nic) => ({
      nic,
      urn: `urn:sites:00000000:dvswitchs:${groups.get(nic.portGroupId)?.switchId ?? 0}:portgroups:${nic.portGroupId}`,
    }));
  };

  /** Its first disk will never change again while the clone is there. */
  const requireLinkable = async ({ vm, disks }: WholeVm, request: CloneVmRequest): Promise<void> => {
    const [first] = disks;
    if (request.isTemplate === true)
      throw snapshotErrors.linkRefused("A linked clone cannot be a template; leave one of the two out.");
    if (vm.isLinkClone) throw snapshotErrors.linkRefused("A linked clone cannot be the base of others.");
    if (first === undefined || first.volume.isShared || !first.volume.isPersistent)
      throw snapshotErrors.linkRefused(
        "A linked clone needs a first disk that is neither shared nor non-persistent.",
      );
    if ((await snapshotStore(database.db).countOf(vm.id)) > 0) throw snapshotErrors.cloneWithSnapshots(vm.id);
  };

  return {
    async create(actor: Actor, request: CreateVmRequest): Promise<Begun> {
      const isTemplate = request.isTemplate ?? false;
      const shape = shapeOf(request);
      return make(actor, {
        definition: createVm,
        name: request.name ?? "",
        description: request.description ?? "",
        groupLabel: request.group ?? "",
        externalUuid: request.externalUuid ?? "",
        uuid: readUuid(request.uuid),
        where: (tx) => resolveLocation(tx.db, request.location, request.isBindingHost ?? false),
        shape,
        disks: (request.vmConfig.disks ?? []).map((disk) => ({ request: disk })),
        nics: request.vmConfig.nics ?? [],
        isBooted: request.autoBoot ?? true,
        isTemplate,
        ...(request.cdRomDevicePath
          ? { cdrom: (tx: Tx) => isoFrom(tx, request.cdRomProtocol, request.cdRomDevicePath ?? "") }
          : {}),
        secret: (made) => ({ seed: seedFor(request, shape.os, made) }),
      });
    },

    /** Copies a stopped VM or a template with its disks; what the request leaves out is as in the source (CMP-04, CMP-05). */
    async clone(actor: Actor, sourceId: number, request: CloneVmRequest): Promise<Begun> {
      const source = await getWhole(database, sourceId);
      await refuseBusy(sourceId);
      if (!(VM_EDITS.clone as readonly string[]).includes(source.vm.state)) {
        throw vmErrors.wrongState(sourceId, "clone", source.vm.state);
      }
      const { vm } = source;
      const isLinkClone = request.isLinkClone ?? false;
      if (isLinkClone) await requireLinkable(source, request);
      const config = request.vmConfig;
      const disks = diskWishesForClone(source, config?.disks);
      const nics =
        config?.nics ??
        (await portGroupUrnsOf(source)).map(({ nic, urn }) => ({ portGroupUrn: urn, name: nic.name }));
      return make(actor, {
        definition: cloneVm,
        name: request.name ?? `${vm.name}_clone`,
        description: request.description ?? vm.description,
        groupLabel: request.group ?? vm.groupLabel,
        externalUuid: request.externalUuid ?? "",
        uuid: readUuid(request.clonedVmUUID),
        where: (tx) =>
          request.location
            ? resolveLocation(tx.db, request.location, request.isBindingHost ?? false)
            : Promise.resolve(locationOf(vm)),
        shape: {
          cpu: cpuFrom(config?.cpu ?? {}, vm.cpu),
          memory: memoryFrom(config?.memory ?? {}, vm.memory),
          properties: propertiesFrom(config?.properties, vm.properties),
          os: osFrom(request.osOptions ?? request.osOption, vm.os),
          vncPassword: readVncPassword(request.vncAccessInfo?.vncPassword) ?? generateVncPassword(),
        },
        disks: isLinkClone ? linkFirst(source, disks) : disks,
        isLinkClone,
        nics,
        isBooted: request.autoBoot ?? true,
        isTemplate: request.isTemplate ?? false,
        secret: (made) => ({ seed: seedFor(request, vm.os, made) }),
        locks: [vmLock(sourceId)],
      });
    },
  };
}

function locationOf(vm: Vm): ResolvedLocation {
  if (vm.clusterId !== null && !vm.isBoundToHost) {
    return { location: { clusterId: vm.clusterId }, clusterId: vm.clusterId, isBoundToHost: false };
  }
  if (vm.hostId === null) throw vmErrors.hostAway(vm.id);
  return { location: { hostId: vm.hostId }, clusterId: vm.clusterId, isBoundToHost: vm.isBoundToHost };
}
