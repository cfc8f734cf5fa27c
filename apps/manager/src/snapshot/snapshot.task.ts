import { AppError } from "@sinter/kit";
import { nextFold, type VmState } from "@sinter/rules";
import type { AgentPort, MemoryFile, VolumeFile } from "@sinter/southbound";
import { task } from "@sinter/tasks";
import type { ComputePorts } from "../compute/compute.ports.ts";
import { isAway } from "../compute/node-work.ts";
import { readSpec } from "../compute/spec-reader.ts";
import { observed, reasonOf, STATE_OF_POWER } from "../compute/vm-observation.ts";
import { vmStore } from "../compute/vm.store.ts";
import { volumeStore } from "../storage/volume.store.ts";
import { snapshotStore } from "./snapshot.store.ts";
import type { SnapshotShape } from "./snapshot.ts";

/** A disk that gets a new overlay upon `file`. Both names were chosen, and written down, with the task. */
export interface OverlayInput {
  readonly volumeId: number;
  readonly volumeUuid: string;
  readonly datastoreId: number;
  readonly format: "qcow2" | "raw";
  readonly file: VolumeFile;
  readonly overlay: VolumeFile;
}

interface OnVm {
  readonly vmId: number;
  readonly vmUuid: string;
  /** Where the VM is defined. */
  readonly hostId: number;
  readonly snapshotId: number;
}

export interface CreateSnapshotInput extends OnVm {
  readonly disks: readonly OverlayInput[];
  readonly isConsistent: boolean;
  readonly memory: MemoryFile | null;
}

/** Freezes the files of a VM's disks at one moment, with its memory when asked. */
export const createSnapshot = task<CreateSnapshotInput, ComputePorts>("snapshot.create")
  .step("reserve", {
    run: async () => {},
    undo: async ({ input, ports }) => {
      await ports.database.transaction(async ({ db }) => {
        await snapshotStore(db).remove(input.snapshotId);
        await snapshotStore(db).removeOverlays(newFiles(input.disks));
      });
    },
  })
  .step("take", {
    weight: 6,
    run: async ({ input, ports, signal }) => {
      const agent = ports.fleet.agent(input.hostId);
      const disks = input.disks.map((disk) => ({
        ...refOf(disk),
        format: disk.format,
        file: disk.file,
        overlay: disk.overlay,
      }));
      const { vmUuid, isConsistent, memory } = input;
      const { memoryBytes } = await agent.takeSnapshot({ vmUuid, disks, isConsistent, memory }, { signal });
      return { memoryBytes, volumes: await allocations(agent, input.disks) };
    },
    // The VM goes back to the lower files with all that it has written since; it is not set back.
    undo: async ({ input, ports }) => {
      const agent = ports.fleet.agent(input.hostId);
      for (const disk of input.disks) {
        const merge = { file: disk.overlay, into: disk.file, children: [], vmUuid: input.vmUuid };
        await agent.mergeOverlay({ ...refOf(disk), format: disk.format, ...merge });
      }
      if (input.memory !== null) await agent.removeMemory(input.memory);
    },
  })
  .step("settle", {
    run: async ({ input, ports, done }) => {
      await ports.database.transaction(async ({ db }) => {
        const store = snapshotStore(db);
        for (const { volumeId, overlay } of input.disks) await store.setActive(volumeId, overlay);
        for (const { volumeId, frozenBytes, allocatedBytes } of done.take.volumes) {
          await store.setAllocated(input.snapshotId, volumeId, frozenBytes);
          await volumeStore(db).update(volumeId, { allocatedBytes });
        }
        await store.update(input.snapshotId, { status: "ready", memoryBytes: done.take.memoryBytes });
        await store.setCurrent(input.vmId, input.snapshotId);
        await vmStore(db).bumpGeneration(input.vmId);
      });
    },
    undo: async ({ input, ports }) => {
      await ports.database.transaction(async ({ db }) => {
        const store = snapshotStore(db);
        for (const { volumeId, file } of input.disks) await store.setActive(volumeId, file);
        const snapshot = await store.find(input.snapshotId);
        await store.update(input.snapshotId, { status: "creating" });
        await store.setCurrent(input.vmId, snapshot?.parentId ?? null);
        await vmStore(db).bumpGeneration(input.vmId);
      });
    },
  });

