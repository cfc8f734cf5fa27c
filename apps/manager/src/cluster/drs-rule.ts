import type { DrsRuleRequest } from "@sinter/northbound";
import { clusterErrors } from "./cluster.errors.ts";

/** Which VMs belong together, apart, or to certain hosts (contract 2.4). */
export interface DrsRule {
  /** Given out by us, never again. */
  readonly index: number;
  readonly name: string;
  /** 1 together, 2 apart, 3 VM group to host group. */
  readonly type: number;
  /** Of type 3: 1 must run on, 2 should, 3 must not, 4 should not. */
  readonly vmToHostType?: number;
  readonly vmIds: readonly number[];
  readonly vmGroupUrn?: string;
  readonly hostGroupUrn?: string;
  readonly createdAt: number;
  readonly updatedAt: number;
}

const RULES_MAX = 20;
const DELETE = 0;
const MODIFY = 1;

/**
 * Carries out a request's rule operations in their order: all of them or, by throwing, none. `vmIdsOf` checks that
 * VMs belong to the cluster and gives their ids.
 */
export function changedRules(
  before: { readonly rules: readonly DrsRule[]; readonly nextIndex: number },
  requests: readonly DrsRuleRequest[],
  options: { vmIdsOf: (urns: readonly string[]) => readonly number[]; now: number },
): { rules: DrsRule[]; nextIndex: number } {
  let rules = [...before.rules];
  let { nextIndex } = before;
  const find = (index: number | undefined): DrsRule => {
    if (index === undefined) throw clusterErrors.ruleIndexMissing();
    const rule = rules.find((r) => r.index === index);
    if (!rule) throw clusterErrors.ruleMissing(index);
    return rule;
  };
  const checkName = (name: string | undefined, except: number | undefined): string => {
    if (!name || name.includes(":")) throw clusterErrors.ruleNameInvalid();
    if (rules.some((r) => r.name === name && r.index !== except)) throw clusterErrors.ruleNameUsed(name);
    return name;
  };

  for (const request of requests) {
    const operation = request.operationType ?? (request.ruleIndex === undefined ? 2 : MODIFY);
    if (operation === DELETE) {
      const gone = find(request.ruleIndex);
      rules = rules.filter((rule) => rule !== gone);
    } else if (operation === MODIFY) {
      const old = find(request.ruleIndex);
      const changed: DrsRule = {
        ...old,
        ...optional(request),
        name: request.ruleName === undefined ? old.name : checkName(request.ruleName, old.index),
        vmIds: request.vms ? options.vmIdsOf(request.vms.map((vm) => vm.urn)) : old.vmIds,
        updatedAt: options.now,
      };
      rules = rules.map((rule) => (rule === old ? changed : rule));
    } else {
      if (rules.length >= RULES_MAX) throw clusterErrors.tooManyRules();
      rules.push({
        index: nextIndex++,
        name: checkName(request.ruleName, undefined),
        type: request.ruleType ?? 1,
        ...optional(request),
        vmIds: options.vmIdsOf((request.vms ?? []).map((vm) => vm.urn)),
        createdAt: options.now,
        updatedAt: options.now,
      });
    }
  }
  return { rules, nextIndex };
}

function optional(request: DrsRuleRequest): Partial<DrsRule> {
  return {
    ...(request.vm2HostRuleType === undefined ? {} : { vmToHostType: request.vm2HostRuleType }),
    ...(request.vmGroupUrn ? { vmGroupUrn: request.vmGroupUrn } : {}),
    ...(request.hostGroupUrn ? { hostGroupUrn: request.hostGroupUrn } : {}),
  };
}
