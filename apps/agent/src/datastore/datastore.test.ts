import assert from "node:assert/strict";
import { mkdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { MiB, run } from "@sinter/kit";
import { openStorageBench } from "../testing/storage-bench.ts";

test("the marker is written once and read again; two hosts at once agree", async () => {
  await using bench = await openStorageBench();
  const path = await bench.newDatastore("one");
  const { datastores } = await bench.restarted();
  const spec = { datastoreId: "one", path, shared: true };
  const seen = await Promise.all([bench.datastores.ensure(spec), datastores.ensure(spec)]);
  const marker = JSON.parse(await readFile(join(path, ".sinter-datastore"), "utf8")) as { markerId: string };
  assert.deepEqual(
    seen.map(({ markerId }) => markerId),
    [marker.markerId, marker.markerId],
  );
});

test("what is in use outlives a restart of the agent", async () => {
  await using bench = await openStorageBench();
  const path = await bench.newDatastore("one");
  const { datastores } = await bench.restarted();
  assert.deepEqual(datastores.specs(), [{ datastoreId: "one", path, shared: false }]);
  assert.equal((await datastores.list())[0]?.state, "normal");
});

test("an unmounted datastore is lost, nothing is written under its mount point, and an event says so", async () => {
  await using bench = await openStorageBench();
  const path = await bench.newDatastore("nfs", { sizeBytes: 16 * MiB });
  assert.equal((await bench.datastores.list())[0]?.state, "normal");
  await run("umount", [path]);
  assert.equal((await bench.datastores.list())[0]?.state, "lost");
  await assert.rejects(bench.datastores.open("nfs"), { code: "DATASTORE_UNUSABLE" });
  const volume = { volumeUuid: crypto.randomUUID(), datastoreId: "nfs", sizeBytes: MiB } as const;
  await assert.rejects(
    bench.volumes.ensure({ ...volume, provisioning: "thin", format: "raw", source: null }, bench.context),
    { code: "DATASTORE_UNUSABLE" },
  );
  assert.deepEqual(bench.events, [{ type: "datastoreChanged", datastoreId: "nfs" }]);
});

test("a full or read-only datastore is shown as such", async () => {
  await using bench = await openStorageBench();
  const path = await bench.newDatastore("small", { sizeBytes: 8 * MiB });
  await writeFile(join(path, "ballast"), Buffer.alloc(8 * MiB - 64 * 1024)).catch(() => {}); // as much as fits
  assert.equal((await bench.datastores.list())[0]?.state, "readOnly");
  await rm(join(path, "ballast"));
  assert.equal((await bench.datastores.list())[0]?.state, "normal");
  await run("mount", ["-o", "remount,ro", path]);
  assert.equal((await bench.datastores.list())[0]?.state, "readOnly");
});

test("paths that cannot be a datastore are refused", async () => {
  await using bench = await openStorageBench();
  const file = join(bench.root, "file");
  await writeFile(file, "");
  for (const path of [
    "/",
    "/etc",
    "/usr/share",
    "/proc/self",
    "/dev",
    file,
    "/nosuch",
    join(bench.root, "..", "..", "etc"),
  ]) {
    await assert.rejects(bench.datastores.ensure({ datastoreId: "x", path, shared: false }), {
      code: "DATASTORE_UNUSABLE",
    });
  }
  assert.deepEqual(bench.datastores.specs(), []);
});

test("a symbolic link is followed once, when it is taken into use", async () => {
  await using bench = await openStorageBench();
  const real = join(bench.root, "real");
  const link = join(bench.root, "link");
  await mkdir(real);
  await symlink(real, link);
  const seen = await bench.datastores.ensure({ datastoreId: "x", path: link, shared: false });
  assert.equal(seen.path, real);
});

test("it is not forgotten or moved while a VM has a disk on it", async () => {
  await using bench = await openStorageBench();
  const path = await bench.newDatastore("one");
  bench.users.set("disk", { all: ["i-1"], running: [] });
  const moved = join(bench.root, "moved");
  await mkdir(moved);
  await assert.rejects(bench.datastores.remove("one"), { code: "DATASTORE_IN_USE" });
  await assert.rejects(bench.datastores.ensure({ datastoreId: "one", path: moved, shared: false }), {
    code: "DATASTORE_IN_USE",
  });
  bench.users.clear();
  await rename(path, `${path}-elsewhere`);
  await bench.datastores.remove("one");
  await bench.datastores.remove("one");
  await assert.rejects(bench.datastores.open("one"), { code: "DATASTORE_NOT_FOUND" });
});

test("a damaged marker is not overwritten", async () => {
  await using bench = await openStorageBench();
  const path = join(bench.root, "odd");
  await mkdir(path);
  await writeFile(join(path, ".sinter-datastore"), "{}");
  await assert.rejects(bench.datastores.ensure({ datastoreId: "odd", path, shared: false }), {
    code: "DATASTORE_UNUSABLE",
  });
  assert.equal(await readFile(join(path, ".sinter-datastore"), "utf8"), "{}");
});
