import type { GuestSeed } from "@sinter/southbound";
import { task } from "@sinter/tasks";
import { volumeStore } from "../storage/volume.store.ts";
import type { ComputePorts } from "./compute.ports.ts";
import { removeVmOrRemember, removeVolumeOrRemember, volumeSpec } from "./node-work.ts";
import { readSpec } from "./spec-reader.ts";
import { observed } from "./vm-observation.ts";
import { vmStore } from "./vm.store.ts";

export interface CreateVmInput {
  readonly vmId: number;
  readonly vmUuid: string;
  readonly hostId: number;
  /** Volumes to make; those that exist already are only attached. */
  readonly newVolumeIds: readonly number[];
  readonly isBooted: boolean;
  readonly isTemplate: boolean;
}

/** Holds the guest's first password: kept apart from the input and erased when the task ends. */
export interface CreateVmSecret {
  readonly seed: GuestSeed | null;
}

/**
 * Makes a VM whose rows were written together with the task: volumes, definition, first boot. Cloning is the same
 * with volumes that start from others.
 */
const creation = (type: "vm.create" | "vm.clone") =>
  task<CreateVmInput, ComputePorts, CreateVmSecret>(type)
    .step("reserve", {
      run: async () => {},
      // The rows came with the task; whatever fails later, this is undone last and takes them away.
      undo: async ({ input, ports }) => {
        await ports.database.transaction(async ({ db }) => {
          await volumeStore(db).detachAllOf(input.vmId);
          await volumeStore(db).remove(input.newVolumeIds);
          await vmStore(db).remove(input.vmId);
        });
      },
    })
    .step("volumes", {
      weight: 6,
      run: async ({ input, ports, signal, operationId, progress }) => {
        const store = volumeStore(ports.database.db);
        for (const [index, id] of input.newVolumeIds.entries()) {
          const volume = await store.find(id);
          if (!volume) throw new Error(`Broken assumption: volume ${id} of VM ${input.vmId} has a row.`);
          const share = (fraction: number) => (index + fraction) / input.newVolumeIds.length;
          progress(share(0), `making disk ${volume.name}`);
          const operation = `${operationId}:${index}`;
          const stopWatching = ports.progress.watch(operation, (fraction, message) =>
            progress(share(fraction), message),
          );
          const made = await ports.fleet
            .agent(input.hostId)
            .ensureVolume(volumeSpec(volume), { signal, operationId: operation })
            .finally(stopWatching);
          await store.update(id, { allocatedBytes: made.allocatedBytes, sizeBytes: made.sizeBytes });
        }
      },
      undo: async ({ input, ports }) => {
        const store = volumeStore(ports.database.db);
        for (const id of input.newVolumeIds) {
          const volume = await store.find(id);
          if (volume) await removeVolumeOrRemember(ports, input.hostId, volume);
        }
      },
    })
    .step("define", {
      run: async ({ input, ports, signal, secret }) => {
        const { spec } = await readSpec(ports.database.db, input.vmId, secret?.seed ?? null);
        await ports.fleet.agent(input.hostId).defineVm(spec, { signal });
      },
      undo: ({ input, ports }) => removeVmOrRemember(ports, input.hostId, input.vmUuid),
    })
    .step("boot", {
      weight: 3,
      run: async ({ input, ports, signal }) => {
        const agent = ports.fleet.agent(input.hostId);
        if (input.isBooted) await agent.startVm({ vmUuid: input.vmUuid }, { signal });
      },
      noUndo: "taking back the definition stops the VM as well",
    })
    .step("settle", {
      run: async ({ input, ports }) => {
        const observation = await ports.fleet.agent(input.hostId).getVm({ vmUuid: input.vmUuid });
        await ports.database.transaction(async ({ db }) => {
          await volumeStore(db).setStatus(input.newVolumeIds, "inUse");
          await vmStore(db).transition(input.vmId, ["creating"], input.isBooted ? "running" : "stopped", {
            ...observed(observation, new Date()),
            isTemplate: input.isTemplate,
          });
        });
      },
      noUndo: "last step: one transaction",
    });

export const createVm = creation("vm.create");
export const cloneVm = creation("vm.clone");
