import type { DeviceXml, DiskXml, DomainXml, InterfaceXml, LeaseXml } from "@sinter/libvirt";
import { limitPerVcpuMhz } from "@sinter/rules";
import type { DatastoreSpec, DiskSpec, HostReport, NicSpec, VmSpec } from "@sinter/southbound";
import { cgroupShares } from "./cpu-weights.ts";
import { type DriveSource, sourceXml } from "../media/cdrom-drive.ts";
import {
  CDROM_TARGET,
  diskTarget,
  IDE_CDROM_TARGET,
  IDE_SEED_TARGET,
  SEED_TARGET,
  scsiAddress,
  scsiCdAddress,
} from "./device-names.ts";
import { buildMetadata, type VmMetadata } from "./vm-metadata.ts";

/** What of the host decides how a VM is built. */
export interface HostTraits {
  readonly architecture: HostReport["architecture"];
  readonly accelerator: HostReport["accelerator"];
  readonly cpu: { readonly threads: number; readonly mhz: number };
  /** How libvirt can weigh CPU time here; none: shares and limits are left out. */
  readonly cgroup: HostReport["cgroup"];
  readonly datapath: HostReport["openVSwitch"]["datapath"];
  readonly managerId: string;
}

/** A disk whose file was found. */
export interface PlacedDisk {
  readonly disk: DiskSpec;
  readonly path: string;
  readonly datastore: DatastoreSpec & { readonly directIo: boolean };
  /** Without which the VM may not run with it; absent: it needs none. */
  readonly lease?: LeaseXml | undefined;
}

/** A NIC whose switch was found. */
export interface PlacedNic {
  readonly nic: NicSpec;
  readonly bridge: string;
}

export interface PlacedVm {
  readonly spec: VmSpec;
  readonly disks: readonly PlacedDisk[];
  readonly nics: readonly PlacedNic[];
  /** The CD with the first-boot settings, in a drive of its own; null: there is none. */
  readonly seedPath: string | null;
  /** What was found of the CD that the spec wants in the drive; undefined: an empty drive. */
  readonly cdrom: DriveSource | undefined;
}

/**
 * PCIe slots kept free for disks and NICs that are plugged in while the VM runs; each costs the firmware a little at
 * every boot. Machines of type pc have theirs built in.
 */
const SPARE_PCIE_PORTS = 8;
/** PCIe devices that every q35 machine of ours has: scsi, serial channels, balloon, rng, USB. */
const OWN_PCIE_DEVICES = 5;
const BALLOON_PERIOD_S = 5;
const CPU_PERIOD_US = 100_000;
/** The kernel takes no smaller share of a period. */
const CPU_QUOTA_US_MIN = 1_000;

