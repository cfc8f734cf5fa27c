import { GiB } from "@sinter/kit";
import { CONTRACT_VERSION, type HostReport } from "@sinter/southbound";
import { seededMac, seededUuid } from "./seeded.ts";

/** A host of 32 threads and 128 GiB with two NICs. */
export function ordinaryReport(seed: string): HostReport {
  const hostUuid = seededUuid(`${seed}:host`);
  return {
    hostUuid,
    hostname: `sim-${hostUuid.slice(0, 8)}`,
    agentVersion: "0.1.0",
    contractVersion: CONTRACT_VERSION,
    bootId: bootId(seed, 0),
    architecture: "x86_64",
    accelerator: "kvm",
    acceleratorReason: null,
    cpu: {
      vendor: "GenuineIntel",
      model: "Simulated 16-core at 2.6 GHz",
      threads: 32,
      sockets: 1,
      mhz: 2600,
    },
    memoryBytes: 128 * GiB,
    hypervisor: { libvirt: "9.0.0", qemu: "7.2.22" },
    vendor: "Sinter",
    product: "Simulated host",
    serial: hostUuid.slice(-12),
    nics: ["eth0", "eth1"].map((name, i) => ({
      name,
      mac: seededMac(`${seed}:${name}`),
      up: true,
      speedMbps: 10_000,
      mtu: 1500,
      addresses: i === 0 ? ["127.0.0.1/8"] : [],
    })),
    cgroup: "v2",
    openVSwitch: { version: "3.1.0", datapath: "system" },
  };
}

/** Another at each start of the host. */
export function bootId(seed: string, boots: number): string {
  return seededUuid(`${seed}:boot:${boots}`);
}
