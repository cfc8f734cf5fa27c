import { LIMITS as L } from "@sinter/rules";
import { Type, type Static } from "typebox";
import { NullableText, TextMap } from "./common.schema.ts";
import { coded } from "./read.ts";

/* Clusters on the wire (contract 2.3 and 2.4). */

const O = Type.Optional;
const FORMAT = "10000001";
const int = (min: number, max: number, code = FORMAT) =>
  coded(Type.Integer({ minimum: min, maximum: max }), code);
const text = (max: number, code = FORMAT) => coded(Type.String({ maxLength: max }), code);
const urns = coded(Type.Array(Type.String({ maxLength: 256 }), { maxItems: 256 }), FORMAT);

// Requests ------------------------------------------------------------------------------------------------------------

export const HaSettingRequest = Type.Object(
  {
    isControlPolicy: O(Type.Boolean()),
    controlPolicy: O(int(0, 2)),
    cpuReservation: O(int(0, 50)),
    memoryReservation: O(int(0, 50)),
    hostsFaultQuantity: O(int(0, 1250)),
    isCustomisedSlot: O(Type.Boolean()),
    slotcpuinmhz: O(int(0, 64 * 2400)),
    slotmeminmb: O(int(0, 1024 * 1024)),
    failoverHosts: O(urns),
    isAutoMigrateAllVms: O(Type.Boolean()),
    isHaHostAutonomy: O(Type.Boolean()),
    hbDataStorePolicy: O(int(0, 2)),
    hbDataStorePreferred: O(urns),
    hbDataStoreNumber: O(int(0, 256)),
    isolateArbitrateAddress: O(text(256)),
  },
  { title: "HaSettingRequest" },
);

const fragments = coded(
  Type.Array(Type.Object({ fragmentTime: int(0, 23, "10300216"), limen: int(0, 9, "10300217") }), {
    maxItems: 24,
  }),
  "10300216",
);
const cycle = Type.Object({
  cycleType: O(int(1, 3)),
  cycleSpec: O(coded(Type.Array(int(1, 31), { maxItems: 31 }), FORMAT)),
});

export const DrsRuleRequest = Type.Object(
  {
    /** 0 delete, 1 modify, 2 create. */
    operationType: O(int(0, 2, "10300127")),
    ruleIndex: O(coded(Type.Integer({ minimum: 0 }), "10300135")),
    ruleName: O(text(255, "10300126")),
    ruleType: O(int(1, 3, "10300125")),
    vm2HostRuleType: O(int(1, 4)),
    vms: O(
      coded(
        Type.Array(Type.Object({ urn: Type.String({ maxLength: 256 }) }), { maxItems: 1000 }),
        "10300129",
      ),
    ),
    vmGroupUrn: O(text(256)),
    hostGroupUrn: O(text(256)),
  },
  { title: "DrsRuleRequest" },
);
export type DrsRuleRequest = Static<typeof DrsRuleRequest>;

export const DrsSettingRequest = Type.Object(
  {
    drsLevel: O(int(1, 3)),
    drsFragmentLimen: O(fragments),
    drsCycle: O(cycle),
    drsRules: O(coded(Type.Array(DrsRuleRequest, { maxItems: 100 }), "10300137")),
    powerLevel: O(int(0, 2)),
    powerLimen: O(int(0, 9)),
    powerFragmentLimen: O(fragments),
    dpmCycle: O(cycle),
    factor: O(int(1, 3, "10300214")),
    drsThreshold: O(Type.Object({ cpu: O(int(0, 100)), memory: O(int(0, 100)) })),
    dpmThresholds: O(
      coded(
        Type.Array(
          Type.Object({
            limen: int(0, 9),
            underloadThreshold: int(0, 100),
            overloadThreshold: int(0, 100),
          }),
          { maxItems: 5 },
        ),
        FORMAT,
      ),
    ),
    electricStrategy: O(int(1, 3)),
  },
  { title: "DrsSettingRequest" },
);

const KeyValue = Type.Object({ key: text(128), value: text(128) });

