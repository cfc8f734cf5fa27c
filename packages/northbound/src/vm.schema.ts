import { LIMITS as L } from "@sinter/rules";
import { Type, type Static } from "typebox";
import { NullableText, TextMap } from "./common.schema.ts";
import { WireCd } from "./media.schema.ts";
import { coded } from "./read.ts";

/*
 * VMs on the wire (contract 2.6 to 2.9). Requests list what is read, with the error code a wrong value gets; replies
 * list all that is sent. Names are the wire's, `vncAcessInfo` and `reoverByHost` included.
 */

const O = Type.Optional;
const int = (errorCode: string, range: { min: number; max: number }) =>
  coded(Type.Integer({ minimum: range.min, maximum: range.max }), errorCode);
const text = (errorCode: string, maxLength: number) => coded(Type.String({ maxLength }), errorCode);
const oneOf = <const T extends readonly string[]>(errorCode: string, values: T) =>
  coded(Type.Unsafe<T[number]>({ type: "string", enum: [...values] }), errorCode);
/** Optional text in which `""` means "default", as one SDK re-sends what it read. */
const oneOfOrEmpty = <const T extends readonly string[]>(errorCode: string, values: T) =>
  coded(Type.Unsafe<T[number] | "">({ type: "string", enum: [...values, ""] }), errorCode);

export const CpuRequest = Type.Object(
  {
    quantity: O(int("10300003", L.vcpus)),
    coresPerSocket: O(int("10300561", { min: 0, max: L.vcpus.max })),
    reservation: O(int("10300043", { min: 0, max: 10_000_000 })),
    weight: O(int("10300004", { min: 0, max: L.cpuShares.max })),
    limit: O(int("10300005", { min: 0, max: 10_000_000 })),
    cpuHotPlug: O(int("10300064", { min: 0, max: 2 })),
    affinitySet: O(
      coded(Type.Array(Type.Integer({ minimum: 0, maximum: 4095 }), { maxItems: 4096 }), "10300517"),
    ),
  },
  { title: "VmCpuRequest" },
);

export const MemoryRequest = Type.Object(
  {
    quantityMB: O(int("10300006", L.memoryMiB)),
    reservation: O(int("10300044", { min: 0, max: L.memoryMiB.max })),
    weight: O(int("10300007", { min: 0, max: L.memoryShares.max })),
    limit: O(int("10300040", { min: 0, max: L.memoryMiB.max * 2 })),
    memHotPlug: O(int("10300104", { min: 0, max: 1 })),
  },
  { title: "VmMemoryRequest" },
);

const ioLimit = coded(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }), "10420103");

export const DiskRequest = Type.Object(
  {
    sequenceNum: O(int("10300008", L.diskSlot)),
    pciType: O(oneOfOrEmpty("10300424", ["IDE", "SCSI", "VIRTIO"])),
    volumeUrn: O(text("10300078", 256)),
    volumeUuid: O(text("10420002", 64)),
    quantityGB: O(int("10300009", { min: 0, max: L.diskGiB.max })),
    datastoreUrn: O(text("10300068", 256)),
    isDataCopy: O(Type.Boolean()),
    isThin: O(Type.Boolean()),
    volType: O(int("10420129", { min: 0, max: 1 })),
    indepDisk: O(Type.Boolean()),
    persistentDisk: O(Type.Boolean()),
    type: O(oneOfOrEmpty("10420002", ["normal", "share"])),
    diskName: O(text("10000012", 256)),
    maxReadBytes: O(ioLimit),
    maxWriteBytes: O(ioLimit),
    maxReadRequest: O(ioLimit),
    maxWriteRequest: O(ioLimit),
    /** Ours: file in the datastore's image library that the new volume starts from. */
    sourceImage: O(text("10300284", 255)),
  },
  { title: "VmDiskRequest" },
);
export type DiskRequest = Static<typeof DiskRequest>;

