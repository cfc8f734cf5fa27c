import assert from "node:assert/strict";
import { test } from "node:test";
import { randomSafeId, sampleDisk } from "../samples.ts";
import { type AgentBench, expectCode } from "./agent-bench.ts";

export function describeDatastores(bench: AgentBench): void {
  const find = async (datastoreId: string) =>
    (await bench.port.listDatastores({})).datastores.find((one) => one.datastoreId === datastoreId);

  test("taken into use twice it is one datastore with one marker", async () => {
    const { datastoreId } = bench;
    const path = bench.agent.datastorePaths[0];
    const first = await bench.port.ensureDatastore({ datastoreId, path, shared: false });
    const second = await bench.port.ensureDatastore({ datastoreId, path, shared: false });
    assert.equal(first.state, "normal");
    assert.ok(first.markerId);
    assert.equal(second.markerId, first.markerId);
    assert.ok(first.capacityBytes >= first.freeBytes && first.freeBytes > 0);
    assert.equal((await find(datastoreId))?.path, path);
  });

  test("two datastores have two markers", async () => {
    const [one, two] = [await find(bench.datastoreId), await find(bench.otherDatastoreId)];
    assert.ok(one?.markerId && two?.markerId);
    assert.notEqual(one.markerId, two.markerId);
  });

  test("a path that holds another datastore is refused", async () => {
    const datastoreId = randomSafeId();
    const path = bench.agent.datastorePaths[0];
    await expectCode(bench.port.ensureDatastore({ datastoreId, path, shared: false }), "DATASTORE_FOREIGN");
    assert.equal(await find(datastoreId), undefined);
  });

  test("a path that is not there is refused", async () => {
    const datastoreId = randomSafeId();
    const path = `/nosuch/${randomSafeId()}`;
    await expectCode(bench.port.ensureDatastore({ datastoreId, path, shared: false }), "DATASTORE_UNUSABLE");
    assert.equal(await find(datastoreId), undefined);
  });

  test("forgotten and taken into use again, its content and marker are as before", async () => {
    const datastoreId = bench.otherDatastoreId;
    const path = bench.agent.datastorePaths[1];
    await using volume = await bench.volume({ datastoreId });
    const before = await find(datastoreId);
    await bench.port.removeDatastore({ datastoreId });
    await bench.port.removeDatastore({ datastoreId });
    assert.equal(await find(datastoreId), undefined);
    await expectCode(bench.port.getVolume(volume), "DATASTORE_NOT_FOUND");
    const again = await bench.port.ensureDatastore({ datastoreId, path, shared: false });
    assert.equal(again.markerId, before?.markerId);
    assert.equal((await bench.port.getVolume(volume)).sizeBytes, volume.sizeBytes);
  });

  test("removed with its marker, the directory may become another datastore", async () => {
    const path = bench.agent.datastorePaths[1];
    const { otherDatastoreId } = bench;
    const before = await find(otherDatastoreId);
    await bench.port.removeDatastore({ datastoreId: otherDatastoreId, eraseMarker: true });
    const datastoreId = randomSafeId();
    const other = await bench.port.ensureDatastore({ datastoreId, path, shared: false });
    assert.ok(other.markerId);
    assert.notEqual(other.markerId, before?.markerId);
    await bench.port.removeDatastore({ datastoreId, eraseMarker: true });
    await bench.port.ensureDatastore({ datastoreId: otherDatastoreId, path, shared: false });
  });

  test("a directory without the marker that must be there is refused and gets none", async () => {
    const path = bench.agent.datastorePaths[1];
    const datastoreId = bench.otherDatastoreId;
    const markerId = (await find(datastoreId))?.markerId ?? "";
    const same = await bench.port.ensureDatastore({ datastoreId, path, shared: false, markerId });
    assert.equal(same.markerId, markerId);
    await expectCode(
      bench.port.ensureDatastore({ datastoreId, path, shared: false, markerId: "00000000" }),
      "DATASTORE_UNUSABLE",
    );
    assert.equal((await find(datastoreId))?.markerId, markerId);
    await bench.port.removeDatastore({ datastoreId, eraseMarker: true });
    await expectCode(
      bench.port.ensureDatastore({ datastoreId, path, shared: false, markerId }),
      "DATASTORE_UNUSABLE",
    );
    // As by nobody: the next one may take it into use.
    await bench.port.ensureDatastore({ datastoreId, path, shared: false, markerId: null });
  });

  test("it stays while a domain has a disk on it", async () => {
    const datastoreId = bench.otherDatastoreId;
    await using volume = await bench.volume({ datastoreId });
    await using vm = await bench.vm({ disks: [sampleDisk(volume)] });
    await expectCode(bench.port.removeDatastore({ datastoreId }), "DATASTORE_IN_USE");
    assert.equal((await bench.port.getVm({ vmUuid: vm.vmUuid })).disks.length, 1);
  });

  test("calls on a datastore that is not here say so", async () => {
    const datastoreId = randomSafeId();
    const volume = bench.volumeSpec({ datastoreId });
    await expectCode(bench.port.listVolumes({ datastoreId }), "DATASTORE_NOT_FOUND");
    await expectCode(bench.port.listImages({ datastoreId }), "DATASTORE_NOT_FOUND");
    await expectCode(bench.port.getVolume(volume), "DATASTORE_NOT_FOUND");
    await expectCode(bench.port.ensureVolume(volume), "DATASTORE_NOT_FOUND");
  });
}
