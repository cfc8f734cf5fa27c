import { LIMITS } from "@sinter/rules";
import type { WireOs } from "@sinter/northbound";

/**
 * Guest systems by the contract's ids. The numbers that clients rely on are kept; the rest of the list is open, and
 * any integer is accepted as a VM's osVersion.
 */
const os = (id: number, versionDes: string, memoryMiBMax: number = LIMITS.memoryMiB.max): WireOs => ({
  id,
  versionDes,
  cpuQuantityLimit: LIMITS.vcpus.max,
  cpuSocketLimit: LIMITS.vcpus.max,
  memQuantityLimit: memoryMiBMax,
  defaultCPUQuantity: 1,
  defaultMemoryQuantity: Math.min(2048, memoryMiBMax),
  supportCpuHotPlug: false,
  supportMemHotPlug: false,
  supportDiskHotPlug: true,
  supportUEFIFirmware: true,
});
const MEMORY_32_BIT = 4096;

export const osVersions = {
  windows: [
    os(25, "Windows 7 Enterprise 32bit", MEMORY_32_BIT),
    os(201, "Other Windows(32 bit)", MEMORY_32_BIT),
    os(202, "Other Windows(64 bit)"),
  ],
  linux: [
    os(43, "Novell SUSE Linux Enterprise Server 11 SP1 64bit"),
    os(301, "Other Linux(32 bit)", MEMORY_32_BIT),
    os(302, "Other Linux(64 bit)"),
    os(462, "CentOS 7.0 64bit"),
  ],
  other: [os(401, "Other(32 bit)", MEMORY_32_BIT), os(402, "Other(64 bit)")],
};
