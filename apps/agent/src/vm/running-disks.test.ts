import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { after as afterAll, before as beforeAll, describe, test } from "node:test";
import { sampleDisk, sampleVm, sampleVolume } from "@sinter/agent-link/testing";
import { MiB } from "@sinter/kit";
import type { AgentApi, CallContext, DiskSpec, VmSpec, VolumeSpec } from "@sinter/southbound";
import { type Agent, composeAgent } from "../compose.ts";
import { startTestHost, type TestHost, testLog } from "../testing/test-host.ts";
import { volumeFile } from "../volume/volume-paths.ts";

const context: CallContext = { signal: new AbortController().signal };

describe("disks of a VM that runs, as QEMU has them", () => {
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
  const api = (): AgentApi => agent.api;

  async function runningVm(
    volume: VolumeSpec,
    changes: Partial<DiskSpec> = {},
  ): Promise<VmSpec & AsyncDisposable> {
    await api().ensureVolume(volume, context);
    const spec = sampleVm({ memoryMiB: 32, disks: [sampleDisk(volume, changes)] });
    await api().defineVm(spec, context);
    await api().startVm({ vmUuid: spec.vmUuid }, context);
    return {
      ...spec,
      async [Symbol.asyncDispose]() {
        await api().removeVm({ vmUuid: spec.vmUuid, force: true }, context);
        await api().removeVolume(volume, context);
      },
    };
  }

  const virsh = async (...args: string[]): Promise<string> =>
    (await host.libvirtd.run("virsh", ["-c", "qemu:///system", ...args])).stdout;

  for (const [provisioning, format] of [
    ["thin", "qcow2"],
    ["lazy", "raw"],
    ["thick", "raw"],
  ] as const) {
    test(`STO-19: QEMU shows its guest a ${provisioning} disk of the new size`, async () => {
      const volume = sampleVolume({ datastoreId: "one", provisioning, format, sizeBytes: 8 * MiB });
      await using vm = await runningVm(volume);
      const grown = { ...volume, sizeBytes: 24 * MiB, vmUuid: vm.vmUuid };
      await api().growVolume(grown, context);
      assert.match(await virsh("domblkinfo", vm.vmId, "vda"), new RegExp(`Capacity: +${24 * MiB}`));
      // A crash after the file has grown and before QEMU was told: told by the repeated call.
      if (format === "raw") {
        await writeFile(volumeFile(path, volume.volumeUuid, format), Buffer.alloc(32 * MiB), { flag: "r+" });
        await api().growVolume({ ...grown, sizeBytes: 32 * MiB }, context);
        assert.match(await virsh("domblkinfo", vm.vmId, "vda"), new RegExp(`Capacity: +${32 * MiB}`));
      }
    });
  }

  test("STO-25: QEMU has the new limits, and so has the next start", async () => {
    const volume = sampleVolume({ datastoreId: "one" });
    await using vm = await runningVm(volume);
    const limits = { readBytesPerSec: MiB, writeBytesPerSec: 0, readIops: 0, writeIops: 200 };
    const { vmUuid } = vm;
    await api().tuneDisk({ vmUuid, volumeUuid: volume.volumeUuid, ...limits }, context);
    for (const which of ["--live", "--config"]) {
      const seen = await virsh("blkdeviotune", vm.vmId, "vda", which);
      assert.match(seen, new RegExp(`read_bytes_sec *: ${MiB}\\n`));
      assert.match(seen, /write_iops_sec *: 200\n/);
    }
  });

  test("STO-14: a transient disk is written beside its file, which stays as it was, also after a crash", async () => {
    const volume = sampleVolume({ datastoreId: "one" });
    await using vm = await runningVm(volume, { transient: true });
    const { vmUuid } = vm;
    const file = volumeFile(path, volume.volumeUuid, "qcow2");
    const names = async (): Promise<string[]> => (await readdir(dirname(file))).toSorted();
    const hash = async (): Promise<string> =>
      createHash("sha256")
        .update(await readFile(file))
        .digest("hex");
    const before = await hash();
    const [base, beside] = await names();
    assert.equal(beside, `${base}.TRANSIENT-${vm.vmId}`);
    await api().stopVm({ vmUuid, mode: "force", waitMs: 0 }, context);
    assert.deepEqual(await names(), [base]);
    await writeFile(`${file}.TRANSIENT-${vm.vmId}`, "left when the host lost its power");
    await api().startVm({ vmUuid }, context);
    await api().stopVm({ vmUuid, mode: "force", waitMs: 0 }, context);
    assert.deepEqual([await names(), await hash()], [[base], before]);
  });

  test("isFormat: nothing of what a volume held is left in its file", async () => {
    const volume = sampleVolume({ datastoreId: "one", format: "raw", provisioning: "thick" });
    await api().ensureVolume(volume, context);
    const file = volumeFile(path, volume.volumeUuid, "raw");
    await writeFile(file, Buffer.alloc(volume.sizeBytes, "secret"));
    await api().wipeVolume(volume, context);
    assert.ok((await readFile(file)).every((byte) => byte === 0));
    await api().removeVolume(volume, context);
  });
});
