import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { mkdir, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import { MiB, run, stopChild, waitFor } from "@sinter/kit";
import type { VolumeSource, VolumeSpec } from "@sinter/southbound";
import { HOST_UUID, openStorageBench, type StorageBench } from "../testing/storage-bench.ts";
import { volumeFile } from "./volume-paths.ts";

const SECRET_FILE = "/etc/passwd";

function spec(datastoreId: string, changes: Partial<VolumeSpec> = {}): VolumeSpec {
  return {
    volumeUuid: randomUUID(),
    datastoreId,
    sizeBytes: 8 * MiB,
    provisioning: "thin",
    format: "qcow2",
    source: null,
    ...changes,
  };
}

const image = (datastoreId: string, name: string): VolumeSource => ({ kind: "image", datastoreId, name });

/** Nothing of a volume, finished or half-made, is in the datastore. */
async function assertNothingOf({ volumeUuid }: VolumeSpec, path: string): Promise<void> {
  const folders = await readdir(join(path, "volumes")).catch((): string[] => []);
  assert.ok(!folders.includes(volumeUuid), `left behind: ${volumeUuid}`);
}

async function imageFolder(path: string): Promise<string> {
  const folder = join(path, "images");
  await mkdir(folder, { recursive: true });
  return folder;
}

/** A file of random content that no format could shorten. */
async function rawContent(folder: string, name: string, bytes: number): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, randomBytes(bytes));
  return path;
}

/** Ensures and aborts as soon as the part has grown. */
async function cutShort(bench: StorageBench, volume: VolumeSpec, path: string): Promise<void> {
  const abort = new AbortController();
  const part = `${volumeFile(path, volume.volumeUuid, volume.format)}.part-${HOST_UUID}`;
  const making = bench.volumes.ensure(volume, { signal: abort.signal });
  making.catch(() => {}); // looked at below
  await waitFor(
    "the part",
    async () => ((await stat(part).catch(() => undefined))?.blocks ?? 0) > 0 || undefined,
    { timeoutMs: 20_000, intervalMs: 2 },
  );
  abort.abort(new Error("the caller left"));
  await assert.rejects(making, /the caller left/);
  await assertNothingOf(volume, path);
}

