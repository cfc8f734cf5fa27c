import type { HostReport } from "@sinter/southbound";

/** A small emulated host, as its agent would describe it. */
export function hostReport(hostUuid: string, hostname = "host-1"): HostReport {
  return {
    hostUuid,
    hostname,
    agentVersion: "0.1.0",
    contractVersion: "1.0",
    bootId: "boot-1",
    architecture: "x86_64",
    accelerator: "emulated",
    acceleratorReason: "There is no /dev/kvm.",
    cpu: { vendor: "GenuineIntel", model: "Test", threads: 4, sockets: 1, mhz: 2600 },
    memoryBytes: 8 * 1024 ** 3,
    hypervisor: { libvirt: "9.0.0", qemu: "7.2.0" },
    vendor: "Test",
    product: "Host",
    serial: "1",
    nics: [{ name: "eth0", mac: "52:54:00:00:00:01", up: true, speedMbps: 1000, mtu: 1500, addresses: [] }],
    cgroup: "v1",
    openVSwitch: { version: "3.1.0", datapath: "netdev" },
  };
}
