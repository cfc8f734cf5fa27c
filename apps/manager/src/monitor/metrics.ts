import { MiB } from "@sinter/kit";
import type { HostSample, VmSample } from "./sample.ts";
import { diskUse, hostPart, kilobytes, percent, type Series } from "./series.ts";

/** Metrics of the contract (2.27): unit, and where the figure comes from. */
export interface Metric {
  readonly name: string;
  readonly unit: string;
  /** Kept over time under this name. */
  readonly series?: Series;
}

export const METRICS = {
  cpu_usage: { name: "CPU usage", unit: "%", series: "cpu" },
  mem_usage: { name: "Memory usage", unit: "%", series: "memory" },
  cpu_ready_time: { name: "CPU ready", unit: "ms" },
  disk_usage: { name: "Disk usage", unit: "%", series: "disk" },
  logic_disk_usage: { name: "Logical disk usage", unit: "%", series: "disk" },
  disk_io_in: { name: "Disk write rate", unit: "KB/s", series: "diskIn" },
  disk_io_out: { name: "Disk read rate", unit: "KB/s", series: "diskOut" },
  disk_req_in: { name: "Disk write requests", unit: "1/s" },
  disk_req_out: { name: "Disk read requests", unit: "1/s" },
  disk_iowr_ticks: { name: "Disk write latency", unit: "ms" },
  disk_iord_ticks: { name: "Disk read latency", unit: "ms" },
  nic_byte_in: { name: "Receive rate", unit: "KB/s", series: "nicIn" },
  nic_byte_out: { name: "Send rate", unit: "KB/s", series: "nicOut" },
  nic_byte_in_usage: { name: "Receive load", unit: "%" },
  nic_byte_out_usage: { name: "Send load", unit: "%" },
  nic_pkg_rcv: { name: "Packets received", unit: "packets/s" },
  nic_pkg_send: { name: "Packets sent", unit: "packets/s" },
  dom0_cpu_usage: { name: "Host CPU usage", unit: "%", series: "hostCpu" },
  domU_cpu_usage: { name: "Guest CPU usage", unit: "%", series: "guestCpu" },
  dom0_mem_usage: { name: "Host memory usage", unit: "%", series: "hostMemory" },
  domU_mem_usage: { name: "Guest memory usage", unit: "%", series: "guestMemory" },
  disk_info: { name: "Disks", unit: "" },
  cpu_info: { name: "CPUs", unit: "" },
  product_mfg: { name: "Manufacturer", unit: "" },
  product_name: { name: "Product", unit: "" },
  product_serial: { name: "Serial number", unit: "" },
} as const satisfies Record<string, Metric>;
export type MetricId = keyof typeof METRICS;

export function isMetric(id: string): id is MetricId {
  return Object.hasOwn(METRICS, id);
}

/** Figures with two decimals, texts as they are; `""` where there is none. */
export function valueText(value: number | string | null | undefined): string {
  if (value === null || value === undefined) return "";
  return typeof value === "string" ? value : String(Math.round(value * 100) / 100);
}

export interface VmFacts {
  readonly diskBytes: readonly number[];
  readonly vcpus: number;
}

type Value = number | string | null;

/** Figures of a VM that come from counters. */
const OF_VM: { readonly [M in MetricId]?: (sample: VmSample, facts: VmFacts) => Value } = {
  cpu_usage: (s) => percent(s.cpu),
  mem_usage: (s) => percent(s.memory),
  cpu_ready_time: (s) => s.cpuReadyMs,
  disk_usage: (s, facts) => percent(diskUse(s, sum(facts.diskBytes))),
  disk_io_in: (s) => kilobytes(s.diskWrittenBytes),
  disk_io_out: (s) => kilobytes(s.diskReadBytes),
  disk_req_in: (s) => s.diskWrites,
  disk_req_out: (s) => s.diskReads,
  disk_iowr_ticks: (s) => s.writeLatencyMs,
  disk_iord_ticks: (s) => s.readLatencyMs,
  nic_byte_in: (s) => kilobytes(s.nicReceivedBytes),
  nic_byte_out: (s) => kilobytes(s.nicSentBytes),
};

/** `null`: the metric is not of VMs, or not known of this one. */
export function vmMetric(id: MetricId, sample: VmSample | undefined, facts: VmFacts): Value {
  if (id === "disk_info")
    return JSON.stringify(facts.diskBytes.map((bytes) => ({ total: mebibytes(bytes) })));
  if (id === "cpu_info") return JSON.stringify([{ quantity: String(facts.vcpus) }]);
  return sample ? (OF_VM[id]?.(sample, facts) ?? null) : null;
}

export interface HostFacts {
  readonly threads: number;
  readonly mhz: number;
  readonly cpuModel: string;
  readonly vendor: string;
  readonly product: string;
  readonly serial: string;
  /** Of the NICs that are up. */
  readonly linkMbps: number;
}

/** What a host is; known also while it is silent. */
const OF_MACHINE: { readonly [M in MetricId]?: (facts: HostFacts) => Value } = {
  cpu_info: (f) => JSON.stringify([{ quantity: String(f.threads), mhz: String(f.mhz), model: f.cpuModel }]),
  product_mfg: (f) => f.vendor,
  product_name: (f) => f.product,
  product_serial: (f) => f.serial,
};

/** Figures of a host that come from counters. */
const OF_HOST: { readonly [M in MetricId]?: (sample: HostSample, facts: HostFacts) => Value } = {
  cpu_usage: (s) => percent(s.cpu),
  mem_usage: (s) => percent(s.memory),
  logic_disk_usage: (s) => percent(s.rootDisk),
  disk_io_in: (s) => kilobytes(s.diskWrittenBytes),
  disk_io_out: (s) => kilobytes(s.diskReadBytes),
  nic_byte_in: (s) => kilobytes(s.nicReceivedBytes),
  nic_byte_out: (s) => kilobytes(s.nicSentBytes),
  nic_byte_in_usage: (s, facts) => linkLoad(s.nicReceivedBytes, facts),
  nic_byte_out_usage: (s, facts) => linkLoad(s.nicSentBytes, facts),
  nic_pkg_rcv: (s) => s.nicReceivedPackets,
  nic_pkg_send: (s) => s.nicSentPackets,
  dom0_cpu_usage: (s) => hostPart(s.cpu, s.guestCpu),
  domU_cpu_usage: (s) => percent(s.guestCpu),
  dom0_mem_usage: (s) => hostPart(s.memory, s.guestMemory),
  domU_mem_usage: (s) => percent(s.guestMemory),
  disk_info: (s) =>
    JSON.stringify([{ name: "/", total: mebibytes(s.rootBytes), used: mebibytes(s.rootUsedBytes) }]),
};

/** `null`: the metric is not of hosts, or not known of this one. */
export function hostMetric(id: MetricId, sample: HostSample | undefined, facts: HostFacts): Value {
  const fact = OF_MACHINE[id];
  if (fact) return fact(facts);
  return sample ? (OF_HOST[id]?.(sample, facts) ?? null) : null;
}

function linkLoad(bytesPerSec: number | null, facts: HostFacts): number | null {
  if (bytesPerSec === null || facts.linkMbps === 0) return null;
  return Math.min(100, ((bytesPerSec * 8) / (facts.linkMbps * 1e6)) * 100);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function mebibytes(bytes: number): string {
  return String(Math.floor(bytes / MiB));
}
