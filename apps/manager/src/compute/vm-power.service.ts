import { AppError } from "@sinter/kit";
import { VM_ACTIONS } from "@sinter/rules";
import type { Database, Tx } from "../database/database.ts";
import type { Fleet } from "../fleet/fleet.ts";
import type { Actor } from "../identity/user.ts";
import { snapshotErrors } from "../snapshot/snapshot.errors.ts";
import { snapshotStore } from "../snapshot/snapshot.store.ts";
import { lockPlacement, readCandidates } from "./placement.store.ts";
import { type Demand, place } from "./placement.ts";
import { type PowerVmInput, powerVm } from "./power-vm.task.ts";
import { portGroupsOnHost } from "./spec-reader.ts";
import { vmErrors } from "./vm.errors.ts";
import { vmStore } from "./vm.store.ts";
import type { Begun, VmWork, VmWorkParts } from "./vm-work.ts";
import type { WholeVm } from "./vm.ts";

/** Starting, stopping and everything between. */
export function createVmPower(parts: {
  database: Database;
  fleet: Fleet;
  work: VmWork;
  cpuLoadOf: VmWorkParts["cpuLoadOf"];
}) {
  const { database, fleet } = parts;
  const { begin, submit, getWhole, choose, refuseBusy } = parts.work;

  const demandOf = (whole: WholeVm, switchIds: readonly number[]): Demand => ({
    vcpus: whole.vm.cpu.count,
    memoryMiB: whole.vm.memory.sizeMiB,
    cpuReservationMhz: whole.vm.cpu.reservationMhz,
    datastoreIds: [...new Set(whole.disks.map((disk) => disk.volume.datastoreId))],
    switchIds,
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
      const transient = whole.disks.find((disk) => !disk.volume.isPersistent);
      if (action === "hibernate" && transient) throw vmErrors.hibernateTransient(transient.volume.id);
      if (action === "start") {
        const clones = await snapshotStore(tx.db).clonesOf(id);
        if (clones.length > 0) throw snapshotErrors.hasClones(id, clones);
      }
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
  };
}
