import { randomUUID } from "node:crypto";
import { AppError, type Log } from "@sinter/kit";
import type {
  AttachVolumeRequest,
  CloneVmRequest,
  CreateVmRequest,
  DetachVolumeRequest,
  ModifyVmRequest,
  NicRequest,
} from "@sinter/northbound";
import { VM_ACTIONS, VM_EDITS, type VmEditName } from "@sinter/rules";
import type { Executor, TaskDefinition, TaskEngine } from "@sinter/tasks";
import { parseUrn } from "@sinter/northbound";
import type { Static } from "typebox";
import type { Database, Tx } from "../database/database.ts";
import { violatedConstraint } from "../database/database.ts";
import { nextId } from "../database/ids.ts";
import type { Fleet } from "../fleet/fleet.ts";
import type { Page } from "../http/query.ts";
import type { Actor } from "../identity/user.ts";
import { volumeErrors } from "../storage/volume.errors.ts";
import { volumeStore } from "../storage/volume.store.ts";
import { checkRoom } from "./room.ts";
import {
  type DiskWish,
  draftDisks,
  draftNics,
  resolveLocation,
  type ResolvedLocation,
  usableVolume,
} from "./vm-draft.ts";
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
import { diskWishesForClone, seedFor } from "./vm-clone.ts";
import { type Location, lockPlacement, readCandidates } from "./placement.store.ts";
import { type Demand, place } from "./placement.ts";
import type { ComputePorts } from "./compute.ports.ts";
import { cloneVm, type CreateVmInput, type CreateVmSecret, createVm } from "./create-vm.task.ts";
import { type DeleteVmInput, deleteVm } from "./delete-vm.task.ts";
import { type ModifyVmInput, modifyVm, type VmChange } from "./modify-vm.task.ts";
import { type PowerVmInput, powerVm } from "./power-vm.task.ts";
import {
  attachNic,
  attachVolume,
  detachNic,
  detachVolume,
  type DiskInput,
  type NicInput,
} from "./vm-devices.task.ts";
import { portGroupsOnHost } from "./spec-reader.ts";
import { vmErrors } from "./vm.errors.ts";
import { type VmFilter, type VmOrder, vmStore } from "./vm.store.ts";
import type { Nic, Vm, VmSummary, WholeVm } from "./vm.ts";

/** What a long operation answers at once. */
export interface Begun {
  readonly taskId: number;
  /** The object made or worked on. */
  readonly id: number;
}

export interface VmServiceParts {
  readonly database: Database;
  readonly tasks: TaskEngine;
  readonly fleet: Fleet;
  readonly log: Log;
  /** Measured load of a host, 0 to 1, when known. */
  readonly cpuLoadOf: (hostId: number) => number | undefined;
}

/** The name by which tasks hold a VM. */
export const vmLock = (id: number): string => `vm:${id}`;
export const volumeLock = (id: number): string => `volume:${id}`;

type AttachRequest = Static<typeof AttachVolumeRequest>;
type DetachRequest = Static<typeof DetachVolumeRequest>;

