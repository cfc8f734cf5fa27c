import { randomBytes, randomUUID } from "node:crypto";
import { MiB } from "@sinter/kit";
import type {
  CallInput,
  CallName,
  DiskSpec,
  NicSpec,
  SwitchSpec,
  VmSpec,
  VolumeSpec,
} from "@sinter/southbound";

/** Whole, valid objects of the contract; a test changes what it is about. */
export function sampleVm(changes: Partial<VmSpec> = {}): VmSpec {
  const vmUuid = changes.vmUuid ?? randomUUID();
  return {
    vmUuid,
    vmId: `i-${vmUuid.slice(0, 8).toUpperCase()}`,
    name: "a sample",
    generation: 1,
    architecture: "x86_64",
    cpu: { count: 1, coresPerSocket: 1, shares: 1000, reservationMhz: 0, limitMhz: 0, affinity: [] },
    memoryMiB: 64,
    firmware: "bios",
    bootOrder: ["disk"],
    disks: [],
    nics: [],
    vnc: { keymap: "en-us" },
    onCrash: "preserve",
    seed: null,
    cdromBus: "scsi",
    cdrom: null,
    ...changes,
  };
}

export function sampleVolume(changes: Partial<VolumeSpec> & { datastoreId: string }): VolumeSpec {
  return {
    volumeUuid: randomUUID(),
    sizeBytes: 16 * MiB,
    provisioning: "thin",
    format: "qcow2",
    source: null,
    ...changes,
  };
}

export function sampleDisk(volume: VolumeSpec, changes: Partial<DiskSpec> = {}): DiskSpec {
  return {
    volumeUuid: volume.volumeUuid,
    datastoreId: volume.datastoreId,
    slot: 1,
    bus: "virtio",
    format: volume.format,
    shared: false,
    discard: volume.provisioning === "thin",
    readBytesPerSec: 0,
    writeBytesPerSec: 0,
    readIops: 0,
    writeIops: 0,
    ...changes,
  };
}

export function sampleNic(changes: Partial<NicSpec> & { switchId: string }): NicSpec {
  return {
    nicUuid: randomUUID(),
    index: 0,
    mac: sampleMac(),
    model: "virtio",
    vlan: { kind: "access", vlanId: 0 },
    connected: true,
    ...changes,
  };
}

export function sampleSwitch(changes: Partial<SwitchSpec> = {}): SwitchSpec {
  return { switchId: randomSafeId(), name: "a switch", generation: 1, mtu: 1500, uplinks: [], ...changes };
}

/** In QEMU's own range. */
export function sampleMac(): string {
  return `52:54:00:${(randomBytes(3).toString("hex").match(/../g) ?? []).join(":")}`;
}

/** A name for an overlay. */
export function sampleOverlay(): string {
  return `delta-${randomBytes(6).toString("hex")}`;
}

/** Short enough for a bridge's name (15 characters with the agent's prefix). */
export function randomSafeId(): string {
  return `t${randomBytes(4).toString("hex")}`;
}

/** A valid input of every call. */
export function sampleInputs(): { [N in CallName]: CallInput<N> } {
  const vm = sampleVm();
  const { vmUuid } = vm;
  const volume = sampleVolume({ datastoreId: "ds1" });
  const { volumeUuid } = volume;
  const nic = sampleNic({ switchId: "sw1" });
  return {
    getHost: {},
    getStats: {},
    listVms: {},
    getVm: { vmUuid },
    defineVm: vm,
    startVm: { vmUuid, paused: true },
    stopVm: { vmUuid, mode: "safe", waitMs: 1000 },
    rebootVm: { vmUuid, mode: "force" },
    pauseVm: { vmUuid },
    resumeVm: { vmUuid },
    hibernateVm: { vmUuid },
    removeVm: { vmUuid, force: true },
    attachDisk: { vmUuid, ...sampleDisk(volume) },
    detachDisk: { vmUuid, volumeUuid },
    attachNic: { vmUuid, ...nic },
    detachNic: { vmUuid, mac: nic.mac },
    openVncGate: { vmUuid, password: "secret", seconds: 60 },
    guestCommand: { vmUuid, command: "guest-ping", arguments: { a: [1, { b: null }] }, timeoutMs: 1000 },
    listDatastores: {},
    ensureDatastore: { datastoreId: "ds1", path: "/srv/ds1", shared: false },
    removeDatastore: { datastoreId: "ds1" },
    listImages: { datastoreId: "ds1" },
    listVolumes: { datastoreId: "ds1" },
    getVolume: { datastoreId: "ds1", volumeUuid },
    getLease: { datastoreId: "ds1", volumeUuid },
    ensureVolume: volume,
    removeVolume: { datastoreId: "ds1", volumeUuid },
    growVolume: {
      datastoreId: "ds1",
      volumeUuid,
      format: "raw",
      provisioning: "lazy",
      sizeBytes: 32 * MiB,
      vmUuid,
    },
    wipeVolume: { datastoreId: "ds1", volumeUuid },
    tuneDisk: { vmUuid, volumeUuid, readBytesPerSec: 1, writeBytesPerSec: 0, readIops: 2, writeIops: 3 },
    takeSnapshot: {
      vmUuid,
      disks: [
        { datastoreId: "ds1", volumeUuid, format: "qcow2", file: "base", overlay: "delta-0123456789ab" },
      ],
      isConsistent: true,
      memory: { datastoreId: "ds1", volumeUuid, snapshotUuid: vmUuid },
    },
    ensureOverlay: {
      datastoreId: "ds1",
      volumeUuid,
      file: "delta-0123456789ab",
      format: "qcow2",
      backing: "base",
    },
    removeOverlay: { datastoreId: "ds1", volumeUuid, file: "delta-0123456789ab" },
    mergeOverlay: {
      datastoreId: "ds1",
      volumeUuid,
      file: "delta-0123456789ab",
      format: "raw",
      into: "base",
      children: ["delta-0123456789ac"],
      vmUuid,
    },
    removeMemory: { datastoreId: "ds1", volumeUuid, snapshotUuid: vmUuid },
    changeMedia: { vmUuid, cdrom: { kind: "iso", datastoreId: "ds1", name: "a b.iso" } },
    listIsos: { datastoreId: "ds1" },
    removeIso: { datastoreId: "ds1", name: "a b.iso" },
    ensureIsoUpload: { datastoreId: "ds1", uploadId: "7", sizeBytes: 3 },
    writeIsoUpload: { datastoreId: "ds1", uploadId: "7", offset: "0", data: Buffer.from([0, 128, 255]) },
    finishIsoUpload: { datastoreId: "ds1", uploadId: "7", name: "a b.iso", sizeBytes: 3 },
    removeIsoUpload: { datastoreId: "ds1", uploadId: "7" },
    listSwitches: {},
    ensureSwitch: sampleSwitch({ switchId: "sw1" }),
    removeSwitch: { switchId: "sw1" },
    beginRotation: {},
    finishRotation: { certificate: "certificate", ca: "ca" },
  };
}