export const NicRequest = Type.Object(
  {
    name: O(text("10300348", L.nameLength.max)),
    portGroupUrn: O(text("10300011", 256)),
    mac: O(text("10300066", 32)),
    sequenceNum: O(int("10300350", { min: 0, max: 12 })),
    /** 0 or 1: virtio; 2: e1000. */
    virtIo: O(int("10300503", { min: 0, max: 2 })),
    portId: O(text("10300348", 256)),
  },
  { title: "VmNicRequest" },
);
export type NicRequest = Static<typeof NicRequest>;

export const PropertiesRequest = Type.Object(
  {
    bootOption: O(oneOfOrEmpty("10300013", ["disk", "pxe", "cdrom"])),
    isEnableHa: O(Type.Boolean()),
    vmFaultProcess: O(oneOfOrEmpty("10300014", ["notprocess", "ha", "reboot"])),
    reoverByHost: O(Type.Boolean()),
    clockMode: O(oneOfOrEmpty("10300222", ["freeClock", "synchClock"])),
    isEnableMemVol: O(Type.Boolean()),
    isEnableFt: O(Type.Boolean()),
    isAutoUpgrade: O(Type.Boolean()),
    attachType: O(Type.Boolean()),
    gpuShareType: O(Type.String({ maxLength: 64 })),
    isReserveResource: O(Type.Boolean()),
    secureVmType: O(Type.String({ maxLength: 64 })),
    isHpet: O(Type.Boolean()),
    bootFirmware: O(oneOfOrEmpty("10300431", ["BIOS", "UEFI"])),
    vmVncKeymapSetting: O(int("10300433", { min: 0, max: 255 })),
  },
  { title: "VmPropertiesRequest" },
);
export type PropertiesRequest = Static<typeof PropertiesRequest>;

export const OsRequest = Type.Object(
  {
    osType: O(oneOf("10300041", ["Windows", "Linux", "Other"])),
    osVersion: O(coded(Type.Integer(), "10300042")),
    guestOSName: O(text("10300500", 64)),
  },
  { title: "VmOsRequest" },
);
export type OsRequest = Static<typeof OsRequest>;

const vmConfigFields = {
  disks: O(coded(Type.Array(DiskRequest, { maxItems: L.disksPerVm }), "10300010")),
  nics: O(coded(Type.Array(NicRequest, { maxItems: L.nicsPerVm }), "10300012")),
  properties: O(PropertiesRequest),
};

const VncAccessRequest = Type.Object({
  vncPassword: O(coded(Type.String({ maxLength: L.vncPasswordLength }), "10300468")),
  vncOldPassword: O(Type.String({ maxLength: 64 })),
});

const describing = {
  name: O(text("10000012", L.nameLength.max)),
  description: O(text("10000018", L.descriptionLength.max)),
  group: O(text("10300077", L.groupLength.max)),
};

export const CustomizationRequest = Type.Object(
  {
    osType: O(Type.String({ maxLength: 32 })),
    hostname: O(coded(Type.String({ maxLength: 15, pattern: "^([A-Za-z0-9_-]*)$" }), "10300345")),
    password: O(coded(Type.String({ maxLength: 26 }), "10300344")),
    isUpdateVmPassword: O(Type.Boolean()),
    nicSpecification: O(
      coded(
        Type.Array(
          Type.Object({
            sequenceNum: int("10300350", { min: 0, max: 12 }),
            ip: O(text("10300349", 64)),
            netmask: O(text("10300349", 64)),
            gateway: O(text("10300351", 64)),
            setdns: O(text("10300352", 64)),
            adddns: O(text("10300352", 64)),
          }),
          { maxItems: 12 },
        ),
        "10300350",
      ),
    ),
  },
  { title: "VmCustomizationRequest" },
);
export type CustomizationRequest = Static<typeof CustomizationRequest>;

