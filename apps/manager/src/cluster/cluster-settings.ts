import type {
  CreateClusterRequest,
  ModifyClusterRequest,
  WireDrsSetting,
  WireHaSetting,
} from "@sinter/northbound";
import type { DrsRule } from "./drs-rule.ts";

/*
 * Switches of a cluster (contract 2.3 and 2.4). They are kept in the contract's own words, since there is no other
 * meaning to them than what it says; high availability and scheduling read them from here.
 */

export interface ClusterSettings {
  readonly isMemOvercommit: boolean;
  readonly isEnableHa: boolean;
  readonly haResSetting: WireHaSetting;
  readonly isEnableDrs: boolean;
  readonly drsSetting: Omit<WireDrsSetting, "drsRules">;
  readonly drsExtensionConfig: readonly { readonly key: string; readonly value: string }[];
  readonly resStrategy: "loadBalance" | "random";
  readonly isEnableImc: boolean;
  readonly imcSetting: string | null;
  readonly enableVmDrs: boolean;
  readonly drsVmConfig: readonly { readonly vmUrn: string; readonly behavior: number }[];
  readonly enableGuestNuma: boolean;
  readonly enableHostNumaDRS: boolean;
  readonly enableIOTailor: boolean;
  /** 0: do not stop VMs when storage is lost; 1: stop them. */
  readonly dsFaultStrategy: number;
}

/** What was set, and the rules; whatever is absent has its default. */
export type StoredSettings = {
  -readonly [K in keyof ClusterSettings]?: ClusterSettings[K] extends readonly unknown[]
    ? ClusterSettings[K]
    : ClusterSettings[K] extends object
      ? Partial<ClusterSettings[K]>
      : ClusterSettings[K];
} & { rules?: readonly DrsRule[]; nextRuleIndex?: number };

const everyHour = (limen: number): { fragmentTime: number; limen: number }[] =>
  Array.from({ length: 24 }, (_, fragmentTime) => ({ fragmentTime, limen }));

/** An untouched cluster, as real systems show one. */
export const DEFAULT_SETTINGS: ClusterSettings = {
  isMemOvercommit: false,
  isEnableHa: true,
  haResSetting: {
    isControlPolicy: false,
    controlPolicy: null,
    cpuReservation: 0,
    memoryReservation: 0,
    hostsFaultQuantity: 1,
    isCustomisedSlot: false,
    slotcpuinmhz: 64 * 2400,
    slotmeminmb: 1024 * 1024,
    failoverHosts: [],
    isAutoMigrateAllVms: false,
    isHaHostAutonomy: false,
    hbDataStorePolicy: 0,
    hbDataStorePreferred: [],
    hbDataStoreNumber: 0,
    isolateArbitrateAddress: "",
  },
  isEnableDrs: false,
  drsSetting: {
    drsLevel: 3,
    drsFragmentLimen: everyHour(5),
    drsCycle: { cycleType: 1, cycleSpec: null },
    powerLevel: 0,
    powerLimen: 3,
    powerFragmentLimen: everyHour(5),
    dpmCycle: { cycleType: 1, cycleSpec: null },
    factor: 3,
    drsThreshold: { cpu: 0, memory: 0 },
    dpmThresholds: [
      { limen: 1, underloadThreshold: 0, overloadThreshold: 63 },
      { limen: 3, underloadThreshold: 23, overloadThreshold: 72 },
      { limen: 5, underloadThreshold: 45, overloadThreshold: 81 },
      { limen: 7, underloadThreshold: 54, overloadThreshold: 90 },
      { limen: 9, underloadThreshold: 63, overloadThreshold: 100 },
    ],
    electricStrategy: 1,
  },
  drsExtensionConfig: [],
  resStrategy: "loadBalance",
  isEnableImc: false,
  imcSetting: null,
  enableVmDrs: false,
  drsVmConfig: [],
  enableGuestNuma: false,
  enableHostNumaDRS: false,
  enableIOTailor: false,
  dsFaultStrategy: 0,
};

export function withDefaults(stored: StoredSettings): ClusterSettings {
  const { rules: _rules, nextRuleIndex: _next, ...given } = stored;
  return {
    ...DEFAULT_SETTINGS,
    ...given,
    haResSetting: { ...DEFAULT_SETTINGS.haResSetting, ...given.haResSetting },
    drsSetting: { ...DEFAULT_SETTINGS.drsSetting, ...given.drsSetting },
  };
}

/** What there was, with what the request names on top; sub-objects field by field. */
export function changedSettings(
  stored: StoredSettings,
  request: CreateClusterRequest | ModifyClusterRequest,
): StoredSettings {
  const { drsSetting, haResSetting, resStrategy, imcSetting } = request;
  const result: StoredSettings = { ...stored };
  for (const key of PLAIN) if (request[key] !== undefined) Object.assign(result, { [key]: request[key] });
  if (resStrategy) result.resStrategy = resStrategy;
  // Only with the mode on does its baseline mean anything; an empty one is none.
  if (imcSetting !== undefined) result.imcSetting = imcSetting === "" ? null : imcSetting;
  if (haResSetting) result.haResSetting = { ...stored.haResSetting, ...haResSetting };
  if (drsSetting) {
    const {
      drsRules: _rules,
      drsFragmentLimen,
      powerFragmentLimen,
      drsCycle,
      dpmCycle,
      drsThreshold,
      ...rest
    } = drsSetting;
    const before = withDefaults(stored).drsSetting;
    result.drsSetting = {
      ...stored.drsSetting,
      ...rest,
      ...(drsFragmentLimen ? { drsFragmentLimen: fullDay(drsFragmentLimen) } : {}),
      ...(powerFragmentLimen ? { powerFragmentLimen: fullDay(powerFragmentLimen) } : {}),
      ...(drsCycle ? { drsCycle: { ...before.drsCycle, ...drsCycle } } : {}),
      ...(dpmCycle ? { dpmCycle: { ...before.dpmCycle, ...dpmCycle } } : {}),
      ...(drsThreshold ? { drsThreshold: { ...before.drsThreshold, ...drsThreshold } } : {}),
    };
  }
  return result;
}

const PLAIN = [
  "isMemOvercommit",
  "isEnableHa",
  "isEnableDrs",
  "drsExtensionConfig",
  "isEnableImc",
  "enableVmDrs",
  "drsVmConfig",
  "enableGuestNuma",
  "enableHostNumaDRS",
  "enableIOTailor",
  "dsFaultStrategy",
] as const;

/** Hours that are not named have the middle threshold. */
function fullDay(given: readonly { fragmentTime: number; limen: number }[]) {
  return everyHour(5).map((hour) => given.findLast((g) => g.fragmentTime === hour.fragmentTime) ?? hour);
}