export interface DeleteSnapshotInput extends OnVm {
  readonly memory: MemoryFile | null;
}

/** Gives a snapshot up: what only it needed goes, what others need is merged. From the first merge on only forward. */
export const deleteSnapshot = task<DeleteSnapshotInput, ComputePorts>("snapshot.delete")
  .step("mark", {
    run: async () => {},
    undo: ({ input, ports }) =>
      snapshotStore(ports.database.db).update(input.snapshotId, { status: "ready" }),
  })
  .pointOfNoReturn()
  .step("merge", {
    weight: 8,
    run: async ({ input, ports, operationId, progress }) => {
      await foldAll(ports, input, { operationId, progress });
      if (input.memory !== null) await ports.fleet.agent(input.hostId).removeMemory(input.memory);
    },
  })
  .step("forget", {
    run: ({ input, ports }) =>
      ports.database.transaction(({ db }) => snapshotStore(db).remove(input.snapshotId)),
  });

export interface RevertSnapshotInput extends OnVm {
  readonly disks: readonly (OverlayInput & { readonly sizeBytes: number })[];
  readonly memory: MemoryFile | null;
  readonly shape: Pick<SnapshotShape, "cpu" | "memory">;
  /** State before the task, and the one shown while it is at work. */
  readonly from: VmState;
  readonly via: VmState;
  /** With memory, or because it ran before. */
  readonly isStarted: boolean;
}

/**
 * Sets a VM back: new, empty overlays upon the frozen files; what it wrote since the last snapshot is gone. Everything
 * that can be refused comes before the VM is stopped.
 */
export const revertSnapshot = task<RevertSnapshotInput, ComputePorts>("snapshot.revert")
  .step("reserve", {
    run: async () => {},
    undo: async ({ input, ports }) => {
      await ports.database.transaction(async ({ db }) => {
        await snapshotStore(db).removeOverlays(newFiles(input.disks));
        await snapshotStore(db).update(input.snapshotId, { status: "ready" });
        await vmStore(db).transition(input.vmId, [input.via], input.from);
      });
    },
  })
  .step("overlays", {
    weight: 2,
    run: async ({ input, ports, signal }) => {
      const agent = ports.fleet.agent(input.hostId);
      for (const disk of input.disks) {
        const overlay = { ...refOf(disk), format: disk.format, file: disk.overlay, backing: disk.file };
        await agent.ensureOverlay(overlay, { signal });
      }
    },
    undo: async ({ input, ports }) => {
      const agent = ports.fleet.agent(input.hostId);
      for (const disk of input.disks) await agent.removeOverlay({ ...refOf(disk), file: disk.overlay });
    },
  })
  .pointOfNoReturn()
  .step("stop", {
    run: async ({ input, ports }) => {
      await ports.fleet.agent(input.hostId).stopVm({ vmUuid: input.vmUuid, mode: "force", waitMs: 0 });
    },
  })
  .step("switch", {
    run: async ({ input, ports }) => {
      await ports.database.transaction(async ({ db }) => {
        const store = snapshotStore(db);
        for (const disk of input.disks) await store.setActive(disk.volumeId, disk.overlay, disk.sizeBytes);
        await store.setCurrent(input.vmId, input.snapshotId);
        await vmStore(db).update(input.vmId, { ...input.shape, guest: null });
        await vmStore(db).bumpGeneration(input.vmId);
      });
    },
  })
  .step("define", {
    run: async ({ input, ports }) => {
      const { spec } = await readSpec(ports.database.db, input.vmId);
      await ports.fleet.agent(input.hostId).defineVm(spec);
    },
  })
  .step("start", {
    weight: 3,
    run: async ({ input, ports, note }) => {
      if (!input.isStarted) return { failure: "" };
      try {
        const memory = input.memory === null ? {} : { memory: input.memory };
        await ports.fleet.agent(input.hostId).startVm({ vmUuid: input.vmUuid, ...memory });
        return { failure: "" };
      } catch (error) {
        if (isAway(error) || !(error instanceof AppError)) throw error;
        // Its disks are back, which cannot be undone; the VM then stays stopped and says why.
        note(error.message);
        return { failure: error.message };
      }
    },
  })
  .step("tidy", {
    weight: 2,
    run: ({ input, ports, operationId, progress }) => foldAll(ports, input, { operationId, progress }),
  })
  .step("settle", {
    run: async ({ input, ports, done }) => {
      const observation = await ports.fleet.agent(input.hostId).getVm({ vmUuid: input.vmUuid });
      await ports.database.transaction(async ({ db }) => {
        await snapshotStore(db).update(input.snapshotId, { status: "ready" });
        await vmStore(db).transition(input.vmId, [input.via], STATE_OF_POWER[observation.power], {
          ...observed(observation, new Date()),
          stateReason: done.start.failure || reasonOf(observation),
        });
      });
    },
  });