export const CreateVmRequest = Type.Object(
  {
    ...describing,
    location: coded(Type.String({ maxLength: 256 }), "10300067"),
    isBindingHost: O(Type.Boolean()),
    vmConfig: Type.Object({
      cpu: coded(Type.Object({ ...CpuRequest.properties, quantity: int("10300003", L.vcpus) }), "10300003"),
      memory: coded(
        Type.Object({ ...MemoryRequest.properties, quantityMB: int("10300006", L.memoryMiB) }),
        "10300006",
      ),
      ...vmConfigFields,
    }),
    osOptions: coded(
      Type.Object({ ...OsRequest.properties, osType: oneOf("10300041", ["Windows", "Linux", "Other"]) }),
      "10300069",
    ),
    autoBoot: O(Type.Boolean()),
    /** A CD that the VM has from its first start: `file`, and `<datastore id>@<file name>`. */
    cdRomProtocol: O(coded(Type.String({ maxLength: 32 }), "10300343")),
    cdRomDevicePath: O(coded(Type.String({ maxLength: 256 }), "10301035")),
    vncAccessInfo: O(VncAccessRequest),
    uuid: O(text("10000001", 64)),
    externalUuid: O(text("10000001", 128)),
    isTemplate: O(Type.Boolean()),
    /** Ours: for a disk that starts from an image with cloud-init, as in a clone. */
    vmCustomization: O(CustomizationRequest),
    publickey: O(Type.String({ maxLength: 16_384 })),
  },
  { title: "CreateVmRequest" },
);
export type CreateVmRequest = Static<typeof CreateVmRequest>;

export const CloneVmRequest = Type.Object(
  {
    ...describing,
    location: O(coded(Type.String({ maxLength: 256 }), "10300067")),
    isBindingHost: O(Type.Boolean()),
    vmConfig: O(Type.Object({ cpu: O(CpuRequest), memory: O(MemoryRequest), ...vmConfigFields })),
    osOption: O(OsRequest),
    osOptions: O(OsRequest),
    isTemplate: O(Type.Boolean()),
    autoBoot: O(Type.Boolean()),
    isLinkClone: O(Type.Boolean()),
    vmCustomization: O(CustomizationRequest),
    publickey: O(Type.String({ maxLength: 16_384 })),
    vncAccessInfo: O(VncAccessRequest),
    clonedVmUUID: O(text("10000001", 64)),
    externalUuid: O(text("10000001", 128)),
  },
  { title: "CloneVmRequest" },
);
export type CloneVmRequest = Static<typeof CloneVmRequest>;

export const ModifyVmRequest = Type.Object(
  {
    ...describing,
    isTemplate: O(Type.Boolean()),
    cpu: O(CpuRequest),
    memory: O(MemoryRequest),
    properties: O(PropertiesRequest),
    osOptions: O(OsRequest),
    vncAccessInfo: O(VncAccessRequest),
    externalUuid: O(text("10000001", 128)),
    isBindingHost: O(Type.Boolean()),
    /** Some clients nest cpu and memory here as they read them. */
    vmConfig: O(
      Type.Object({ cpu: O(CpuRequest), memory: O(MemoryRequest), properties: O(PropertiesRequest) }),
    ),
  },
  { title: "ModifyVmRequest" },
);
export type ModifyVmRequest = Static<typeof ModifyVmRequest>;

export const PowerModeRequest = Type.Object(
  { mode: O(oneOfOrEmpty("10000001", ["safe", "force"])) },
  { title: "PowerModeRequest" },
);

export const AttachVolumeRequest = Type.Object(
  {
    volUrn: coded(Type.String({ maxLength: 256 }), "10300078"),
    pciType: O(oneOfOrEmpty("10300424", ["IDE", "SCSI", "VIRTIO"])),
    sequenceNum: O(int("10300008", { min: 0, max: L.diskSlot.max })),
  },
  { title: "AttachVolumeRequest" },
);
/** Of one of the VM's disks; the new size in MB. */
export const ExpandVmVolumeRequest = Type.Object(
  {
    volUrn: coded(Type.String({ maxLength: 256 }), "10300078"),
    size: coded(Type.Integer({ minimum: 1, maximum: L.diskGiB.max * 1024 }), "10420006"),
  },
  { title: "ExpandVmVolumeRequest" },
);
export const DetachVolumeRequest = Type.Object(
  { volUrn: coded(Type.String({ maxLength: 256 }), "10300078"), isFormat: O(Type.Boolean()) },
  { title: "DetachVolumeRequest" },
);

