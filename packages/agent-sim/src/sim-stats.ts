import { MiB } from "@sinter/kit";
import type { StatsReport, VmStats } from "@sinter/southbound";
import type { SimHost } from "./sim-host.ts";
import { deviceOf, isAlive, isBooted, type SimVm, targetOf } from "./sim-vm.ts";

/**
 * Statistics as a function of time and seed, so that two runs on the same clock see the same numbers. Load follows a
 * wave; a counter is its integral, which never falls because the wave never goes below zero.
 */
const PERIOD_MS = 600_000;

/** Counters that outlive the VMs they come from. */
export interface HostCounters {
  cpuBusyMs: number;
  diskReadBytes: number;
  diskWrittenBytes: number;
  nicReceivedBytes: number;
  nicSentBytes: number;
}

export const NO_COUNTERS: HostCounters = {
  cpuBusyMs: 0,
  diskReadBytes: 0,
  diskWrittenBytes: 0,
  nicReceivedBytes: 0,
  nicSentBytes: 0,
};

export function hostStats(host: SimHost): StatsReport {
  const at = host.clock.now();
  const alive = [...host.vms.values()].filter(isAlive);
  const total = alive.reduce((sum, vm) => addCounters(sum, vmCounters(vm, at)), host.endedCounters);
  const { memoryBytes, cpu } = host.report;
  const upMs = Math.max(0, at - host.bootedAt);
  const cpuTotalMs = Math.floor(upMs * cpu.threads);
  const used = alive.reduce((sum, vm) => sum + memoryOf(vm), 512 * MiB);
  const rootBytes = 64 * 1024 * MiB;
  return {
    at,
    host: {
      cpuBusyMs: Math.min(cpuTotalMs, Math.floor(upMs * 0.01 * cpu.threads + total.cpuBusyMs)),
      cpuTotalMs,
      memoryBytes,
      memoryAvailableBytes: Math.max(0, memoryBytes - used),
      diskReadBytes: Math.floor(total.diskReadBytes),
      diskWrittenBytes: Math.floor(total.diskWrittenBytes),
      nicReceivedBytes: Math.floor(total.nicReceivedBytes),
      nicSentBytes: Math.floor(total.nicSentBytes),
      nicReceivedPackets: Math.floor(total.nicReceivedBytes / 800),
      nicSentPackets: Math.floor(total.nicSentBytes / 800),
      rootBytes,
      rootFreeBytes: Math.floor(rootBytes * 0.7),
    },
    vms: alive.map((vm) => vmStats(vm, at)),
  };
}

/** What a VM has used since its start. */
export function vmCounters(vm: SimVm, at: number): HostCounters {
  const busySeconds = waveIntegral(vm, at);
  const { count } = (vm.live ?? vm.spec).cpu;
  return {
    cpuBusyMs: busySeconds * 1000 * count,
    diskReadBytes: busySeconds * 2 * MiB,
    diskWrittenBytes: busySeconds * MiB,
    nicReceivedBytes: busySeconds * 0.5 * MiB,
    nicSentBytes: busySeconds * 0.25 * MiB,
  };
}

export function addCounters(a: HostCounters, b: HostCounters): HostCounters {
  return {
    cpuBusyMs: a.cpuBusyMs + b.cpuBusyMs,
    diskReadBytes: a.diskReadBytes + b.diskReadBytes,
    diskWrittenBytes: a.diskWrittenBytes + b.diskWrittenBytes,
    nicReceivedBytes: a.nicReceivedBytes + b.nicReceivedBytes,
    nicSentBytes: a.nicSentBytes + b.nicSentBytes,
  };
}

function vmStats(vm: SimVm, at: number): VmStats {
  const shape = vm.live ?? vm.spec;
  const counters = vmCounters(vm, at);
  const memoryBytes = memoryOf(vm);
  const perDisk = 1 / Math.max(1, shape.disks.length);
  const perNic = 1 / Math.max(1, shape.nics.length);
  return {
    vmUuid: vm.spec.vmUuid,
    cpuTimeNs: Math.floor(counters.cpuBusyMs * 1e6),
    cpuReadyNs: Math.floor(counters.cpuBusyMs * 1e4),
    vcpus: shape.cpu.count,
    memoryBytes,
    memoryUnusedBytes: isBooted(vm, at) ? Math.floor(memoryBytes * (1 - loadAt(vm, at))) : null,
    memoryRssBytes: Math.floor(memoryBytes * 0.9),
    disks: shape.disks.map((disk) => ({
      target: targetOf(disk),
      readBytes: Math.floor(counters.diskReadBytes * perDisk),
      writtenBytes: Math.floor(counters.diskWrittenBytes * perDisk),
      readRequests: Math.floor((counters.diskReadBytes * perDisk) / 16_384),
      writeRequests: Math.floor((counters.diskWrittenBytes * perDisk) / 8_192),
      readTimeNs: Math.floor(counters.diskReadBytes * perDisk),
      writeTimeNs: Math.floor(counters.diskWrittenBytes * perDisk * 2),
      allocatedBytes: null,
    })),
    nics: shape.nics.map(({ mac }) => ({
      name: deviceOf(mac),
      receivedBytes: Math.floor(counters.nicReceivedBytes * perNic),
      sentBytes: Math.floor(counters.nicSentBytes * perNic),
      receivedPackets: Math.floor((counters.nicReceivedBytes * perNic) / 800),
      sentPackets: Math.floor((counters.nicSentBytes * perNic) / 800),
      receivedDrops: 0,
      sentDrops: 0,
    })),
  };
}

function memoryOf(vm: SimVm): number {
  return (vm.live ?? vm.spec).memoryMiB * MiB;
}

/** Share of its vCPUs that a VM keeps busy: between 0 and 2 × its mean, 5 to 45 % by its UUID. */
function loadAt(vm: SimVm, at: number): number {
  const { mean, phase } = waveOf(vm);
  return mean * (1 + Math.sin((2 * Math.PI * at) / PERIOD_MS + phase));
}

/** Busy seconds of one vCPU since the start. */
function waveIntegral(vm: SimVm, at: number): number {
  const { mean, phase } = waveOf(vm);
  const turn = (ms: number): number => (2 * Math.PI * ms) / PERIOD_MS + phase;
  const from = Math.min(vm.startedAt, at);
  const swing = (PERIOD_MS / (2 * Math.PI)) * (Math.cos(turn(from)) - Math.cos(turn(at)));
  // Rounding may take a new VM below zero by a hair.
  return Math.max(0, (mean * (at - from + swing)) / 1000);
}

function waveOf(vm: SimVm): { mean: number; phase: number } {
  // The UUID's own digits are random enough and cost no digest per reading.
  const mean = 0.05 + 0.4 * (Number.parseInt(vm.spec.vmUuid.slice(0, 4), 16) / 0x1_0000);
  const phase = 2 * Math.PI * (Number.parseInt(vm.spec.vmUuid.slice(-4), 16) / 0x1_0000);
  return { mean, phase };
}
