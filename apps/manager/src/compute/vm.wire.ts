import {
  objectUrn,
  portGroupUrn,
  siteUrn,
  uriOf,
  vmWireId,
  type WireCd,
  type WireDisk,
  wireDateTime,
  wireMillis,
  type WireNic,
  type WireVm,
} from "@sinter/northbound";
import type { VmState } from "@sinter/rules";
import { GiB, KiB } from "@sinter/kit";
import type { GuestAddress } from "@sinter/southbound";
import { storageTypeOnWire } from "../storage/volume.wire.ts";
import { devicePath } from "../media/iso.ts";
import {
  type Nic,
  summaryOf,
  type Vm,
  type VmCdrom,
  type VmDisk,
  type VmSummary,
  type WholeVm,
} from "./vm.ts";
import type { VmIdentity } from "./vm.store.ts";

/** Several of our states share a spelling: the contract knows no "rebooting", and clients wait for what they know. */
export const VM_STATUS = {
  creating: "creating",
  stopped: "stopped",
  starting: "starting",
  running: "running",
  stopping: "stopping",
  rebooting: "running",
  pausing: "running",
  paused: "pause",
  resuming: "pause",
  hibernating: "hibernating",
  hibernated: "hibernated",
  migrating: "migrating",
  deleting: "shutting-down",
  unknown: "unknown",
  fault: "unknown",
} as const satisfies Record<VmState, string>;

/** The states that a status filter of a client means. */
export function statesOfStatus(status: string): VmState[] {
  return (Object.keys(VM_STATUS) as VmState[]).filter((state) => VM_STATUS[state] === status);
}

/** Names of where a VM is. */
export interface PlaceNames {
  readonly siteId: string;
  hostName(id: number): string;
  clusterName(id: number): string;
}

/** Names that a VM's whole wire form shows of other objects. */
export interface VmNames extends PlaceNames {
  datastore(id: number): { name: string; kind: "local" | "shared" } | undefined;
  portGroup(id: number): { name: string; switchId: number } | undefined;
}

export function vmUrn(siteId: string, id: number): string {
  return objectUrn(siteId, "vms", vmWireId(id));
}

/** Detail 0. `isTemplate` is always there: one client calls a method on it without looking. */
export function identityToWire(vm: VmIdentity, siteId: string): WireVm {
  const urn = vmUrn(siteId, vm.id);
  return {
    urn,
    uri: uriOf(urn),
    uuid: vm.uuid,
    name: vm.name,
    status: VM_STATUS[vm.state],
    idle: 0,
    isTemplate: vm.isTemplate,
  };
}

/** Detail 1, the default of lists. */
export function summaryToWire(vm: VmSummary, names: PlaceNames): WireVm {
  const isPlaced = vm.hostId !== null && vm.state !== "stopped" && vm.state !== "hibernated";
  const hostUrn = vm.hostId === null ? null : objectUrn(names.siteId, "hosts", vm.hostId);
  const clusterUrn = vm.clusterId === null ? null : objectUrn(names.siteId, "clusters", vm.clusterId);
  const isAtHost = vm.isBoundToHost || vm.clusterId === null;
  const tools = toolsStatus(vm);
  return {
    ...identityToWire(vm, names.siteId),
    description: vm.description,
    group: vm.groupLabel,
    location: (isAtHost ? hostUrn : clusterUrn) ?? siteUrn(names.siteId),
    locationName:
      isAtHost && vm.hostId !== null
        ? names.hostName(vm.hostId)
        : vm.clusterId === null
          ? ""
          : names.clusterName(vm.clusterId),
    hostUrn: isPlaced ? hostUrn : null,
    hostName: isPlaced && vm.hostId !== null ? names.hostName(vm.hostId) : null,
    clusterUrn,
    clusterName: vm.clusterId === null ? null : names.clusterName(vm.clusterId),
    pvDriverStatus: tools,
    toolInstallStatus: "empty",
    cdRomStatus: vm.hasCd ? "fill" : "empty",
    toolsVersion: vm.guest?.agentVersion ?? "",
    isLinkClone: vm.isLinkClone,
    isBindingHost: vm.isBoundToHost,
    createTime: wireDateTime(vm.createdAt),
    imcSetting: "",
    minCompatibleimcSetting: "",
    vmType: 0,
    drStatus: 9,
    rpoStatus: 0,
    initSyncStatus: 0,
    vmConfig: {
      nics: vm.nics.map((nic) => nicAddresses(nic, vm)),
      properties: { secureVmType: vm.secureVmType },
    },
    statusReason: vm.stateReason,
  };
}

