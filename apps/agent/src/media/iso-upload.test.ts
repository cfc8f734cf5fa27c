import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { chmod, mkdir, readdir, readFile, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { MiB, silentLog } from "@sinter/kit";
import { openStorageBench } from "../testing/storage-bench.ts";
import { isoOfPath, listIsos, removeIso } from "./iso-folder.ts";
import { createIsoUploads } from "./iso-upload.ts";

describe("uploads of ISO files", () => {
  test("on a datastore that is nearly full: refused at the begin, and later before VMs would run out of room", async () => {
    await using bench = await openStorageBench();
    const path = await bench.newDatastore("small", { sizeBytes: 16 * MiB });
    const uploads = createIsoUploads({ datastores: bench.datastores, log: silentLog });
    await assert.rejects(uploads.ensure("small", "u", 32 * MiB), {
      code: "DATASTORE_FULL",
      kind: "exhausted",
    });
    assert.deepEqual(await readdir(path), [".sinter-datastore"], "nothing was made");
    assert.equal(await uploads.ensure("small", "u", 8 * MiB), 0);
    // Something else takes the room meanwhile.
    await writeFile(join(path, "other"), Buffer.alloc(14 * MiB));
    await assert.rejects(uploads.write("small", "u", 0, Buffer.alloc(4 * MiB)), { code: "DATASTORE_FULL" });
    assert.equal(await uploads.ensure("small", "u", 1), 0, "what did not fit is not there");
    await uploads.remove("small", "u");
    await uploads.remove("small", "u");
    assert.deepEqual(await readdir(join(path, "isos")), []);
  });

  test("what a crash left is gone on with, by the length of the file", async () => {
    await using bench = await openStorageBench();
    const path = await bench.newDatastore("one");
    const data = randomBytes(3 * MiB);
    const first = createIsoUploads({ datastores: bench.datastores, log: silentLog });
    await first.ensure("one", "u", data.length);
    await first.write("one", "u", 0, data.subarray(0, 2 * MiB));
    // The power went while a piece was written: a part of it is there, with whatever in it.
    const part = join(path, "isos", "u.part");
    await truncate(part, 2 * MiB + 100);
    const { datastores } = await bench.restarted();
    const again = createIsoUploads({ datastores, log: silentLog });
    assert.equal(await again.ensure("one", "u", data.length), 2 * MiB + 100);
    assert.equal(
      await again.write("one", "u", 2 * MiB, data.subarray(2 * MiB)),
      data.length,
      "it is written over",
    );
    const wanted = { name: "x.iso", sizeBytes: data.length };
    const sha256 = await again.finish("one", "u", wanted);
    assert.equal(sha256, createHash("sha256").update(data).digest("hex"));
    assert.deepEqual(await readFile(join(path, "isos", "x.iso")), data);
    const { mode } = await stat(join(path, "isos", "x.iso"));
    assert.equal(mode & 0o777, 0o644, "QEMU reads it as its own user");
    assert.equal(await again.finish("one", "u", wanted), sha256, "asked again");
    await again.ensure("one", "v", 5);
    await again.write("one", "v", 0, Buffer.alloc(5));
    await assert.rejects(again.finish("one", "v", { name: "x.iso", sizeBytes: 5 }), { code: "ISO_EXISTS" });
  });

  test("pieces sent at once come one after the other", async () => {
    await using bench = await openStorageBench();
    await bench.newDatastore("one");
    const uploads = createIsoUploads({ datastores: bench.datastores, log: silentLog });
    const data = randomBytes(2 * MiB);
    await uploads.ensure("one", "u", data.length);
    const pieces = Array.from({ length: 8 }, (_, index) => index * (MiB / 4));
    await Promise.all(pieces.map((at) => uploads.write("one", "u", at, data.subarray(at, at + MiB / 4))));
    const sha256 = await uploads.finish("one", "u", { name: "x.iso", sizeBytes: data.length });
    assert.equal(sha256, createHash("sha256").update(data).digest("hex"));
  });

  test("the folder shows files that could be put into a drive, and no others", async () => {
    await using bench = await openStorageBench();
    const path = await bench.newDatastore("one");
    const datastore = await bench.datastores.open("one");
    assert.deepEqual(await listIsos(datastore), []);
    await mkdir(join(path, "isos", "folder.iso"), { recursive: true });
    for (const name of ["b.iso", "A b.ISO", "u.part", ".hidden.iso", "x.img", "q@1.iso"])
      await writeFile(join(path, "isos", name), name);
    await chmod(join(path, "isos", "b.iso"), 0o600);
    assert.deepEqual(
      (await listIsos(datastore)).map(({ name, sizeBytes }) => [name, sizeBytes]),
      [
        ["A b.ISO", 7],
        ["b.iso", 5],
      ],
    );
    const nobody = async () => ({ all: [], running: [] });
    const held = async () => ({ all: ["i-1", "i-2"], running: [] });
    await assert.rejects(removeIso(datastore, "b.iso", held), { code: "ISO_IN_USE", message: /i-1, i-2/ });
    await removeIso(datastore, "b.iso", nobody);
    await removeIso(datastore, "b.iso", nobody);
    await removeIso(datastore, "../.sinter-datastore", nobody);
    assert.ok(await stat(join(path, ".sinter-datastore")));
    const found = isoOfPath(join(path, "isos", "A b.ISO"), bench.datastores.specs());
    assert.deepEqual(found, { kind: "iso", datastoreId: "one", name: "A b.ISO" });
    assert.equal(isoOfPath("/elsewhere/isos/x.iso", bench.datastores.specs()), undefined);
  });
});