export function createVmService(parts: VmServiceParts) {
  const { database, tasks, fleet } = parts;

  /** Runs `work` in a transaction that ends with a task; then wakes the engine. */
  const begin = async (work: (tx: Tx) => Promise<Begun>): Promise<Begun> => {
    try {
      const begun = await database.transaction(work);
      tasks.kick();
      return begun;
    } catch (error) {
      throw better(error);
    }
  };

  const submit = <Input, Secret>(
    tx: Tx,
    actor: Actor,
    definition: TaskDefinition<Input, ComputePorts, Secret>,
    order: {
      input: NoInfer<Input>;
      vm: Pick<Vm, "id" | "name">;
      secret?: NoInfer<Secret>;
      locks?: readonly string[];
      attributes?: Readonly<Record<string, string>>;
    },
  ): Promise<number> =>
    tasks.submit(tx.client, definition, {
      input: order.input,
      entity: { urn: vmLock(order.vm.id), name: order.vm.name },
      user: actor.userName,
      locks: [vmLock(order.vm.id), ...(order.locks ?? [])],
      ...(order.secret === undefined ? {} : { secret: order.secret }),
      ...(order.attributes === undefined ? {} : { attributes: order.attributes }),
    });

  const getWhole = async (tx: Pick<Tx, "db">, id: number): Promise<WholeVm> => {
    const whole = await vmStore(tx.db).findWhole(id);
    if (!whole) throw vmErrors.notFound(id);
    return whole;
  };

  const demandOf = (whole: WholeVm, switchIds: readonly number[]): Demand => ({
    vcpus: whole.vm.cpu.count,
    memoryMiB: whole.vm.memory.sizeMiB,
    cpuReservationMhz: whole.vm.cpu.reservationMhz,
    datastoreIds: [...new Set(whole.disks.map((disk) => disk.volume.datastoreId))],
    switchIds,
  });

  const choose = async (tx: Tx, location: Location, demand: Demand, exceptVmId?: number): Promise<number> => {
    const candidates = await readCandidates(tx.db, location, demand, {
      cpuLoadOf: parts.cpuLoadOf,
      ...(exceptVmId === undefined ? {} : { exceptVmId }),
    });
    const placement = place(demand, candidates);
    if ("refusal" in placement) throw placement.refusal;
    return placement.hostId;
  };

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
      const demand: Demand = {
        vcpus: wish.shape.cpu.count,
        memoryMiB: wish.shape.memory.sizeMiB,
        cpuReservationMhz: wish.shape.cpu.reservationMhz,
        datastoreIds: disks.datastoreIds,
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
        state: "creating" as const,
        stateReason: "",
        ...wish.shape,
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

  const power = (actor: Actor, id: number, action: PowerVmInput["action"]): Promise<Begun> =>
    begin(async (tx) => {
      const whole = await getWhole(tx, id);
      const { vm } = whole;
      await refuseBusy(id, tx.client);
      if (vm.isTemplate) throw vmErrors.isTemplate(id);
      const rule = VM_ACTIONS[action];
      if (!(rule.from as readonly string[]).includes(vm.state))
        throw vmErrors.wrongState(id, action, vm.state);
      const hostId = action === "start" ? await hostToStart(tx, whole) : vm.hostId;
      if (hostId === null) throw vmErrors.hostAway(id);
      const change = { hostId: action === "start" ? vm.hostId : hostId };
      if (!(await vmStore(tx.db).transition(id, [vm.state], rule.via, change))) throw vmErrors.busy(id);
      const input: PowerVmInput = {
        vmId: id,
        vmUuid: vm.uuid,
        hostId,
        formerHostId: vm.hostId !== hostId ? vm.hostId : null,
        action,
        from: vm.state,
      };
      return { taskId: await submit(tx, actor, powerVm, { input, vm, attributes: { action } }), id };
    });

  /** At home when it can, elsewhere when home is away or full and the rules let it move. */
  const hostToStart = async (tx: Tx, whole: WholeVm): Promise<number> => {
    const { vm, nics } = whole;
    const groups = await portGroupsOnHost(
      tx.db,
      nics.map((nic) => nic.portGroupId),
    );
    const demand = demandOf(whole, [...new Set([...groups.values()].map((group) => group.switchId))]);
    await lockPlacement(tx.db);
    if (vm.hostId !== null) {
      const home = place(
        demand,
        await readCandidates(tx.db, { hostId: vm.hostId }, demand, {
          exceptVmId: vm.id,
          cpuLoadOf: parts.cpuLoadOf,
        }),
      );
      if ("hostId" in home) return home.hostId;
      // A saved memory image lies on its host; bound VMs and those outside a cluster have nowhere else to go.
      if (vm.state === "hibernated" || vm.isBoundToHost || vm.clusterId === null) throw home.refusal;
    }
    if (vm.clusterId === null) throw vmErrors.hostAway(vm.id);
    return choose(tx, { clusterId: vm.clusterId }, demand, vm.id);
  };

  /** Asked on the caller's own connection: a second one per request would dry the pool up. */
  const refuseBusy = async (id: number, executor: Executor = database.pool): Promise<void> => {
    if ((await tasks.lockedBy([vmLock(id)], executor)).size > 0) throw vmErrors.busy(id);
  };

  const requireEdit = (vm: Vm, doing: VmEditName): void => {
    if (vm.isTemplate) throw vmErrors.isTemplate(vm.id);
    if (!(VM_EDITS[doing] as readonly string[]).includes(vm.state))
      throw vmErrors.wrongState(vm.id, doing, vm.state);
  };

  /** Safe stop and reboot go through the guest: without its agent they cannot work, and clients expect 10300026. */
  const requireTools = async (id: number): Promise<void> => {
    const vm = await vmStore(database.db).find(id);
    if (!vm || vm.state !== "running" || vm.hostId === null || vm.guest?.agent === "running") return;
    try {
      await fleet
        .agent(vm.hostId)
        .guestCommand({ vmUuid: vm.uuid, command: "guest-ping", timeoutMs: 3000 }, { timeoutMs: 4000 });
    } catch (error) {
      if (error instanceof AppError && error.kind === "unavailable" && error.code === "AGENT_AWAY")
        throw error;
      throw new AppError(
        "conflict",
        "GUEST_AGENT_AWAY",
        "The guest agent does not answer, so the guest cannot be asked to stop; use mode force.",
        { cause: error },
      );
    }
  };

  return {
    async get(id: number): Promise<WholeVm> {
      return getWhole(database, id);
    },

    list: (filter: VmFilter, page: Page, order: VmOrder): Promise<WholeVm[]> =>
      vmStore(database.db).listWhole(filter, page, order),
    listSummaries: (filter: VmFilter, page: Page, order: VmOrder): Promise<VmSummary[]> =>
      vmStore(database.db).listSummaries(filter, page, order),
    listIdentities: (filter: VmFilter, page: Page, order: VmOrder) =>
      vmStore(database.db).listIdentities(filter, page, order),
    count: (filter: VmFilter): Promise<number> => vmStore(database.db).count(filter),
    countByState: (filter: VmFilter) => vmStore(database.db).countByState(filter),

    async create(actor: Actor, request: CreateVmRequest): Promise<Begun> {
      const isTemplate = request.isTemplate ?? false;
      return make(actor, {
        definition: createVm,
        name: request.name ?? "",
        description: request.description ?? "",
        groupLabel: request.group ?? "",
        externalUuid: request.externalUuid ?? "",
        uuid: readUuid(request.uuid),
        where: (tx) => resolveLocation(tx.db, request.location, request.isBindingHost ?? false),
        shape: shapeOf(request),
        disks: (request.vmConfig.disks ?? []).map((disk) => ({ request: disk })),
        nics: request.vmConfig.nics ?? [],
        isBooted: request.autoBoot ?? true,
        isTemplate,
      });
    },

    /** Copies a stopped VM or a template with its disks; what the request leaves out is as in the source (CMP-04, CMP-05). */
    async clone(actor: Actor, sourceId: number, request: CloneVmRequest): Promise<Begun> {
      const source = await getWhole(database, sourceId);
      await refuseBusy(sourceId);
      if (request.isLinkClone === true) throw vmErrors.linkedCloneUnsupported();
      if (!(VM_EDITS.clone as readonly string[]).includes(source.vm.state)) {
        throw vmErrors.wrongState(sourceId, "clone", source.vm.state);
      }
      const { vm } = source;
      const config = request.vmConfig;
      const nics =
        config?.nics ??
        (await this.portGroupUrnsOf(source)).map(({ nic, urn }) => ({ portGroupUrn: urn, name: nic.name }));
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
        disks: diskWishesForClone(source, config?.disks),
        nics,
        isBooted: request.autoBoot ?? true,
        isTemplate: request.isTemplate ?? false,
        secret: (made) => ({ seed: seedFor(request, vm.os, made) }),
        locks: [vmLock(sourceId)],
      });
    },

    async modify(actor: Actor, id: number, request: ModifyVmRequest): Promise<Begun> {
      return begin(async (tx) => {
        const { vm } = await getWhole(tx, id);
        await refuseBusy(id, tx.client);
        const change = changeOf(vm, request);
        const isResized = change.cpu !== undefined || change.memory !== undefined;
        if (change.isTemplate === true) requireEdit(vm, "convertToTemplate");
        if (isResized) requireEdit(vm, "resize");
        if (!(VM_EDITS.rename as readonly string[]).includes(vm.state))
          throw vmErrors.wrongState(id, "rename", vm.state);
        const before = Object.fromEntries(
          Object.keys(change).map((key) => [key, vm[key as keyof VmChange]]),
        ) as VmChange;
        await vmStore(tx.db).update(id, change);
        await vmStore(tx.db).bumpGeneration(id);
        const isRedefined = isResized || change.name !== undefined || change.properties !== undefined;
        const input: ModifyVmInput = { vmId: id, hostId: vm.hostId, before, isRedefined };
        return { taskId: await submit(tx, actor, modifyVm, { input, vm }), id };
      });
    },

    start: (actor: Actor, id: number): Promise<Begun> => power(actor, id, "start"),
    async stop(actor: Actor, id: number, mode: "safe" | "force"): Promise<Begun> {
      if (mode === "safe") await requireTools(id);
      return power(actor, id, mode === "safe" ? "stop" : "forceStop");
    },
    async reboot(actor: Actor, id: number, mode: "safe" | "force"): Promise<Begun> {
      if (mode === "safe") await requireTools(id);
      return power(actor, id, mode === "safe" ? "reboot" : "forceReboot");
    },
    pause: (actor: Actor, id: number): Promise<Begun> => power(actor, id, "pause"),
    resume: (actor: Actor, id: number): Promise<Begun> => power(actor, id, "resume"),
    hibernate: (actor: Actor, id: number): Promise<Begun> => power(actor, id, "hibernate"),

    /** Running VMs are forced off: clients delete what they have just cloned and booted. */
    async remove(actor: Actor, id: number, options: { isKeepingDisks: boolean }): Promise<Begun> {
      return begin(async (tx) => {
        const { vm, disks } = await getWhole(tx, id);
        await refuseBusy(id, tx.client);
        const rule = VM_ACTIONS.remove;
        if (!(rule.from as readonly string[]).includes(vm.state))
          throw vmErrors.wrongState(id, "remove", vm.state);
        const volumes = volumeStore(tx.db);
        const going = options.isKeepingDisks
          ? []
          : disks.filter((disk) => !disk.volume.isShared).map((disk) => disk.volume.id);
        await volumes.setStatus(going, "deleting");
        if (!(await vmStore(tx.db).transition(id, [vm.state], rule.via))) throw vmErrors.busy(id);
        const input: DeleteVmInput = {
          vmId: id,
          vmUuid: vm.uuid,
          hostId: vm.hostId,
          volumeIds: going,
          from: vm.state,
        };
        const locks = disks.map((disk) => volumeLock(disk.volume.id));
        return { taskId: await submit(tx, actor, deleteVm, { input, vm, locks }), id };
      });
    },

    async attachVolume(actor: Actor, id: number, request: AttachRequest): Promise<Begun> {
      return begin(async (tx) => {
        const whole = await getWhole(tx, id);
        const { vm } = whole;
        await refuseBusy(id, tx.client);
        requireEdit(vm, "attachVolume");
        if (vm.hostId === null) throw vmErrors.hostAway(id);
        const named = parseUrn(request.volUrn)?.id;
        if (whole.disks.some((disk) => disk.volume.id === named)) throw volumeErrors.attachedHere(named ?? 0);
        const volume = await usableVolume(tx.db, request.volUrn);
        const bus = request.pciType === "IDE" ? "ide" : request.pciType === "SCSI" ? "scsi" : "virtio";
        const taken = new Set(whole.disks.filter((disk) => disk.bus === bus).map((disk) => disk.slot));
        const slot = request.sequenceNum || firstFree(taken);
        if (taken.has(slot)) throw vmErrors.diskSlotUsed(slot, bus);
        if (whole.disks.length >= 60) throw vmErrors.tooManyDisks();
        const reaching = await volumeStore(tx.db).hostsReaching(volume.datastoreId);
        if (!reaching.includes(vm.hostId)) throw vmErrors.noStorageAtLocation();
        await volumeStore(tx.db).attach([{ volumeId: volume.id, vmId: id, bus, slot }]);
        const input: DiskInput = {
          vmId: id,
          vmUuid: vm.uuid,
          hostId: vm.hostId,
          volumeId: volume.id,
          bus,
          slot,
        };
        const locks = [volumeLock(volume.id)];
        return { taskId: await submit(tx, actor, attachVolume, { input, vm, locks }), id };
      });
    },

    async detachVolume(actor: Actor, id: number, request: DetachRequest): Promise<Begun> {
      return begin(async (tx) => {
        const { vm, disks } = await getWhole(tx, id);
        await refuseBusy(id, tx.client);
        requireEdit(vm, "detachVolume");
        if (vm.hostId === null) throw vmErrors.hostAway(id);
        const volumeId = parseUrn(request.volUrn)?.id;
        const disk = disks.find((candidate) => candidate.volume.id === volumeId);
        if (!disk || volumeId === undefined) throw volumeErrors.notAttachedHere(request.volUrn.slice(0, 96));
        if (disk.slot === 1 && vm.state !== "stopped") throw volumeErrors.isSystemDisk();
        const { bus, slot } = disk;
        const input: DiskInput = { vmId: id, vmUuid: vm.uuid, hostId: vm.hostId, volumeId, bus, slot };
        const locks = [volumeLock(volumeId)];
        return { taskId: await submit(tx, actor, detachVolume, { input, vm, locks }), id };
      });
    },

    async attachNic(actor: Actor, id: number, request: NicRequest): Promise<Begun & { index: number }> {
      let index = 0;
      const begun = await begin(async (tx) => {
        const { vm, nics } = await getWhole(tx, id);
        await refuseBusy(id, tx.client);
        requireEdit(vm, "attachNic");
        if (vm.hostId === null) throw vmErrors.hostAway(id);
        const draft = await draftNics(tx.db, id, [request], nics);
        const nic = draft.nics[0] as Nic;
        if ((await vmStore(tx.db).usedMacs([nic.mac])).size > 0) throw vmErrors.macUsed(nic.mac);
        await vmStore(tx.db).insertNic(nic);
        index = nic.index;
        const input: NicInput = { vmId: id, vmUuid: vm.uuid, hostId: vm.hostId, nic };
        return { taskId: await submit(tx, actor, attachNic, { input, vm }), id };
      });
      return { ...begun, index };
    },

    async detachNic(actor: Actor, id: number, index: number): Promise<Begun> {
      return begin(async (tx) => {
        const { vm, nics } = await getWhole(tx, id);
        await refuseBusy(id, tx.client);
        requireEdit(vm, "detachNic");
        if (vm.hostId === null) throw vmErrors.hostAway(id);
        const nic = nics.find((candidate) => candidate.index === index);
        if (!nic) throw vmErrors.nicMissing(index);
        const input: NicInput = { vmId: id, vmUuid: vm.uuid, hostId: vm.hostId, nic };
        return { taskId: await submit(tx, actor, detachNic, { input, vm }), id };
      });
    },

    /** Sets the console's password; a running VM takes it at once. */
    async setVncPassword(id: number, password: string | undefined): Promise<void> {
      const fresh = readVncPassword(password) ?? generateVncPassword();
      const { vm } = await getWhole(database, id);
      if (vm.hostId !== null && (vm.state === "running" || vm.state === "paused")) {
        await fleet.agent(vm.hostId).openVnc({ vmUuid: vm.uuid, password: fresh });
      }
      await vmStore(database.db).update(id, { vncPassword: fresh });
      await vmStore(database.db).bumpGeneration(id);
    },

    /** The serial line of a running VM. */
    async openConsole(id: number) {
      const { vm } = await getWhole(database, id);
      if (vm.hostId === null || !(VM_EDITS.openConsole as readonly string[]).includes(vm.state))
        throw vmErrors.vncUnavailable();
      return fleet.agent(vm.hostId).openConsole(vm.uuid);
    },

    async portGroupUrnsOf(whole: WholeVm): Promise<{ nic: Nic; urn: string }[]> {
      const groups = await portGroupsOnHost(
        database.db,
        whole.nics.map((nic) => nic.portGroupId),
      );
      // The site part is not looked at when a URN is read; eight zeros keep its form.
      return whole.nics.map((nic) => ({
        nic,
        urn: `urn:sites:00000000:dvswitchs:${groups.get(nic.portGroupId)?.switchId ?? 0}:portgroups:${nic.portGroupId}`,
      }));
    },
  };
}
export type VmService = ReturnType<typeof createVmService>;

