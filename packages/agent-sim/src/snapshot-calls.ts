import { southboundError } from "@sinter/agent-link";
import type { VmSpec, VolumeFile } from "@sinter/southbound";
import type { Effects } from "./effects.ts";
import { differs, memoryKey } from "./sim-chain.ts";
import type { SimHost } from "./sim-host.ts";
import { observeVolume, type SimVolume } from "./sim-store.ts";
import { isAlive, isBooted, type SimVm } from "./sim-vm.ts";
import { get as getDatastore, getVolume } from "./storage-calls.ts";
import { change, getVm, observe } from "./vm-calls.ts";

/** Overlays and snapshots. Each change is one synchronous step. */
export const snapshotEffects = {
  takeSnapshot(host, { vmUuid, disks, isConsistent, memory }) {
    const vm = getVm(host, vmUuid);
    const shape = vm.live ?? vm.spec;
    const fileOf = (volumeUuid: string): VolumeFile => {
      const disk = shape.disks.find((one) => one.volumeUuid === volumeUuid);
      if (disk) return disk.file ?? "base";
      throw southboundError("DISK_MISSING", `VM ${vmUuid} has no volume ${volumeUuid}.`, {
        params: { vmUuid },
      });
    };
    const memoryBytes = memory === null ? 0 : shape.memoryMiB * 2 ** 20;
    if (disks.length > 0 && disks.every((disk) => fileOf(disk.volumeUuid) === disk.overlay)) {
      return { vm: observe(host, vm), memoryBytes };
    }
    for (const { volumeUuid, file } of disks) {
      const is = fileOf(volumeUuid);
      if (is !== file) throw differs(volumeUuid, file, is, file);
    }
    if (isAlive(vm) && isConsistent && memory === null && !isBooted(vm, host.clock.now())) {
      throw southboundError("GUEST_AGENT_AWAY", `The guest agent of VM ${vmUuid} does not answer.`, {
        params: { vmUuid },
      });
    }
    if (memory !== null && !isAlive(vm)) {
      throw southboundError("VM_NOT_RUNNING", `VM ${vmUuid} is ${vm.power}; this needs it running.`, {
        params: { vmUuid },
      });
    }
    for (const { datastoreId, volumeUuid, file, overlay } of disks) {
      addOverlay(getVolume(host, datastoreId, volumeUuid), overlay, file);
    }
    if (memory !== null) {
      const { store } = getDatastore(host, memory.datastoreId);
      store.memories.set(memoryKey(memory), memoryBytes);
    }
    moveDisks(host, vm, new Map(disks.map(({ volumeUuid, overlay }) => [volumeUuid, overlay])));
    return { vm: observe(host, vm), memoryBytes };
  },

  ensureOverlay(host, { datastoreId, volumeUuid, file, backing }) {
    const volume = getVolume(host, datastoreId, volumeUuid);
    const there = volume.files.get(file);
    if (there && there.backing !== backing)
      throw differs(volumeUuid, file, `upon ${there.backing}`, `upon ${backing}`);
    if (!there) addOverlay(volume, file, backing);
    return observeVolume(datastoreId, volume);
  },

  removeOverlay(host, { datastoreId, volumeUuid, file }) {
    const { store } = getDatastore(host, datastoreId);
    const volume = store.find(volumeUuid);
    if (!volume?.files.has(file)) return {};
    const isUnder = [...volume.files.values()].some(({ backing }) => backing === file);
    if (file === "base" || isUnder || userOf(host, volumeUuid, file)) {
      throw southboundError("VOLUME_IN_USE", `File ${file} of volume ${volumeUuid} is in use.`, {
        params: { volumeUuid },
      });
    }
    volume.files.delete(file);
    return {};
  },

  mergeOverlay(host, { datastoreId, volumeUuid, file, into, children, vmUuid }) {
    const volume = getVolume(host, datastoreId, volumeUuid);
    const top = volume.files.get(file);
    const base = volume.files.get(into);
    if (!top) return observeVolume(datastoreId, volume);
    if (!base || top.backing !== into) throw differs(volumeUuid, file, `upon ${top.backing}`, `upon ${into}`);
    const vm = vmUuid === null ? undefined : host.vms.get(vmUuid);
    const disk = (vm?.live ?? vm?.spec)?.disks.find((one) => one.volumeUuid === volumeUuid);
    const isPassedBy = disk !== undefined && (disk.file ?? "base") === into;
    if (!isPassedBy) {
      base.writes.push(...top.writes);
      base.sizeBytes = Math.max(base.sizeBytes, top.sizeBytes);
    }
    for (const child of children) {
      const above = volume.files.get(child);
      if (above) above.backing = into;
    }
    if (vm && disk?.file === file) moveDisks(host, vm, new Map([[volumeUuid, into]]));
    const left = [...volume.files].find(([, one]) => one.backing === file);
    if (left || userOf(host, volumeUuid, file)) {
      throw southboundError("VOLUME_IN_USE", `File ${file} of volume ${volumeUuid} is still in use.`, {
        params: { volumeUuid },
      });
    }
    volume.files.delete(file);
    return observeVolume(datastoreId, volume);
  },

  removeMemory(host, memory) {
    getDatastore(host, memory.datastoreId).store.memories.delete(memoryKey(memory));
    return {};
  },
} satisfies Partial<Effects>;

function addOverlay(volume: SimVolume, file: VolumeFile, backing: VolumeFile): void {
  const below = volume.files.get(backing);
  if (!below) {
    throw southboundError("VOLUME_NOT_FOUND", `Volume ${volume.volumeUuid} has no file ${backing}.`, {
      params: { volumeUuid: volume.volumeUuid },
    });
  }
  volume.files.set(file, { backing, sizeBytes: below.sizeBytes, writes: [] });
}

function moveDisks(host: SimHost, vm: SimVm, files: ReadonlyMap<string, VolumeFile>): void {
  change(host, vm, (spec: VmSpec) => ({
    ...spec,
    disks: spec.disks.map((disk) => {
      const file = files.get(disk.volumeUuid);
      return file === undefined ? disk : { ...disk, file };
    }),
  }));
}

function userOf(host: SimHost, volumeUuid: string, file: VolumeFile): SimVm | undefined {
  return [...host.vms.values()].find((vm) =>
    [...vm.spec.disks, ...(vm.live?.disks ?? [])].some(
      (disk) => disk.volumeUuid === volumeUuid && (disk.file ?? "base") === file,
    ),
  );
}