/** Detail 2 and the VM itself. The console password is for those who may operate the VM. */
export function vmToWire(whole: WholeVm, names: VmNames, maySeePassword: boolean): WireVm {
  const { vm, disks, nics } = whole;
  const stores = [...new Set(disks.map((disk) => disk.volume.datastoreId))];
  return {
    ...summaryToWire(summaryOf(whole), names),
    dataStoreUrns: stores.map((id) => objectUrn(names.siteId, "datastores", id)),
    additionalStatus: [],
    isMultiDiskSpeedup: false,
    deleteTime: null,
    ...(vm.isTemplate ? {} : { vncAcessInfo: consoleToWire(vm, maySeePassword) }),
    vmConfig: {
      cpu: {
        quantity: vm.cpu.count,
        coresPerSocket: vm.cpu.coresPerSocket,
        reservation: vm.cpu.reservationMhz,
        weight: vm.cpu.shares,
        limit: vm.cpu.limitMhz,
        cpuHotPlug: vm.cpu.hotPlug,
        affinitySet: [...vm.cpu.affinity],
        cpuPolicy: "shared",
        cpuThreadPolicy: "prefer",
        cpuBindType: "nobind",
      },
      memory: {
        quantityMB: vm.memory.sizeMiB,
        reservation: vm.memory.reservationMiB,
        weight: vm.memory.shares,
        limit: vm.memory.sizeMiB,
        memHotPlug: vm.memory.hotPlug,
        hugePage: "4K",
      },
      disks: disks.map((disk) => diskToWire(disk, names)),
      nics: nics.map((nic) => nicToWire(nic, vm, names)),
      usb: [],
      gpu: [],
      properties: propertiesToWire(vm),
      numaNodes: 0,
      graphicsCard: { type: "cirrus", size: 4 },
    },
    vmRebootConfig: { cpu: {}, memory: {} },
    osOptions: {
      osType: vm.os.type,
      osVersion: vm.os.version,
      guestOSName: vm.os.guestOsName,
      hostname: vm.guest?.hostname ?? "",
      password: "",
    },
    objectPrivs: [],
    params: { externalUuid: vm.externalUuid, ...vm.params },
    customProperties: {},
    arch: "x86_64",
    hugePage: "4K",
    haConfig: { hostFaultPolicy: 0, vmFaultPolicy: 0 },
    observedTime: wireMillis(vm.observedAt),
    cdRom: cdToWire(vm.cdrom, names.siteId),
  };
}

export function cdToWire(cdrom: VmCdrom | null, siteId: string): WireCd | null {
  if (cdrom === null) return null;
  const isIso = cdrom.kind === "iso";
  return {
    kind: cdrom.kind,
    name: cdrom.name,
    devicePath: isIso ? devicePath(cdrom) : cdrom.name,
    datastoreUrn: isIso ? objectUrn(siteId, "datastores", cdrom.datastoreId) : null,
    isLost: !isIso && cdrom.isLost,
    attachTime: wireDateTime(new Date(cdrom.attachedAt)),
  };
}

/** Tools are the guest's agent. A VM that has just begun to run may still bring it up. */
function toolsStatus(vm: Pick<VmSummary, "state" | "guest">): string {
  if (vm.state !== "running" && vm.state !== "paused") return "notRunning";
  if (vm.guest === null) return "starting";
  return vm.guest.agent === "running" ? "running" : "notRunning";
}

export function consoleToWire(vm: Vm, maySeePassword: boolean): NonNullable<WireVm["vncAcessInfo"]> {
  const isOpen = vm.vnc !== null && (vm.state === "running" || vm.state === "paused");
  if (!isOpen || vm.vnc === null) return { hostIp: null, vncPort: -1, vncPassword: null };
  return { hostIp: vm.vnc.host, vncPort: vm.vnc.port, vncPassword: maySeePassword ? vm.vncPassword : "" };
}