function locationOf(vm: Vm): ResolvedLocation {
  if (vm.clusterId !== null && !vm.isBoundToHost) {
    return { location: { clusterId: vm.clusterId }, clusterId: vm.clusterId, isBoundToHost: false };
  }
  if (vm.hostId === null) throw vmErrors.hostAway(vm.id);
  return { location: { hostId: vm.hostId }, clusterId: vm.clusterId, isBoundToHost: vm.isBoundToHost };
}

/** The columns that a request changes, compared with what is there: an unchanged value is no change. */
function changeOf(vm: Vm, request: ModifyVmRequest): VmChange {
  const cpu = request.cpu ?? request.vmConfig?.cpu;
  const memory = request.memory ?? request.vmConfig?.memory;
  const properties = request.properties ?? request.vmConfig?.properties;
  const wanted: VmChange = {
    ...(request.name === undefined ? {} : { name: request.name }),
    ...(request.description === undefined ? {} : { description: request.description }),
    ...(request.group === undefined ? {} : { groupLabel: request.group }),
    ...(request.externalUuid === undefined ? {} : { externalUuid: request.externalUuid }),
    ...(request.isTemplate === undefined ? {} : { isTemplate: request.isTemplate }),
    ...(request.isBindingHost === undefined ? {} : { isBoundToHost: request.isBindingHost }),
    ...(cpu === undefined ? {} : { cpu: cpuFrom(cpu, vm.cpu) }),
    ...(memory === undefined ? {} : { memory: memoryFrom(memory, vm.memory) }),
    ...(properties === undefined ? {} : { properties: propertiesFrom(properties, vm.properties) }),
    ...(request.osOptions === undefined ? {} : { os: osFrom(request.osOptions, vm.os) }),
  };
  const entries = Object.entries(wanted).filter(
    ([key, value]) => JSON.stringify(value) !== JSON.stringify(vm[key as keyof Vm]),
  );
  return Object.fromEntries(entries);
}

function firstFree(taken: ReadonlySet<number>): number {
  for (let slot = 1; ; slot++) if (!taken.has(slot)) return slot;
}

/** What the database refused, in words of the domain. */
function better(error: unknown): unknown {
  if (error instanceof AppError && error.code === "OBJECT_BUSY") {
    const urn = typeof error.params.urn === "string" ? error.params.urn : "";
    const id = Number(urn.split(":")[1]);
    return urn.startsWith("vm:") ? vmErrors.busy(id) : volumeErrors.busy(urn);
  }
  switch (violatedConstraint(error)) {
    case "nics_mac_unique":
      return vmErrors.macUsed("of a NIC");
    case "vms_uuid_unique":
      return vmErrors.uuidUsed("that was given");
    case "volumes_uuid_unique":
      return volumeErrors.uuidUsed("that was given");
    case "attachments_slot_unique":
      return vmErrors.diskSlotUsed(0, "wanted");
    case "attachments_pkey":
      return volumeErrors.attachedHere(0);
    default:
      return error;
  }
}
