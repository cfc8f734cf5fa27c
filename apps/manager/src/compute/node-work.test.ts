import assert from "node:assert/strict";
import { test } from "node:test";
import { CreateVmRequest, readBody } from "@sinter/northbound";
import { computeWorld, OPERATOR } from "../testing/compute-world.ts";

test("a VM whose host and datastore are gone for good can be deleted", async () => {
  await using world = await computeWorld();
  const request = readBody(CreateVmRequest, {
    name: "vm",
    location: world.urns.cluster,
    osOptions: { osType: "Linux" },
    vmConfig: {
      cpu: { quantity: 1 },
      memory: { quantityMB: 256 },
      disks: [{ sequenceNum: 1, quantityGB: 1, datastoreUrn: world.urns.datastore, isThin: true }],
    },
    autoBoot: false,
  });
  const made = await world.vms.create(OPERATOR, request);
  await world.done(made);
  // What removing its last host by force leaves behind.
  await world.database.pool.query("update vms set host_id = null");
  await world.database.pool.query("delete from datastore_hosts");
  await world.done(await world.vms.remove(OPERATOR, made.id, { isKeepingDisks: false }));
  const { rows } = await world.database.pool.query(
    "select (select count(*)::int from vms) as vms, (select count(*)::int from volumes) as volumes",
  );
  assert.deepEqual(rows, [{ vms: 0, volumes: 0 }]);
});