describe("images from outside", () => {
  /** Each makes a file in the folder that would lead whoever opens it to another file of the host. */
  const hostile: Record<string, (folder: string) => Promise<void>> = {
    "qcow2 with a backing file": async (folder) => {
      const args = ["create", "-q", "-f", "qcow2", "-F", "raw", "-b", SECRET_FILE, join(folder, "x")];
      await run("qemu-img", args);
    },
    "qcow2 with an external data file": async (folder) => {
      const data = join(folder, "..", "data");
      const options = `data_file=${data},data_file_raw=on`;
      await run("qemu-img", ["create", "-q", "-f", "qcow2", "-o", options, join(folder, "x"), "1M"]);
    },
    "qcow2 that is encrypted": async (folder) => {
      const file = join(folder, "x");
      await run("qemu-img", ["create", "-q", "-f", "qcow2", file, "1M"]);
      const content = await readFile(file);
      content.writeUInt32BE(1, 32); // the field of the header that names the method
      await writeFile(file, content);
    },
    "VMDK that only describes": async (folder) => {
      await writeFile(
        join(folder, "x"),
        `# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\ncreateType="monolithicFlat"\nRW 4 FLAT "${SECRET_FILE}" 0\n`,
      );
    },
    "VMDK that describes inside a sparse header": async (folder) => {
      // QEMU follows the embedded description of a header that claims no capacity.
      const description = `# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\ncreateType="monolithicFlat"\nRW 4 FLAT "${SECRET_FILE}" 0\n`;
      const file = Buffer.alloc(64 * 1024);
      file.write("KDMV", 0, "latin1");
      file.writeUInt32LE(1, 4);
      file.writeUInt32LE(3, 8);
      file.writeBigUInt64LE(1n, 28); // where the description is, in sectors
      file.writeBigUInt64LE(20n, 36);
      file.write(description, 512, "latin1");
      await writeFile(join(folder, "x"), file);
    },
    "symbolic link": async (folder) => symlink(SECRET_FILE, join(folder, "x")),
    pipe: async (folder) => {
      await run("mkfifo", [join(folder, "x")]);
    },
    folder: async (folder) => {
      await mkdir(join(folder, "x"));
    },
  };

  for (const [what, make] of Object.entries(hostile)) {
    test(`refused, and nothing is left: ${what}`, async () => {
      await using bench = await openStorageBench();
      const path = await bench.newDatastore("one");
      await make(await imageFolder(path));
      const volume = spec("one", { source: image("one", "x") });
      await assert.rejects(
        bench.volumes.ensure(volume, bench.context),
        (error: Error & { code?: string }) => {
          assert.equal(error.code, "IMAGE_UNSAFE", error.message);
          return true;
        },
      );
      await assertNothingOf(volume, path);
      assert.deepEqual(await bench.volumes.images("one"), []);
    });
  }

  test("refused: an images folder that leads out of the datastore", async () => {
    await using bench = await openStorageBench();
    const path = await bench.newDatastore("one");
    await symlink("/etc", join(path, "images"));
    const volume = spec("one", { source: image("one", "passwd") });
    await assert.rejects(bench.volumes.ensure(volume, bench.context), { code: "IMAGE_UNSAFE" });
    await assertNothingOf(volume, path);
    assert.deepEqual(await bench.volumes.images("one"), []);
  });

  test("QEMU's own account gets through to a volume, also when the agent may not open anything by itself", async () => {
    await using bench = await openStorageBench();
    const path = await bench.newDatastore("one");
    // As the agent's unit has it.
    const umask = process.umask(0o077);
    const volume = spec("one");
    await bench.volumes.ensure(volume, bench.context).finally(() => process.umask(umask));
    const folder = dirname(volumeFile(path, volume.volumeUuid, volume.format));
    for (const each of [folder, dirname(folder)]) assert.equal((await stat(each)).mode & 0o777, 0o711);
    assert.equal((await stat(volumeFile(path, volume.volumeUuid, volume.format))).mode & 0o077, 0);
  });

  test("refused: names that are no plain file name", async () => {
    await using bench = await openStorageBench();
    const path = await bench.newDatastore("one");
    const folder = await imageFolder(path);
    await rawContent(path, "outside", MiB);
    await rawContent(folder, ".hidden", MiB);
    for (const name of ["../outside", "..", ".", "", ".hidden", "a/b", "a\0b", "a\nb", "x".repeat(300)]) {
      await assert.rejects(
        bench.volumes.ensure(spec("one", { source: image("one", name) }), bench.context),
        { code: "IMAGE_NOT_FOUND" },
        JSON.stringify(name),
      );
    }
  });

  test("what a guest wrote into a raw volume is never read as a format", async () => {
    await using bench = await openStorageBench();
    const path = await bench.newDatastore("one");
    const original = spec("one", { format: "raw", sizeBytes: MiB });
    await bench.volumes.ensure(original, bench.context);
    // A guest that writes this to its disk hopes that somebody takes the disk for a qcow2 file.
    const bait = join(bench.root, "bait");
    await run("qemu-img", ["create", "-q", "-f", "qcow2", "-F", "raw", "-b", SECRET_FILE, bait]);
    const file = volumeFile(path, original.volumeUuid, "raw");
    const content = await readFile(bait);
    await writeFile(file, Buffer.concat([content, Buffer.alloc(MiB - content.length)]));
    const { datastoreId, volumeUuid } = original;
    const copy = spec("one", {
      format: "raw",
      sizeBytes: MiB,
      source: { kind: "volume", datastoreId, volumeUuid, format: "raw" },
    });
    await bench.volumes.ensure(copy, bench.context);
    const copied = await readFile(volumeFile(path, copy.volumeUuid, "raw"));
    assert.ok(copied.equals(await readFile(file)));
  });

  const formats: Record<string, readonly string[]> = {
    "a.raw": ["-O", "raw"],
    "no extension": ["-O", "raw"],
    "b.qcow2": ["-O", "qcow2"],
    "old.qcow2": ["-O", "qcow2", "-o", "compat=0.10"],
    "small.img": ["-O", "qcow2", "-c"],
    "c.vmdk": ["-O", "vmdk", "-o", "subformat=monolithicSparse"],
    "ova.vmdk": ["-O", "vmdk", "-o", "subformat=streamOptimized"],
    "d.vhdx": ["-O", "vhdx"],
    "e.vdi": ["-O", "vdi"],
  };

  test("every usual format is listed with its size and copied to the last byte", async () => {
    await using bench = await openStorageBench();
    const path = await bench.newDatastore("one");
    const folder = await imageFolder(path);
    const content = await rawContent(bench.root, "content", 2 * MiB);
    for (const [name, options] of Object.entries(formats)) {
      await run("qemu-img", ["convert", "-q", "-f", "raw", ...options, content, join(folder, name)]);
    }
    const images = await bench.volumes.images("one");
    assert.deepEqual(images.map(({ name }) => name).toSorted(), Object.keys(formats).toSorted());
    for (const { name, virtualSizeBytes } of images) {
      assert.equal(virtualSizeBytes, 2 * MiB, name);
      const volume = spec("one", { sizeBytes: 3 * MiB, source: image("one", name) });
      const made = await bench.volumes.ensure(volume, bench.context);
      assert.equal(made.sizeBytes, 3 * MiB);
      // -s would mind the different size; the part beyond must be zero.
      const file = volumeFile(path, volume.volumeUuid, "qcow2");
      await run("qemu-img", ["compare", "-f", "raw", "-F", "qcow2", content, file]);
    }
  });

  test("an image larger than the volume is not cut off, and asking again is no conflict", async () => {
    await using bench = await openStorageBench();
    const path = await bench.newDatastore("one");
    await rawContent(await imageFolder(path), "big", 4 * MiB);
    const volume = spec("one", { sizeBytes: MiB, source: image("one", "big") });
    assert.equal((await bench.volumes.ensure(volume, bench.context)).sizeBytes, 4 * MiB);
    assert.equal((await bench.volumes.ensure(volume, bench.context)).sizeBytes, 4 * MiB);
  });
});

