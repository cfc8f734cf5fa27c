import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import type { Connection } from "../connection.ts";
import type { Domain } from "../domain.ts";
import { isLibvirtError, type LibvirtErrorName } from "../errors.ts";
import {
  type PrivateLibvirtd,
  startPrivateLibvirtd,
  tinyGuestXml,
  writeTinyGuestDisk,
} from "../testing/index.ts";
import type { DomainXml } from "../xml/domain-xml.ts";
import { ADDRESSES, AFFECT, BLOCK_RESIZE, MIGRATE, START, XML } from "./flags.ts";
import type { ProcedureName } from "./procedures.ts";
import { param, toPlainParams } from "./typed-params.ts";

const run = promisify(execFile);

/** What the cases work on; made once, since starting guests takes the time. */
interface World {
  readonly libvirtd: PrivateLibvirtd;
  readonly qemu: Connection;
  /** The running guest, with a bootable qcow2 disk "vda", a NIC "tap-lv" and a second machine of vCPU to plug. */
  readonly guest: Domain;
  /** Only defined. */
  readonly stored: Domain;
  /** libvirt's built-in driver without hypervisor, and its one running domain with a guest agent of paper. */
  readonly test: Connection;
  readonly paper: Domain;
  readonly path: (file: string) => string;
}

const MiB = 1024 * 1024;
const DISK_BYTES = 8 * MiB;

function guestSpec(path: (file: string) => string): Partial<DomainXml> {
  return {
    memoryKiB: 64 * 1024,
    vcpu: { count: 2, current: 1 },
    devices: {
      serials: [{ type: "pty", target: { port: 0 } }],
      disks: [
        {
          type: "file",
          device: "disk",
          driver: { name: "qemu", type: "qcow2" },
          source: { file: path("guest.qcow2") },
          target: { dev: "vda", bus: "virtio" },
        },
      ],
      interfaces: [
        {
          type: "ethernet",
          mac: { address: "52:54:00:12:34:56" },
          target: { dev: "tap-lv" },
          model: { type: "virtio" },
          rom: { enabled: false },
        },
      ],
      channels: [{ type: "unix", target: { type: "virtio", name: "org.qemu.guest_agent.0" } }],
      graphics: [{ type: "vnc", autoport: true }],
      videos: [{ model: { type: "vga" } }],
      memoryBalloon: { model: "virtio" },
    },
  };
}

/** The daemon understood the call and said no, for a reason that is right here. */
async function refused(call: Promise<unknown>, ...names: LibvirtErrorName[]): Promise<void> {
  await assert.rejects(call, (error) => {
    assert.ok(isLibvirtError(error), String(error));
    assert.ok(names.includes(error.codeName as LibvirtErrorName), `${error.codeName}: ${error.message}`);
    return true;
  });
}

/**
 * One case for each procedure of the table: a name without a case does not compile. They run in this order and
 * leave the world as they found it, except where the next case says so.
 */
