import assert from "node:assert/strict";
import { test } from "node:test";
import { type AgentBench, expectCode } from "./agent-bench.ts";

/*
 * What holds without a lock manager as well: hosts under test may have none. Two hosts that share a disk are in the
 * end-to-end tests.
 */
export function describeLeases(bench: AgentBench): void {
  test("nobody has a lease where disks are written without", async () => {
    const { datastoreId } = bench;
    const { datastores } = await bench.port.listDatastores({});
    assert.equal(datastores.find((one) => one.datastoreId === datastoreId)?.lease, null);
    await using volume = await bench.volume({ datastoreId });
    assert.deepEqual(await bench.port.getLease(volume), { owner: null });
  });

  test("a datastore that is not in use here has no leases to tell of", async () => {
    await using volume = await bench.volume({ datastoreId: bench.datastoreId });
    await expectCode(bench.port.getLease({ ...volume, datastoreId: "nosuch" }), "DATASTORE_NOT_FOUND");
  });

  test("VIM-06: given a place, a host says how it stands there, and why when it cannot have it", async () => {
    const datastoreId = bench.otherDatastoreId;
    const path = bench.agent.datastorePaths[1];
    await bench.port.removeDatastore({ datastoreId });
    try {
      const lease = { hostId: 7, ioTimeoutS: 1 };
      const seen = await bench.port.ensureDatastore({ datastoreId, path, shared: true, lease });
      assert.equal(seen.lease?.hostId, 7);
      assert.equal(
        seen.lease?.reason !== null,
        seen.lease?.state === "off" || seen.lease?.state === "failing",
      );
      // Not named again, the place stays.
      const again = await bench.port.ensureDatastore({ datastoreId, path, shared: true });
      assert.equal(again.lease?.hostId, 7);
    } finally {
      await bench.port.removeDatastore({ datastoreId });
      await bench.port.ensureDatastore({ datastoreId, path, shared: false });
    }
  });
}