// Replies -------------------------------------------------------------------------------------------------------------

const Cpu = Type.Object({
  quantity: Type.Integer(),
  coresPerSocket: Type.Integer(),
  reservation: Type.Integer(),
  weight: Type.Integer(),
  limit: Type.Integer(),
  cpuHotPlug: Type.Integer(),
  affinitySet: Type.Array(Type.Integer()),
  cpuPolicy: Type.String(),
  cpuThreadPolicy: Type.String(),
  cpuBindType: Type.String(),
});
const Memory = Type.Object({
  quantityMB: Type.Integer(),
  reservation: Type.Integer(),
  weight: Type.Integer(),
  limit: Type.Integer(),
  memHotPlug: Type.Integer(),
  hugePage: Type.String(),
});

export const WireDisk = Type.Object(
  {
    sequenceNum: Type.Integer(),
    pciType: Type.String(),
    volumeUrn: Type.String(),
    volumeUuid: Type.String(),
    volumeUrl: Type.String(),
    quantityGB: Type.Integer(),
    datastoreUrn: Type.String(),
    datastoreName: Type.String(),
    storageType: Type.String(),
    isThin: Type.Boolean(),
    volType: Type.Integer(),
    indepDisk: Type.Boolean(),
    persistentDisk: Type.Boolean(),
    maxReadBytes: Type.Integer(),
    maxWriteBytes: Type.Integer(),
    maxReadRequest: Type.Integer(),
    maxWriteRequest: Type.Integer(),
    totalRWBytes: Type.Integer(),
    totalRWRequest: Type.Integer(),
    type: Type.String(),
    diskName: Type.String(),
    ioWeight: Type.Integer(),
    volumeFormat: Type.String(),
    systemVolume: Type.Boolean(),
    bootOrder: Type.Integer(),
  },
  { title: "VmDisk" },
);
export type WireDisk = Static<typeof WireDisk>;

/** At detail level 1 a NIC carries only the addresses. */
export const WireNic = Type.Object(
  {
    name: O(Type.String()),
    urn: O(Type.String()),
    uri: O(Type.String()),
    portGroupUrn: O(Type.String()),
    portGroupName: O(Type.String()),
    mac: Type.String(),
    ip: Type.String(),
    ipList: Type.String(),
    ips6: Type.Array(Type.String()),
    sequenceNum: Type.Integer(),
    virtIo: O(Type.Integer()),
    nicType: O(Type.Integer()),
    portId: O(Type.String()),
    nicConfig: O(Type.Object({ vringbuf: Type.Integer(), queues: Type.Integer() })),
    bootOrder: O(Type.Integer()),
    enableSecurityGroup: O(Type.Boolean()),
    securityGroupName: O(Type.String()),
  },
  { title: "VmNic" },
);
export type WireNic = Static<typeof WireNic>;

const Properties = Type.Record(Type.String(), Type.Union([Type.String(), Type.Integer(), Type.Boolean()]));

const VmIdentity = {
  urn: Type.String(),
  uri: Type.String(),
  uuid: Type.String(),
  name: Type.String(),
  status: Type.String(),
  idle: Type.Integer(),
  isTemplate: Type.Boolean(),
};