describe("room", () => {
  test("a thick volume that does not fit is refused before anything is written", async () => {
    await using bench = await openStorageBench();
    const path = await bench.newDatastore("small", { sizeBytes: 32 * MiB });
    for (const provisioning of ["thick", "lazy"] as const) {
      const volume = spec("small", { provisioning, format: "raw", sizeBytes: 40 * MiB });
      await assert.rejects(bench.volumes.ensure(volume, bench.context), {
        code: "DATASTORE_FULL",
        kind: "exhausted",
      });
      await assertNothingOf(volume, path);
    }
    assert.deepEqual(await readdir(path), [".sinter-datastore"]);
  });

  test("a copy that turns out too large on the way is taken back", async () => {
    await using bench = await openStorageBench();
    const path = await bench.newDatastore("small", { sizeBytes: 16 * MiB });
    const source = await bench.newDatastore("large");
    // Compresses to nothing and unfolds to 64 MiB.
    const content = join(bench.root, "content");
    await writeFile(content, Buffer.alloc(64 * MiB, "abcdefgh"));
    const packed = join(await imageFolder(source), "packed");
    await run("qemu-img", ["convert", "-q", "-c", "-f", "raw", "-O", "qcow2", content, packed]);
    const volume = spec("small", { source: image("large", "packed"), sizeBytes: 64 * MiB });
    await assert.rejects(bench.volumes.ensure(volume, bench.context), {
      code: "DATASTORE_FULL",
      kind: "exhausted",
    });
    await assertNothingOf(volume, path);
  });

  test("of two volumes that want the same last room one gets it", async () => {
    await using bench = await openStorageBench();
    const path = await bench.newDatastore("small", { sizeBytes: 64 * MiB });
    const volumes = [0, 1, 2].map(() =>
      spec("small", { provisioning: "thick", format: "raw", sizeBytes: 40 * MiB }),
    );
    const made = await Promise.allSettled(
      volumes.map((volume) => bench.volumes.ensure(volume, bench.context)),
    );
    assert.deepEqual(made.map(({ status }) => status).toSorted(), ["fulfilled", "rejected", "rejected"]);
    for (const [index, { status }] of made.entries()) {
      if (status === "rejected") await assertNothingOf(volumes[index] as VolumeSpec, path);
    }
  });
});

