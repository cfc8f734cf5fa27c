import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { CONTRACT_VERSION, type HostReport } from "@sinter/southbound";
import type { LibvirtLink } from "../libvirt/libvirt-link.ts";
import type { SwitchService } from "../switch/switch.service.ts";
import type { AcceleratorChoice } from "./accelerator.ts";
import { hostArchitecture, readCgroupKind, readMachine } from "./machine-facts.ts";
import { listNics } from "./nics.ts";
import { parseCpuInfo, parseMemInfo } from "./proc-files.ts";

export type HostService = ReturnType<typeof createHostService>;

/** What this host is and can do, read afresh at each call but for what cannot change while it runs. */
export function createHostService(options: {
  readonly libvirt: LibvirtLink;
  readonly switches: SwitchService;
  readonly accelerator: AcceleratorChoice;
  readonly qemuVersion: string;
  readonly bootId: string;
  readonly agentVersion: string;
}) {
  const { libvirt, switches, accelerator } = options;
  return {
    async report(): Promise<HostReport> {
      const [hostUuid, libvirtVersion, ovs, bridges, cpuInfo, memInfo, machine, cgroup] = await Promise.all([
        libvirt.hostUuid(),
        libvirt.version(),
        switches.facts(),
        switches.bridgeNames(),
        readFile("/proc/cpuinfo", "utf8"),
        readFile("/proc/meminfo", "utf8"),
        readMachine(),
        readCgroupKind(),
      ]);
      const { threads, sockets, mhz, vendor, model } = parseCpuInfo(cpuInfo);
      return {
        hostUuid,
        hostname: hostname(),
        agentVersion: options.agentVersion,
        contractVersion: CONTRACT_VERSION,
        bootId: options.bootId,
        architecture: hostArchitecture(),
        accelerator: accelerator.accelerator,
        acceleratorReason: accelerator.reason,
        cpu: { vendor, model, threads, sockets, mhz },
        // Not libvirt's node information, which is far off on some machines.
        memoryBytes: parseMemInfo(memInfo).totalBytes,
        hypervisor: { libvirt: libvirtVersion, qemu: options.qemuVersion },
        ...machine,
        nics: await listNics(bridges),
        cgroup,
        openVSwitch: ovs,
      };
    },
  };
}