const settings = {
  parentObjUrn: O(text(256)),
  description: O(text(L.descriptionLength.max, "10000018")),
  tag: O(coded(Type.String({ maxLength: 64, pattern: "^[^\\[\\]]*$" }), "10000015")),
  isMemOvercommit: O(Type.Boolean()),
  isEnableHa: O(Type.Boolean()),
  haResSetting: O(HaSettingRequest),
  isEnableDrs: O(Type.Boolean()),
  drsSetting: O(DrsSettingRequest),
  drsExtensionConfig: O(coded(Type.Array(KeyValue, { maxItems: 64 }), FORMAT)),
  resStrategy: O(
    coded(
      Type.Unsafe<"loadBalance" | "random" | "">({ type: "string", enum: ["loadBalance", "random", ""] }),
      FORMAT,
    ),
  ),
  isEnableImc: O(Type.Boolean()),
  imcSetting: O(text(64)),
  enableVmDrs: O(Type.Boolean()),
  drsVmConfig: O(
    coded(Type.Array(Type.Object({ vmUrn: text(256), behavior: int(0, 4) }), { maxItems: 10_000 }), FORMAT),
  ),
  enableGuestNuma: O(Type.Boolean()),
  enableHostNumaDRS: O(Type.Boolean()),
  enableIOTailor: O(Type.Boolean()),
  dsFaultStrategy: O(int(0, 1)),
};
const name = coded(Type.String({ minLength: 1, maxLength: L.nameLength.max }), "10000012");

export const CreateClusterRequest = Type.Object({ name, ...settings }, { title: "CreateClusterRequest" });
export type CreateClusterRequest = Static<typeof CreateClusterRequest>;
export const ModifyClusterRequest = Type.Object(
  { name: O(name), ...settings },
  { title: "ModifyClusterRequest" },
);
export type ModifyClusterRequest = Static<typeof ModifyClusterRequest>;

export const IfConnectRequest = Type.Object(
  { clusterUrn: coded(Type.String({ maxLength: 256 }), "10300028") },
  { title: "IfConnectRequest" },
);

// Replies -------------------------------------------------------------------------------------------------------------

const cpuResource = {
  totalSizeMHz: Type.Integer(),
  allocatedSizeMHz: Type.Integer(),
  allocatedVcpus: Type.Integer(),
};
const memResource = { totalSizeMB: Type.Integer(), allocatedSizeMB: Type.Integer() };

export const WireClusterBasic = Type.Object(
  {
    urn: Type.String(),
    uri: Type.String(),
    name: Type.String(),
    description: Type.String(),
    tag: Type.String(),
    parentObjUrn: Type.String(),
    parentObjName: Type.String(),
    arch: Type.String(),
    cpuResource: Type.Object(cpuResource),
    memResource: Type.Object(memResource),
    params: TextMap,
  },
  { title: "ClusterBasic" },
);
export type WireClusterBasic = Static<typeof WireClusterBasic>;
export const ClusterList = Type.Object({ clusters: Type.Array(WireClusterBasic) }, { title: "ClusterList" });

const Fragments = Type.Array(Type.Object({ fragmentTime: Type.Integer(), limen: Type.Integer() }));
const Cycle = Type.Object({
  cycleType: Type.Integer(),
  cycleSpec: Type.Union([Type.Array(Type.Integer()), Type.Null()]),
});

export const WireHaSetting = Type.Object(
  {
    isControlPolicy: Type.Boolean(),
    controlPolicy: Type.Union([Type.Integer(), Type.Null()]),
    cpuReservation: Type.Integer(),
    memoryReservation: Type.Integer(),
    hostsFaultQuantity: Type.Integer(),
    isCustomisedSlot: Type.Boolean(),
    slotcpuinmhz: Type.Integer(),
    slotmeminmb: Type.Integer(),
    failoverHosts: Type.Array(Type.String()),
    isAutoMigrateAllVms: Type.Boolean(),
    isHaHostAutonomy: Type.Boolean(),
    hbDataStorePolicy: Type.Integer(),
    hbDataStorePreferred: Type.Array(Type.String()),
    hbDataStoreNumber: Type.Integer(),
    isolateArbitrateAddress: Type.String(),
  },
  { title: "HaSetting" },
);
export type WireHaSetting = Static<typeof WireHaSetting>;