function nicAddresses(nic: Pick<Nic, "index" | "mac">, vm: Pick<VmSummary, "state" | "guest">): WireNic {
  const address: GuestAddress | undefined =
    vm.state === "running" || vm.state === "paused"
      ? vm.guest?.addresses.find((a) => a.mac.toLowerCase() === nic.mac)
      : undefined;
  return {
    mac: nic.mac,
    // Clients wait for something other than "" and 0.0.0.0, and split ipList without looking.
    ip: address?.ipv4[0] ?? "0.0.0.0",
    ipList: [...(address?.ipv4 ?? []), ...(address?.ipv6 ?? [])].join(";"),
    ips6: address?.ipv6 ?? [],
    sequenceNum: nic.index,
  };
}

function nicToWire(nic: Nic, vm: Vm, names: VmNames): WireNic {
  const group = names.portGroup(nic.portGroupId);
  const urn = `${vmUrn(names.siteId, vm.id)}:nics:${nic.index}`;
  return {
    name: nic.name,
    urn,
    uri: uriOf(urn),
    portGroupUrn: group === undefined ? "" : portGroupUrn(names.siteId, group.switchId, nic.portGroupId),
    portGroupName: group?.name ?? "",
    ...nicAddresses(nic, vm),
    virtIo: nic.settings.virtIo,
    nicType: 0,
    portId: nic.settings.portId,
    nicConfig: { vringbuf: 256, queues: 1 },
    bootOrder: -1,
    enableSecurityGroup: false,
    securityGroupName: "",
  };
}

const PCI_TYPE = { virtio: "VIRTIO", scsi: "SCSI", ide: "IDE" } as const;

function diskToWire({ volume, bus, slot }: VmDisk, names: VmNames): WireDisk {
  const store = names.datastore(volume.datastoreId);
  return {
    sequenceNum: slot,
    pciType: PCI_TYPE[bus],
    volumeUrn: objectUrn(names.siteId, "volumes", volume.id),
    volumeUuid: volume.uuid,
    volumeUrl: `volumes/${volume.uuid}/${volume.uuid}.${volume.format}`,
    quantityGB: Math.ceil(volume.sizeBytes / GiB),
    datastoreUrn: objectUrn(names.siteId, "datastores", volume.datastoreId),
    datastoreName: store?.name ?? "",
    storageType: storageTypeOnWire(store?.kind ?? "local"),
    isThin: volume.provisioning === "thin",
    volType: volume.provisioning === "lazy" ? 1 : 0,
    indepDisk: volume.isIndependent,
    persistentDisk: volume.isPersistent,
    maxReadBytes: Math.floor(volume.ioLimits.readBytesPerSec / KiB),
    maxWriteBytes: Math.floor(volume.ioLimits.writeBytesPerSec / KiB),
    maxReadRequest: volume.ioLimits.readIops,
    maxWriteRequest: volume.ioLimits.writeIops,
    totalRWBytes: 0,
    totalRWRequest: 0,
    type: volume.isShared ? "share" : "normal",
    diskName: volume.name,
    ioWeight: 0,
    volumeFormat: volume.format,
    systemVolume: slot === 1,
    bootOrder: slot === 1 ? 1 : -1,
  };
}

function propertiesToWire(vm: Vm): Record<string, string | number | boolean> {
  const { properties: p } = vm;
  return {
    bootOption: p.bootOption,
    isEnableHa: p.isHaEnabled,
    vmFaultProcess: p.onGuestCrash,
    reoverByHost: false,
    clockMode: p.clockMode,
    isEnableMemVol: false,
    isEnableFt: false,
    isAutoUpgrade: true,
    attachType: false,
    gpuShareType: "normal",
    isReserveResource: false,
    secureVmType: "",
    isHpet: false,
    ...p.others,
    bootFirmware: p.firmware === "uefi" ? "UEFI" : "BIOS",
    vmVncKeymapSetting: p.keymap,
  };
}
