import { AppError } from "@sinter/kit";
import { VM_EDITS, type VmEditName } from "@sinter/rules";
import type { Executor, TaskDefinition, TaskEngine } from "@sinter/tasks";
import { type Database, type Tx, violatedConstraint } from "../database/database.ts";
import type { Actor } from "../identity/user.ts";
import { volumeErrors } from "../storage/volume.errors.ts";
import type { ComputePorts } from "./compute.ports.ts";
import { type Location, readCandidates } from "./placement.store.ts";
import { type Demand, place } from "./placement.ts";
import { vmErrors } from "./vm.errors.ts";
import { vmStore } from "./vm.store.ts";
import type { Vm, WholeVm } from "./vm.ts";

/** What a long operation answers at once. */
export interface Begun {
  readonly taskId: number;
  /** The object made or worked on. */
  readonly id: number;
}

/** The name by which tasks hold a VM. */
export const vmLock = (id: number): string => `vm:${id}`;
export const volumeLock = (id: number): string => `volume:${id}`;

export interface VmWorkParts {
  readonly database: Database;
  readonly tasks: TaskEngine;
  /** Measured load of a host, 0 to 1, when known. */
  readonly cpuLoadOf: (hostId: number) => number | undefined;
}

/** What every operation on a VM begins with: reading it, refusing, choosing a host, and submitting the task. */
export function createVmWork(parts: VmWorkParts) {
  const { database, tasks } = parts;
  return {
    /** Runs `work` in a transaction that ends with a task; then wakes the engine. */
    begin: async (work: (tx: Tx) => Promise<Begun>): Promise<Begun> => {
      try {
        const begun = await database.transaction(work);
        tasks.kick();
        return begun;
      } catch (error) {
        throw better(error);
      }
    },

    submit: <Input, Secret>(
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
      }),

    getWhole: async (tx: Pick<Tx, "db">, id: number): Promise<WholeVm> => {
      const whole = await vmStore(tx.db).findWhole(id);
      if (!whole) throw vmErrors.notFound(id);
      return whole;
    },

    choose: async (tx: Tx, location: Location, demand: Demand, exceptVmId?: number): Promise<number> => {
      const candidates = await readCandidates(tx.db, location, demand, {
        cpuLoadOf: parts.cpuLoadOf,
        ...(exceptVmId === undefined ? {} : { exceptVmId }),
      });
      const placement = place(demand, candidates);
      if ("refusal" in placement) throw placement.refusal;
      return placement.hostId;
    },

    /** Asked on the caller's own connection: a second one per request would dry the pool up. */
    refuseBusy: async (id: number, executor: Executor = database.pool): Promise<void> => {
      if ((await tasks.lockedBy([vmLock(id)], executor)).size > 0) throw vmErrors.busy(id);
    },

    requireEdit: (vm: Vm, doing: VmEditName): void => {
      if (vm.isTemplate) throw vmErrors.isTemplate(vm.id);
      if (!(VM_EDITS[doing] as readonly string[]).includes(vm.state))
        throw vmErrors.wrongState(vm.id, doing, vm.state);
    },
  };
}
export type VmWork = ReturnType<typeof createVmWork>;

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
