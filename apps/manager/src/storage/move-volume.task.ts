import { task } from "@sinter/tasks";
import type { DiskFormat, Provisioning, VolumeSpec } from "@sinter/southbound";
import type { ComputePorts } from "../compute/compute.ports.ts";
import { removeVolumeOrRemember } from "../compute/node-work.ts";
import { readSpec } from "../compute/spec-reader.ts";
import { vmStore } from "../compute/vm.store.ts";
import { volumeStore, type VolumeView } from "./volume.store.ts";

export interface MoveVolumeInput {
  readonly volumeId: number;
  /** Reaches both datastores; that of the VM when one has it. */
  readonly hostId: number;
  readonly vmId: number | null;
  readonly from: { readonly datastoreId: number; readonly format: DiskFormat };
  readonly to: {
    readonly datastoreId: number;
    readonly provisioning: Provisioning;
    readonly format: DiskFormat;
  };
  readonly bytesPerSec: number;
}

/**
 * Moves a volume that nobody writes to. Until "switch" the source is the volume and the copy is nobody's; from then on
 * the copy is, and the source goes. At every moment one of the two is whole and named by the row.
 */
export const moveVolume = task<MoveVolumeInput, ComputePorts>("volume.move")
  .step("reserve", {
    run: async () => {},
    undo: ({ input, ports }) => volumeStore(ports.database.db).setStatus([input.volumeId], "inUse"),
  })
  .step("copy", {
    weight: 16,
    run: async ({ input, ports, signal, operationId, progress }) => {
      const volume = await require(ports, input.volumeId);
      const stopWatching = ports.progress.watch(operationId, progress);
      const made = await ports.fleet
        .agent(input.hostId)
        .ensureVolume(copyOf(volume, input), { signal, operationId })
        .finally(stopWatching);
      return { sizeBytes: made.sizeBytes, allocatedBytes: made.allocatedBytes };
    },
    undo: async ({ input, ports }) => {
      const { uuid } = await require(ports, input.volumeId);
      const { datastoreId } = input.to;
      await removeVolumeOrRemember(ports, input.hostId, { uuid, datastoreId });
    },
  })
  .pointOfNoReturn()
  .step("switch", {
    run: async ({ input, done, ports }) => {
      await ports.database.transaction(async ({ db }) => {
        const { datastoreId, provisioning, format } = input.to;
        await volumeStore(db).update(input.volumeId, {
          ...done.copy,
          datastoreId,
          provisioning,
          format,
          origin: null,
        });
        if (input.vmId !== null) await vmStore(db).bumpGeneration(input.vmId);
      });
    },
  })
  .step("define", {
    run: async ({ input, ports }) => {
      if (input.vmId === null) return;
      const { whole, spec } = await readSpec(ports.database.db, input.vmId);
      if (whole.vm.hostId !== null) await ports.fleet.agent(whole.vm.hostId).defineVm(spec);
    },
  })
  .step("remove the source", {
    weight: 2,
    run: async ({ input, ports }) => {
      const { uuid } = await require(ports, input.volumeId);
      const { datastoreId } = input.from;
      await removeVolumeOrRemember(ports, input.hostId, { uuid, datastoreId });
    },
  })
  .step("settle", {
    run: ({ input, ports }) => volumeStore(ports.database.db).setStatus([input.volumeId], "inUse"),
  });

function copyOf(volume: VolumeView, input: MoveVolumeInput): VolumeSpec {
  const { from, to } = input;
  return {
    volumeUuid: volume.uuid,
    datastoreId: String(to.datastoreId),
    sizeBytes: volume.sizeBytes,
    provisioning: to.provisioning,
    format: to.format,
    source: {
      kind: "volume",
      datastoreId: String(from.datastoreId),
      volumeUuid: volume.uuid,
      format: from.format,
    },
    bytesPerSec: input.bytesPerSec,
  };
}

async function require(ports: ComputePorts, id: number): Promise<VolumeView> {
  const volume = await volumeStore(ports.database.db).find(id);
  if (!volume) throw new Error(`Broken assumption: volume ${id} has a row while a task holds it.`);
  return volume;
}
