import { MiB } from "@sinter/kit";
import {
  type HostCapabilities,
  type HostStatistics,
  objectUrn,
  type UnmanagedVmList,
  uriOf,
  vmWireId,
  type WireComputeResource,
  type WireHost,
  type WireHostBasic,
  wireMillis,
} from "@sinter/northbound";
import { FEATURES, HOST_CPU_RESERVE_RATIO, hostMemoryReserveMiB, isSupportedOn } from "@sinter/rules";
import type { Feature } from "@sinter/rules";
import type { VmObservation } from "@sinter/southbound";
import type { HostStatus, HostView } from "./host.ts";
import { type Capacity, NO_USAGE, type Usage } from "./usage.ts";

export const HOST_STATUS = {
  initial: "initial",
  normal: "normal",
  fault: "fault",
  poweroff: "poweroff",
  booting: "booting",
  shuttingDown: "shutdowning",
  rebooting: "rebooting",
} as const satisfies Record<HostStatus, string>;

/** What a host's wire form shows besides the host. */
export interface HostContext {
  readonly siteId: string;
  usage(hostId: number): Usage | undefined;
  /** VMs there with an ISO file in their drive. */
  isoVms(hostId: number): readonly number[];
  /** Bytes in use as last measured. */
  memoryUsed(hostId: number): number | undefined;
}

export function hostUrn(siteId: string, id: number): string {
  return objectUrn(siteId, "hosts", id);
}

export function capacityOf(host: Pick<HostView, "report">): Capacity {
  const { cpu, memoryBytes } = host.report;
  return { threads: cpu.threads, mhz: cpu.threads * cpu.mhz, memoryMiB: Math.floor(memoryBytes / MiB) };
}

export function hostBasicToWire(host: HostView, context: HostContext): WireHostBasic {
  const urn = hostUrn(context.siteId, host.id);
  const { report, settings } = host;
  const capacity = capacityOf(host);
  const usage = context.usage(host.id) ?? NO_USAGE;
  const usedMiB = Math.floor((context.memoryUsed(host.id) ?? 0) / MiB);
  return {
    urn,
    uri: uriOf(urn),
    uuid: host.uuid,
    name: host.name,
    description: host.description,
    ip: host.address,
    bmcIp: settings.bmcIp ?? "",
    bmcUserName: settings.bmcUserName ?? "",
    clusterUrn: host.clusterId === null ? "" : objectUrn(context.siteId, "clusters", host.clusterId),
    clusterName: host.clusterName,
    status: HOST_STATUS[host.status],
    isMaintaining: host.isMaintaining,
    multiPathMode: "CURRENCY",
    hostMultiPathMode: "CURRENCY",
    vendor: report.vendor,
    model: report.product,
    arch: report.architecture === "x86_64" ? "x86" : "arm",
    cpuVendor: report.cpu.vendor,
    hypervisor: hypervisorText(host),
    version: report.agentVersion,
    memQuantityMB: capacity.memoryMiB,
    cpuQuantity: capacity.threads,
    physicalCpuQuantity: report.cpu.sockets,
    cpuMHz: report.cpu.mhz,
    nicQuantity: report.nics.length,
    attachedISOVMs: context.isoVms(host.id).map((id) => objectUrn(context.siteId, "vms", vmWireId(id))),
    computeResourceStatics: `${uriOf(urn)}/computeResourceStatics`,
    ntpIp1: settings.ntpIp1 ?? "",
    ntpIp2: settings.ntpIp2 ?? "",
    ntpIp3: settings.ntpIp3 ?? "",
    ntpCycle: settings.ntpCycle ?? 0,
    gpuCapacity: 0,
    gpuCapacityReboot: 0,
    gdvmMemory: 0,
    gdvmMemoryReboot: 0,
    gsvmMemory: 0,
    gsvmMemoryReboot: 0,
    imcSetting: null,
    maxImcSetting: "",
    cpuResource: {
      totalSizeMHz: capacity.mhz,
      allocatedSizeMHz: usage.reservedMhz,
      allocatedVcpus: usage.vcpus,
      reserveSizeMHz: Math.ceil(capacity.mhz * HOST_CPU_RESERVE_RATIO),
      manageCPUs: "",
      emulatorCPUs: "",
    },
    memResource: {
      totalSizeMB: capacity.memoryMiB,
      allocatedSizeMB: usage.memoryMiB,
      realtimeUsedSizeMB: usedMiB,
      reserveSizeMB: hostMemoryReserveMiB(capacity.memoryMiB),
    },
    memMuxRatio: ratio(usage.memoryMiB, capacity.memoryMiB),
    cpuMuxRatio: ratio(usage.vcpus, capacity.threads),
    haState: "",
    haRole: "unknow",
    isFailOverHost: false,
    hostRealName: report.hostname,
    clusterEnableIOTailor: false,
    params: {
      realtimeUsedSizeMB: String(usedMiB),
      hanaOptimizedStrategy: "false",
      nowHanaOptimizedStrategy: "false",
      enableIORingAdaptation: "false",
      nowEnableIORingAdaptation: "false",
    },
    accelerator: report.accelerator,
    acceleratorReason: report.acceleratorReason ?? "",
    statusReason: host.statusReason,
    statusSince: wireMillis(host.statusSince),
    lastSeenTime: wireMillis(host.lastSeenAt),
  };
}