describe("what is cut short", () => {
  test("a cancelled zeroing leaves nothing, no process either", async () => {
    await using bench = await openStorageBench();
    const path = await bench.newDatastore("one");
    const volume = spec("one", { provisioning: "thick", format: "raw", sizeBytes: 8192 * MiB });
    await cutShort(bench, volume, path);
    const { stdout } = await run("ps", ["-eo", "args"]);
    assert.ok(!stdout.includes(volume.volumeUuid), "qemu-img still runs");
  });

  test("a cancelled copy leaves nothing and may be asked for again", async () => {
    await using bench = await openStorageBench();
    const path = await bench.newDatastore("one");
    const folder = await imageFolder(path);
    await rawContent(folder, "large", 256 * MiB);
    const volume = spec("one", { format: "raw", sizeBytes: 256 * MiB, source: image("one", "large") });
    await cutShort(bench, volume, path);
    const again = { ...volume, source: null, sizeBytes: 8 * MiB };
    assert.equal((await bench.volumes.ensure(again, bench.context)).sizeBytes, 8 * MiB);
  });

  test("what a crash left is tidied: our own parts, and nothing else", async () => {
    await using bench = await openStorageBench();
    const path = await bench.newDatastore("one");
    const finished = spec("one");
    await bench.volumes.ensure(finished, bench.context);
    const ours = volumeFile(path, randomUUID(), "qcow2");
    const theirs = volumeFile(path, randomUUID(), "raw");
    const beside = volumeFile(path, finished.volumeUuid, "qcow2");
    await mkdir(dirname(ours), { recursive: true });
    await mkdir(dirname(theirs), { recursive: true });
    await writeFile(`${ours}.part-${HOST_UUID}`, "half");
    await writeFile(`${beside}.part-${HOST_UUID}`, "half");
    await writeFile(`${theirs}.part-${randomUUID()}`, "half");
    const { volumes } = await bench.restarted();
    await volumes.tidy();
    await assert.rejects(stat(dirname(ours)), { code: "ENOENT" });
    assert.deepEqual(await readdir(dirname(beside)), [`${finished.volumeUuid}.qcow2`]);
    assert.equal((await readdir(dirname(theirs))).length, 1);
    assert.deepEqual(
      (await volumes.list("one")).map(({ volumeUuid }) => volumeUuid),
      [finished.volumeUuid],
    );
  });

  test("a half-made volume is made anew, and progress is told only to who asks", async () => {
    await using bench = await openStorageBench();
    const path = await bench.newDatastore("one");
    await rawContent(await imageFolder(path), "x", 4 * MiB);
    const volume = spec("one", { source: image("one", "x") });
    const file = volumeFile(path, volume.volumeUuid, "qcow2");
    await mkdir(dirname(file), { recursive: true });
    await writeFile(`${file}.part-${HOST_UUID}`, "half");
    await bench.volumes.ensure(volume, { ...bench.context, operationId: "t:1" });
    assert.deepEqual(await readdir(dirname(file)), [`${volume.volumeUuid}.qcow2`]);
    const last = bench.events.at(-1);
    assert.ok(last?.type === "progress" && last.percent === 100 && last.operationId === "t:1");
    const before = bench.events.length;
    await bench.volumes.ensure(spec("one", { source: image("one", "x") }), bench.context);
    assert.equal(bench.events.length, before);
  });
});

