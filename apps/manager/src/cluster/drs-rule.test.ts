import assert from "node:assert/strict";
import { test } from "node:test";
import { changedRules, type DrsRule } from "./drs-rule.ts";

const options = { vmIdsOf: (urns: readonly string[]) => urns.map((urn) => Number(urn)), now: 1 };
const start = { rules: [] as DrsRule[], nextIndex: 1 };
const vms = (...ids: number[]) => ids.map((id) => ({ urn: String(id) }));

test("a rule is created empty, filled and deleted, as one cloud driver does", () => {
  const created = changedRules(start, [{ operationType: 2, ruleName: "apart", ruleType: 2 }], options);
  assert.deepEqual([created.rules[0]?.index, created.rules[0]?.vmIds, created.nextIndex], [1, [], 2]);
  const filled = changedRules(created, [{ operationType: 1, ruleIndex: 1, vms: vms(4, 5) }], {
    ...options,
    now: 2,
  });
  assert.deepEqual(filled.rules[0], { ...created.rules[0], vmIds: [4, 5], updatedAt: 2 });
  const deleted = changedRules(filled, [{ operationType: 0, ruleIndex: 1 }], options);
  assert.deepEqual(deleted, { rules: [], nextIndex: 2 });
  const next = changedRules(deleted, [{ ruleName: "again" }], options);
  assert.equal(next.rules[0]?.index, 2, "an index is never given twice");
});

test("what rules refuse", () => {
  const one = changedRules(start, [{ operationType: 2, ruleName: "a" }], options);
  const fails = (request: object, code: string) =>
    assert.throws(() => changedRules(one, [request], options), { code });
  fails({ operationType: 0 }, "DRS_RULE_INDEX_MISSING");
  fails({ operationType: 1, ruleIndex: 9 }, "DRS_RULE_MISSING");
  fails({ operationType: 2, ruleName: "a" }, "DRS_RULE_NAME_USED");
  fails({ operationType: 2, ruleName: "a:b" }, "DRS_RULE_NAME_INVALID");
  fails({ operationType: 2 }, "DRS_RULE_NAME_INVALID");
  const twenty = changedRules(
    start,
    Array.from({ length: 20 }, (_, i) => ({ operationType: 2, ruleName: `r${i}` })),
    options,
  );
  assert.throws(() => changedRules(twenty, [{ operationType: 2, ruleName: "x" }], options), {
    code: "TOO_MANY_DRS_RULES",
  });
});

test("one wrong operation of several leaves the rules as they were", () => {
  const before = changedRules(start, [{ operationType: 2, ruleName: "a" }], options);
  const copy = structuredClone(before);
  assert.throws(() =>
    changedRules(
      before,
      [
        { operationType: 0, ruleIndex: 1 },
        { operationType: 0, ruleIndex: 1 },
      ],
      options,
    ),
  );
  assert.deepEqual(before, copy);
});
