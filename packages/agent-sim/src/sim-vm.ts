import type {
  CdromObservation,
  DiskSpec,
  GuestObservation,
  VmObservation,
  VmPower,
  VmSpec,
} from "@sinter/southbound";
import { seededFraction } from "./seeded.ts";
import { volumePath } from "./sim-store.ts";

/** How the system inside a VM behaves; a test may change it per host or per VM. */
export interface SimGuest {
  /** From power on until its agent answers and it has addresses. */
  readonly bootMs: number;
  /** What a safe stop takes. */
  readonly stopMs: number;
  /** False: it ignores requests to stop. */
  readonly obeysStop: boolean;
  /** True: it never lets go of a device. */
  readonly keepsDevices: boolean;
  /** False: nothing inside answers, now or ever. */
  readonly hasAgent: boolean;
  readonly osName: string;
}

export const COOPERATIVE_GUEST: SimGuest = {
  bootMs: 2_000,
  stopMs: 0,
  obeysStop: true,
  keepsDevices: false,
  hasAgent: true,
  osName: "Simulated Linux 1.0",
};

/** A VM of a simulated host: a record, changed by vm-calls.ts and by the faults of SimHost. */
export interface SimVm {
  /** What it was defined from, devices attached since included. */
  spec: VmSpec;
  /** What the present run (or saved memory) was started from; undefined while stopped. */
  live: VmSpec | undefined;
  power: VmPower;
  reason: string;
  /** Found on the host rather than defined by Sinter. */
  isForeign: boolean;
  /** When the present QEMU began (epoch milliseconds): its counters start there. */
  startedAt: number;
  /** When the guest last booted; waking from hibernation and being moved are no boot. */
  bootedAt: number;
  /** Counts runs, so that a timer of an earlier one finds itself out of date. */
  run: number;
  /** Where a gate would be; simulated hosts open no ports. */
  vncPort: number;
  /** When its gate closes (epoch milliseconds); 0: there is none. */
  gateUntil: number;
  guest: SimGuest;
}

/** Its QEMU exists. */
export function isAlive(vm: SimVm): boolean {
  return vm.power !== "stopped" && vm.power !== "hibernated";
}

/** Its vCPUs exist and may be told something. */
export function isRunning(vm: SimVm): boolean {
  return vm.power === "running" || vm.power === "paused" || vm.power === "stopping";
}

export function observeVm(
  vm: SimVm,
  host: {
    address: string;
    now: number;
    cdrom: CdromObservation | null;
    pathOf: (datastoreId: string) => string;
  },
): VmObservation {
  const shape = vm.live ?? vm.spec;
  return {
    vmUuid: vm.spec.vmUuid,
    domainName: vm.spec.vmId,
    title: vm.isForeign ? null : vm.spec.name,
    generation: vm.isForeign ? null : vm.spec.generation,
    power: vm.power,
    reason: vm.reason,
    cpuCount: shape.cpu.count,
    memoryMiB: shape.memoryMiB,
    disks: shape.disks.map((disk) => ({
      volumeUuid: vm.isForeign ? null : disk.volumeUuid,
      target: targetOf(disk),
      source: `${host.pathOf(disk.datastoreId)}/${volumePath(disk.volumeUuid, disk.format, disk.file)}`,
    })),
    nics: shape.nics.map(({ mac }) => ({ mac, device: isAlive(vm) ? deviceOf(mac) : null })),
    vnc: isRunning(vm) && host.now < vm.gateUntil ? { host: host.address, port: vm.vncPort } : null,
    cdrom: host.cdrom,
    guest: observeGuest(vm, host.now),
  };
}

/** The guest's agent answers. */
export function isBooted(vm: SimVm, now: number): boolean {
  return vm.guest.hasAgent && vm.power === "running" && now >= vm.bootedAt + vm.guest.bootMs;
}

/** Name of a NIC's device on the host, as libvirt would give one. */
export function deviceOf(mac: string): string {
  return `tap${mac.replaceAll(":", "").slice(-8)}`;
}

/** The device name that a slot has in the guest: letters a to z, then aa, ab … */
export function targetOf({ bus, slot }: Pick<DiskSpec, "bus" | "slot">): string {
  const prefix = { virtio: "vd", scsi: "sd", ide: "hd" }[bus];
  let letters = "";
  for (let n = slot; n > 0; n = Math.floor((n - 1) / 26)) {
    letters = String.fromCharCode(97 + ((n - 1) % 26)) + letters;
  }
  return prefix + letters;
}

function observeGuest(vm: SimVm, now: number): GuestObservation | null {
  if (!isRunning(vm)) return null;
  if (!isBooted(vm, now)) {
    return { agent: "notRunning", agentVersion: null, hostname: null, osName: null, addresses: [] };
  }
  const { nics, seed, name } = vm.spec;
  return {
    agent: "running",
    agentVersion: "7.2.22",
    hostname:
      seed?.hostname ??
      name
        .toLowerCase()
        .replace(/[^a-z0-9]+/g, "-")
        .slice(0, 63),
    osName: vm.guest.osName,
    addresses: nics
      .filter(({ connected }) => connected)
      .map(({ mac, index }) => ({
        mac,
        name: `eth${index}`,
        ipv4: [seed?.nics.find((nic) => nic.mac === mac)?.address?.split("/")[0] ?? leasedAddress(mac)],
        ipv6: [],
      })),
  };
}

/** What DHCP would give: always the same address to the same MAC. */
function leasedAddress(mac: string): string {
  const n = Math.floor(seededFraction(mac) * 2 ** 22);
  return `10.${64 + (n >> 16)}.${(n >> 8) & 255}.${1 + (n % 254)}`;
}
