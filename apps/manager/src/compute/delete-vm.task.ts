import type { VmState } from "@sinter/rules";
import { task } from "@sinter/tasks";
import { volumeStore } from "../storage/volume.store.ts";
import type { ComputePorts } from "./compute.ports.ts";
import { removeVmOrRemember, removeVolumeOrRemember, wipeVolume } from "./node-work.ts";
import { vmStore } from "./vm.store.ts";

export interface DeleteVmInput {
  readonly vmId: number;
  readonly vmUuid: string;
  readonly hostId: number | null;
  /** Volumes that go with it; the others stay, detached. */
  readonly volumeIds: readonly number[];
  readonly from: VmState;
  /** The volumes that go are overwritten before. */
  readonly isWiped?: boolean;
}

/** Removes a VM, running or not, and the volumes that go with it. From the first removal on only forward. */
export const deleteVm = task<DeleteVmInput, ComputePorts>("vm.delete")
  .step("mark", {
    run: async () => {},
    undo: async ({ input, ports }) => {
      await ports.database.transaction(async ({ db }) => {
        await vmStore(db).transition(input.vmId, ["deleting"], input.from);
        await volumeStore(db).setStatus(input.volumeIds, "inUse");
      });
    },
  })
  .pointOfNoReturn()
  .step("remove", {
    weight: 3,
    run: async ({ input, ports }) => {
      if (input.hostId !== null) await removeVmOrRemember(ports, input.hostId, input.vmUuid);
    },
  })
  .step("volumes", {
    weight: 3,
    run: async ({ input, ports, signal }) => {
      const store = volumeStore(ports.database.db);
      for (const id of input.volumeIds) {
        const volume = await store.find(id);
        if (volume && input.isWiped) await wipeVolume(ports, input.hostId, volume, { signal });
        if (volume) await removeVolumeOrRemember(ports, input.hostId, volume);
      }
    },
  })
  .step("forget", {
    run: async ({ input, ports }) => {
      await ports.database.transaction(async ({ db }) => {
        await volumeStore(db).detachAllOf(input.vmId);
        await volumeStore(db).remove(input.volumeIds);
        await vmStore(db).remove(input.vmId);
      });
    },
  });
