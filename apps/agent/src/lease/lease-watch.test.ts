import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock, silentLog } from "@sinter/kit";
import { createLeaseWatch } from "./lease-watch.ts";

test("VIM-06: VMs whose leases went with sanlock are ended in time, and no place is taken before", async () => {
  const clock = new ManualClock(0);
  const datastore = { datastoreId: "1", path: "/srv", shared: true, lease: { hostId: 1, ioTimeoutS: 2 } };
  let hasPlace = true;
  let joins = 0;
  const running = new Set(["a", "b"]);
  const watch = createLeaseWatch({
    leases: {
      hasPlace: async () => hasPlace,
      join: async () => {
        joins++;
      },
    },
    holders: async () => [...running].map((name) => ({ vmUuid: name, name })),
    end: async (vmUuid) => {
      running.delete(vmUuid);
    },
    clock,
    log: silentLog,
  });
  assert.deepEqual(await watch.look(datastore), []);
  assert.equal(joins, 1);
  hasPlace = false;
  assert.deepEqual(await watch.look(datastore), ["a", "b"]);
  clock.advance(15_999);
  assert.deepEqual(await watch.look(datastore), ["a", "b"], "it may come back");
  assert.equal(joins, 1, "not while they run");
  clock.advance(1);
  assert.deepEqual(await watch.look(datastore), []);
  assert.equal(running.size, 0);
  await watch.look(datastore);
  assert.equal(joins, 2);
});

test("a place that comes back in time ends nothing", async () => {
  const clock = new ManualClock(0);
  const datastore = { datastoreId: "1", path: "/srv", shared: true, lease: { hostId: 1, ioTimeoutS: 2 } };
  let hasPlace = false;
  const watch = createLeaseWatch({
    leases: { hasPlace: async () => hasPlace, join: async () => {} },
    holders: async () => [{ vmUuid: "a", name: "a" }],
    end: async () => assert.fail("it was ended"),
    clock,
    log: silentLog,
  });
  await watch.look(datastore);
  hasPlace = true;
  await watch.look(datastore);
  hasPlace = false;
  clock.advance(20_000);
  assert.deepEqual(await watch.look(datastore), ["a"], "the time begins anew");
});
