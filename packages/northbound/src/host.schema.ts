import { LIMITS as L } from "@sinter/rules";
import { Type, type Static } from "typebox";
import { NullableText, TextMap } from "./common.schema.ts";
import { coded } from "./read.ts";

/* Hosts on the wire (contract 2.5). */

const O = Type.Optional;
const name = coded(Type.String({ maxLength: L.nameLength.max }), "10200105");
const description = coded(Type.String({ maxLength: L.descriptionLength.max }), "10000018");
/** These would mean something to the command lines that older products built from them. */
const bmcText = (code: string) =>
  coded(Type.String({ maxLength: 64, pattern: "^[^&|;<>\\-/$\\\\]*$" }), code);
const bmc = {
  bmcIp: O(coded(Type.String({ maxLength: 64, pattern: "^[0-9A-Za-z.:]*$" }), "10200110")),
  bmcUserName: O(bmcText("10200113")),
  bmcPassword: O(bmcText("10200114")),
};
const ntp = (code: string) => O(coded(Type.String({ maxLength: 128, pattern: "^[0-9A-Za-z.:-]*$" }), code));

export const CreateHostRequest = Type.Object(
  {
    ip: coded(Type.String({ minLength: 1, maxLength: 255 }), "10200106"),
    name: O(name),
    description: O(description),
    clusterUrn: O(coded(Type.String({ maxLength: 256 }), "10200115")),
    ...bmc,
    isConfDefNtpTimeZone: O(coded(Type.Integer({ minimum: 0, maximum: 1 }), "10000001")),
  },
  { title: "CreateHostRequest" },
);
export type CreateHostRequest = Static<typeof CreateHostRequest>;

export const ModifyHostRequest = Type.Object(
  {
    name: O(coded(Type.String({ minLength: 1, maxLength: L.nameLength.max }), "10200103")),
    description: O(description),
    multiPathMode: O(
      coded(Type.Unsafe<string>({ type: "string", enum: ["HW", "CURRENCY", ""] }), "10300154"),
    ),
    ...bmc,
    ntpIp1: ntp("10200206"),
    ntpIp2: ntp("10200207"),
    ntpIp3: ntp("10200208"),
    ntpCycle: O(coded(Type.Integer({ minimum: 0, maximum: 4096 }), "10200205")),
    isForceSynTime: O(coded(Type.Integer({ minimum: 0, maximum: 1 }), "10000001")),
    gpuCapacity: O(coded(Type.Integer({ minimum: 0, maximum: 20 }), "10000001")),
    hostRealName: O(coded(Type.String({ maxLength: 255 }), "10000024")),
  },
  { title: "ModifyHostRequest" },
);
export type ModifyHostRequest = Static<typeof ModifyHostRequest>;

export const HostPowerRequest = Type.Object(
  {
    mode: O(
      coded(Type.Unsafe<"safe" | "force" | "">({ type: "string", enum: ["safe", "force", ""] }), "10200150"),
    ),
  },
  { title: "HostPowerRequest" },
);

export const MoveHostRequest = Type.Object(
  { clusterUrn: O(coded(Type.String({ maxLength: 256 }), "10300028")) },
  { title: "MoveHostRequest" },
);

// Replies -------------------------------------------------------------------------------------------------------------

const basic = {
  urn: Type.String(),
  uri: Type.String(),
  uuid: Type.String(),
  name: Type.String(),
  description: Type.String(),
  ip: Type.String(),
  bmcIp: NullableText,
  bmcUserName: NullableText,
  clusterUrn: Type.String(),
  clusterName: Type.String(),
  status: Type.String(),
  isMaintaining: Type.Boolean(),
  multiPathMode: Type.String(),
  hostMultiPathMode: Type.String(),
  vendor: Type.String(),
  model: Type.String(),
  arch: Type.String(),
  cpuVendor: Type.String(),
  hypervisor: Type.String(),
  version: Type.String(),
  memQuantityMB: Type.Integer(),
  cpuQuantity: Type.Integer(),
  physicalCpuQuantity: Type.Integer(),
  cpuMHz: Type.Integer(),
  nicQuantity: Type.Integer(),
  attachedISOVMs: Type.Array(Type.String()),
  computeResourceStatics: Type.String(),
  ntpIp1: Type.String(),
  ntpIp2: Type.String(),
  ntpIp3: Type.String(),
  ntpCycle: Type.Integer(),
  gpuCapacity: Type.Integer(),
  gpuCapacityReboot: Type.Integer(),
  gdvmMemory: Type.Integer(),
  gdvmMemoryReboot: Type.Integer(),
  gsvmMemory: Type.Integer(),
  gsvmMemoryReboot: Type.Integer(),
  imcSetting: NullableText,
  maxImcSetting: Type.String(),
  cpuResource: Type.Object({
    totalSizeMHz: Type.Integer(),
    allocatedSizeMHz: Type.Integer(),
    allocatedVcpus: Type.Integer(),
    reserveSizeMHz: Type.Integer(),
    manageCPUs: Type.String(),
    emulatorCPUs: Type.String(),
  }),
  memResource: Type.Object({
    totalSizeMB: Type.Integer(),
    allocatedSizeMB: Type.Integer(),
    realtimeUsedSizeMB: Type.Integer(),
    reserveSizeMB: Type.Integer(),
  }),
  memMuxRatio: Type.String(),
  cpuMuxRatio: Type.String(),
  haState: Type.String(),
  haRole: Type.String(),
  isFailOverHost: Type.Boolean(),
  hostRealName: Type.String(),
  clusterEnableIOTailor: Type.Boolean(),
  params: TextMap,
  /** Ours: `kvm`, or `emulated` with the reason, since guests are many times slower then. */
  accelerator: Type.String(),
  acceleratorReason: Type.String(),
  /** Ours: why the host is in its status; since when; when it was last heard of (epoch milliseconds). */
  statusReason: Type.String(),
  statusSince: Type.String(),
  lastSeenTime: Type.String(),
};

