import { task } from "@sinter/tasks";
import { volumeStore } from "../storage/volume.store.ts";
import type { DiskBus } from "../storage/volume.ts";
import type { ComputePorts } from "./compute.ports.ts";
import { unlessHostIsGone } from "./node-work.ts";
import { portGroupsOnHost } from "./spec-reader.ts";
import { diskSpec, nicSpec } from "./vm.spec.ts";
import { vmStore } from "./vm.store.ts";
import type { Nic } from "./vm.ts";

export interface DiskInput {
  readonly vmId: number;
  readonly vmUuid: string;
  readonly hostId: number;
  readonly volumeId: number;
  readonly bus: DiskBus;
  readonly slot: number;
}

/** Attaches a volume: the attachment's row came with the task. */
export const attachVolume = task<DiskInput, ComputePorts>("vm.attachVolume")
  .step("reserve", {
    run: async () => {},
    undo: ({ input, ports }) => volumeStore(ports.database.db).detach(input.volumeId, input.vmId),
  })
  .step("plug", {
    run: async ({ input, ports, signal }) => {
      const volume = await volumeStore(ports.database.db).find(input.volumeId);
      if (!volume)
        throw new Error(`Broken assumption: volume ${input.volumeId} has a row while a task holds it.`);
      const disk = diskSpec({ volume, bus: input.bus, slot: input.slot });
      await ports.fleet.agent(input.hostId).attachDisk({ vmUuid: input.vmUuid, ...disk }, { signal });
    },
    undo: async ({ input, ports }) => {
      await unlessHostIsGone(ports, input.hostId, () => unplug(ports, input));
      await vmStore(ports.database.db).bumpGeneration(input.vmId);
    },
  })
  .step("settle", {
    run: ({ input, ports }) => vmStore(ports.database.db).bumpGeneration(input.vmId),
    noUndo: "last step: one statement",
  });

export const detachVolume = task<DiskInput, ComputePorts>("vm.detachVolume")
  .step("unplug", {
    run: ({ input, ports }) => unplug(ports, input),
    undo: async ({ input, ports }) => {
      const volume = await volumeStore(ports.database.db).find(input.volumeId);
      if (!volume) return;
      const disk = diskSpec({ volume, bus: input.bus, slot: input.slot });
      const agent = () => ports.fleet.agent(input.hostId);
      await unlessHostIsGone(ports, input.hostId, () =>
        agent().attachDisk({ vmUuid: input.vmUuid, ...disk }),
      );
    },
  })
  .pointOfNoReturn()
  .step("settle", {
    run: async ({ input, ports }) => {
      await ports.database.transaction(async ({ db }) => {
        await volumeStore(db).detach(input.volumeId, input.vmId);
        await vmStore(db).bumpGeneration(input.vmId);
      });
    },
  });

async function unplug(ports: ComputePorts, input: DiskInput): Promise<void> {
  const volume = await volumeStore(ports.database.db).find(input.volumeId);
  if (!volume) return;
  await ports.fleet.agent(input.hostId).detachDisk({ vmUuid: input.vmUuid, volumeUuid: volume.uuid });
}

export interface NicInput {
  readonly vmId: number;
  readonly vmUuid: string;
  readonly hostId: number;
  readonly nic: Nic;
}

export const attachNic = task<NicInput, ComputePorts>("vm.attachNic")
  .step("reserve", {
    run: async () => {},
    undo: ({ input, ports }) => vmStore(ports.database.db).removeNic(input.vmId, input.nic.index),
  })
  .step("plug", {
    run: async ({ input, ports, signal }) => {
      const spec = await nicSpecOf(ports, input.nic);
      await ports.fleet.agent(input.hostId).attachNic({ vmUuid: input.vmUuid, ...spec }, { signal });
    },
    undo: async ({ input, ports }) => {
      const { vmUuid, nic } = input;
      const agent = () => ports.fleet.agent(input.hostId);
      await unlessHostIsGone(ports, input.hostId, () => agent().detachNic({ vmUuid, mac: nic.mac }));
      await vmStore(ports.database.db).bumpGeneration(input.vmId);
    },
  })
  .step("settle", {
    run: ({ input, ports }) => vmStore(ports.database.db).bumpGeneration(input.vmId),
    noUndo: "last step: one statement",
  });

export const detachNic = task<NicInput, ComputePorts>("vm.detachNic")
  .step("unplug", {
    run: async ({ input, ports }) => {
      await ports.fleet.agent(input.hostId).detachNic({ vmUuid: input.vmUuid, mac: input.nic.mac });
    },
    undo: async ({ input, ports }) => {
      const spec = await nicSpecOf(ports, input.nic);
      const agent = () => ports.fleet.agent(input.hostId);
      await unlessHostIsGone(ports, input.hostId, () => agent().attachNic({ vmUuid: input.vmUuid, ...spec }));
    },
  })
  .pointOfNoReturn()
  .step("settle", {
    run: async ({ input, ports }) => {
      await ports.database.transaction(async ({ db }) => {
        await vmStore(db).removeNic(input.vmId, input.nic.index);
        await vmStore(db).bumpGeneration(input.vmId);
      });
    },
  });

async function nicSpecOf(ports: ComputePorts, nic: Nic) {
  return nicSpec(nic, await portGroupsOnHost(ports.database.db, [nic.portGroupId]));
}
