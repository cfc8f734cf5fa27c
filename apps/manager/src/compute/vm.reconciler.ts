import { isDeepStrictEqual } from "node:util";
import { AppError, type Log } from "@sinter/kit";
import type { VmObservation } from "@sinter/southbound";
import type { TaskEngine } from "@sinter/tasks";
import { eq, inArray, sql } from "drizzle-orm";
import type { Database, Db } from "../database/database.ts";
import type { Fleet } from "../fleet/fleet.ts";
import { isAway } from "./node-work.ts";
import { readSpec } from "./spec-reader.ts";
import { cdromSeen, observed, reasonOf, STATE_OF_POWER } from "./vm-observation.ts";
import { vmLock } from "./vm-work.ts";
import { vmStore } from "./vm.store.ts";
import { nics, vms } from "./vm.table.ts";
import type { Vm } from "./vm.ts";

/*
 * Keeps what the manager shows of VMs equal to what their hosts see, and definitions where they belong. Runs per
 * host: when its agent connects, when an event says "look", and now and then. What a task holds is left alone, and
 * every write depends on the state that was read before the host was asked, so a task that came in between wins.
 *
 * It never stops a VM and never starts one.
 */

export interface VmReconcilerParts {
  readonly database: Database;
  readonly tasks: Pick<TaskEngine, "lockedBy">;
  readonly fleet: Fleet;
  readonly log: Log;
}

const HOST_AWAY = "Its host does not answer.";
/** States that a task is at work behind; without a task they are left from a crash and decided anew. */
const RESTING = new Set(["stopped", "running", "paused", "hibernated", "unknown", "fault"]);