/** The libvirt domain that a VM becomes on this host. Pure: the same input gives the same XML. */
export function domainOf(vm: PlacedVm, host: HostTraits): DomainXml {
  const { spec } = vm;
  const hasIde = spec.disks.some(({ bus }) => bus === "ide");
  const boot: VmSpec["bootOrder"] = spec.bootOrder.length === 0 ? ["disk"] : spec.bootOrder;
  return {
    type: host.accelerator === "kvm" ? "kvm" : "qemu",
    name: spec.vmId,
    uuid: spec.vmUuid,
    title: titleOf(spec.name),
    metadata: [buildMetadata(metadataOf(vm, host.managerId))],
    memoryKiB: spec.memoryMiB * 1024,
    currentMemoryKiB: spec.memoryMiB * 1024,
    vcpu: vcpuOf(spec, host),
    ...cpuTuneOf(spec, host),
    os: {
      ...(spec.firmware === "uefi" ? { firmware: "efi" } : {}),
      type: { arch: spec.architecture, machine: machineOf(spec.architecture, hasIde), value: "hvm" },
      boot: boot.map((device) => ({ dev: BOOT_DEVICES[device] })),
    },
    features: spec.architecture === "x86_64" ? { acpi: true, apic: true } : { acpi: true },
    cpu: { ...cpuModelOf(host), topology: topologyOf(spec) },
    clock: { offset: "utc" },
    onPoweroff: "destroy",
    onReboot: "restart",
    onCrash: spec.onCrash,
    devices: {
      // The drive before the settings: of several CDs libvirt boots from the first.
      disks: [...vm.disks.map(diskXml), driveXml(vm, hasIde), ...seedXml(vm, hasIde)],
      controllers: controllersOf(vm, hasIde),
      interfaces: vm.nics.map((nic) =>
        interfaceXml(nic, { datapath: host.datapath, netBoot: boot.includes("network") }),
      ),
      serials: [{ type: "pty", target: { port: 0 } }],
      consoles: [{ type: "pty", target: { type: "serial", port: 0 } }],
      channels: [{ type: "unix", target: { type: "virtio", name: "org.qemu.guest_agent.0" } }],
      inputs: [{ type: "tablet", bus: "usb" }],
      graphics: [vncXml(spec.vnc)],
      videos: [{ model: { type: spec.architecture === "x86_64" ? "vga" : "virtio" } }],
      memoryBalloon: { model: "virtio", freePageReporting: true, stats: { periodS: BALLOON_PERIOD_S } },
      rngs: [{ model: "virtio", backend: { model: "random", path: "/dev/urandom" } }],
      ...(spec.architecture === "x86_64" ? { panics: [{ model: "isa" }] } : {}),
      leases: vm.disks.flatMap(({ lease }) => lease ?? []),
    },
  };
}

export function metadataOf(vm: Pick<PlacedVm, "spec" | "disks">, managerId: string): VmMetadata {
  const { spec } = vm;
  return {
    vmUuid: spec.vmUuid,
    vmId: spec.vmId,
    generation: spec.generation,
    managerId,
    cpu: {
      shares: spec.cpu.shares,
      reservationMhz: spec.cpu.reservationMhz,
      limitMhz: spec.cpu.limitMhz,
    },
    datastores: uniqueDatastores(vm.disks.map(({ datastore }) => datastore)),
    disks: vm.disks.map(({ disk }) => diskEntry(disk)),
    nics: spec.nics.map(nicEntry),
  };
}

export function diskEntry({ bus, slot, volumeUuid, datastoreId }: DiskSpec): VmMetadata["disks"][number] {
  return { target: diskTarget(bus, slot), volumeUuid, datastoreId };
}

export function nicEntry({ mac, nicUuid, switchId }: NicSpec): VmMetadata["nics"][number] {
  return { mac, nicUuid, switchId };
}

export function uniqueDatastores(datastores: readonly DatastoreSpec[]): DatastoreSpec[] {
  const byId = new Map(
    datastores.map(({ datastoreId, path, shared }) => [datastoreId, { datastoreId, path, shared }]),
  );
  return [...byId.values()];
}

/** QEMU hands the guest this many characters of a serial number. */
const SERIAL_LENGTH = 20;

export function diskXml({ disk, path, datastore }: PlacedDisk): DiskXml {
  const tune = {
    ...(disk.readBytesPerSec > 0 ? { readBytesSec: disk.readBytesPerSec } : {}),
    ...(disk.writeBytesPerSec > 0 ? { writeBytesSec: disk.writeBytesPerSec } : {}),
    ...(disk.readIops > 0 ? { readIopsSec: disk.readIops } : {}),
    ...(disk.writeIops > 0 ? { writeIopsSec: disk.writeIops } : {}),
  };
  return {
    type: "file",
    device: "disk",
    driver: {
      name: "qemu",
      type: disk.file === undefined || disk.file === "base" ? disk.format : "qcow2",
      // Past the page cache, or memory is used twice and a power cut loses what the guest believes written.
      cache: datastore.directIo ? "none" : "writeback",
      discard: disk.discard ? "unmap" : "ignore",
    },
    source: { file: path },
    target: { dev: diskTarget(disk.bus, disk.slot), bus: disk.bus },
    ...(Object.keys(tune).length > 0 ? { iotune: tune } : {}),
    ...(disk.shared ? { shareable: true } : {}),
    ...(disk.transient ? { transient: {} } : {}),
    serial: disk.volumeUuid.slice(0, SERIAL_LENGTH),
    ...(disk.bus === "scsi" ? { address: { type: "drive", ...scsiAddress(disk.slot) } } : {}),
  };
}