export const WireDrsRule = Type.Object(
  {
    ruleIndex: Type.Integer(),
    ruleName: Type.String(),
    ruleType: Type.Integer(),
    vm2HostRuleType: O(Type.Integer()),
    /** Always a list: one client walks it without looking. */
    vms: Type.Array(Type.Object({ urn: Type.String(), name: Type.String() })),
    vmGroupUrn: O(Type.String()),
    hostGroupUrn: O(Type.String()),
    createTime: Type.String(),
    updateTime: Type.String(),
  },
  { title: "DrsRule" },
);
export type WireDrsRule = Static<typeof WireDrsRule>;

export const WireDrsSetting = Type.Object(
  {
    drsLevel: Type.Integer(),
    drsFragmentLimen: Fragments,
    drsCycle: Cycle,
    drsRules: Type.Array(WireDrsRule),
    powerLevel: Type.Integer(),
    powerLimen: Type.Integer(),
    powerFragmentLimen: Fragments,
    dpmCycle: Cycle,
    factor: Type.Integer(),
    drsThreshold: Type.Object({ cpu: Type.Integer(), memory: Type.Integer() }),
    dpmThresholds: Type.Array(
      Type.Object({
        limen: Type.Integer(),
        underloadThreshold: Type.Integer(),
        overloadThreshold: Type.Integer(),
      }),
    ),
    electricStrategy: Type.Integer(),
  },
  { title: "DrsSetting" },
);
export type WireDrsSetting = Static<typeof WireDrsSetting>;

export const WireCluster = Type.Object(
  {
    urn: Type.String(),
    uri: Type.String(),
    name: Type.String(),
    parentObjUrn: Type.String(),
    parentObjName: Type.String(),
    description: Type.String(),
    tag: Type.String(),
    arch: Type.String(),
    isMemOvercommit: Type.Boolean(),
    isEnableHa: Type.Boolean(),
    haResSetting: WireHaSetting,
    isEnableDrs: Type.Boolean(),
    drsSetting: WireDrsSetting,
    drsExtensionConfig: Type.Array(Type.Object({ key: Type.String(), value: Type.String() })),
    statistics: Type.String(),
    resStrategy: Type.String(),
    isEnableImc: Type.Boolean(),
    imcSetting: NullableText,
    maxCpuQuantity: Type.Integer(),
    enableVmDrs: Type.Boolean(),
    drsVmConfig: Type.Array(Type.Object({ vmUrn: Type.String(), behavior: Type.Integer() })),
    enableGuestNuma: Type.Boolean(),
    enableHostNumaDRS: Type.Boolean(),
    enableIOTailor: Type.Boolean(),
    dsFaultStrategy: Type.Integer(),
    cpuResource: Type.Object(cpuResource),
    memResource: Type.Object(memResource),
    params: TextMap,
  },
  { title: "Cluster" },
);
export type WireCluster = Static<typeof WireCluster>;

/** Also of a host. `CpuQuantity` and `MemQuantityMB` are what is left for new VMs (CMP-26). */
export const WireComputeResource = Type.Object(
  {
    cpuResource: Type.Object(cpuResource),
    memResource: Type.Object(memResource),
    CpuQuantity: Type.Integer(),
    MemQuantityMB: Type.Integer(),
  },
  { title: "ComputeResource" },
);
export type WireComputeResource = Static<typeof WireComputeResource>;

const PerStatus = Type.Record(Type.String(), Type.Integer());

/** Over all VMs, running or not. */
export const WireAllVmComputeResource = Type.Object(
  {
    cpuResource: Type.Object({ totalVcpus: Type.Integer(), ...cpuResource }),
    memResource: Type.Object({ ...memResource, realtimeUsedSizeMB: Type.Integer() }),
    detailCpuResource: Type.Object({ allocatedVcpus: PerStatus, allocatedSizeMHz: PerStatus }),
    detailMemResource: Type.Object({ allocatedSizeMB: PerStatus }),
  },
  { title: "AllVmComputeResource" },
);
export type WireAllVmComputeResource = Static<typeof WireAllVmComputeResource>;