/** Does and writes down one fold after the other until no volume of the VM has a file too many. */
async function foldAll(
  ports: ComputePorts,
  { vmId, vmUuid, hostId }: OnVm,
  watching: { operationId: string; progress: (fraction: number, message?: string) => void },
): Promise<void> {
  const { db } = ports.database;
  const agent = ports.fleet.agent(hostId);
  const whole = await vmStore(db).findWhole(vmId);
  for (const { volume } of whole?.disks ?? []) {
    const volumeRef = refOf({ datastoreId: volume.datastoreId, volumeUuid: volume.uuid });
    for (let count = 0; ; count++) {
      const fold = nextFold(await snapshotStore(db).chainOf(volume.id));
      if (!fold) break;
      const operationId = `${watching.operationId}:${volume.id}:${count}`;
      const stopWatching = ports.progress.watch(operationId, (fraction) =>
        watching.progress(fraction, `merging disk ${volume.name}`),
      );
      try {
        if (fold.kind === "remove") await agent.removeOverlay({ ...volumeRef, file: fold.file });
        else {
          const { file, into, children } = fold;
          const merge = { format: volume.format, file, into, children: [...children], vmUuid };
          const seen = await agent.mergeOverlay({ ...volumeRef, ...merge }, { operationId });
          await volumeStore(db).update(volume.id, { allocatedBytes: seen.allocatedBytes });
        }
      } finally {
        stopWatching();
      }
      await ports.database.transaction(async (tx) => {
        await snapshotStore(tx.db).applyFold(volume.id, fold);
        await vmStore(tx.db).bumpGeneration(vmId);
      });
    }
  }
}

/** What the files of the snapshot and the volumes take; figures for people, so a silent host is no failure here. */
async function allocations(
  agent: AgentPort,
  disks: readonly OverlayInput[],
): Promise<{ volumeId: number; frozenBytes: number; allocatedBytes: number }[]> {
  const found = [];
  for (const disk of disks) {
    const { files, allocatedBytes } = await agent.getVolume(refOf(disk));
    const frozenBytes = files.find(({ file }) => file === disk.file)?.allocatedBytes ?? 0;
    found.push({ volumeId: disk.volumeId, frozenBytes, allocatedBytes });
  }
  return found;
}

function refOf({ datastoreId, volumeUuid }: Pick<OverlayInput, "datastoreId" | "volumeUuid">) {
  return { datastoreId: String(datastoreId), volumeUuid };
}

function newFiles(disks: readonly OverlayInput[]): { volumeId: number; file: VolumeFile }[] {
  return disks.map(({ volumeId, overlay }) => ({ volumeId, file: overlay }));
}
