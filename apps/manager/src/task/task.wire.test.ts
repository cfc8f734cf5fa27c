import assert from "node:assert/strict";
import { test } from "node:test";
import { parseUrn } from "@sinter/northbound";
import { entityOf, entityUrn } from "./task.wire.ts";

const SITE = "43BC08E8";

for (const [entity, urn] of [
  ["vm:7", `urn:sites:${SITE}:vms:i-00000007`],
  ["volume:3", `urn:sites:${SITE}:volumes:3`],
  ["host:12", `urn:sites:${SITE}:hosts:12`],
  ["datastore:4", `urn:sites:${SITE}:datastores:4`],
  ["switch:5", `urn:sites:${SITE}:dvswitchs:5`],
] as const) {
  test(`what a task works on, ${entity}, is told by its URN and found by it`, () => {
    assert.equal(entityUrn(SITE, entity), urn);
    const parsed = parseUrn(urn);
    assert.equal(parsed && entityOf(parsed), entity);
  });
}

test("tasks of a port group are not those of its switch", () => {
  const parsed = parseUrn(`urn:sites:${SITE}:dvswitchs:5:portgroups:9`);
  assert.equal(parsed && entityOf(parsed), "portGroup:9");
});

test("the site stands for all tasks, what tasks do not work on for none", () => {
  assert.equal(entityOf({ siteId: SITE }), undefined);
  assert.equal(entityOf({ siteId: SITE, kind: "clusters", id: 1 }), "none:1");
});
