import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { bootTestGuest, chooseAccelerator } from "./accelerator.ts";
import { readCgroupKind, readMachine } from "./machine-facts.ts";
import { listNics } from "./nics.ts";
import {
  parseCpuInfo,
  parseCpuTimes,
  parseDiskStats,
  parseMemInfo,
  parseNetDev,
  readBootId,
} from "./proc-files.ts";

async function inTemporary<T>(work: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), "sagent-host-"));
  try {
    return await work(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

describe("what the kernel says of the host", () => {
  test("CMP-06: threads and sockets of a two-socket server, frequency from its name", () => {
    const cpu = (processor: number, socket: number): string =>
      `processor\t: ${processor}\nvendor_id\t: GenuineIntel\nmodel name\t: Intel(R) Xeon(R) CPU E5-2680 v4 @ 2.40GHz\ncpu MHz\t\t: 1200.1\nphysical id\t: ${socket}\n`;
    const facts = parseCpuInfo([cpu(0, 0), cpu(1, 0), cpu(2, 1), cpu(3, 1)].join("\n"));
    assert.deepEqual(facts, {
      vendor: "GenuineIntel",
      model: "Intel(R) Xeon(R) CPU E5-2680 v4 @ 2.40GHz",
      threads: 4,
      sockets: 2,
      mhz: 2400,
    });
  });

  test("a processor without a frequency in its name runs at what its fastest core shows", () => {
    const text =
      "processor : 0\nmodel name : AMD EPYC\ncpu MHz : 1996.2\n\nprocessor : 1\nmodel name : AMD EPYC\ncpu MHz : 2595.9\n";
    assert.deepEqual([parseCpuInfo(text).mhz, parseCpuInfo(text).sockets], [2596, 1]);
  });

  test("ARM tells other fields, or none", () => {
    const facts = parseCpuInfo(
      "processor\t: 0\nBogoMIPS\t: 50.00\nCPU implementer\t: 0x41\nCPU part\t: 0xd0c\n",
    );
    assert.deepEqual(facts, { vendor: "0x41", model: "0xd0c", threads: 1, sockets: 1, mhz: 1000 });
    assert.deepEqual(parseCpuInfo(""), {
      vendor: "unknown",
      model: "unknown",
      threads: 1,
      sockets: 1,
      mhz: 1000,
    });
  });

  test("memory, CPU times, disks and NICs", () => {
    assert.deepEqual(parseMemInfo("MemTotal:       1000 kB\nMemFree: 1 kB\nMemAvailable:    400 kB\n"), {
      totalBytes: 1_024_000,
      availableBytes: 409_600,
    });
    // user nice system idle iowait irq softirq steal guest guest_nice: guest is inside user already
    assert.deepEqual(parseCpuTimes("cpu  100 1 20 1000 30 2 3 4 50 0\ncpu0 1 2 3\n"), {
      busyMs: 1300,
      totalMs: 11_600,
    });
    const disks =
      "8 0 sda 10 0 100 0 5 0 50 0 0 0 0\n8 1 sda1 10 0 100 0 5 0 50 0 0 0 0\n253 0 dm-0 1 0 1 0 1 0 1 0 0 0 0\n";
    assert.deepEqual(parseDiskStats(disks, new Set(["sda"])), { readBytes: 51_200, writtenBytes: 25_600 });
    const net =
      "Inter-| Receive\n face |bytes\n    lo: 1 2 0 0 0 0 0 0 3 4 0 0 0 0 0 0\n  eth0:10 20 0 0 0 0 0 0 30 40 0 0 0 0 0 0\n";
    assert.deepEqual(parseNetDev(net).get("eth0"), {
      receivedBytes: 10,
      receivedPackets: 20,
      sentBytes: 30,
      sentPackets: 40,
    });
  });

  test("what is read here fits: this machine's own files", async () => {
    assert.ok(parseCpuInfo(await readFile("/proc/cpuinfo", "utf8")).threads >= 1);
    assert.ok(parseMemInfo(await readFile("/proc/meminfo", "utf8")).totalBytes > 0);
    assert.ok(parseCpuTimes(await readFile("/proc/stat", "utf8")).busyMs > 0);
    assert.ok(!(await listNics(new Set())).some(({ name }) => name === "lo"));
    assert.match(await readBootId(), /^[0-9a-f-]{36}$/);
  });

  test("the kind of control groups, and who built the machine", async () => {
    await inTemporary(async (directory) => {
      assert.equal(await readCgroupKind(directory), "none");
      await mkdir(join(directory, "cpu"));
      await writeFile(join(directory, "cpu", "cpu.shares"), "1024");
      assert.equal(await readCgroupKind(directory), "v1");
      await writeFile(join(directory, "cgroup.controllers"), "memory pids");
      assert.equal(await readCgroupKind(directory), "v1", "a second hierarchy without CPU does not count");
      await writeFile(join(directory, "cgroup.controllers"), "cpuset cpu memory");
      assert.equal(await readCgroupKind(directory), "v2");
      await writeFile(join(directory, "sys_vendor"), "Maker\n");
      assert.deepEqual(await readMachine(directory), { vendor: "Maker", product: "", serial: "" });
    });
  });
});

describe("how guests run", () => {
  test("the test guest enters 64-bit mode, counts and ends its machine", async () => {
    // In software it must always do that: then its silence under KVM means something.
    await inTemporary((directory) => bootTestGuest(directory, "tcg", 60_000));
  });

  test("it is asked once per start of the host and version of QEMU", async () => {
    await inTemporary(async (stateDir) => {
      const kept = { key: "boot 1.0", choice: { accelerator: "kvm", reason: null } } as const;
      await writeFile(join(stateDir, "accelerator.json"), JSON.stringify(kept));
      const ask = (bootId: string, qemuVersion: string) =>
        chooseAccelerator({ stateDir, bootId, qemuVersion, architecture: "x86_64" });
      assert.deepEqual(await ask("boot", "1.0"), kept.choice);
      const fresh = await ask("boot", "2.0");
      assert.equal(fresh.accelerator === "kvm", fresh.reason === null);
      const { mtimeMs } = await stat(join(stateDir, "accelerator.json"));
      assert.deepEqual(await ask("boot", "2.0"), fresh);
      assert.equal((await stat(join(stateDir, "accelerator.json"))).mtimeMs, mtimeMs);
    });
  });
});
