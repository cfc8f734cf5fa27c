import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFile, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { KiB, MiB, run, silentLog } from "@sinter/kit";
import { nextFold } from "@sinter/rules";
import type { DiskFormat } from "@sinter/southbound";
import { EventHub } from "../events/event-hub.ts";
import { HOST_UUID, openStorageBench, type StorageBench } from "../testing/storage-bench.ts";
import { createOverlayService } from "./overlay.service.ts";
import { chainFile, FORMATS } from "./volume-paths.ts";

/*
 * Random lives of a disk with snapshots, on real images through the agent's own code, beside a model that is nothing
 * but bytes. After every step the guest's bytes, and now and then those of every snapshot, are what the model says.
 *
 * CHAIN_SEQUENCES=500 runs more of them, SEED=… the same ones again.
 */

const SEQUENCES = Number(process.env.CHAIN_SEQUENCES ?? 24);
const STEPS = 14;
const SIZE_BYTES = 1 * MiB;
const GROWTH_BYTES = 192 * KiB;
const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));

test(`SNP-07, SNP-08, SNP-09: ${SEQUENCES} random lives of a disk; seed ${SEED}`, async () => {
  console.log(`seed ${SEED}`);
  await using bench = await openStorageBench();
  const path = await bench.newDatastore("ds1");
  for (let life = 0; life < SEQUENCES; life++) {
    await using disk = await openDisk(bench, path, FORMATS[life % FORMATS.length] ?? "qcow2");
    const random = generator(SEED + life);
    const history: string[] = [];
    for (let step = 0; step < STEPS; step++) {
      const done = await disk.doSomething(random);
      history.push(done);
      try {
        await disk.check(step === STEPS - 1 || random(4) === 0);
      } catch (error) {
        throw new Error(`life ${life} of seed ${SEED}, after: ${history.join(", ")}`, { cause: error });
      }
    }
  }
});

interface Snapshot {
  file: string;
  readonly content: Buffer;
}

