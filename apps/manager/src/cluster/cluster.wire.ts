import {
  objectUrn,
  uriOf,
  vmWireId,
  wireDateTime,
  type WireAllVmComputeResource,
  type WireCluster,
  type WireClusterBasic,
  type WireDrsRule,
} from "@sinter/northbound";
import type { VmState } from "@sinter/rules";
import { addUsage, NO_USAGE, type Usage } from "../host/usage.ts";
import type { StoredCluster } from "./cluster.ts";
import type { ClusterResources } from "./cluster.service.ts";
import { withDefaults } from "./cluster-settings.ts";
import type { DrsRule } from "./drs-rule.ts";

export function clusterUrn(siteId: string, id: number): string {
  return objectUrn(siteId, "clusters", id);
}

export function clusterBasicToWire(
  cluster: StoredCluster,
  resources: ClusterResources,
  siteId: string,
): WireClusterBasic {
  const urn = clusterUrn(siteId, cluster.id);
  return {
    urn,
    uri: uriOf(urn),
    name: cluster.name,
    description: cluster.description,
    tag: cluster.tag,
    parentObjUrn: "",
    parentObjName: "",
    arch: archOf(resources),
    ...resourcesToWire(resources),
    params: {},
  };
}

export function clusterToWire(
  cluster: StoredCluster,
  resources: ClusterResources,
  /** Of the VMs that rules mention; one that is gone is not shown. */
  vmNames: ReadonlyMap<number, string>,
  siteId: string,
): WireCluster {
  const urn = clusterUrn(siteId, cluster.id);
  const settings = withDefaults(cluster.settings);
  const { drsExtensionConfig, drsVmConfig, drsSetting, ...plain } = settings;
  return {
    urn,
    uri: uriOf(urn),
    name: cluster.name,
    parentObjUrn: "",
    parentObjName: "",
    description: cluster.description,
    tag: cluster.tag,
    arch: archOf(resources),
    ...plain,
    drsSetting: {
      ...drsSetting,
      drsRules: (cluster.settings.rules ?? []).map((rule) => ruleToWire(rule, vmNames, siteId)),
    },
    drsExtensionConfig: [...drsExtensionConfig],
    statistics: `${uriOf(urn)}/statistics`,
    maxCpuQuantity: resources.capacity.threadsMax,
    drsVmConfig: [...drsVmConfig],
    ...resourcesToWire(resources),
    params: {
      enableVmIORingAdaptation: "false",
      hanaOptimizedStrategy: "false",
      enableIORingAdaptation: "false",
    },
  };
}

function archOf({ capacity }: ClusterResources): string {
  return capacity.architecture === "x86_64" ? "x86" : "arm";
}

function resourcesToWire({ capacity, usage }: ClusterResources) {
  return {
    cpuResource: {
      totalSizeMHz: capacity.mhz,
      allocatedSizeMHz: usage.reservedMhz,
      allocatedVcpus: usage.vcpus,
    },
    memResource: { totalSizeMB: capacity.memoryMiB, allocatedSizeMB: usage.memoryMiB },
  };
}

function ruleToWire(rule: DrsRule, vmNames: ReadonlyMap<number, string>, siteId: string): WireDrsRule {
  return {
    ruleIndex: rule.index,
    ruleName: rule.name,
    ruleType: rule.type,
    ...(rule.vmToHostType === undefined ? {} : { vm2HostRuleType: rule.vmToHostType }),
    vms: rule.vmIds
      .filter((id) => vmNames.has(id))
      .map((id) => ({ urn: objectUrn(siteId, "vms", vmWireId(id)), name: vmNames.get(id) ?? "" })),
    ...(rule.vmGroupUrn === undefined ? {} : { vmGroupUrn: rule.vmGroupUrn }),
    ...(rule.hostGroupUrn === undefined ? {} : { hostGroupUrn: rule.hostGroupUrn }),
    createTime: wireDateTime(rule.createdAt),
    updateTime: wireDateTime(rule.updatedAt),
  };
}

/** Keys of the "by state" figures. `Stopped` is read by name; the others follow its pattern. */
const STATE_KEY = {
  creating: "Creating",
  stopped: "Stopped",
  starting: "Starting",
  running: "Running",
  stopping: "Stopping",
  rebooting: "Running",
  pausing: "Running",
  paused: "Pause",
  resuming: "Pause",
  hibernating: "Hibernating",
  hibernated: "Hibernated",
  migrating: "Migrating",
  deleting: "ShuttingDown",
  unknown: "Unknown",
  fault: "Unknown",
} as const satisfies Record<VmState, string>;

export function allVmComputeResourceToWire(
  resources: ClusterResources,
  byState: ReadonlyMap<VmState, Usage>,
  realtimeUsedSizeMB: number,
): WireAllVmComputeResource {
  const all = [...byState.values()].reduce(addUsage, NO_USAGE);
  const byKey = new Map<string, Usage>([["Stopped", NO_USAGE]]);
  for (const [state, usage] of byState) {
    byKey.set(STATE_KEY[state], addUsage(byKey.get(STATE_KEY[state]) ?? NO_USAGE, usage));
  }
  const perKey = (figure: (usage: Usage) => number): Record<string, number> =>
    Object.fromEntries([...byKey].map(([key, usage]) => [key, figure(usage)]));
  return {
    cpuResource: {
      totalVcpus: resources.capacity.threads,
      totalSizeMHz: resources.capacity.mhz,
      allocatedSizeMHz: all.reservedMhz,
      allocatedVcpus: all.vcpus,
    },
    memResource: {
      totalSizeMB: resources.capacity.memoryMiB,
      allocatedSizeMB: all.memoryMiB,
      realtimeUsedSizeMB,
    },
    detailCpuResource: {
      allocatedVcpus: perKey((usage) => usage.vcpus),
      allocatedSizeMHz: perKey((usage) => usage.reservedMhz),
    },
    detailMemResource: { allocatedSizeMB: perKey((usage) => usage.memoryMiB) },
  };
}