/** What lists carry; fields beyond the identity depend on `detail`. */
export const WireVm = Type.Object(
  {
    ...VmIdentity,
    description: O(Type.String()),
    group: O(Type.String()),
    location: O(Type.String()),
    locationName: O(Type.String()),
    hostUrn: O(NullableText),
    hostName: O(NullableText),
    clusterUrn: O(NullableText),
    clusterName: O(NullableText),
    dataStoreUrns: O(Type.Array(Type.String())),
    additionalStatus: O(Type.Array(Type.String())),
    pvDriverStatus: O(Type.String()),
    toolInstallStatus: O(Type.String()),
    cdRomStatus: O(Type.String()),
    toolsVersion: O(Type.String()),
    isLinkClone: O(Type.Boolean()),
    isBindingHost: O(Type.Boolean()),
    isMultiDiskSpeedup: O(Type.Boolean()),
    createTime: O(Type.String()),
    deleteTime: O(NullableText),
    imcSetting: O(Type.String()),
    minCompatibleimcSetting: O(Type.String()),
    vmType: O(Type.Integer()),
    drStatus: O(Type.Integer()),
    rpoStatus: O(Type.Integer()),
    initSyncStatus: O(Type.Integer()),
    vncAcessInfo: O(
      Type.Object({ hostIp: NullableText, vncPort: Type.Integer(), vncPassword: NullableText }),
    ),
    vmConfig: O(
      Type.Object({
        cpu: O(Cpu),
        memory: O(Memory),
        disks: O(Type.Array(WireDisk)),
        nics: Type.Array(WireNic),
        usb: O(Type.Array(Type.Object({}))),
        gpu: O(Type.Array(Type.Object({}))),
        properties: Properties,
        numaNodes: O(Type.Integer()),
        graphicsCard: O(Type.Object({ type: Type.String(), size: Type.Integer() })),
      }),
    ),
    vmRebootConfig: O(Type.Object({ cpu: Type.Object({}), memory: Type.Object({}) })),
    osOptions: O(
      Type.Object({
        osType: Type.String(),
        osVersion: Type.Integer(),
        guestOSName: Type.String(),
        hostname: Type.String(),
        password: Type.String(),
      }),
    ),
    objectPrivs: O(Type.Array(Type.String())),
    params: O(TextMap),
    customProperties: O(TextMap),
    arch: O(Type.String()),
    hugePage: O(Type.String()),
    haConfig: O(Type.Object({ hostFaultPolicy: Type.Integer(), vmFaultPolicy: Type.Integer() })),
    /** Ours: why the VM is in its state, in words; when that was last observed; what the accelerator is. */
    statusReason: O(Type.String()),
    observedTime: O(Type.String()),
    /** Ours: what lies in the CD drive; null: nothing. */
    cdRom: O(Type.Union([WireCd, Type.Null()])),
  },
  { title: "Vm" },
);
export type WireVm = Static<typeof WireVm>;

export const VmList = Type.Object({ total: Type.Integer(), vms: Type.Array(WireVm) }, { title: "VmList" });
export const VmStatistics = Type.Object(
  {
    total: Type.Integer(),
    running: Type.Integer(),
    stopped: Type.Integer(),
    fault: Type.Integer(),
    hibernated: Type.Integer(),
  },
  { title: "VmStatistics" },
);

export const WireOs = Type.Object(
  {
    id: Type.Integer(),
    versionDes: Type.String(),
    cpuQuantityLimit: Type.Integer(),
    cpuSocketLimit: Type.Integer(),
    memQuantityLimit: Type.Integer(),
    defaultCPUQuantity: Type.Integer(),
    defaultMemoryQuantity: Type.Integer(),
    supportCpuHotPlug: Type.Boolean(),
    supportMemHotPlug: Type.Boolean(),
    supportDiskHotPlug: Type.Boolean(),
    supportUEFIFirmware: Type.Boolean(),
  },
  { title: "OsVersion" },
);
export type WireOs = Static<typeof WireOs>;
export const OsVersionList = Type.Object(
  { windows: Type.Array(WireOs), linux: Type.Array(WireOs), other: Type.Array(WireOs) },
  { title: "OsVersionList" },
);