export function createVmReconciler({ database, tasks, fleet, log }: VmReconcilerParts) {
  const store = vmStore(database.db);

  /** Writes what was seen of one VM, if nothing else has happened to it since `before` was read. */
  const settle = async (before: Vm, observation: VmObservation): Promise<void> => {
    const state = STATE_OF_POWER[observation.power];
    const change = {
      ...observed(observation, new Date()),
      cdrom: cdromSeen(before, observation),
      stateReason: reasonOf(observation),
    };
    const isSame =
      before.state === state &&
      before.stateReason === change.stateReason &&
      // Not as text: the database gives the members of an object back in an order of its own.
      isDeepStrictEqual(before.guest, change.guest) &&
      isDeepStrictEqual(before.vnc, change.vnc) &&
      isDeepStrictEqual(before.cdrom, change.cdrom);
    if (isSame) return;
    await store.transition(before.id, [before.state], state, change);
    if (before.state !== state)
      log.info({ vmId: before.id, from: before.state, to: state }, "a VM changed by itself");
  };

  /** The definition is gone from its host: it is written again, since the database is what holds it. */
  const redefine = async (vm: Vm, hostId: number): Promise<void> => {
    const { spec } = await readSpec(database.db, vm.id);
    const observation = await fleet.agent(hostId).defineVm(spec);
    log.warn({ vmId: vm.id, hostId }, "a VM was missing on its host and is defined again");
    await settle(vm, observation);
  };

  const reconcileOne = async (
    vm: Vm,
    hostId: number,
    observation: VmObservation | undefined,
  ): Promise<void> => {
    if (!RESTING.has(vm.state)) return;
    if (observation === undefined) return redefine(vm, hostId);
    await settle(vm, observation);
    if (observation.generation !== null && observation.generation < vm.generation) {
      const { spec } = await readSpec(database.db, vm.id);
      await fleet.agent(hostId).defineVm(spec);
    }
  };

  return {
    /** All VMs of one host against what the host reports. Throws when the agent is away; the next round is the retry. */
    async reconcileHost(hostId: number): Promise<void> {
      const rows = await store.onHost(hostId);
      const { vms: seen } = await fleet.agent(hostId).listVms({});
      const locked = await tasks.lockedBy(rows.map((vm) => vmLock(vm.id)));
      const byUuid = new Map(seen.map((observation) => [observation.vmUuid, observation]));
      for (const vm of rows) {
        if (locked.has(vmLock(vm.id))) continue;
        try {
          await reconcileOne(vm, hostId, byUuid.get(vm.uuid));
        } catch (error) {
          if (isAway(error)) throw error;
          // One VM that cannot be defined (a volume is gone) must not keep the others from being looked at.
          const reason =
            error instanceof AppError ? error.message : "It could not be brought in line with its host.";
          log.error({ err: error, vmId: vm.id, hostId }, "reconciling a VM failed");
          if (byUuid.get(vm.uuid) === undefined)
            await store.transition(vm.id, [vm.state], "fault", { stateReason: reason });
        }
      }
      await this.removeStrays(hostId, seen);
    },

    /** One VM, upon an event. */
    async reconcileVm(hostId: number, vmUuid: string): Promise<void> {
      const [vm] = await store.byUuids([vmUuid]);
      if (!vm || vm.hostId !== hostId) return;
      if ((await tasks.lockedBy([vmLock(vm.id)])).size > 0) return;
      try {
        const observation = await fleet.agent(hostId).getVm({ vmUuid });
        if (RESTING.has(vm.state)) await settle(vm, observation);
      } catch (error) {
        // Gone from the host: the full round decides.
        if (!(error instanceof AppError && error.kind === "notFound")) throw error;
      }
    },

    /** A stopped definition of a VM that lives on another host by now is left over from its move. */
    async removeStrays(hostId: number, seen: readonly VmObservation[]): Promise<void> {
      const ours = seen.filter(
        (observation) => observation.generation !== null && observation.power === "stopped",
      );
      const rows = await store.byUuids(ours.map((observation) => observation.vmUuid));
      const locked = await tasks.lockedBy(rows.map((vm) => vmLock(vm.id)));
      for (const vm of rows) {
        if (vm.hostId === hostId || locked.has(vmLock(vm.id))) continue;
        await fleet.agent(hostId).removeVm({ vmUuid: vm.uuid, force: false });
        log.info({ vmId: vm.id, hostId }, "removed the definition of a VM that lives on another host");
      }
    },

    /** The host went silent: what runs there is not known. What was stopped stays so, as last seen. */
    async hostLost(hostId: number): Promise<void> {
      await store.transitionOnHost(hostId, ["running", "paused"], "unknown", HOST_AWAY);
    },

    /** Domains on a host that the manager does not know, for people to look at. */
    async unmanagedOn(hostId: number): Promise<VmObservation[]> {
      const { vms: seen } = await fleet.agent(hostId).listVms({});
      const known = new Set((await store.byUuids(seen.map((o) => o.vmUuid))).map((vm) => vm.uuid));
      return seen.filter((observation) => !known.has(observation.vmUuid));
    },

    /** What the VMs of a port group must be told of it has changed: the next round of their hosts defines them again. */
    async redefineVmsOn(db: Db, portGroupId: number): Promise<void> {
      const ids = db.select({ id: nics.vmId }).from(nics).where(eq(nics.portGroupId, portGroupId));
      await db
        .update(vms)
        .set({ generation: sql`${vms.generation} + 1` })
        .where(inArray(vms.id, ids));
    },

    /** The host is removed from the site for good: its VMs have no home until they are started elsewhere. */
    async releaseHost(hostId: number): Promise<void> {
      for (const vm of await store.onHost(hostId)) {
        const state =
          vm.state === "running" || vm.state === "paused" || vm.state === "unknown" ? "stopped" : vm.state;
        const stateReason = "Its host was removed from the site.";
        await store.transition(vm.id, [vm.state], state, {
          hostId: null,
          stateReason,
          guest: null,
          vnc: null,
        });
      }
    },
  };
}
export type VmReconciler = ReturnType<typeof createVmReconciler>;