export function interfaceXml(
  { nic, bridge }: PlacedNic,
  options: { readonly datapath: HostTraits["datapath"]; readonly netBoot: boolean },
): InterfaceXml {
  return {
    type: "bridge",
    mac: { address: nic.mac },
    source: { bridge },
    virtualPort: { type: "openvswitch", parameters: { interfaceId: nic.nicUuid } },
    ...vlanXml(nic.vlan),
    model: { type: nic.model },
    // The userspace datapath never completes a checksum that the guest left to the card: TCP would not connect.
    ...(nic.model === "virtio" && options.datapath === "netdev"
      ? { driver: { name: "qemu", host: { checksum: false } } }
      : {}),
    // Its boot ROM costs most of a second at every start and is of use for booting from the network alone.
    ...(options.netBoot ? {} : { rom: { enabled: false } }),
    link: { state: nic.connected ? "up" : "down" },
  };
}

/** VLAN 0 as access VLAN means untagged. A trunk of no VLAN carries nothing but its own 0, untagged frames. */
function vlanXml(vlan: NicSpec["vlan"]): Pick<InterfaceXml, "vlan"> {
  if (vlan.kind === "access") return vlan.vlanId === 0 ? {} : { vlan: { tags: [{ id: vlan.vlanId }] } };
  const ids = [...new Set(vlan.vlanIds)].toSorted((a, b) => a - b);
  return { vlan: { trunk: true, tags: (ids.length === 0 ? [0] : ids).map((id) => ({ id })) } };
}

const BOOT_DEVICES = { disk: "hd", cdrom: "cdrom", network: "network" } as const;

/** IDE exists on the older machine only. */
function machineOf(architecture: VmSpec["architecture"], hasIde: boolean): string {
  if (architecture === "aarch64") return "virt";
  return hasIde ? "pc" : "q35";
}

/**
 * Emulation offers a fixed model with what present guests ask for (x86-64-v2). "maximum" would differ between
 * versions of QEMU, and a VM must look the same on every host.
 */
function cpuModelOf(host: HostTraits): NonNullable<DomainXml["cpu"]> {
  if (host.accelerator === "kvm") return { mode: "host-passthrough", check: "none", migratable: true };
  const name = host.architecture === "x86_64" ? "Nehalem" : "cortex-a72";
  return { mode: "custom", match: "exact", check: "none", model: { fallback: "forbid", name } };
}

function topologyOf({ cpu }: VmSpec): { sockets: number; cores: number; threads: number } {
  // A count that does not divide cannot be shown as sockets of that size.
  const cores = cpu.count % cpu.coresPerSocket === 0 ? cpu.coresPerSocket : 1;
  return { sockets: cpu.count / cores, cores, threads: 1 };
}

function vcpuOf({ cpu }: VmSpec, host: HostTraits): DomainXml["vcpu"] {
  // Threads of another host, on which the VM was before, are no reason not to start.
  const threads = cpu.affinity.filter((thread) => thread < host.cpu.threads).toSorted((a, b) => a - b);
  return {
    placement: "static",
    count: cpu.count,
    ...(threads.length > 0 ? { cpuset: threads.join(",") } : {}),
  };
}

function cpuTuneOf(spec: VmSpec, host: HostTraits): Pick<DomainXml, "cpuTune"> {
  if (host.cgroup === "none") return {};
  const { cpu } = spec;
  const limited = cpu.limitMhz > 0;
  const part = limitPerVcpuMhz(cpu.limitMhz, cpu.count) / host.cpu.mhz;
  return {
    cpuTune: {
      shares: cgroupShares(cpu.shares, host.cgroup),
      ...(limited && part < 1
        ? { periodUs: CPU_PERIOD_US, quotaUs: Math.max(Math.floor(part * CPU_PERIOD_US), CPU_QUOTA_US_MIN) }
        : {}),
    },
  };
}

