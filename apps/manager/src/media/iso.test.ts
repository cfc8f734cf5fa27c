import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { AppError } from "@sinter/kit";
import { type WireIso } from "@sinter/northbound";
import { describeAccess } from "../testing/describe-access.ts";
import { type MediaWorld, mediaWorld } from "../testing/media-world.ts";
import { readContentRange } from "./content-range.ts";
import { isoNameFrom, readDevicePath } from "./iso.ts";

const MiB = 1024 * 1024;
const sha256 = (data: Buffer): string => createHash("sha256").update(data).digest("hex");

test("names of ISO files: what is one, and what is none", () => {
  for (const [text, name] of [
    ["a.iso", "a.iso"],
    [" debian 12-x.ISO ", "debian 12-x.ISO"],
    ["plain", "plain.iso"],
    ["..", undefined],
    ["../x.iso", undefined],
    [".hidden.iso", undefined],
    ["a/b.iso", undefined],
    ["a@b.iso", undefined],
    ["x\n.iso", undefined],
    ["", undefined],
    [`${"n".repeat(125)}.iso`, undefined],
  ] as const) {
    assert.equal(isoNameFrom(text), name, text);
  }
});

test("paths of CDs are read as the contract writes them", () => {
  assert.deepEqual(readDevicePath("1@rs.iso"), { datastoreId: 1, name: "rs.iso" });
  assert.deepEqual(readDevicePath(" 12@a b.iso "), { datastoreId: 12, name: "a b.iso" });
  for (const path of ["rs.iso", "@rs.iso", "1@", "x@rs.iso", "//192.0.2.1/share/x.iso"])
    assert.equal(readDevicePath(path), undefined, path);
});

test("a piece's place must fit the file", () => {
  assert.deepEqual(readContentRange("bytes 0-9/100", 100), { first: 0, length: 10, totalBytes: 100 });
  const wrong = [
    "",
    "bytes 0-9/99",
    "bytes 9-0/100",
    "bytes 0-100/100",
    "bytes */100",
    "0-9/100",
    "bytes -1-9/100",
  ];
  for (const text of wrong)
    assert.throws(() => readContentRange(text, 100), { code: "ISO_RANGE_INVALID" }, text);
  assert.throws(() => readContentRange(undefined, 100), { code: "ISO_RANGE_INVALID" });
  const whole = 9 * MiB;
  assert.throws(() => readContentRange(`bytes 0-${whole - 1}/${whole}`, whole), {
    code: "ISO_PIECE_TOO_LARGE",
  });
});

describeAccess("CDs and ISO files", async () => {
  const world = await mediaWorld();
  const tokens = await world.served.accessTokens();
  return { app: world.served.app, tokens, [Symbol.asyncDispose]: () => world[Symbol.asyncDispose]() };
});

