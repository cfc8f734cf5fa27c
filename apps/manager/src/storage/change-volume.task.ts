import { task } from "@sinter/tasks";
import type { ComputePorts } from "../compute/compute.ports.ts";
import { unlessHostIsGone } from "../compute/node-work.ts";
import { vmStore } from "../compute/vm.store.ts";
import { volumeStore, type VolumeView } from "./volume.store.ts";
import type { IoLimits } from "./volume.ts";

export interface GrowVolumeInput {
  readonly volumeId: number;
  /** The host of the VM that has it, or one that reaches its datastore. */
  readonly hostId: number;
  readonly vmUuid: string | null;
  readonly sizeBytes: number;
}

/** Makes a volume larger, also under a running VM (STO-19). */
export const growVolume = task<GrowVolumeInput, ComputePorts>("volume.grow")
  .step("reserve", {
    run: async () => {},
    undo: ({ input, ports }) => volumeStore(ports.database.db).setStatus([input.volumeId], "inUse"),
  })
  .step("grow", {
    weight: 8,
    run: async ({ input, ports, signal, operationId, progress }) => {
      const volume = await require(ports, input.volumeId);
      const stopWatching = ports.progress.watch(operationId, progress);
      const grown = await ports.fleet
        .agent(input.hostId)
        .growVolume(
          {
            datastoreId: String(volume.datastoreId),
            volumeUuid: volume.uuid,
            format: volume.format,
            provisioning: volume.provisioning,
            sizeBytes: input.sizeBytes,
            vmUuid: input.vmUuid,
          },
          { signal, operationId },
        )
        .finally(stopWatching);
      return { sizeBytes: grown.sizeBytes, allocatedBytes: grown.allocatedBytes };
    },
    // What has grown may have data in it by now and stays so: the row then says what is.
    undo: async ({ input, ports }) => {
      const volume = await require(ports, input.volumeId);
      await unlessHostIsGone(ports, input.hostId, async () => {
        const { sizeBytes, allocatedBytes } = await ports.fleet.agent(input.hostId).getVolume({
          datastoreId: String(volume.datastoreId),
          volumeUuid: volume.uuid,
        });
        if (sizeBytes > volume.sizeBytes)
          await volumeStore(ports.database.db).update(volume.id, { sizeBytes, allocatedBytes });
      });
    },
  })
  .step("settle", {
    run: ({ input, done, ports }) =>
      volumeStore(ports.database.db).update(input.volumeId, { ...done.grow, status: "inUse" }),
    noUndo: "last step: one statement",
  });

export interface TuneVolumeInput {
  readonly volumeId: number;
  readonly from: IoLimits;
  readonly to: IoLimits;
  /** VMs that have it. */
  readonly users: readonly { readonly vmId: number; readonly vmUuid: string; readonly hostId: number }[];
}

/** Gives a volume other I/O limits, at once where its VMs run (STO-25). */
export const tuneVolume = task<TuneVolumeInput, ComputePorts>("volume.tune")
  .step("write down", {
    run: ({ input, ports }) => writeDown(ports, input, input.to),
    undo: ({ input, ports }) => writeDown(ports, input, input.from),
  })
  .step("apply", {
    run: ({ input, ports }) => apply(ports, input, input.to),
    undo: ({ input, ports }) => apply(ports, input, input.from),
  });

async function writeDown(ports: ComputePorts, input: TuneVolumeInput, ioLimits: IoLimits): Promise<void> {
  await ports.database.transaction(async ({ db }) => {
    await volumeStore(db).update(input.volumeId, { ioLimits });
    for (const { vmId } of input.users) await vmStore(db).bumpGeneration(vmId);
  });
}

async function apply(ports: ComputePorts, input: TuneVolumeInput, limits: IoLimits): Promise<void> {
  const { uuid: volumeUuid } = await require(ports, input.volumeId);
  for (const { vmUuid, hostId } of input.users) {
    await unlessHostIsGone(ports, hostId, () =>
      ports.fleet.agent(hostId).tuneDisk({ vmUuid, volumeUuid, ...limits }),
    );
  }
}

async function require(ports: ComputePorts, id: number): Promise<VolumeView> {
  const volume = await volumeStore(ports.database.db).find(id);
  if (!volume) throw new Error(`Broken assumption: volume ${id} has a row while a task holds it.`);
  return volume;
}