const CD = { device: "cdrom", driver: { name: "qemu", type: "raw" }, readonly: true } as const;

/** SATA is a part of q35 alone. */
function isOnScsi({ spec }: PlacedVm): boolean {
  return spec.cdromBus === "scsi" || spec.architecture === "aarch64";
}

/** Every VM has a CD drive, so that media can be changed while it runs. */
function driveXml(vm: PlacedVm, hasIde: boolean): DiskXml {
  const cd = { ...CD, ...sourceXml(vm.cdrom) };
  if (hasIde) return { ...cd, target: { dev: IDE_CDROM_TARGET, bus: "ide" } };
  const onScsi = isOnScsi(vm);
  return {
    ...cd,
    target: { dev: CDROM_TARGET, bus: onScsi ? "scsi" : "sata" },
    address: {
      type: "drive",
      ...(onScsi ? scsiCdAddress(0) : { controller: 0, bus: "0", target: 0, unit: 0 }),
    },
  };
}

function seedXml(vm: PlacedVm, hasIde: boolean): DiskXml[] {
  if (vm.seedPath === null) return [];
  const cd = { ...CD, ...sourceXml({ kind: "file", path: vm.seedPath }) };
  const { disks, bootOrder } = vm.spec;
  const isSlotFree = !disks.some(({ bus, slot }) => diskTarget(bus, slot) === IDE_SEED_TARGET);
  // On IDE it would stand before the drive, and a VM that starts from a CD would try it first.
  if (hasIde && isSlotFree && bootOrder[0] !== "cdrom")
    return [{ ...cd, target: { dev: IDE_SEED_TARGET, bus: "ide" } }];
  const unit = !hasIde && isOnScsi(vm) ? 1 : 0;
  return [
    { ...cd, target: { dev: SEED_TARGET, bus: "scsi" }, address: { type: "drive", ...scsiCdAddress(unit) } },
  ];
}

function controllersOf(vm: PlacedVm, hasIde: boolean): DeviceXml<"controller">[] {
  const scsi = { type: "scsi", index: 0, model: "virtio-scsi" };
  if (hasIde) return [scsi, { type: "usb", index: 0, model: "piix3-uhci" }];
  const virtioDisks = vm.disks.filter(({ disk }) => disk.bus === "virtio").length;
  const ports = OWN_PCIE_DEVICES + vm.nics.length + virtioDisks + SPARE_PCIE_PORTS;
  return [
    scsi,
    { type: "usb", index: 0, model: "qemu-xhci" },
    { type: "pci", index: 0, model: "pcie-root" },
    ...Array.from({ length: ports }, (_, index) => ({
      type: "pci",
      index: index + 1,
      model: "pcie-root-port",
    })),
  ];
}

/** QEMU's own keyboard tables; it refuses to start with another name. */
const KEYMAPS = new Set(
  "ar bepo cz da de de-ch en-gb en-us es et fi fo fr fr-be fr-ca fr-ch hr hu is it ja lt lv mk nl no pl pt pt-br ru sl sv th tr".split(
    " ",
  ),
);

/**
 * A VNC server that no network reaches (CON-04): on a unix socket of libvirt's choice, in a directory that only root
 * and QEMU's user may enter. It has no password; the agent asks for one before it connects anybody.
 */
export function vncXml(vnc: VmSpec["vnc"]): DeviceXml<"graphics"> {
  return {
    type: "vnc",
    keymap: KEYMAPS.has(vnc.keymap) ? vnc.keymap : "en-us",
    // A viewer that asks to be alone would throw the others out.
    sharePolicy: "force-shared",
    listens: [{ type: "socket" }],
  };
}

const TITLE_LENGTH_MAX = 1_024;

/** Any characters are a name; a title is one line of what XML can carry. */
function titleOf(name: string): string {
  return name
    .slice(0, TITLE_LENGTH_MAX)
    .replaceAll(/[\r\n\t]/g, " ")
    .replaceAll(/[^\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu, "\u{fffd}");
}