describe("volumes in use", () => {
  test("a volume that a running VM has is not copied; that of a stopped one is", async () => {
    await using bench = await openStorageBench();
    const path = await bench.newDatastore("one");
    const original = spec("one");
    await bench.volumes.ensure(original, bench.context);
    const { datastoreId, volumeUuid, format } = original;
    const file = volumeFile(path, volumeUuid, format);
    const copy = spec("one", { source: { kind: "volume", datastoreId, volumeUuid, format } });
    bench.users.set(file, { all: ["i-1"], running: ["i-1"] });
    await assert.rejects(bench.volumes.ensure(copy, bench.context), { code: "VOLUME_IN_USE" });
    await assertNothingOf(copy, path);
    bench.users.set(file, { all: ["i-1"], running: [] });
    await bench.volumes.ensure(copy, bench.context);
    await assert.rejects(bench.volumes.remove("one", volumeUuid), { code: "VOLUME_IN_USE" });
  });

  test("a lock of another host is respected: neither copied nor removed", async () => {
    await using bench = await openStorageBench();
    const path = await bench.newDatastore("shared", { shared: true });
    const original = spec("shared");
    await bench.volumes.ensure(original, bench.context);
    const { datastoreId, volumeUuid, format } = original;
    const file = volumeFile(path, volumeUuid, format);
    // Any QEMU that writes holds this lock, on whichever host.
    const holder = spawn("qemu-io", ["-f", "qcow2", file], { stdio: ["pipe", "pipe", "ignore"] });
    try {
      await new Promise((resolve) => {
        holder.stdout.once("data", resolve);
      });
      const copy = spec("shared", { source: { kind: "volume", datastoreId, volumeUuid, format } });
      await assert.rejects(bench.volumes.ensure(copy, bench.context), { code: "VOLUME_IN_USE" });
      await assertNothingOf(copy, path);
      await assert.rejects(bench.volumes.remove("shared", volumeUuid), { code: "VOLUME_IN_USE" });
      // Looking needs no lock.
      assert.equal((await bench.volumes.get("shared", volumeUuid)).sizeBytes, original.sizeBytes);
    } finally {
      await stopChild(holder);
    }
    await bench.volumes.remove("shared", volumeUuid);
    await assertNothingOf(original, path);
  });

  test("SMG-08: a volume is copied to another datastore under its own name, no faster than asked, byte for byte", async () => {
    await using bench = await openStorageBench();
    const [from, to] = [await bench.newDatastore("one"), await bench.newDatastore("two")];
    const original = spec("one", { format: "raw", provisioning: "thick" });
    await bench.volumes.ensure(original, bench.context);
    const { datastoreId, volumeUuid, format, sizeBytes } = original;
    const content = randomBytes(sizeBytes);
    await writeFile(volumeFile(from, volumeUuid, format), content);
    const source = { kind: "volume", datastoreId, volumeUuid, format } as const;
    const begunAt = performance.now();
    const copy = spec("two", { ...original, datastoreId: "two", source, bytesPerSec: 4 * MiB });
    await bench.volumes.ensure(copy, bench.context);
    assert.ok(performance.now() - begunAt > 1000, "8 MiB at 4 MiB/s");
    assert.ok((await readFile(volumeFile(to, volumeUuid, format))).equals(content));
    await bench.volumes.remove("one", volumeUuid);
    assert.ok((await readFile(volumeFile(to, volumeUuid, format))).equals(content));
  });
});
