import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after as afterAll, before as beforeAll, describe, test } from "node:test";
import { sampleDisk, sampleVm, sampleVolume } from "@sinter/agent-link/testing";
import { KiB, MiB, run } from "@sinter/kit";
import { nextFold } from "@sinter/rules";
import type { AgentApi, CallContext, DiskFormat, VmSpec, VolumeFile } from "@sinter/southbound";
import { type Agent, composeAgent } from "../compose.ts";
import { startTestHost, type TestHost, testLog } from "../testing/test-host.ts";
import { chainFile, FORMATS } from "../volume/volume-paths.ts";

/*
 * Snapshots of a VM that runs while its disk is written to through QEMU, as its guest would. Beside it a model of
 * bytes, with which the disk is compared after every step. SEED=… takes the same steps again.
 */

const context: CallContext = { signal: new AbortController().signal };
const STEPS = 24;
const SIZE_BYTES = 1 * MiB;
const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));

describe("snapshots of a VM that runs", () => {
  let host: TestHost;
  let agent: Agent;
  let path: string;
  beforeAll(async () => {
    host = await startTestHost();
    agent = await composeAgent({
      config: host.config(),
      identity: host.identity,
      onRenewed: () => {},
      log: testLog,
    });
    path = await host.newDirectory();
    await agent.api.ensureDatastore({ datastoreId: "one", path, shared: false }, context);
  });
  afterAll(async () => {
    await agent[Symbol.asyncDispose]();
    await host[Symbol.asyncDispose]();
  });

  for (const format of FORMATS) {
    test(`SNP-07, SNP-08, SNP-09: ${STEPS} random steps on a ${format} disk; seed ${SEED}`, async () => {
      console.log(`seed ${SEED}`);
      await using disk = await runningDisk(format);
      const random = generator(SEED);
      const history: string[] = [];
      for (let step = 0; step < STEPS; step++) {
        history.push(await disk.doSomething(random));
        await disk.check().catch((cause: unknown) => {
          throw new Error(`after ${history.join(", ")}`, { cause });
        });
      }
      await disk.deleteAll();
      assert.deepEqual(await disk.files(), ["base"], "of the volume one file is left");
      await disk.check();
    });
  }

  test("SNP-07: the frozen file stays as it is while the VM writes, and is what lies under the new one", async () => {
    await using disk = await runningDisk("qcow2");
    await disk.steps.write?.(generator(1));
    await disk.steps.snapshot?.(generator(1));
    const frozen = await readFile(disk.fileOf("base"));
    await disk.steps.write?.(generator(2));
    assert.ok(frozen.equals(await readFile(disk.fileOf("base"))));
    const { stdout } = await run("qemu-img", [
      "info",
      "-U",
      "--backing-chain",
      "--output=json",
      disk.fileOf(disk.active()),
    ]);
    const chain = JSON.parse(stdout) as { filename: string }[];
    assert.deepEqual(
      chain.map(({ filename }) => filename.split("/").at(-1)),
      [`${disk.active()}.qcow2`, `${disk.volumeUuid}.qcow2`],
    );
  });

  async function runningDisk(format: DiskFormat) {
    const api: AgentApi = agent.api;
    const volume = sampleVolume({ datastoreId: "one", sizeBytes: SIZE_BYTES, format });
    await api.ensureVolume(volume, context);
    let vm: VmSpec = sampleVm({ memoryMiB: 32, disks: [sampleDisk(volume)] });
    const { vmUuid } = vm;
    await api.defineVm(vm, context);
    await api.startVm({ vmUuid }, context);
    const ref = { datastoreId: "one", volumeUuid: volume.volumeUuid, format };
    const fileOf = (file: VolumeFile): string => chainFile(path, ref, file);
    const formatOf = (file: VolumeFile): DiskFormat => (file === "base" ? format : "qcow2");

    let active: VolumeFile = "base";
    let content = Buffer.alloc(SIZE_BYTES);
    let snapshots: { file: VolumeFile; content: Buffer }[] = [];
    let names = 0;
    const newName = (): VolumeFile => `delta-${(++names).toString(16).padStart(12, "0")}`;
    const filesOf = async () => (await api.getVolume(ref, context)).files;

    /** Through QEMU, past the guest: as if the guest had done it. */
    async function qemuIo(command: string): Promise<void> {
      const line = `qemu-io -d /machine/peripheral/virtio-disk0/virtio-backend "${command}"`;
      const words = ["-c", "qemu:///system", "qemu-monitor-command", "--hmp", vm.vmId, line];
      const { stdout } = await host.libvirtd.run("virsh", words);
      assert.doesNotMatch(stdout, /error|failed|invalid/i, stdout);
    }

    async function fold(): Promise<void> {
      for (;;) {
        const seen = await filesOf();
        const step = nextFold({
          active,
          overlays: seen.flatMap(({ file, backing }) => (backing === null ? [] : [{ file, backing }])),
          kept: new Set(snapshots.map(({ file }) => file)),
        });
        if (!step) return;
        if (step.kind === "remove") {
          await api.removeOverlay({ ...ref, file: step.file }, context);
          continue;
        }
        const { file, into, children } = step;
        await api.mergeOverlay({ ...ref, file, into, children: [...children], vmUuid }, context);
        if (active === file) active = into;
        for (const snapshot of snapshots) if (snapshot.file === file) snapshot.file = into;
      }
    }

    const steps: Record<string, (random: (below: number) => number) => Promise<void>> = {
      async write(random) {
        for (let n = 0; n <= random(3); n++) {
          const at = 512 * random(SIZE_BYTES / 512);
          const length = Math.min(512 * (1 + random((64 * KiB) / 512)), SIZE_BYTES - at);
          const byte = 1 + random(255);
          await qemuIo(`write -P ${byte} ${at} ${length}`);
          content.fill(byte, at, at + length);
        }
        await qemuIo("flush");
      },
      async snapshot() {
        const overlay = newName();
        const disks = [{ ...ref, file: active, overlay }];
        await api.takeSnapshot({ vmUuid, disks, isConsistent: false, memory: null }, context);
        snapshots.push({ file: active, content: Buffer.from(content) });
        active = overlay;
      },
      async revert(random) {
        const to = snapshots[random(snapshots.length)];
        if (!to) return;
        const overlay = newName();
        await api.ensureOverlay({ ...ref, file: overlay, backing: to.file }, context);
        await api.stopVm({ vmUuid, mode: "force", waitMs: 0 }, context);
        vm = { ...vm, generation: vm.generation + 1, disks: [sampleDisk(volume, { file: overlay })] };
        await api.defineVm(vm, context);
        await api.startVm({ vmUuid }, context);
        active = overlay;
        content = Buffer.from(to.content);
        await fold();
      },
      async delete(random) {
        const gone = snapshots[random(snapshots.length)];
        snapshots = snapshots.filter((snapshot) => snapshot !== gone);
        await fold();
      },
    };
    const choices = "write write write snapshot snapshot revert delete delete".split(" ");

    async function bytesOf(file: VolumeFile): Promise<Buffer> {
      const out = join(path, `${randomUUID()}.raw`);
      await run("qemu-img", ["convert", "-U", "-f", formatOf(file), "-O", "raw", fileOf(file), out]);
      return await readFile(out);
    }

    return {
      steps,
      fileOf,
      volumeUuid: volume.volumeUuid,
      active: () => active,
      files: async () => (await filesOf()).map(({ file }) => file),
      async doSomething(random: (below: number) => number): Promise<string> {
        const name = choices[random(choices.length)] ?? "write";
        await steps[name]?.(random);
        return name;
      },
      async deleteAll(): Promise<void> {
        snapshots = [];
        await fold();
      },
      async check(): Promise<void> {
        const { power, disks } = await api.getVm({ vmUuid }, context);
        assert.deepEqual([power, disks[0]?.source], ["running", fileOf(active)]);
        assert.ok((await bytesOf(active)).equals(content), "what the guest reads");
        for (const { file, content: then } of snapshots)
          assert.ok((await bytesOf(file)).equals(then), `the snapshot in ${file}`);
        for (const file of (await filesOf()).map((one) => one.file)) {
          if (formatOf(file) === "qcow2")
            await run("qemu-img", ["check", "-U", "-q", "-f", "qcow2", fileOf(file)]);
        }
      },
      [Symbol.asyncDispose]: async () => {
        await api.removeVm({ vmUuid, force: true }, context);
        await api.removeVolume(ref, context);
      },
    };
  }
});

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
