import type { Duplex } from "node:stream";
import type { ModifyVmRequest } from "@sinter/northbound";
import { VM_ACTIONS, VM_EDITS } from "@sinter/rules";
import type { Fleet } from "../fleet/fleet.ts";
import type { Page } from "../http/query.ts";
import type { Actor } from "../identity/user.ts";
import { snapshotErrors } from "../snapshot/snapshot.errors.ts";
import { snapshotStore } from "../snapshot/snapshot.store.ts";
import { volumeStore } from "../storage/volume.store.ts";
import { type DeleteVmInput, deleteVm } from "./delete-vm.task.ts";
import type { DirectVnc } from "./direct-vnc.ts";
import { type ModifyVmInput, modifyVm, type VmChange } from "./modify-vm.task.ts";
import { createVmDevices } from "./vm-devices.service.ts";
import { createVmMedia } from "./vm-media.service.ts";
import { createVmMaking } from "./vm-making.service.ts";
import { createVmPower } from "./vm-power.service.ts";
import { vmErrors } from "./vm.errors.ts";
import {
  cpuFrom,
  generateVncPassword,
  memoryFrom,
  osFrom,
  propertiesFrom,
  readVncPassword,
} from "./vm-shape.ts";
import { type VmFilter, type VmOrder, vmStore } from "./vm.store.ts";
import { type Begun, createVmWork, volumeLock, type VmWorkParts } from "./vm-work.ts";
import type { Vm, WholeVm } from "./vm.ts";

export interface VmServiceParts extends VmWorkParts {
  readonly fleet: Fleet;
  readonly directVnc: DirectVnc;
}

/** What a console leads to. */
export interface ConsoleTarget {
  readonly hostId: number;
  readonly vmUuid: string;
}

/** What one can do with a VM. */
export function createVmService(parts: VmServiceParts) {
  const { database, fleet, directVnc } = parts;
  const work = createVmWork(parts);
  const { begin, submit, getWhole, refuseBusy, requireEdit } = work;

  async function findConsole(id: number): Promise<ConsoleTarget> {
    const { vm } = await getWhole(database, id);
    if (vm.hostId === null || !(VM_EDITS.openConsole as readonly string[]).includes(vm.state))
      throw vmErrors.vncUnavailable();
    return { hostId: vm.hostId, vmUuid: vm.uuid };
  }

  return {
    ...createVmMaking({ database, work }),
    ...createVmPower({ ...parts, work }),
    ...createVmDevices(work),
    ...createVmMedia({ database, work }),

    async get(id: number): Promise<WholeVm> {
      return getWhole(database, id);
    },

    list: (filter: VmFilter, page: Page, order: VmOrder): Promise<WholeVm[]> =>
      vmStore(database.db).listWhole(filter, page, order),
    count: (filter: VmFilter): Promise<number> => vmStore(database.db).count(filter),
    countByState: (filter: VmFilter) => vmStore(database.db).countByState(filter),

    async modify(actor: Actor, id: number, request: ModifyVmRequest): Promise<Begun> {
      return begin(async (tx) => {
        const { vm } = await getWhole(tx, id);
        await refuseBusy(id, tx.client);
        const change = changeOf(vm, request);
        const isResized = change.cpu !== undefined || change.memory !== undefined;
        if (change.isTemplate !== undefined) {
          const snapshots = snapshotStore(tx.db);
          if ((await snapshots.countOf(id)) > 0) throw snapshotErrors.vmHasSnapshots(id);
          const clones = await snapshots.clonesOf(id);
          if (!change.isTemplate && clones.length > 0) throw snapshotErrors.hasClones(id, clones);
          if (vm.isLinkClone) throw snapshotErrors.linkRefused("A linked clone cannot become a template.");
        }
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

    /** Running VMs are forced off: clients delete what they have just cloned and booted. */
    async remove(
      actor: Actor,
      id: number,
      options: { isKeepingDisks: boolean; isWiping?: boolean },
    ): Promise<Begun> {
      return begin(async (tx) => {
        const { vm, disks } = await getWhole(tx, id);
        await refuseBusy(id, tx.client);
        const rule = VM_ACTIONS.remove;
        if (!(rule.from as readonly string[]).includes(vm.state))
          throw vmErrors.wrongState(id, "remove", vm.state);
        const clones = await snapshotStore(tx.db).clonesOf(id);
        if (clones.length > 0) throw snapshotErrors.hasClones(id, clones);
        if (options.isKeepingDisks && (await snapshotStore(tx.db).countOf(id)) > 0)
          throw snapshotErrors.vmHasSnapshots(id);
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
          isWiped: options.isWiping ?? false,
          from: vm.state,
        };
        const locks = disks.map((disk) => volumeLock(disk.volume.id));
        return { taskId: await submit(tx, actor, deleteVm, { input, vm, locks }), id };
      });
    },

    /** Sets the password for VNC clients (not for consoles by ticket); an open port takes it at once. */
    async setVncPassword(id: number, password: string | undefined): Promise<void> {
      const fresh = readVncPassword(password) ?? generateVncPassword();
      await getWhole(database, id);
      await directVnc.changePassword(id, fresh);
    },

    /** See DirectVnc. */
    openDirectVnc: (vm: Vm) => directVnc.open(vm),

    /** Where a console of the VM would lead now. Throws VNC_UNAVAILABLE when there is none. */
    findConsole,

    /** The serial line of a running VM. */
    async openConsole(id: number): Promise<Duplex> {
      const { hostId, vmUuid } = await findConsole(id);
      return await fleet.agent(hostId).openConsole(vmUuid);
    },

    /** The screen of a running VM, which asks for this password once. */
    async openScreen(id: number, password: string): Promise<Duplex> {
      const { hostId, vmUuid } = await findConsole(id);
      return await fleet.agent(hostId).openScreen(vmUuid, password);
    },
  };
}
export type VmService = ReturnType<typeof createVmService>;

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