/** In lists. */
export const WireHostBasic = Type.Object(basic, { title: "HostBasic" });
export type WireHostBasic = Static<typeof WireHostBasic>;
export const HostList = Type.Object(
  { total: Type.Integer(), hosts: Type.Array(WireHostBasic) },
  { title: "HostList" },
);

export const WireHost = Type.Object(
  {
    ...basic,
    hostDNSCfg: Type.Object({
      primaryDNSIp: Type.String(),
      secondaryDNSIps: Type.Array(Type.String()),
      domainName: Type.String(),
    }),
    hostRoutetable: Type.Array(
      Type.Object({
        destination: Type.String(),
        gateway: Type.String(),
        maskPrefix: Type.Integer(),
        dev: Type.String(),
      }),
    ),
    defaultGateway: Type.String(),
    /** Ours: what the portal shows of the machine. */
    serialNumber: Type.String(),
    cpuModel: Type.String(),
    agentVersion: Type.String(),
    openVSwitch: Type.Object({ version: Type.String(), datapath: Type.String() }),
    cgroup: Type.String(),
    nics: Type.Array(
      Type.Object({
        name: Type.String(),
        mac: Type.String(),
        isUp: Type.Boolean(),
        speedMbps: Type.Union([Type.Integer(), Type.Null()]),
        mtu: Type.Integer(),
        addresses: Type.Array(Type.String()),
      }),
    ),
    certificateExpiryTime: Type.String(),
  },
  { title: "Host" },
);
export type WireHost = Static<typeof WireHost>;

export const HostStatistics = Type.Object(
  {
    total: Type.Integer(),
    rebooting: Type.Integer(),
    normal: Type.Integer(),
    fault: Type.Integer(),
    initial: Type.Integer(),
    unknown: Type.Integer(),
    poweroff: Type.Integer(),
    booting: Type.Integer(),
    shutdowning: Type.Integer(),
  },
  { title: "HostStatistics" },
);
export type HostStatistics = Static<typeof HostStatistics>;

/** GEN-14: the table of features, and which of them this host's architecture has. */
export const HostCapabilities = Type.Object(
  {
    architecture: Type.String(),
    accelerator: Type.String(),
    acceleratorReason: Type.String(),
    features: Type.Array(
      Type.Object({
        feature: Type.String(),
        architectures: Type.Array(Type.String()),
        isSupported: Type.Boolean(),
      }),
    ),
  },
  { title: "HostCapabilities" },
);
export type HostCapabilities = Static<typeof HostCapabilities>;

/** Domains found on a host that this manager does not know. */
export const UnmanagedVmList = Type.Object(
  {
    total: Type.Integer(),
    vms: Type.Array(
      Type.Object({
        uuid: Type.String(),
        domainName: Type.String(),
        title: NullableText,
        power: Type.String(),
        cpuCount: Type.Integer(),
        memoryMB: Type.Integer(),
        disks: Type.Array(Type.Object({ target: Type.String(), source: NullableText })),
        macs: Type.Array(Type.String()),
        /** Defined by a Sinter manager: left over, or of another one. */
        isSinters: Type.Boolean(),
      }),
    ),
  },
  { title: "UnmanagedVmList" },
);
export type UnmanagedVmList = Static<typeof UnmanagedVmList>;
