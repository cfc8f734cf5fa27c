import { Type, type Static } from "typebox";
import { Bytes, nullable, Timestamp, Uuid } from "./common.ts";

/** How guests run on a host: hardware virtualization, or software emulation where KVM does not work. */
export const Accelerator = Type.Union([Type.Literal("kvm"), Type.Literal("emulated")]);
export type Accelerator = Static<typeof Accelerator>;

export const HostNic = Type.Object({
  name: Type.String(),
  mac: Type.String(),
  up: Type.Boolean(),
  speedMbps: nullable(Type.Integer()),
  mtu: Type.Integer(),
  /** Addresses in CIDR form. */
  addresses: Type.Array(Type.String()),
});

/** What a host is and can do. Read afresh at each call; cheap enough for once a minute. */
export const HostReport = Type.Object({
  hostUuid: Uuid,
  hostname: Type.String(),
  agentVersion: Type.String(),
  contractVersion: Type.String(),
  /** Changes when the host (not the agent) restarts. */
  bootId: Type.String(),
  architecture: Type.Union([Type.Literal("x86_64"), Type.Literal("aarch64")]),
  accelerator: Accelerator,
  /** Why not KVM, for a person; null with KVM. */
  acceleratorReason: nullable(Type.String()),
  cpu: Type.Object({
    vendor: Type.String(),
    model: Type.String(),
    /** Logical CPUs: sockets × cores × threads (CMP-06). */
    threads: Type.Integer({ minimum: 1 }),
    sockets: Type.Integer({ minimum: 1 }),
    mhz: Type.Integer({ minimum: 1 }),
  }),
  memoryBytes: Bytes,
  hypervisor: Type.Object({ libvirt: Type.String(), qemu: Type.String() }),
  vendor: Type.String(),
  product: Type.String(),
  serial: Type.String(),
  nics: Type.Array(HostNic),
  cgroup: Type.Union([Type.Literal("v1"), Type.Literal("v2"), Type.Literal("none")]),
  openVSwitch: Type.Object({
    version: Type.String(),
    datapath: Type.Union([Type.Literal("system"), Type.Literal("netdev")]),
  }),
});
export type HostReport = Static<typeof HostReport>;

/** Counters of one VM since its start; a consumer takes differences. Fields are null where not known. */
export const VmStats = Type.Object({
  vmUuid: Uuid,
  cpuTimeNs: Type.Integer(),
  /** Time vCPUs were ready but not running (CPU ready). */
  cpuReadyNs: nullable(Type.Integer()),
  vcpus: Type.Integer(),
  memoryBytes: Bytes,
  /** From the balloon; null without a driver in the guest. */
  memoryUnusedBytes: nullable(Bytes),
  memoryRssBytes: nullable(Bytes),
  disks: Type.Array(
    Type.Object({
      target: Type.String(),
      readBytes: Bytes,
      writtenBytes: Bytes,
      readRequests: Type.Integer(),
      writeRequests: Type.Integer(),
      readTimeNs: Type.Integer(),
      writeTimeNs: Type.Integer(),
      allocatedBytes: nullable(Bytes),
    }),
  ),
  nics: Type.Array(
    Type.Object({
      name: Type.String(),
      receivedBytes: Bytes,
      sentBytes: Bytes,
      receivedPackets: Type.Integer(),
      sentPackets: Type.Integer(),
      receivedDrops: Type.Integer(),
      sentDrops: Type.Integer(),
    }),
  ),
});
export type VmStats = Static<typeof VmStats>;

/** Host and all its VMs in one answer, read in bulk. */
export const StatsReport = Type.Object({
  at: Timestamp,
  host: Type.Object({
    /** Busy and total CPU time over all threads since boot, milliseconds. */
    cpuBusyMs: Type.Integer(),
    cpuTotalMs: Type.Integer(),
    memoryBytes: Bytes,
    memoryAvailableBytes: Bytes,
    diskReadBytes: Bytes,
    diskWrittenBytes: Bytes,
    nicReceivedBytes: Bytes,
    nicSentBytes: Bytes,
    nicReceivedPackets: Type.Integer(),
    nicSentPackets: Type.Integer(),
    /** The file system that holds the agent's state, as "logical disk" of the host. */
    rootBytes: Bytes,
    rootFreeBytes: Bytes,
  }),
  vms: Type.Array(VmStats),
});
export type StatsReport = Static<typeof StatsReport>;
