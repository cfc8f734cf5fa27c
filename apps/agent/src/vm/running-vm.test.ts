import assert from "node:assert/strict";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { after as afterAll, before as beforeAll, describe, test } from "node:test";
import { sampleDisk, sampleNic, sampleSwitch, sampleVm, sampleVolume } from "@sinter/agent-link/testing";
import { MiB, run, waitFor } from "@sinter/kit";
import { parseDomainXml } from "@sinter/libvirt";
import type { AgentApi, CallContext, VmSpec } from "@sinter/southbound";
import { type Agent, composeAgent } from "../compose.ts";
import { placeEchoGuest } from "../testing/echo-guest.ts";
import { startTestHost, type TestHost, testLog } from "../testing/test-host.ts";

const context: CallContext = { signal: new AbortController().signal };
const SOON = { timeoutMs: 30_000, intervalMs: 20 };

describe("a VM that runs", () => {
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
    await placeEchoGuest(path, "echo");
  });
  afterAll(async () => {
    await agent[Symbol.asyncDispose]();
    await host[Symbol.asyncDispose]();
  });

  /** A defined VM whose guest echoes; removed when the scope ends. */
  async function echoVm(changes: Partial<VmSpec> = {}): Promise<VmSpec & AsyncDisposable> {
    const volume = sampleVolume({
      datastoreId: "one",
      sizeBytes: MiB,
      source: { kind: "image", datastoreId: "one", name: "echo" },
    });
    await agent.api.ensureVolume(volume, context);
    const spec = sampleVm({ memoryMiB: 32, disks: [sampleDisk(volume)], ...changes });
    await agent.api.defineVm(spec, context);
    return {
      ...spec,
      async [Symbol.asyncDispose]() {
        await agent.api.removeVm({ vmUuid: spec.vmUuid, force: true }, context);
        await agent.api.removeVolume(volume, context);
      },
    };
  }

  const api = (): AgentApi => agent.api;
  const storedXml = async (vmId: string): Promise<string> => {
    const { stdout } = await host.libvirtd.run("virsh", [
      "-c",
      "qemu:///system",
      "dumpxml",
      "--inactive",
      vmId,
    ]);
    return stdout;
  };

  test("boots from an image, and its serial line goes both ways", async () => {
    await using vm = await echoVm();
    const { vmUuid } = vm;
    await api().startVm({ vmUuid, paused: true }, context);
    const line = listen(await agent.openConsole(vmUuid));
    await api().resumeVm({ vmUuid }, context);
    await line.hears(/ready/);
    line.stream.write("HAL");
    await line.hears(/IBM/);
    line.stream.destroy();

    // Somebody else takes the line over; who had it sees its end.
    const first = listen(await agent.openConsole(vmUuid));
    first.stream.write("a");
    await first.hears(/b/);
    const second = listen(await agent.openConsole(vmUuid));
    await first.ended;
    second.stream.write("x");
    await second.hears(/y/);
    second.stream.write("!");
    await waitFor("the guest's own end", async () => (await isStopped(vmUuid)) || undefined, SOON);
    await second.ended;
    await assert.rejects(agent.openConsole(vmUuid), { code: "VM_NOT_RUNNING" });
  });

  test("CMP-03: goes on where it was after hibernation", async () => {
    await using vm = await echoVm();
    const { vmUuid } = vm;
    await api().startVm({ vmUuid, paused: true }, context);
    const before = listen(await agent.openConsole(vmUuid));
    await api().resumeVm({ vmUuid }, context);
    await before.hears(/ready/);
    assert.equal((await api().hibernateVm({ vmUuid }, context)).power, "hibernated");
    await before.ended;
    assert.equal((await api().startVm({ vmUuid, paused: true }, context)).power, "paused");
    const after = listen(await agent.openConsole(vmUuid));
    await api().resumeVm({ vmUuid }, context);
    after.stream.write("a");
    await after.hears(/b/);
    assert.doesNotMatch(after.heard(), /ready/, "it did not boot anew");
  });

  test("a force stop cuts a safe stop short that waits for a guest", async () => {
    await using vm = await echoVm();
    const { vmUuid } = vm;
    await api().startVm({ vmUuid }, context);
    const startedAt = performance.now();
    const safe = api().stopVm({ vmUuid, mode: "safe", waitMs: 60_000 }, context);
    const forced = await api().stopVm({ vmUuid, mode: "force", waitMs: 0 }, context);
    assert.equal(forced.power, "stopped");
    assert.equal((await safe).power, "stopped");
    assert.ok(performance.now() - startedAt < 30_000);
  });

  test("a caller who leaves ends the waiting of a safe stop, and the VM runs on", async () => {
    await using vm = await echoVm();
    const { vmUuid } = vm;
    await api().startVm({ vmUuid }, context);
    const abort = new AbortController();
    const stopping = api().stopVm({ vmUuid, mode: "safe", waitMs: 60_000 }, { signal: abort.signal });
    abort.abort(new Error("left"));
    await assert.rejects(stopping, /left/);
    assert.equal((await api().getVm({ vmUuid }, context)).power, "running");
  });

  test("redefined while it runs: runs on as it was, and is as defined at its next start", async () => {
    await using vm = await echoVm();
    const { vmUuid } = vm;
    await api().startVm({ vmUuid }, context);
    const newer = { ...vm, generation: 2, memoryMiB: 48, name: "renamed" };
    const seen = await api().defineVm(newer, context);
    assert.deepEqual([seen.power, seen.generation, seen.memoryMiB], ["running", 2, 32]);
    await api().defineVm({ ...newer, generation: 2, memoryMiB: 64 }, context);
    await api().defineVm({ ...newer, generation: 1, memoryMiB: 64 }, context);
    await api().stopVm({ vmUuid, mode: "force", waitMs: 0 }, context);
    const started = await api().startVm({ vmUuid }, context);
    assert.deepEqual([started.memoryMiB, started.title, started.generation], [48, "renamed", 2]);
  });

  test("a NIC stays in its place when a disk before it goes", async () => {
    const bridge = sampleSwitch();
    await api().ensureSwitch(bridge, context);
    const nic = sampleNic({ switchId: bridge.switchId });
    const spare = sampleVolume({ datastoreId: "one", sizeBytes: MiB });
    await api().ensureVolume(spare, context);
    {
      await using vm = await echoVm({ nics: [nic] });
      const withTwo = { ...vm, generation: 2, disks: [...vm.disks, sampleDisk(spare, { slot: 2 })] };
      await api().defineVm(withTwo, context);
      const place = async () => parseDomainXml(await storedXml(vm.vmId)).devices?.interfaces?.[0]?.address;
      const before = await place();
      assert.equal(before?.type, "pci");
      await api().defineVm({ ...withTwo, generation: 3, disks: vm.disks }, context);
      assert.deepEqual(await place(), before);
      await api().startVm({ vmUuid: vm.vmUuid }, context);
    }
    await api().removeVolume(spare, context);
    await api().removeSwitch(bridge, context);
  });

  test("CMP-31: its description follows every change and goes with it", async () => {
    const extra = sampleVolume({ datastoreId: "one", sizeBytes: MiB });
    await api().ensureVolume(extra, context);
    let vmId: string;
    {
      await using vm = await echoVm();
      const { vmUuid } = vm;
      vmId = vm.vmId;
      const described = () => readFile(join(path, "vms", vmId, `${vmId}.xml`), "utf8");
      assert.equal(await described(), await libvirtXml(vmId));
      await api().attachDisk({ vmUuid, ...sampleDisk(extra, { slot: 2 }) }, context);
      assert.match(await described(), new RegExp(extra.volumeUuid));
      await api().detachDisk({ vmUuid, volumeUuid: extra.volumeUuid }, context);
      assert.doesNotMatch(await described(), new RegExp(extra.volumeUuid));
      await api().defineVm({ ...vm, generation: 7, memoryMiB: 40 }, context);
      assert.equal(await described(), await libvirtXml(vmId));
      assert.doesNotMatch(await described(), /passwd/);
    }
    await assert.rejects(stat(join(path, "vms", vmId)), { code: "ENOENT" });
    await api().removeVolume(extra, context);
  });

  test("a disk on virtio-scsi comes and goes while it runs", async () => {
    const extra = sampleVolume({ datastoreId: "one", sizeBytes: MiB });
    await api().ensureVolume(extra, context);
    {
      await using vm = await echoVm();
      const { vmUuid } = vm;
      await api().startVm({ vmUuid }, context);
      const disk = sampleDisk(extra, { slot: 40, bus: "scsi", readIops: 100 });
      for (let round = 0; round < 2; round++) {
        const seen = await api().attachDisk({ vmUuid, ...disk }, context);
        assert.deepEqual(seen.disks.map(({ target }) => target).toSorted(), ["sdan", "vda"]);
      }
      const taken = api().attachDisk({ vmUuid, ...disk, volumeUuid: vm.disks[0]?.volumeUuid ?? "" }, context);
      await assert.rejects(taken, { code: "DISK_SLOT_TAKEN" });
      assert.equal(
        (await api().getStats({}, context)).vms.find((one) => one.vmUuid === vmUuid)?.disks.length,
        2,
      );
      await assert.rejects(api().removeVolume(extra, context), { code: "VOLUME_IN_USE" });
      for (let round = 0; round < 2; round++) {
        const seen = await api().detachDisk({ vmUuid, volumeUuid: extra.volumeUuid }, context);
        assert.deepEqual(
          seen.disks.map(({ target }) => target),
          ["vda"],
        );
      }
    }
    await api().removeVolume(extra, context);
  });

  test("first-boot settings: a medium that only root reads, kept when later specs bring none, gone with the VM", async () => {
    const seed = {
      hostname: "first",
      password: "p4$$ '\" #:{}",
      sshKeys: ["ssh-ed25519 AAAA a@b"],
      nics: [
        { mac: "52:54:00:00:00:09", address: "192.0.2.9/24", gateway: "192.0.2.1", dns: ["192.0.2.53"] },
      ],
      userData: null,
    };
    const seeds = join(host.stateDir, "seeds");
    {
      await using vm = await echoVm({ seed });
      const file = join(seeds, `${vm.vmUuid}.iso`);
      assert.equal((await stat(file)).mode & 0o777, 0o600);
      await api().defineVm({ ...vm, generation: 2, seed: null }, context);
      assert.match(await storedXml(vm.vmId), new RegExp(file));
      await api().startVm({ vmUuid: vm.vmUuid }, context);
      await api().stopVm({ vmUuid: vm.vmUuid, mode: "force", waitMs: 0 }, context);

      const { stdout } = await run("blkid", ["-p", "-o", "value", "-s", "LABEL", file]);
      assert.equal(stdout.trim(), "cidata");
    }
    assert.deepEqual(await readdir(seeds), []);
  });

  test("a VM whose first-boot medium is gone starts without it", async () => {
    await using vm = await echoVm({
      seed: { hostname: "x", password: null, sshKeys: [], nics: [], userData: "#!/bin/sh\ntrue\n" },
    });
    await run("rm", [join(host.stateDir, "seeds", `${vm.vmUuid}.iso`)]);
    assert.equal((await api().startVm({ vmUuid: vm.vmUuid }, context)).power, "running");
  });

  test("CMP-18: where libvirt cannot limit CPU time a VM starts all the same", async () => {
    const cpu = {
      count: 1,
      coresPerSocket: 1,
      shares: 2_000,
      reservationMhz: 500,
      limitMhz: 700,
      affinity: [0],
    };
    await using vm = await echoVm({ cpu });
    assert.equal((await api().startVm({ vmUuid: vm.vmUuid }, context)).power, "running");
  });

  test("a VM for UEFI runs where the host has that firmware, and else the lack is named", async () => {
    const vm = sampleVm({ firmware: "uefi", memoryMiB: 64 });
    const made = (async () => {
      await api().defineVm(vm, context);
      return await api().startVm({ vmUuid: vm.vmUuid }, context);
    })();
    if (await hasUefi()) assert.equal((await made).power, "running");
    else await assert.rejects(made, { code: "FIRMWARE_MISSING", kind: "invalid" });
    await api().removeVm({ vmUuid: vm.vmUuid, force: true }, context);
  });

  test("two VMs of one id: the second is refused", async () => {
    await using vm = await echoVm();
    const other = sampleVm({ vmId: vm.vmId });
    await assert.rejects(api().defineVm(other, context), { code: "VM_NAME_TAKEN", kind: "conflict" });
  });

  test("a disk that vanished is named at the start", async () => {
    await using vm = await echoVm();
    const volumeUuid = vm.disks[0]?.volumeUuid ?? "";
    await run("rm", [join(path, "volumes", volumeUuid, `${volumeUuid}.qcow2`)]);
    await assert.rejects(api().startVm({ vmUuid: vm.vmUuid }, context), {
      code: "DISK_MISSING",
      kind: "invalid",
    });
  });

  test("metrics count VMs and calls", async () => {
    await using vm = await echoVm();
    await api().getVm({ vmUuid: vm.vmUuid }, context);
    await assert.rejects(api().getVm({ vmUuid: crypto.randomUUID() }, context), { code: "VM_NOT_ON_HOST" });
    const { body } = await agent.metrics.text();
    assert.match(body, /sinter_agent_vms\{power="stopped"\} 1/);
    assert.match(body, /sinter_agent_calls_total\{call="getVm",outcome="VM_NOT_ON_HOST"\} 1/);
  });

  /** What QEMU's firmware packages register themselves with. */
  async function hasUefi(): Promise<boolean> {
    const names = await readdir("/usr/share/qemu/firmware").catch((): string[] => []);
    return names.some((name) => /ovmf|edk2/i.test(name));
  }

  async function isStopped(vmUuid: string): Promise<boolean> {
    return (await api().getVm({ vmUuid }, context)).power === "stopped";
  }

  async function libvirtXml(vmId: string): Promise<string> {
    await using connection = await host.libvirtd.connect();
    return await (await connection.domainByName(vmId)).xml(2); // stored, without passwords
  }
});

interface Listener {
  readonly stream: Duplex;
  heard(): string;
  hears(what: RegExp): Promise<void>;
  /** Resolves when the line is over, in whichever way. */
  readonly ended: Promise<void>;
}

function listen(stream: Duplex): Listener {
  let text = "";
  stream.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
  const ended = new Promise<void>((resolve) => {
    stream.on("error", () => resolve());
    stream.on("close", () => resolve());
  });
  return {
    stream,
    ended,
    heard: () => text,
    hears: async (what) =>
      void (await waitFor(String(what), () => (what.test(text) ? true : undefined), SOON)),
  };
}
