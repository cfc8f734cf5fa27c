import { vmWireId } from "@sinter/northbound";
import type { CdromMedium, DiskSpec, GuestSeed, NicSpec, VlanSpec, VmSpec } from "@sinter/southbound";
import type { Nic, Vm, VmCdrom, VmDisk, WholeVm } from "./vm.ts";

/** What a NIC's port group means on a host. */
export interface PortGroupOnHost {
  readonly switchId: number;
  readonly vlan: VlanSpec;
}

/** QEMU's names for the contract's keyboard numbers; anything else types as en-us. */
const KEYMAPS: Readonly<Record<number, string>> = {
  4: "de",
  7: "en-us",
  8: "es",
  12: "fr",
  17: "ja",
  30: "ru",
};

/** Everything the agent needs to make this VM; the whole of it, every time. */
export function specOf(
  whole: WholeVm,
  portGroups: ReadonlyMap<number, PortGroupOnHost>,
  seed: GuestSeed | null = null,
): VmSpec {
  const { vm, nics, disks } = whole;
  return {
    vmUuid: vm.uuid,
    vmId: vmWireId(vm.id),
    name: vm.name,
    generation: vm.generation,
    architecture: "x86_64",
    cpu: {
      count: vm.cpu.count,
      coresPerSocket: vm.cpu.coresPerSocket,
      shares: vm.cpu.shares,
      reservationMhz: vm.cpu.reservationMhz,
      limitMhz: vm.cpu.limitMhz,
      affinity: [...vm.cpu.affinity],
    },
    memoryMiB: vm.memory.sizeMiB,
    firmware: vm.properties.firmware,
    bootOrder: bootOrder(vm),
    disks: disks.map(diskSpec),
    nics: nics.map((nic) => nicSpec(nic, portGroups)),
    vnc: { keymap: KEYMAPS[vm.properties.keymap] ?? "en-us" },
    // High availability restarts crashed guests later; until then `ha` keeps the evidence like `notprocess`.
    onCrash: vm.properties.onGuestCrash === "reboot" ? "restart" : "preserve",
    seed,
    // Windows and most others have no driver for virtio's drive when they are installed; Linux has, and a kernel made
    // for clouds has no other.
    cdromBus: vm.os.type === "Linux" ? "scsi" : "sata",
    cdrom: mediumSpec(vm.cdrom),
  };
}

export function mediumSpec(cdrom: VmCdrom | null): CdromMedium | null {
  if (cdrom === null) return null;
  return cdrom.kind === "iso"
    ? { kind: "iso", datastoreId: String(cdrom.datastoreId), name: cdrom.name }
    : { kind: "browser", mediaId: cdrom.mediaId, sizeBytes: cdrom.sizeBytes };
}

function bootOrder(vm: Vm): VmSpec["bootOrder"] {
  switch (vm.properties.bootOption) {
    case "disk":
      return ["disk", "cdrom"];
    case "cdrom":
      return ["cdrom", "disk"];
    case "pxe":
      return ["network", "disk"];
  }
}

export function diskSpec({ volume, bus, slot }: VmDisk): DiskSpec {
  return {
    volumeUuid: volume.uuid,
    datastoreId: String(volume.datastoreId),
    slot,
    bus,
    format: volume.format,
    file: volume.activeFile,
    shared: volume.isShared,
    ...(volume.isPersistent ? {} : { transient: true }),
    discard: volume.provisioning === "thin",
    ...volume.ioLimits,
  };
}

export function nicSpec(nic: Nic, portGroups: ReadonlyMap<number, PortGroupOnHost>): NicSpec {
  const group = portGroups.get(nic.portGroupId);
  if (!group) throw new Error(`Broken assumption: port group ${nic.portGroupId} of NIC ${nic.mac} exists.`);
  return {
    nicUuid: nic.uuid,
    index: nic.index,
    mac: nic.mac,
    model: nic.settings.model,
    switchId: String(group.switchId),
    vlan: group.vlan,
    connected: true,
  };
}