export function hostToWire(host: HostView, context: HostContext): WireHost {
  const { report } = host;
  return {
    ...hostBasicToWire(host, context),
    // The host's own name service and routes are its own affair; the agent reports addresses only.
    hostDNSCfg: { primaryDNSIp: "", secondaryDNSIps: [], domainName: "" },
    hostRoutetable: [],
    defaultGateway: "",
    serialNumber: report.serial,
    cpuModel: report.cpu.model,
    agentVersion: report.agentVersion,
    openVSwitch: { version: report.openVSwitch.version, datapath: report.openVSwitch.datapath },
    cgroup: report.cgroup,
    nics: report.nics.map((nic) => ({
      name: nic.name,
      mac: nic.mac,
      isUp: nic.up,
      speedMbps: nic.speedMbps,
      mtu: nic.mtu,
      addresses: nic.addresses,
    })),
    certificateExpiryTime: wireMillis(host.certificateNotAfter),
  };
}

/** What there is, what is promised, and what is left for new VMs (CMP-26). */
export function computeResourceToWire(capacity: Capacity, usage: Usage): WireComputeResource {
  return {
    cpuResource: {
      totalSizeMHz: capacity.mhz,
      allocatedSizeMHz: usage.reservedMhz,
      allocatedVcpus: usage.vcpus,
    },
    memResource: { totalSizeMB: capacity.memoryMiB, allocatedSizeMB: usage.memoryMiB },
    CpuQuantity: Math.max(0, capacity.threads - usage.vcpus),
    MemQuantityMB: Math.max(0, capacity.memoryMiB - usage.memoryMiB),
  };
}

export function hostStatisticsToWire(counts: ReadonlyMap<HostStatus, number>): HostStatistics {
  const of = (status: HostStatus): number => counts.get(status) ?? 0;
  return {
    total: [...counts.values()].reduce((sum, n) => sum + n, 0),
    rebooting: of("rebooting"),
    normal: of("normal"),
    fault: of("fault"),
    initial: of("initial"),
    unknown: 0,
    poweroff: of("poweroff"),
    booting: of("booting"),
    shutdowning: of("shuttingDown"),
  };
}

/** GEN-14, filtered by the host's architecture through `isSupported`. */
export function capabilitiesToWire(host: Pick<HostView, "report">): HostCapabilities {
  const { architecture, accelerator, acceleratorReason } = host.report;
  return {
    architecture,
    accelerator,
    acceleratorReason: acceleratorReason ?? "",
    features: (Object.keys(FEATURES) as Feature[]).map((feature) => ({
      feature,
      architectures: [...FEATURES[feature]],
      isSupported: isSupportedOn(feature, architecture),
    })),
  };
}

export function unmanagedToWire(seen: readonly VmObservation[]): UnmanagedVmList {
  return {
    total: seen.length,
    vms: seen.map((vm) => ({
      uuid: vm.vmUuid,
      domainName: vm.domainName,
      title: vm.title,
      power: vm.power,
      cpuCount: vm.cpuCount,
      memoryMB: vm.memoryMiB,
      disks: vm.disks.map((disk) => ({ target: disk.target, source: disk.source })),
      macs: vm.nics.map((nic) => nic.mac),
      isSinters: vm.generation !== null,
    })),
  };
}

/** For people: `QEMU 7.2.9, libvirt 9.0.0, KVM`; without KVM it says so, because guests crawl then. */
function hypervisorText({ report }: HostView): string {
  const { qemu, libvirt } = report.hypervisor;
  const how =
    report.accelerator === "kvm"
      ? "KVM"
      : `software emulation${report.acceleratorReason === null ? "" : ` (${report.acceleratorReason})`}`;
  return `QEMU ${qemu}, libvirt ${libvirt}, ${how}`;
}

function ratio(part: number, whole: number): string {
  return whole === 0 ? "0.00" : (part / whole).toFixed(2);
}
