import assert from "node:assert/strict";
import { test } from "node:test";
import { GiB, MiB } from "@sinter/kit";
import type { AgentEvent, VolumeSpec } from "@sinter/southbound";
import { randomSafeId, sampleDisk } from "../samples.ts";
import { type AgentBench, expectCode } from "./agent-bench.ts";

export function describeVolumes(bench: AgentBench): void {
  const isListed = async ({ datastoreId, volumeUuid }: VolumeSpec): Promise<boolean> =>
    (await bench.port.listVolumes({ datastoreId })).volumes.some((one) => one.volumeUuid === volumeUuid);

  for (const format of ["qcow2", "raw"] as const) {
    for (const provisioning of ["thin", "thick", "lazy"] as const) {
      test(`a ${provisioning} ${format} volume is made once and is what was asked`, async () => {
        await using volume = await bench.volume({ format, provisioning });
        const seen = await bench.port.ensureVolume(volume);
        assert.equal(seen.sizeBytes, volume.sizeBytes);
        assert.equal(seen.format, format);
        assert.deepEqual(await bench.port.getVolume(volume), seen);
        assert.ok(await isListed(volume));
        assert.ok(!seen.path.startsWith("/") && seen.path.includes(volume.volumeUuid));
        if (provisioning === "thin") assert.ok(seen.allocatedBytes < volume.sizeBytes / 2);
        else assert.ok(seen.allocatedBytes >= volume.sizeBytes);
      });
    }
  }

  test("removed it is gone; removed again it is no error", async () => {
    await using volume = await bench.volume();
    await bench.port.removeVolume(volume);
    await bench.port.removeVolume(volume);
    assert.ok(!(await isListed(volume)));
    await expectCode(bench.port.getVolume(volume), "VOLUME_NOT_FOUND");
  });

  test("asked for with another size it is left as it is", async () => {
    await using volume = await bench.volume();
    const other = { ...volume, sizeBytes: 2 * volume.sizeBytes };
    await expectCode(bench.port.ensureVolume(other), "VOLUME_DIFFERS");
    assert.equal((await bench.port.getVolume(volume)).sizeBytes, volume.sizeBytes);
  });

  test("without room nothing is written", async () => {
    for (const provisioning of ["thick", "lazy"] as const) {
      const volume = bench.volumeSpec({ provisioning, format: "raw", sizeBytes: 2 ** 20 * GiB });
      await expectCode(bench.port.ensureVolume(volume), "DATASTORE_FULL");
      assert.ok(!(await isListed(volume)));
    }
  });

  test("it stays while a VM has it", async () => {
    await using volume = await bench.volume();
    await using vm = await bench.vm({ disks: [sampleDisk(volume)] });
    await expectCode(bench.port.removeVolume(volume), "VOLUME_IN_USE");
    await bench.port.startVm({ vmUuid: vm.vmUuid });
    await expectCode(bench.port.removeVolume(volume), "VOLUME_IN_USE");
    await bench.port.removeVm({ vmUuid: vm.vmUuid, force: true });
    await bench.port.removeVolume(volume);
  });

  test("a copy of a volume is made, grown, in another format and datastore", async () => {
    await using original = await bench.volume();
    const { datastoreId, volumeUuid, format } = original;
    await using copy = await bench.volume({
      datastoreId: bench.otherDatastoreId,
      format: "raw",
      sizeBytes: 2 * original.sizeBytes,
      source: { kind: "volume", datastoreId, volumeUuid, format },
    });
    const seen = await bench.port.getVolume(copy);
    assert.deepEqual([seen.sizeBytes, seen.format], [copy.sizeBytes, "raw"]);
    await bench.port.removeVolume(original);
    await bench.port.getVolume(copy);
  });

  test("a source that is not there is named and nothing is left", async () => {
    const { datastoreId } = bench;
    const missing = bench.volumeSpec();
    const noVolume = bench.volumeSpec({
      source: { kind: "volume", datastoreId, volumeUuid: missing.volumeUuid, format: "qcow2" },
    });
    await expectCode(bench.port.ensureVolume(noVolume), "VOLUME_NOT_FOUND");
    const noImage = bench.volumeSpec({ source: { kind: "image", datastoreId, name: "nosuch.qcow2" } });
    await expectCode(bench.port.ensureVolume(noImage), "IMAGE_NOT_FOUND");
    const { volumes } = await bench.port.listVolumes({ datastoreId });
    for (const { volumeUuid } of [noVolume, noImage]) {
      assert.ok(!volumes.some((one) => one.volumeUuid === volumeUuid));
    }
  });

  test("the name of an image cannot climb out of its folder", async () => {
    const { datastoreId } = bench;
    for (const name of ["../../../../etc/passwd", "/etc/passwd", "..", "a/../../x", ""]) {
      const volume = bench.volumeSpec({ source: { kind: "image", datastoreId, name } });
      await assert.rejects(bench.port.ensureVolume(volume), (error: Error & { code?: string }) => {
        assert.match(error.code ?? "", /^(IMAGE_NOT_FOUND|BAD_REQUEST)$/, `${name}: ${error.message}`);
        return true;
      });
      assert.ok(!(await isListed(volume)));
    }
  });

  test("a volume starts from an image, grown to its own size, and tells its progress", async () => {
    const { createImage, datastorePaths, port } = bench.agent;
    const { datastoreId } = bench;
    const name = `${randomSafeId()}.qcow2`;
    await createImage({ datastoreId, datastorePath: datastorePaths[0], name, virtualSizeBytes: 8 * MiB });
    const { images } = await bench.port.listImages({ datastoreId });
    assert.equal(images.find((image) => image.name === name)?.virtualSizeBytes, 8 * MiB);

    const abort = new AbortController();
    const operationId = `test:${randomSafeId()}`;
    const stream = port.events(abort.signal)[Symbol.asyncIterator]();
    await stream.next(); // hello: from now on events are heard
    const volume = bench.volumeSpec({ source: { kind: "image", datastoreId, name } });
    const seen = await bench.port.ensureVolume(volume, { operationId });
    assert.equal(seen.sizeBytes, volume.sizeBytes);
    const progress: Extract<AgentEvent, { type: "progress" }>[] = [];
    await bench.eventually("the progress of the copy", async () => {
      const { value } = await stream.next();
      if (value?.type === "progress" && value.operationId === operationId) progress.push(value);
      return progress.at(-1)?.percent === 100 ? true : undefined;
    });
    for (const { percent } of progress) assert.ok(percent >= 0 && percent <= 100);
    abort.abort();
    await bench.port.removeVolume(volume);
  });

  test("a cancelled volume is there whole or not at all, and can be made again", async () => {
    const volume = bench.volumeSpec({ provisioning: "thick", format: "raw", sizeBytes: 64 * MiB });
    const abort = new AbortController();
    const making = bench.port.ensureVolume(volume, { signal: abort.signal });
    setTimeout(() => abort.abort(), 5);
    const ended = await making.then(
      () => "made",
      (error: Error & { code?: string }) => error.code,
    );
    assert.match(ended ?? "", /^(made|CALL_CANCELLED)$/);
    await bench.eventually("the volume's end", async () => {
      if (!(await isListed(volume))) return true;
      return (await bench.port.getVolume(volume)).sizeBytes === volume.sizeBytes ? true : undefined;
    });
    assert.equal((await bench.port.ensureVolume(volume)).sizeBytes, volume.sizeBytes);
    await bench.port.removeVolume(volume);
  });
}