describe("the ISO library", () => {
  let world: MediaWorld;
  before(async () => {
    world = await mediaWorld();
  });
  after(() => world[Symbol.asyncDispose]());

  const begin = (name: string, sizeBytes: number) =>
    world.call("POST", "/sinter/v1/isos", { name, sizeBytes, datastoreUrn: world.compute.urns.datastore });
  const send = (iso: WireIso, data: Buffer, first: number, end: number) =>
    world.call("PUT", `/sinter/v1/isos/${iso.id}/content`, data.subarray(first, end), {
      "content-range": `bytes ${first}-${end - 1}/${data.length}`,
      "content-type": "application/x-iso9660-image",
    });
  const list = async (): Promise<WireIso[]> => (await world.call("GET", "/sinter/v1/isos")).body.isos;
  const named = async (name: string): Promise<WireIso | undefined> =>
    (await list()).find((iso) => iso.name === name);
  const failAll = (
    call: Parameters<(typeof world.compute.sims)[0]["faults"]["fail"]>[0],
    error: Error,
    when: "before" | "after",
  ) => {
    for (const sim of world.compute.sims) sim.faults.fail(call, error, { when });
  };
  const clearFaults = (): void => {
    for (const sim of world.compute.sims) sim.faults.clear();
  };

  test("a file arrives in pieces and is in the library with its hash", async () => {
    const data = randomBytes(5 * MiB + 7);
    world.recorded.length = 0;
    const { status, body: iso } = await begin("first", data.length);
    assert.deepEqual([status, iso.name, iso.status, iso.receivedBytes], [200, "first.iso", "uploading", 0]);
    const half = await send(iso, data, 0, 3 * MiB);
    assert.deepEqual([half.status, half.body.status, half.body.receivedBytes], [200, "uploading", 3 * MiB]);
    const whole = await send(iso, data, 3 * MiB, data.length);
    assert.deepEqual(
      [whole.body.status, whole.body.receivedBytes, whole.body.sha256],
      ["ready", data.length, sha256(data)],
    );
    assert.equal(whole.body.devicePath, `${world.datastoreId}@first.iso`);
    assert.equal(world.compute.store.isos.get("first.iso")?.sizeBytes, data.length);
    assert.equal((await send(iso, data, 0, 10)).status, 400, "it is complete");
    const content = `PUT /sinter/v1/isos/${iso.id}/content`;
    const records = ["POST /sinter/v1/isos 200", `${content} 200`, `${content} 400`];
    assert.deepEqual(world.recorded, records, "the audit has its begin and its end");
    const found = await world.call("GET", `/sinter/v1/isos?datastore=${world.compute.urns.datastore}`);
    assert.deepEqual([found.body.total, found.body.isos[0].id], [1, iso.id]);
    assert.equal(
      (await world.call("GET", "/sinter/v1/isos?datastore=urn:sites:X:datastores:999999")).body.total,
      0,
    );
    assert.deepEqual((await world.call("DELETE", `/sinter/v1/isos/${iso.id}`)).body, {});
    assert.equal(world.compute.store.isos.size, 0);
    assert.deepEqual(await list(), []);
  });

  test("an upload goes on after its browser, the manager or the agent broke off", async () => {
    const data = randomBytes(6 * MiB);
    const { body: iso } = await begin("resumed.iso", data.length);
    await send(iso, data, 0, 2 * MiB);
    // The agent takes a piece and its answer is lost, on every host.
    failAll("writeIsoUpload", new AppError("unavailable", "AGENT_AWAY", "gone"), "after");
    assert.notEqual((await send(iso, data, 2 * MiB, 4 * MiB)).status, 200);
    clearFaults();
    // The same file begun again, from another browser, at a manager that has just been started.
    const again = await world.anotherService().create({
      name: "resumed",
      sizeBytes: data.length,
      datastoreUrn: world.compute.urns.datastore,
    });
    assert.deepEqual([String(again.id), again.receivedBytes], [iso.id, 2 * MiB]);
    const gap = await send(iso, data, 4 * MiB, 5 * MiB);
    assert.deepEqual([gap.status >= 400, /go on from byte 2097152/.test(gap.body.errorDes)], [true, true]);
    // What the datastore has lost meanwhile has to come again.
    const upload = [...world.compute.store.uploads.keys()][0] ?? "";
    world.compute.store.uploads.set(upload, data.subarray(0, MiB));
    assert.equal((await begin("resumed.iso", data.length)).body.receivedBytes, MiB);
    await send(iso, data, MiB, 4 * MiB);
    const { body } = await send(iso, data, 4 * MiB, data.length);
    assert.deepEqual([body.status, body.sha256], ["ready", sha256(data)]);
    await world.call("DELETE", `/sinter/v1/isos/${iso.id}`);
  });

  test("an upload whose end was not heard of is ended by the reconciler", async () => {
    const data = randomBytes(1000);
    const { body: iso } = await begin("ended.iso", data.length);
    failAll("finishIsoUpload", new AppError("unavailable", "AGENT_AWAY", "gone"), "after");
    assert.notEqual((await send(iso, data, 0, 1000)).status, 200);
    clearFaults();
    assert.equal((await named("ended.iso"))?.status, "uploading");
    await world.isos.reconcile(world.datastoreId);
    const { status, sha256: hash } = (await named("ended.iso")) ?? {};
    assert.deepEqual([status, hash], ["ready", sha256(data)]);
    await world.call("DELETE", `/sinter/v1/isos/${iso.id}`);
  });

  test("pieces that do not fit are refused, and the upload goes on", async () => {
    const data = randomBytes(1000);
    const { body: iso } = await begin("pieces.iso", data.length);
    const put = (piece: Buffer, range: string) =>
      world.call("PUT", `/sinter/v1/isos/${iso.id}/content`, piece, { "content-range": range });
    for (const [piece, range] of [
      [data, "bytes 0-998/999"],
      [data.subarray(0, 10), "bytes 0-99/1000"],
      [data.subarray(0, 100), "bytes 0-9/1000"],
      [data, "nonsense"],
      [data.subarray(500), "bytes 500-999/1000"],
    ] as const) {
      const { status, body } = await put(piece, range);
      assert.ok(status >= 400 && body.errorDes.length > 20, `${range}: ${body.errorDes}`);
    }
    assert.equal((await send(iso, data, 0, 1000)).body.sha256, sha256(data));
    await world.call("DELETE", `/sinter/v1/isos/${iso.id}`);
  });

  test("what cannot be is refused before anything is sent", async () => {
    const { store } = world.compute;
    const full = await begin("large.iso", store.freeBytes + 1);
    assert.deepEqual([full.status, full.body.errorCode], [400, "10410003"]);
    assert.equal((await begin("../x.iso", 10)).body.errorCode, "10301035");
    const body = { name: "x.iso", sizeBytes: 10, datastoreUrn: "urn:sites:X:datastores:999999" };
    assert.equal((await world.call("POST", "/sinter/v1/isos", body)).body.errorCode, "10410006");
    await world.compute.addIso("taken.iso");
    store.isos.set("copied.iso", { sizeBytes: 5, modifiedAt: 0 });
    for (const name of ["taken.iso", "copied.iso"])
      assert.match((await begin(name, 10)).body.errorDes, /has an ISO file .* already/);
    await begin("started.iso", 10);
    assert.match((await begin("started.iso", 11)).body.errorDes, /already/);
    assert.deepEqual(
      (await list()).map((iso) => `${iso.name} ${iso.status}`),
      ["started.iso uploading", "taken.iso ready"],
    );
    for (const iso of await list()) await world.call("DELETE", `/sinter/v1/isos/${iso.id}`);
    assert.equal(store.uploads.size, 0);
    store.isos.clear();
  });

  test("files that an administrator copies there are found, and those that vanish are told", async () => {
    const { store } = world.compute;
    store.isos.set("copied by hand.iso", { sizeBytes: 77, modifiedAt: 0 });
    await world.isos.reconcile(world.datastoreId);
    const found = await named("copied by hand.iso");
    assert.deepEqual([found?.status, found?.sizeBytes, found?.sha256], ["ready", 77, ""]);
    await world.isos.reconcile(world.datastoreId);
    assert.equal((await list()).length, 1);
    store.isos.delete("copied by hand.iso");
    await world.isos.reconcile(world.datastoreId);
    assert.equal((await named("copied by hand.iso"))?.status, "failed");
    store.isos.set("copied by hand.iso", { sizeBytes: 78, modifiedAt: 0 });
    await world.isos.reconcile(world.datastoreId);
    const back = await named("copied by hand.iso");
    assert.deepEqual([back?.status, back?.sizeBytes, back?.id], ["ready", 78, found?.id]);
    await world.call("DELETE", `/sinter/v1/isos/${found?.id}`);
    assert.equal(store.isos.size, 0);
  });

  test("an upload to which nothing is added for a day is given up", async () => {
    const data = randomBytes(100);
    const { body: iso } = await begin("forgotten.iso", data.length);
    await send(iso, data, 0, 50);
    world.clock.advance(23 * 3_600_000);
    await world.isos.reconcile(world.datastoreId);
    assert.equal((await named("forgotten.iso"))?.receivedBytes, 50);
    world.clock.advance(2 * 3_600_000);
    await world.isos.reconcile(world.datastoreId);
    assert.equal(await named("forgotten.iso"), undefined);
    assert.equal(world.compute.store.uploads.size, 0);
  });

  test("a removal that was not heard of is ended by the reconciler", async () => {
    await world.compute.addIso("going.iso");
    const id = (await named("going.iso"))?.id;
    failAll("removeIso", new AppError("unavailable", "AGENT_AWAY", "gone"), "before");
    assert.notEqual((await world.call("DELETE", `/sinter/v1/isos/${id}`)).status, 200);
    clearFaults();
    assert.equal((await named("going.iso"))?.status, "removing");
    await world.isos.reconcile(world.datastoreId);
    assert.equal(await named("going.iso"), undefined);
    assert.equal(world.compute.store.isos.size, 0);
  });
});
