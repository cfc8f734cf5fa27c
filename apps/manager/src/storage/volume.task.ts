import { task } from "@sinter/tasks";
import type { ComputePorts } from "../compute/compute.ports.ts";
import { removeVolumeOrRemember, volumeSpec, wipeVolume } from "../compute/node-work.ts";
import { volumeStore } from "./volume.store.ts";

export interface VolumeInput {
  readonly volumeId: number;
  /** A host that reaches the datastore. */
  readonly hostId: number;
  /** On removal, its content is overwritten before. */
  readonly isWiped?: boolean;
}

/** Makes a volume whose row came with the task. */
export const createVolume = task<VolumeInput, ComputePorts>("volume.create")
  .step("reserve", {
    run: async () => {},
    undo: ({ input, ports }) => volumeStore(ports.database.db).remove([input.volumeId]),
  })
  .step("make", {
    weight: 8,
    run: async ({ input, ports, signal, operationId, progress }) => {
      const volume = await volumeStore(ports.database.db).find(input.volumeId);
      if (!volume)
        throw new Error(`Broken assumption: volume ${input.volumeId} has a row while its task runs.`);
      const stopWatching = ports.progress.watch(operationId, progress);
      const made = await ports.fleet
        .agent(input.hostId)
        .ensureVolume(volumeSpec(volume), { signal, operationId })
        .finally(stopWatching);
      return { allocatedBytes: made.allocatedBytes, sizeBytes: made.sizeBytes };
    },
    undo: async ({ input, ports }) => {
      const volume = await volumeStore(ports.database.db).find(input.volumeId);
      if (volume) await removeVolumeOrRemember(ports, input.hostId, volume);
    },
  })
  .step("settle", {
    run: ({ input, done, ports }) =>
      volumeStore(ports.database.db).update(input.volumeId, { ...done.make, status: "inUse" }),
    noUndo: "last step: one statement",
  });

export const deleteVolume = task<VolumeInput, ComputePorts>("volume.delete")
  .step("mark", {
    run: async () => {},
    undo: ({ input, ports }) => volumeStore(ports.database.db).setStatus([input.volumeId], "inUse"),
  })
  .pointOfNoReturn()
  .step("remove", {
    weight: 4,
    run: async ({ input, ports, signal, operationId, progress }) => {
      const volume = await volumeStore(ports.database.db).find(input.volumeId);
      if (volume && input.isWiped) {
        const stopWatching = ports.progress.watch(operationId, progress);
        await wipeVolume(ports, input.hostId, volume, { signal, operationId }).finally(stopWatching);
      }
      if (volume) await removeVolumeOrRemember(ports, input.hostId, volume);
    },
  })
  .step("forget", {
    run: ({ input, ports }) => volumeStore(ports.database.db).remove([input.volumeId]),
  });