async function openDisk(bench: StorageBench, datastorePath: string, format: DiskFormat) {
  const volume = { datastoreId: "ds1", volumeUuid: randomUUID(), format };
  const spec = { ...volume, sizeBytes: SIZE_BYTES, provisioning: "thin" as const, source: null };
  const fileOf = (file: string): string => chainFile(datastorePath, volume, file);
  const formatOf = (file: string): DiskFormat => (file === "base" ? format : "qcow2");
  await bench.volumes.ensure(spec, bench.context);

  let active = "base";
  let content: Buffer = Buffer.alloc(SIZE_BYTES);
  let snapshots: Snapshot[] = [];
  let names = 0;
  const newName = (): string => `delta-${(++names).toString(16).padStart(12, "0")}`;

  const overlays = createOverlayService({
    datastores: bench.datastores,
    hostUuid: HOST_UUID,
    usersOf: async () => ({ all: [], running: [] }),
    owner: {
      diskOf: async () => ({ target: "vda", live: undefined, stored: fileOf(active) }),
      commitLive: () => assert.fail("nothing runs"),
      moveStored: async (_vmUuid, _volumeUuid, { from, path }) => {
        if (fileOf(active) !== from) return;
        active = (await files()).find(({ file }) => fileOf(file) === path)?.file ?? "lost";
      },
    },
    hub: new EventHub(),
    log: silentLog,
  });
  const files = async () => (await bench.volumes.get("ds1", volume.volumeUuid)).files;

  /** As the manager does after a snapshot was deleted or the VM set back. */
  async function fold(): Promise<void> {
    for (;;) {
      const seen = await files();
      const step = nextFold({
        active,
        overlays: seen.flatMap(({ file, backing }) => (backing === null ? [] : [{ file, backing }])),
        kept: new Set(snapshots.map(({ file }) => file)),
      });
      if (!step) return;
      if (step.kind === "remove") {
        await overlays.remove({ ...volume, file: step.file });
        continue;
      }
      const { file, into, children } = step;
      const merge = { ...volume, file, into, children: [...children], vmUuid: randomUUID() };
      await overlays.merge(merge, bench.context);
      await overlays.merge(merge, bench.context); // as after a lost answer
      for (const snapshot of snapshots) if (snapshot.file === file) snapshot.file = into;
    }
  }

  const steps: Record<string, (random: (below: number) => number) => Promise<void>> = {
    async write(random) {
      const commands: string[] = [];
      for (let n = 0; n <= random(4); n++) {
        const at = 512 * random(content.length / 512);
        const length = Math.min(512 * (1 + random(200)), content.length - at);
        const byte = random(256);
        commands.push("-c", byte === 0 ? `write -z ${at} ${length}` : `write -P ${byte} ${at} ${length}`);
        content.fill(byte, at, at + length);
      }
      await run("qemu-io", ["-f", formatOf(active), ...commands, fileOf(active)]);
    },
    async snapshot() {
      const overlay = newName();
      await overlays.make(volume, overlay, active, bench.context.signal);
      snapshots.push({ file: active, content: Buffer.from(content) });
      active = overlay;
    },
    async revert(random) {
      const to = snapshots[random(snapshots.length)];
      if (!to) return;
      const overlay = newName();
      await overlays.ensure({ ...volume, file: overlay, backing: to.file }, bench.context);
      active = overlay;
      content = Buffer.from(to.content);
      await fold();
    },
    async delete(random) {
      const gone = snapshots[random(snapshots.length)];
      snapshots = snapshots.filter((snapshot) => snapshot !== gone);
      await fold();
    },
    async clone() {
      const copy = { ...spec, volumeUuid: randomUUID(), format: "raw" as const };
      const source = { kind: "volume" as const, ...volume, file: active };
      await bench.volumes.ensure({ ...copy, source }, bench.context);
      assertSame(await readFile(chainFile(datastorePath, copy, "base")), content, "the clone");
      await bench.volumes.remove("ds1", copy.volumeUuid);
    },
    async link() {
      if (active !== "base") return;
      const clone = {
        ...spec,
        volumeUuid: randomUUID(),
        format: "qcow2" as const,
        sizeBytes: content.length,
      };
      const source = { kind: "linked" as const, volumeUuid: volume.volumeUuid, format };
      await bench.volumes.ensure({ ...clone, source }, bench.context);
      const clonePath = chainFile(datastorePath, clone, "base");
      await run("qemu-io", ["-f", "qcow2", "-c", "write -P 7 0 4096", clonePath]);
      const expected = Buffer.from(content).fill(7, 0, 4096);
      assertSame(await bytesOf(clonePath, "qcow2"), expected, "the linked clone");
      await assert.rejects(bench.volumes.remove("ds1", volume.volumeUuid), { code: "VOLUME_IN_USE" });
      await bench.volumes.remove("ds1", clone.volumeUuid);
    },
    async grow() {
      const sizeBytes = content.length + GROWTH_BYTES;
      await run("qemu-img", ["resize", "-q", "-f", formatOf(active), fileOf(active), String(sizeBytes)]);
      content = Buffer.concat([content, Buffer.alloc(GROWTH_BYTES)]);
    },
  };
  const choices = "write write write snapshot snapshot revert revert delete delete clone link grow".split(
    " ",
  );

  return {
    async doSomething(random: (below: number) => number): Promise<string> {
      const name = choices[random(choices.length)] ?? "write";
      await steps[name]?.(random);
      return name;
    },

    async check(isThorough: boolean): Promise<void> {
      assertSame(await bytesOf(fileOf(active), formatOf(active)), content, "what the guest reads");
      if (!isThorough) return;
      for (const { file, content: then } of snapshots)
        assertSame(await bytesOf(fileOf(file), formatOf(file)), then, `snapshot in ${file}`);
      for (const { file } of await files()) {
        if (formatOf(file) === "qcow2") await run("qemu-img", ["check", "-q", "-f", "qcow2", fileOf(file)]);
      }
      if (snapshots.length === 0) assert.equal((await files()).length, 1, "one file is left");
    },

    [Symbol.asyncDispose]: async () => {
      await rm(dirname(fileOf("base")), { recursive: true, force: true });
    },
  };
}

/** What one reads through a file. */
async function bytesOf(path: string, format: DiskFormat): Promise<Buffer> {
  const out = join(dirname(path), "seen.raw");
  await run("qemu-img", ["convert", "-f", format, "-O", "raw", path, out]);
  return await readFile(out);
}

function assertSame(seen: Buffer, expected: Buffer, what: string): void {
  if (seen.equals(expected)) return;
  assert.equal(seen.length, expected.length, `${what}: size`);
  const at = seen.findIndex((byte, index) => byte !== expected[index]);
  assert.fail(`${what}: byte ${at} is ${seen[at]} instead of ${expected[at]}`);
}

/** Numbers below a bound, the same again for the same seed (xorshift). */
function generator(seed: number): (below: number) => number {
  let state = (seed ^ 0x9e37_79b9) >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return below === 0 ? 0 : state % below;
  };
}