const CASES: { [N in ProcedureName]: (world: World) => Promise<unknown> } = {
  authList: async ({ qemu }) => assert.deepEqual((await qemu.call("authList")).types, [0]),
  // Asking twice spoils a connection, so these two take one of their own.
  authPolkit: async ({ libvirtd }) => {
    await using one = await libvirtd.connect();
    await refused(one.call("authPolkit"), "INTERNAL_ERROR", "AUTH_FAILED");
  },
  connectOpen: async ({ libvirtd }) => {
    await using one = await libvirtd.connect();
    await refused(one.call("connectOpen", { name: "nonsense:///system", flags: 0 }), "INTERNAL_ERROR");
  },
  connectClose: async ({ libvirtd }) => {
    const one = await libvirtd.connect();
    await one.call("connectClose");
    await one.close();
  },
  connectSupportsFeature: async ({ qemu }) => {
    assert.equal(await qemu.supports(10), true);
    assert.equal(await qemu.supports(9999), false);
  },
  connectGetType: async ({ qemu }) => assert.equal((await qemu.call("connectGetType")).type, "QEMU"),
  connectGetVersion: async ({ qemu }) => assert.match(await qemu.version(), /^\d+\.\d+\.\d+$/),
  connectGetLibVersion: async ({ qemu, libvirtd }) => {
    const { stdout } = await libvirtd.run("libvirtd", ["--version"]);
    assert.ok(stdout.includes(await qemu.libvirtVersion()));
  },
  connectGetHostname: async ({ qemu }) => assert.ok((await qemu.hostname()).length > 0),
  connectGetURI: async ({ qemu, test }) => {
    assert.equal(await qemu.uri(), "qemu:///system");
    assert.equal(await test.uri(), "test:///default");
  },
  connectGetCapabilities: async ({ qemu }) => assert.match(await qemu.capabilities(), /<capabilities>/),
  connectGetDomainCapabilities: async ({ qemu }) => {
    const xml = await qemu.domainCapabilities({ type: "qemu", machine: "q35", arch: "x86_64" });
    assert.match(xml, /<machine>pc-q35/);
  },
  connectGetCPUModelNames: async ({ qemu }) => {
    const { models } = await qemu.call("connectGetCPUModelNames", {
      arch: "x86_64",
      needResults: 1,
      flags: 0,
    });
    assert.ok(models.includes("Nehalem"));
  },
  connectBaselineHypervisorCPU: async ({ qemu }) => {
    const where = { emulator: null, arch: "x86_64", machine: null, virttype: "qemu" };
    const xmlCPUs = ["Penryn", "Nehalem"].map((model) => `<cpu mode='custom'><model>${model}</model></cpu>`);
    const { cpu } = await qemu.call("connectBaselineHypervisorCPU", { ...where, xmlCPUs, flags: 0 });
    assert.match(cpu, /<model fallback='forbid'>Penryn<\/model>/);
  },
  connectCompareHypervisorCPU: async ({ qemu }) => {
    const where = { emulator: null, arch: "x86_64", machine: null, virttype: "qemu" };
    const xmlCPU = "<cpu mode='custom' match='minimum'><model>qemu64</model></cpu>";
    const { result } = await qemu.call("connectCompareHypervisorCPU", { ...where, xmlCPU, flags: 0 });
    assert.equal(result, 2); // the host is a superset
  },
  connectListAllDomains: async ({ qemu, guest, stored }) => {
    const names = (await qemu.domains()).map(({ name }) => name);
    assert.deepEqual(names.toSorted(), [guest.name, stored.name].toSorted());
  },
  connectGetAllDomainStats: async ({ qemu, guest, stored }) => {
    const all = await qemu.domainStats();
    assert.equal(all.length, 2);
    const [one] = await qemu.domainStats({ domains: [guest] });
    assert.equal(one?.domain.uuid, guest.uuid);
    assert.equal(one?.stats["state.state"], 1);
    assert.equal(one?.stats["block.0.name"], "vda");
    assert.equal(one?.stats["net.0.name"], "tap-lv");
    const [off] = await qemu.domainStats({ domains: [stored], groups: 1 });
    assert.deepEqual(off?.stats, { "state.state": 5, "state.reason": 0 });
  },
  connectDomainEventCallbackRegisterAny: async ({ qemu, guest }) => {
    const first = await qemu.call("connectDomainEventCallbackRegisterAny", { eventId: 0, dom: guest.ref });
    await qemu.call("connectDomainEventCallbackDeregisterAny", first);
    await refused(
      qemu.call("connectDomainEventCallbackRegisterAny", { eventId: 99, dom: null }),
      "INTERNAL_ERROR",
      "INVALID_ARG",
    );
  },
  connectDomainEventCallbackDeregisterAny: ({ qemu }) =>
    refused(qemu.call("connectDomainEventCallbackDeregisterAny", { callbackId: 4711 }), "INTERNAL_ERROR"),
  connectListAllNodeDevices: async ({ qemu }) => {
    const { devices } = await qemu.call("connectListAllNodeDevices", { needResults: 1, flags: 0 });
    assert.ok(
      devices.some(({ name }) => name === "computer"),
      JSON.stringify(devices),
    );
  },
  nodeGetInfo: async ({ qemu }) => {
    const info = await qemu.nodeInfo();
    assert.equal(info.cpuModel, process.arch === "x64" ? "x86_64" : info.cpuModel);
    assert.equal(info.cpus, (await import("node:os")).cpus().length);
  },
  nodeGetCPUStats: async ({ qemu }) => {
    const stats = await qemu.cpuStats();
    assert.deepEqual(Object.keys(stats).toSorted(), ["idle", "iowait", "kernel", "user"]);
    assert.ok((stats["user"] ?? 0) > 0);
  },
  nodeGetCPUMap: async ({ qemu }) => {
    const { cpumap, online, ret } = await qemu.call("nodeGetCPUMap", { needMap: 1, needOnline: 1, flags: 0 });
    assert.ok(online >= 1 && ret >= online && cpumap.length >= 1);
  },
  nodeGetMemoryStats: async ({ qemu }) => {
    const { total = 0, free = 0 } = await qemu.memoryStats();
    assert.ok(total > free && free > 0);
  },
  nodeGetFreeMemory: async ({ qemu }) => assert.ok((await qemu.freeMemory()) > MiB),
  nodeDeviceGetXMLDesc: async ({ qemu }) => {
    const { xml } = await qemu.call("nodeDeviceGetXMLDesc", { name: "computer", flags: 0 });
    assert.match(xml, /<capability type='system'>/);
  },
  domainLookupByID: async ({ qemu, guest }) => {
    assert.equal((await qemu.domainById(guest.ref.id)).uuid, guest.uuid);
  },
  domainLookupByName: async ({ qemu, guest }) => {
    assert.deepEqual((await qemu.domainByName(guest.name)).ref, guest.ref);
  },
  domainLookupByUUID: async ({ qemu, guest }) => {
    assert.deepEqual((await qemu.domainByUuid(guest.uuid)).ref, guest.ref);
    await refused(qemu.domainByUuid("00000000-0000-0000-0000-000000000001"), "NO_DOMAIN");
    assert.equal(await qemu.findDomain({ name: "nobody" }), undefined);
  },
  domainDefineXMLFlags: async ({ qemu }) => {
    const one = await qemu.defineDomain(tinyGuestXml("defined"));
    assert.equal((await one.status()).state, "shutoff");
    await refused(qemu.defineDomain("<domain/>"), "NO_NAME");
    await one.undefine();
  },
  domainCreateXML: async ({ qemu }) => {
    const one = await qemu.createDomain(tinyGuestXml("transient"), START.paused);
    assert.deepEqual(await one.status(), { state: "paused", reason: "user" });
    await one.destroy();
    assert.equal(await qemu.findDomain(one), undefined);
  },
  domainCreateWithFlags: async ({ stored }) => {
    const started = await stored.start(START.paused);
    assert.ok(started.ref.id > 0);
    await refused(stored.start(), "OPERATION_INVALID");
    await stored.destroy();
  },
  // The guest listens to nobody; that it was asked is all there is to see.
  domainShutdownFlags: ({ guest }) => guest.shutdown(1),
  domainReboot: async ({ paper }) => {
    await paper.reboot();
    assert.equal((await paper.status()).state, "running");
  },
  domainReset: ({ guest }) => guest.reset(),
  domainSnapshotCreateXML: async ({ guest }) => {
    const xmlDesc = "<domainsnapshot><name>inside</name></domainsnapshot>";
    const { snap } = await guest.call("domainSnapshotCreateXML", { xmlDesc, flags: 0 });
    assert.equal(snap.name, "inside");
    assert.equal(snap.dom.uuid, guest.uuid);
  },
  domainSnapshotLookupByName: async ({ guest }) => {
    assert.equal(
      (await guest.call("domainSnapshotLookupByName", { name: "inside", flags: 0 })).snap.name,
      "inside",
    );
    await refused(guest.call("domainSnapshotLookupByName", { name: "none", flags: 0 }), "NO_DOMAIN_SNAPSHOT");
  },
  domainSnapshotGetXMLDesc: async ({ qemu, guest }) => {
    const { snap } = await guest.call("domainSnapshotLookupByName", { name: "inside", flags: 0 });
    assert.match(
      (await qemu.call("domainSnapshotGetXMLDesc", { snap, flags: 0 })).xml,
      /<state>running<\/state>/,
    );
  },
  domainListAllSnapshots: async ({ guest }) => {
    const { snapshots } = await guest.call("domainListAllSnapshots", { needResults: 1, flags: 0 });
    assert.deepEqual(
      snapshots.map(({ name }) => name),
      ["inside"],
    );
  },
  domainRevertToSnapshot: async ({ qemu, guest }) => {
    const { snap } = await guest.call("domainSnapshotLookupByName", { name: "inside", flags: 0 });
    await qemu.call("domainRevertToSnapshot", { snap, flags: 0 });
    assert.equal((await guest.status()).state, "running");
  },
  domainSnapshotDelete: async ({ qemu, guest }) => {
    const { snap } = await guest.call("domainSnapshotLookupByName", { name: "inside", flags: 0 });
    await qemu.call("domainSnapshotDelete", { snap, flags: 0 });
    assert.equal((await guest.call("domainListAllSnapshots", { needResults: 0, flags: 0 })).ret, 0);
  },
  domainSuspend: async ({ guest }) => {
    await guest.suspend();
    assert.deepEqual(await guest.status(), { state: "paused", reason: "user" });
  },
  domainResume: async ({ guest }) => {
    await guest.resume();
    assert.deepEqual(await guest.status(), { state: "running", reason: "unpaused" });
  },
  domainDestroyFlags: ({ stored }) => refused(stored.destroy(), "OPERATION_INVALID"),
  domainUndefineFlags: async ({ qemu }) => {
    const one = await qemu.defineDomain(tinyGuestXml("short-lived"));
    await one.undefine(1);
    await refused(one.undefine(), "NO_DOMAIN");
  },
  domainRename: async ({ qemu }) => {
    const one = await qemu.defineDomain(tinyGuestXml("old-name"));
    await one.call("domainRename", { newName: "new-name", flags: 0 });
    assert.equal((await qemu.domainByUuid(one.uuid)).name, "new-name");
    await one.undefine();
  },
  domainGetState: async ({ guest, stored }) => {
    assert.equal((await guest.status()).state, "running");
    assert.deepEqual(await stored.status(), { state: "shutoff", reason: "destroyed" });
  },
  domainGetInfo: async ({ guest }) => {
    const info = await guest.info();
    assert.deepEqual(
      { ...info, cpuTimeNs: info.cpuTimeNs > 0n },
      { state: "running", maxMemoryKiB: 65536, memoryKiB: 65536, vcpus: 1, cpuTimeNs: true },
    );
  },
  domainGetXMLDesc: async ({ guest }) => {
    assert.match(await guest.xml(), /<domain type='qemu' id='\d+'>/);
    assert.doesNotMatch(await guest.xml(XML.inactive), /<domain [^>]*id=/);
  },
  domainGetAutostart: async ({ stored }) => {
    assert.equal((await stored.call("domainGetAutostart", {})).autostart, 0);
  },
  domainSetAutostart: async ({ stored }) => {
    await stored.call("domainSetAutostart", { autostart: 1 });
    assert.equal((await stored.call("domainGetAutostart", {})).autostart, 1);
    await stored.call("domainSetAutostart", { autostart: 0 });
  },
  domainManagedSave: async ({ stored }) => {
    await stored.start();
    await stored.managedSave();
    assert.deepEqual(await stored.status(), { state: "shutoff", reason: "saved" });
  },
  domainHasManagedSaveImage: async ({ stored }) => assert.equal(await stored.hasManagedSave(), true),
  domainManagedSaveRemove: async ({ stored }) => {
    await stored.removeManagedSave();
    assert.equal(await stored.hasManagedSave(), false);
  },
  domainSaveFlags: async ({ stored, path }) => {
    await stored.start();
    await stored.save(path("saved"));
    assert.equal((await stored.status()).state, "shutoff");
    assert.ok(existsSync(path("saved")));
  },
  domainRestoreFlags: async ({ qemu, stored, path }) => {
    await qemu.restoreDomain(path("saved"));
    assert.equal((await stored.status()).state, "running");
    await stored.destroy();
  },
  domainSaveImageGetXMLDesc: async ({ qemu, stored, path }) => {
    const { xml } = await qemu.call("domainSaveImageGetXMLDesc", { file: path("saved"), flags: 0 });
    assert.ok(xml.includes(stored.uuid));
  },
  domainPMSuspendForDuration: ({ guest }) =>
    refused(
      guest.call("domainPMSuspendForDuration", { target: 0, duration: 0n, flags: 0 }),
      "AGENT_UNRESPONSIVE",
      "OPERATION_UNSUPPORTED",
    ),
  domainPMWakeup: ({ guest }) =>
    refused(
      guest.call("domainPMWakeup", { flags: 0 }),
      "OPERATION_INVALID",
      "OPERATION_UNSUPPORTED",
      "INTERNAL_ERROR",
    ),
  domainInjectNMI: ({ guest }) => guest.call("domainInjectNMI", { flags: 0 }),
  domainSendKey: ({ guest }) =>
    guest.call("domainSendKey", { codeset: 0, holdtime: 10, keycodes: [29, 56, 111], flags: 0 }),
  domainCoreDumpWithFormat: async ({ guest, path }) => {
    const memoryOnly = 16;
    await guest.call("domainCoreDumpWithFormat", { to: path("core"), dumpformat: 0, flags: memoryOnly });
    assert.ok((await stat(path("core"))).size > MiB);
  },
  domainAttachDeviceFlags: async ({ guest }) => {
    await guest.attachDevice(
      "<rng model='virtio'><backend model='builtin'/><alias name='ua-rng'/></rng>",
      AFFECT.live,
    );
    assert.match(await guest.xml(), /<alias name='ua-rng'\/>/);
  },
  // No operating system takes part, so the device stays; the answer of both is only "asked".
  domainDetachDeviceFlags: ({ guest }) =>
    guest.detachDevice(
      "<rng model='virtio'><backend model='builtin'/><alias name='ua-rng'/></rng>",
      AFFECT.live,
    ),
  domainDetachDeviceAlias: ({ guest }) =>
    refused(guest.detachAlias("ua-nothing"), "DEVICE_MISSING", "INTERNAL_ERROR"),
  domainUpdateDeviceFlags: async ({ guest }) => {
    const xml = /<interface [\s\S]*?<\/interface>/.exec(await guest.xml())?.[0] ?? "";
    await guest.updateDevice(xml.replace("</interface>", "<link state='down'/></interface>"), AFFECT.live);
    assert.match(await guest.xml(), /<link state='down'\/>/);
  },
  domainSetVcpusFlags: async ({ guest }) => {
    await guest.setVcpus(2);
    assert.match(await guest.xml(), /<vcpu placement='static'>2<\/vcpu>/);
  },
  domainGetVcpusFlags: async ({ guest, stored }) => {
    assert.equal(await guest.vcpus(), 2);
    assert.equal(await stored.vcpus(AFFECT.config), 1);
  },
  domainPinVcpuFlags: ({ guest }) =>
    guest.call("domainPinVcpuFlags", { vcpu: 0, cpumap: Uint8Array.of(1), flags: AFFECT.live }),
  domainGetVcpuPinInfo: async ({ guest }) => {
    const { cpumaps, num } = await guest.call("domainGetVcpuPinInfo", {
      ncpumaps: 2,
      maplen: 1,
      flags: AFFECT.live,
    });
    assert.equal(num, 2);
    assert.equal(cpumaps[0], 1);
  },
  domainSetMemoryFlags: async ({ stored }) => {
    await stored.setMemory(16 * 1024, AFFECT.config);
    assert.match(await stored.xml(), /<currentMemory unit='KiB'>16384<\/currentMemory>/);
  },
  domainSetMemoryStatsPeriod: async ({ guest }) => {
    await guest.setMemoryStatsPeriod(7, AFFECT.live);
    assert.match(await guest.xml(), /<stats period='7'\/>/);
  },
  domainSetMemoryParameters: ({ paper }) =>
    paper.call("domainSetMemoryParameters", {
      params: [param.ullong("hard_limit", 1_000_000)],
      flags: AFFECT.config,
    }),
  domainGetMemoryParameters: async ({ paper }) => {
    const { params } = await paper.call("domainGetMemoryParameters", { nparams: 3, flags: AFFECT.config });
    assert.equal(toPlainParams(params)["hard_limit"], 1_000_000);
  },
  domainSetSchedulerParametersFlags: async ({ qemu }) => {
    // One that is never started, since there are no cgroups to do it with.
    const one = await qemu.defineDomain(tinyGuestXml("tuned"));
    await one.setScheduler([param.ullong("cpu_shares", 512), param.llong("vcpu_quota", -1)], AFFECT.config);
  },
  domainGetSchedulerParametersFlags: async ({ qemu }) => {
    const one = await qemu.domainByName("tuned");
    const { cpu_shares, vcpu_quota } = await one.scheduler(AFFECT.config);
    assert.deepEqual({ cpu_shares, vcpu_quota }, { cpu_shares: 512, vcpu_quota: -1 });
    await one.undefine();
  },
  domainSetBlkioParameters: ({ paper }) =>
    paper.call("domainSetBlkioParameters", { params: [param.uint("weight", 300)], flags: AFFECT.config }),
  domainGetBlkioParameters: async ({ paper }) => {
    const { params } = await paper.call("domainGetBlkioParameters", { nparams: 6, flags: AFFECT.config });
    assert.equal(toPlainParams(params)["weight"], 300);
  },
  domainSetBlockIoTune: ({ guest }) =>
    guest.setDiskTune("vda", [param.ullong("total_iops_sec", 400)], AFFECT.live),
  domainGetBlockIoTune: async ({ guest }) => {
    assert.equal((await guest.diskTune("vda", AFFECT.live))["total_iops_sec"], 400);
    await guest.setDiskTune("vda", [param.ullong("total_iops_sec", 0)], AFFECT.live);
  },
  domainSetInterfaceParameters: ({ guest }) => {
    const params = [param.uint("inbound.average", 1000)];
    return guest.call("domainSetInterfaceParameters", {
      device: "52:54:00:12:34:56",
      params,
      flags: AFFECT.config,
    });
  },
  domainGetInterfaceParameters: async ({ guest }) => {
    const args = { device: "52:54:00:12:34:56", nparams: 7, flags: AFFECT.config };
    const { params } = await guest.call("domainGetInterfaceParameters", args);
    assert.equal(toPlainParams(params)["inbound.average"], 1000);
  },
  domainSetMetadata: async ({ stored }) => {
    await stored.setTitle("A <title>", AFFECT.config);
    await stored.setDescription("About\nit", AFFECT.config);
    await stored.setMetadata("http://example.org/1", "e", "<note a='1'>text</note>", AFFECT.config);
    assert.match(await stored.xml(), /<title>A &lt;title&gt;<\/title>/);
  },
  domainGetMetadata: async ({ stored }) => {
    assert.equal(await stored.metadata("http://example.org/1", AFFECT.config), '<note a="1">text</note>');
    await stored.setMetadata("http://example.org/1", "e", null, AFFECT.config);
    await refused(stored.metadata("http://example.org/1"), "NO_DOMAIN_METADATA");
  },
  domainSetUserPassword: async ({ paper, guest }) => {
    await paper.setUserPassword("root", "a new one");
    await refused(guest.setUserPassword("root", "x"), "AGENT_UNRESPONSIVE");
  },
  domainBlockStats: async ({ guest }) => assert.ok((await guest.blockStats("vda")).rdBytes >= 512),
  domainBlockStatsFlags: async ({ guest }) => {
    const { params } = await guest.call("domainBlockStatsFlags", { path: "vda", nparams: 8, flags: 0 });
    assert.ok(Number(toPlainParams(params)["rd_operations"]) > 0);
  },
  domainGetBlockInfo: async ({ guest }) => {
    const { capacity, allocation, physical } = await guest.blockInfo("vda");
    assert.equal(capacity, DISK_BYTES);
    assert.ok(allocation > 0 && physical > 0);
  },
  domainInterfaceStats: async ({ guest }) => {
    const stats = await guest.interfaceStats("tap-lv");
    assert.equal(stats["rxErrs"], 0);
  },
  domainInterfaceAddresses: async ({ paper, guest }) => {
    const [nic] = await paper.interfaceAddresses(ADDRESSES.lease);
    assert.equal(nic?.addresses[0]?.family, "ipv4");
    await refused(guest.interfaceAddresses(), "AGENT_UNRESPONSIVE");
  },
  domainMemoryStats: async ({ guest }) => {
    const stats = await guest.memoryStats();
    assert.equal(stats.actualBalloon, 65536);
    assert.ok((stats.rss ?? 0) > 0);
  },
  domainGetDiskErrors: async ({ guest }) => {
    assert.deepEqual(await guest.call("domainGetDiskErrors", { maxerrors: 4, flags: 0 }), {
      errors: [],
      nerrors: 0,
    });
  },
  domainGetJobInfo: async ({ guest }) => assert.equal((await guest.call("domainGetJobInfo", {})).type, 0),
  domainGetJobStats: async ({ guest }) => assert.equal((await guest.jobStats()).type, "none"),
  domainAbortJob: ({ guest }) => refused(guest.abortJob(), "OPERATION_INVALID"),
  domainBlockResize: async ({ guest }) => {
    const args = { disk: "vda", size: BigInt(2 * DISK_BYTES), flags: BLOCK_RESIZE.bytes };
    await guest.call("domainBlockResize", args);
    assert.equal((await guest.blockInfo("vda")).capacity, 2 * DISK_BYTES);
  },
  domainBlockPull: ({ guest }) =>
    refused(guest.call("domainBlockPull", { path: "nothing", bandwidth: 0n, flags: 0 }), "INVALID_ARG"),
  domainBlockCopy: async ({ guest, path }) => {
    const destxml = `<disk type='file'><source file='${path("copy.qcow2")}'/><driver type='qcow2'/></disk>`;
    const transient = 4;
    const params = [param.ullong("bandwidth", 100 * MiB)];
    await guest.call("domainBlockCopy", { path: "vda", destxml, params, flags: transient });
  },
  domainGetBlockJobInfo: async ({ guest }) => {
    const { found, type } = await guest.call("domainGetBlockJobInfo", { path: "vda", flags: 0 });
    assert.deepEqual({ found, type }, { found: 1, type: 2 });
  },
  domainBlockJobSetSpeed: ({ guest }) =>
    guest.call("domainBlockJobSetSpeed", { path: "vda", bandwidth: 50n, flags: 0 }),
  domainBlockJobAbort: async ({ guest }) => {
    await guest.call("domainBlockJobAbort", { path: "vda", flags: 0 });
    assert.equal((await guest.call("domainGetBlockJobInfo", { path: "vda", flags: 0 })).found, 0);
  },
  domainBlockPeek: async ({ qemu, path }) => {
    const raw = {
      type: "file",
      driver: { type: "raw" },
      source: { file: path("guest.img") },
      target: { dev: "vda" },
    };
    const one = await qemu.defineDomain(tinyGuestXml("peeked-at", { devices: { disks: [raw] } }));
    const { buffer } = await one.call("domainBlockPeek", { path: "vda", offset: 510n, size: 2, flags: 0 });
    assert.deepEqual(buffer, Uint8Array.of(0x55, 0xaa));
    await one.undefine();
  },
  domainSetBlockThreshold: async ({ qemu, guest }) => {
    await guest.call("domainSetBlockThreshold", { dev: "vda", threshold: BigInt(64 * MiB), flags: 0 });
    const [one] = await qemu.domainStats({ domains: [guest] });
    assert.equal(one?.stats["block.0.threshold"], 64 * MiB);
  },
  domainBlockCommit: async ({ guest, path }) => {
    const diskOnly = 16;
    const noMetadata = 4;
    const xmlDesc = `<domainsnapshot><disks><disk name='vda'><source file='${path("top.qcow2")}'/></disk></disks></domainsnapshot>`;
    await guest.call("domainSnapshotCreateXML", { xmlDesc, flags: diskOnly | noMetadata });
    const active = 4;
    await guest.call("domainBlockCommit", {
      disk: "vda",
      base: null,
      top: null,
      bandwidth: 0n,
      flags: active,
    });
    await guest.call("domainBlockJobAbort", { path: "vda", flags: 0 });
  },
  domainCheckpointCreateXML: async ({ guest }) => {
    const xmlDesc = "<domaincheckpoint><name>one</name></domaincheckpoint>";
    const { checkpoint } = await guest.call("domainCheckpointCreateXML", { xmlDesc, flags: 0 });
    assert.equal(checkpoint.name, "one");
  },
  domainListAllCheckpoints: async ({ guest }) => {
    const { checkpoints } = await guest.call("domainListAllCheckpoints", { needResults: 1, flags: 0 });
    assert.deepEqual(
      checkpoints.map(({ name }) => name),
      ["one"],
    );
  },
  domainCheckpointGetXMLDesc: async ({ qemu, guest }) => {
    const checkpoint = { name: "one", dom: guest.ref };
    assert.match(
      (await qemu.call("domainCheckpointGetXMLDesc", { checkpoint, flags: 0 })).xml,
      /checkpoint='bitmap'/,
    );
  },
  domainBackupBegin: async ({ guest, path }) => {
    // Pull mode stays until it is aborted, so the next two cases can look at it.
    const backupXml = `<domainbackup mode='pull'><server transport='unix' socket='${path("nbd.sock")}'/><disks><disk name='vda' type='file'><scratch file='${path("scratch.qcow2")}'/></disk></disks></domainbackup>`;
    await guest.call("domainBackupBegin", { backupXml, checkpointXml: null, flags: 0 });
  },
  domainBackupGetXMLDesc: async ({ guest }) => {
    assert.match(
      (await guest.call("domainBackupGetXMLDesc", { flags: 0 })).xml,
      /<domainbackup mode='pull'>/,
    );
    await guest.abortJob();
    const ended = async () => (await guest.jobStats()).type === "none";
    for (const deadline = Date.now() + 5000; !(await ended()); ) assert.ok(Date.now() < deadline);
    await refused(guest.call("domainBackupGetXMLDesc", { flags: 0 }), "NO_DOMAIN_BACKUP");
  },
  domainCheckpointDelete: async ({ qemu, guest }) => {
    await qemu.call("domainCheckpointDelete", { checkpoint: { name: "one", dom: guest.ref }, flags: 0 });
    assert.equal((await guest.call("domainListAllCheckpoints", { needResults: 0, flags: 0 })).ret, 0);
  },
  domainMigratePerform3Params: async ({ stored, path }) => {
    await using target = await startPrivateLibvirtd();
    await stored.start();
    await stored.call("domainMigratePerform3Params", {
      dconnuri: target.uri,
      params: [
        param.string("migrate_uri", `unix://${path("migration.sock")}`),
        param.ullong("bandwidth", 500),
      ],
      cookieIn: new Uint8Array(),
      flags: MIGRATE.live | MIGRATE.peer2peer,
    });
    assert.deepEqual(await stored.status(), { state: "shutoff", reason: "migrated" });
    await using there = await target.connect();
    assert.deepEqual(await (await there.domainByUuid(stored.uuid)).status(), {
      state: "running",
      reason: "migrated",
    });
  },
  domainMigrateSetMaxSpeed: ({ guest }) =>
    guest.call("domainMigrateSetMaxSpeed", { bandwidth: 321n, flags: 0 }),
  domainMigrateGetMaxSpeed: async ({ guest }) => {
    assert.equal((await guest.call("domainMigrateGetMaxSpeed", { flags: 0 })).bandwidth, 321n);
  },
  domainMigrateSetMaxDowntime: ({ guest }) =>
    guest.call("domainMigrateSetMaxDowntime", { downtime: 250n, flags: 0 }),
  domainMigrateStartPostCopy: ({ guest }) =>
    refused(guest.call("domainMigrateStartPostCopy", { flags: 0 }), "OPERATION_INVALID"),
  domainGetTime: async ({ paper }) =>
    assert.ok((await paper.call("domainGetTime", { flags: 0 })).seconds > 0n),
  domainSetTime: ({ paper }) =>
    paper.call("domainSetTime", { seconds: 1_700_000_000n, nseconds: 5, flags: 0 }),
  domainFSFreeze: async ({ paper }) => {
    assert.equal((await paper.call("domainFSFreeze", { mountpoints: [], flags: 0 })).filesystems, 2);
  },
  domainFSThaw: async ({ paper }) => {
    assert.equal((await paper.call("domainFSThaw", { mountpoints: ["/"], flags: 0 })).filesystems, 1);
    await paper.call("domainFSThaw", { mountpoints: [], flags: 0 });
  },
  domainFSTrim: ({ paper }) => paper.call("domainFSTrim", { mountPoint: "/", minimum: 0n, flags: 0 }),
  domainGetFSInfo: async ({ paper }) => {
    const { info } = await paper.call("domainGetFSInfo", { flags: 0 });
    assert.deepEqual(
      info.map(({ mountpoint }) => mountpoint),
      ["/", "/boot"],
    );
  },
  domainGetGuestInfo: ({ guest }) =>
    refused(guest.call("domainGetGuestInfo", { types: 0, flags: 0 }), "AGENT_UNRESPONSIVE"),
  domainGetHostname: async ({ paper }) =>
    assert.match((await paper.call("domainGetHostname", { flags: 0 })).hostname, /./),
  domainGetMessages: async ({ guest }) => {
    // That QEMU runs as root, here.
    const { msgs } = await guest.call("domainGetMessages", { flags: 0 });
    assert.match(msgs.join(), /^tainted: /);
  },
  domainOpenConsole: async ({ guest }) => {
    const console = await guest.openConsole();
    await refused(guest.openConsole(), "OPERATION_FAILED");
    console.destroy();
  },
  domainOpenChannel: async ({ qemu, guest }) => {
    const args = { dom: guest.ref, name: "org.qemu.nothing", flags: 0 };
    await refused(qemu.openStream("domainOpenChannel", args), "INTERNAL_ERROR");
  },
  domainScreenshot: async ({ guest }) => {
    const { mime, stream } = await guest.screenshot();
    const picture = Buffer.concat(await Array.fromAsync(stream as AsyncIterable<Buffer>));
    assert.equal(mime, "image/png");
    assert.equal(picture.subarray(1, 4).toString(), "PNG");
  },
  qemuDomainMonitorCommand: async ({ guest }) => {
    assert.deepEqual(await guest.monitorCommand({ execute: "query-status" }), {
      status: "running",
      singlestep: false,
      running: true,
    });
    await assert.rejects(
      guest.monitorCommand({ execute: "no-such-command" }),
      /QEMU refused no-such-command/,
    );
    assert.match(await guest.humanMonitorCommand("info status"), /VM status: running/);
  },
  qemuDomainAgentCommand: ({ guest }) =>
    refused(guest.agentCommand({ execute: "guest-ping" }), "AGENT_UNRESPONSIVE"),
};

describe("every procedure of the table is understood by a real libvirtd", () => {
  let world: World;

  before(async () => {
    const libvirtd = await startPrivateLibvirtd();
    const path = (file: string) => join(libvirtd.directory, file);
    try {
      await writeTinyGuestDisk(path("guest.img"), DISK_BYTES);
      await run("qemu-img", ["convert", "-f", "raw", "-O", "qcow2", path("guest.img"), path("guest.qcow2")]);
      const qemu = await libvirtd.connect();
      const test = await libvirtd.connect({ driver: "test:///default" });
      world = {
        libvirtd,
        qemu,
        test,
        path,
        guest: await (await qemu.defineDomain(tinyGuestXml("guest", guestSpec(path)))).start(),
        stored: await qemu.defineDomain(tinyGuestXml("stored")),
        paper: await test.domainByName("test"),
      };
    } catch (error) {
      await libvirtd[Symbol.asyncDispose]();
      throw error;
    }
  });

  after(async () => {
    await world?.libvirtd[Symbol.asyncDispose]();
  });

  for (const [name, check] of Object.entries(CASES)) {
    it(name, { timeout: 20_000 }, async () => {
      await check(world);
    });
  }
});
