import assert from "node:assert/strict";
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { test } from "node:test";
import { type CdromMedium, MEDIA_ENDED, PIECE_BYTES_MAX } from "@sinter/southbound";
import { randomSafeId } from "../samples.ts";
import { type AgentBench, expectCode } from "./agent-bench.ts";

export function describeMedia(bench: AgentBench): void {
  const namesOf = async (datastoreId: string): Promise<string[]> =>
    (await bench.port.listIsos({ datastoreId })).isos.map(({ name }) => name);
  const cdOf = async (vmUuid: string) => (await bench.port.getVm({ vmUuid })).cdrom;

  /** An ISO file, removed when the scope ends: declare it before the VM that has it. */
  async function iso(
    name = `${randomSafeId()}.iso`,
  ): Promise<Extract<CdromMedium, { kind: "iso" }> & AsyncDisposable> {
    const { datastoreId } = bench;
    const [data, uploadId] = [randomBytes(4096), randomSafeId()];
    await bench.port.ensureIsoUpload({ datastoreId, uploadId, sizeBytes: data.length });
    await bench.port.writeIsoUpload({ datastoreId, uploadId, offset: "0", data });
    await bench.port.finishIsoUpload({ datastoreId, uploadId, name, sizeBytes: data.length });
    return {
      kind: "iso",
      datastoreId,
      name,
      [Symbol.asyncDispose]: async () => void (await bench.port.removeIso({ datastoreId, name })),
    };
  }

  const plain = ({ kind, datastoreId, name }: Extract<CdromMedium, { kind: "iso" }>) => ({
    kind,
    datastoreId,
    name,
  });

  test("an upload arrives in pieces, says how much there is, and becomes a file with its hash, each repeated", async () => {
    const { datastoreId } = bench;
    const [data, uploadId, name] = [randomBytes(300_000), randomSafeId(), `a b-${randomSafeId()}.ISO`];
    const sizeBytes = data.length;
    const upload = { datastoreId, uploadId };
    assert.deepEqual(await bench.port.ensureIsoUpload({ ...upload, sizeBytes }), { receivedBytes: 0 });
    const write = (from: number, to: number) =>
      bench.port.writeIsoUpload({ ...upload, offset: String(from), data: data.subarray(from, to) });
    assert.deepEqual(await write(0, 200_000), { receivedBytes: 200_000 });
    await expectCode(write(200_001, 250_000), "ISO_UPLOAD_GAP");
    await expectCode(bench.port.finishIsoUpload({ ...upload, name, sizeBytes }), "ISO_UPLOAD_GAP");
    assert.deepEqual(await write(100_000, 150_000), { receivedBytes: 200_000 }, "written again");
    assert.deepEqual(await bench.port.ensureIsoUpload({ ...upload, sizeBytes }), { receivedBytes: 200_000 });
    assert.deepEqual(await write(200_000, sizeBytes), { receivedBytes: sizeBytes });
    assert.equal((await namesOf(datastoreId)).includes(name), false, "not before it is complete");
    const sha256 = createHash("sha256").update(data).digest("hex");
    for (let round = 0; round < 2; round++)
      assert.deepEqual(await bench.port.finishIsoUpload({ ...upload, name, sizeBytes }), { sha256 });
    const file = (await bench.port.listIsos({ datastoreId })).isos.find((each) => each.name === name);
    assert.equal(file?.sizeBytes, sizeBytes);
    for (let round = 0; round < 2; round++) await bench.port.removeIso({ datastoreId, name });
    assert.equal((await namesOf(datastoreId)).includes(name), false);
  });

  test("a large piece travels whole", async () => {
    const { datastoreId } = bench;
    const [data, uploadId] = [randomBytes(PIECE_BYTES_MAX), randomSafeId()];
    await bench.port.ensureIsoUpload({ datastoreId, uploadId, sizeBytes: data.length });
    const written = await bench.port.writeIsoUpload({ datastoreId, uploadId, offset: "0", data });
    assert.equal(written.receivedBytes, data.length);
    for (let round = 0; round < 2; round++) await bench.port.removeIsoUpload({ datastoreId, uploadId });
    assert.deepEqual(await bench.port.ensureIsoUpload({ datastoreId, uploadId, sizeBytes: 1 }), {
      receivedBytes: 0,
    });
    await bench.port.removeIsoUpload({ datastoreId, uploadId });
  });

  test("an upload that does not fit, a name that is taken and names that are no file names are refused", async () => {
    const { datastoreId } = bench;
    const uploadId = randomSafeId();
    const tooMuch = bench.port.ensureIsoUpload({ datastoreId, uploadId, sizeBytes: 2 ** 50 });
    await expectCode(tooMuch, "DATASTORE_FULL");
    await using there = await iso();
    await bench.port.ensureIsoUpload({ datastoreId, uploadId, sizeBytes: 1 });
    await bench.port.writeIsoUpload({ datastoreId, uploadId, offset: "0", data: Buffer.from([1]) });
    const finish = (name: string) =>
      bench.port.finishIsoUpload({ datastoreId, uploadId, name, sizeBytes: 1 });
    await expectCode(finish(there.name), "ISO_EXISTS");
    for (const name of ["../x.iso", ".x.iso", "x/y.iso", "x.img", "x\n.iso", ".iso"]) {
      await expectCode(finish(name), "BAD_REQUEST");
      await expectCode(bench.port.removeIso({ datastoreId, name }), "BAD_REQUEST");
    }
    await bench.port.removeIsoUpload({ datastoreId, uploadId });
    assert.deepEqual(await bench.port.listIsos({ datastoreId: bench.otherDatastoreId }), { isos: [] });
  });

  for (const state of ["stopped", "running"] as const) {
    test(`a CD comes into the drive of a ${state} VM, is changed and taken out, each repeated`, async () => {
      await using first = await iso();
      await using second = await iso();
      await using vm = state === "running" ? await bench.runningVm() : await bench.vm();
      const { vmUuid } = vm;
      assert.equal(await cdOf(vmUuid), null);
      for (const medium of [first, second]) {
        for (let round = 0; round < 2; round++) {
          const seen = await bench.port.changeMedia({ vmUuid, cdrom: plain(medium) });
          assert.deepEqual(seen.vm.cdrom, plain(medium));
        }
      }
      await bench.port.removeIso(first);
      await expectCode(bench.port.removeIso(second), "ISO_IN_USE");
      for (let round = 0; round < 2; round++)
        assert.equal((await bench.port.changeMedia({ vmUuid, cdrom: null })).vm.cdrom, null);
    });
  }

  test("a CD put in while it runs is there at the next start, and one of the spec at the first", async () => {
    await using medium = await iso();
    await using vm = await bench.runningVm();
    const { vmUuid } = vm;
    await bench.port.changeMedia({ vmUuid, cdrom: plain(medium) });
    await bench.port.stopVm({ vmUuid, mode: "force", waitMs: 0 });
    assert.deepEqual((await bench.port.startVm({ vmUuid })).cdrom, plain(medium));
    await using other = await bench.runningVm({ cdrom: plain(medium), cdromBus: "sata" });
    assert.deepEqual(await cdOf(other.vmUuid), plain(medium));
  });

  test("a CD that is not there is refused, and a spec that names one starts with an empty drive", async () => {
    const missing = { kind: "iso" as const, datastoreId: bench.datastoreId, name: "nosuch.iso" };
    await using vm = await bench.vm({ cdrom: missing });
    await expectCode(bench.port.changeMedia({ vmUuid: vm.vmUuid, cdrom: missing }), "ISO_NOT_FOUND");
    assert.equal((await bench.port.startVm({ vmUuid: vm.vmUuid })).cdrom, null);
  });

  test("CMP-29: a browser's medium is open until its browser ends it, and stays in the drive until it is taken out", async () => {
    await using vm = await bench.runningVm();
    const { vmUuid } = vm;
    const mediaId = randomUUID();
    const channel = await bench.agent.port.openMedia(mediaId, 1024 * 1024);
    channel.onMessage((message) => {
      const { id, length } = JSON.parse(String(message)) as { id: number; length: number };
      const answer = Buffer.alloc(4 + length);
      answer.writeUInt32BE(id);
      channel.send(answer);
    });
    const medium = { kind: "browser" as const, mediaId };
    const cdrom = { ...medium, sizeBytes: 1024 * 1024 };
    for (let round = 0; round < 2; round++) {
      const seen = await bench.port.changeMedia({ vmUuid, cdrom });
      assert.deepEqual(seen.vm.cdrom, { ...medium, isOpen: true });
    }
    channel.close(MEDIA_ENDED, "the test closes its window");
    await bench.eventually("the end is seen", async () => {
      const seen = await cdOf(vmUuid);
      assert.equal(seen?.kind, "browser", "it stays in the drive");
      return seen.isOpen ? undefined : true;
    });
    await bench.port.stopVm({ vmUuid, mode: "force", waitMs: 0 });
    assert.equal((await bench.port.startVm({ vmUuid })).cdrom, null, "it starts with an empty drive");
  });

  test("CMP-29: taking a browser's medium out ends its connection", async () => {
    await using vm = await bench.runningVm();
    const { vmUuid } = vm;
    const mediaId = randomUUID();
    await bench.port.changeMedia({ vmUuid, cdrom: { kind: "browser", mediaId, sizeBytes: 2048 } });
    const channel = await bench.agent.port.openMedia(mediaId, 2048);
    const closed = new Promise<void>((resolve) => channel.onClose(() => resolve()));
    assert.equal((await bench.port.changeMedia({ vmUuid, cdrom: null })).vm.cdrom, null);
    await closed;
  });
}
