import { AppError } from "@sinter/kit";
import type { WireError } from "@sinter/northbound";
import { LIMITS } from "@sinter/rules";

/** What can be wrong with a request about clusters. */
export const clusterErrors = {
  notFound: (id: number | string) =>
    new AppError("notFound", "CLUSTER_NOT_FOUND", `There is no cluster ${String(id).slice(0, 64)}.`),
  nameUsed: (name: string) =>
    new AppError("conflict", "CLUSTER_NAME_USED", `There is a cluster called "${name}" already.`),
  tooMany: () =>
    new AppError("exhausted", "TOO_MANY_CLUSTERS", `A site may have at most ${LIMITS.clusters} clusters.`),
  hasVms: (id: number) =>
    new AppError("conflict", "CLUSTER_HAS_VMS", `Cluster ${id} still has VMs or templates.`),
  hasHosts: (id: number) => new AppError("conflict", "CLUSTER_HAS_HOSTS", `Cluster ${id} still has hosts.`),
  parentMissing: (urn: string) =>
    new AppError("invalid", "FOLDER_MISSING", `There is no folder ${urn.slice(0, 96)}.`),
  notOnArchitecture: (feature: string) =>
    new AppError(
      "conflict",
      "ARCHITECTURE_UNSUPPORTED",
      `The cluster has aarch64 hosts: ${feature} is not supported on this architecture.`,
    ),
  ruleIndexMissing: () =>
    new AppError("invalid", "DRS_RULE_INDEX_MISSING", "Changing or deleting a rule needs its ruleIndex."),
  ruleMissing: (index: number) =>
    new AppError("invalid", "DRS_RULE_MISSING", `The cluster has no rule ${index}.`),
  ruleNameInvalid: () =>
    new AppError(
      "invalid",
      "DRS_RULE_NAME_INVALID",
      "A rule needs a name of 1 to 255 characters without colons.",
    ),
  ruleNameUsed: (name: string) =>
    new AppError("conflict", "DRS_RULE_NAME_USED", `The cluster has a rule called "${name}" already.`),
  tooManyRules: () => new AppError("exhausted", "TOO_MANY_DRS_RULES", "A cluster may have at most 20 rules."),
  ruleVmElsewhere: (urn: string) =>
    new AppError("invalid", "DRS_RULE_VM_ELSEWHERE", `${urn.slice(0, 96)} is no VM of this cluster.`),
};

export const clusterWireErrors = {
  CLUSTER_NOT_FOUND: { code: "10300028", http: 400 },
  CLUSTER_NAME_USED: { code: "10300091", http: 400 },
  TOO_MANY_CLUSTERS: { code: "10300031", http: 400 },
  CLUSTER_HAS_VMS: { code: "10300029", http: 400 },
  CLUSTER_HAS_HOSTS: { code: "10300030", http: 400 },
  FOLDER_MISSING: { code: "10300621", http: 400 },
  ARCHITECTURE_UNSUPPORTED: { code: "11400067", http: 400 },
  DRS_RULE_INDEX_MISSING: { code: "10300135", http: 400 },
  DRS_RULE_MISSING: { code: "10300130", http: 400 },
  DRS_RULE_NAME_INVALID: { code: "10300126", http: 400 },
  DRS_RULE_NAME_USED: { code: "10300128", http: 400 },
  TOO_MANY_DRS_RULES: { code: "10300137", http: 400 },
  DRS_RULE_VM_ELSEWHERE: { code: "10300129", http: 400 },
} as const satisfies Record<string, WireError>;
