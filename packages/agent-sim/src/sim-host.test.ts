import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type AgentClient, connectAgent, issueCertificate, southboundError } from "@sinter/agent-link";
import {
  createTestPki,
  sampleDisk,
  sampleNic,
  sampleSwitch,
  sampleVm,
  sampleVolume,
  type TestPki,
} from "@sinter/agent-link/testing";
import { AppError, GiB, ManualClock, MiB, silentLog, waitFor } from "@sinter/kit";
import { type AgentEvent, agentName, type VmSpec } from "@sinter/southbound";
import { DEFAULT_STORE_PATH, serveSims, SimHost, type SimHostOptions, simPort, SimStore } from "./index.ts";

const hasCode = (code: string, reason?: string) => (error: unknown) =>
  error instanceof AppError &&
  error.code === code &&
  (reason === undefined || error.params["reason"] === reason);

type Way = "in process" | "over TLS";
let pki: Promise<TestPki> | undefined;

interface Bench extends AsyncDisposable {
  readonly sim: SimHost;
  readonly port: AgentClient;
}

/** A simulated host and a port to it. */
async function open(way: Way, options: SimHostOptions = {}): Promise<Bench> {
  const sim = new SimHost({ guest: { bootMs: 0 }, ...options });
  if (way === "in process") {
    const port = simPort(sim, { heartbeatMs: 100 });
    return disposable({ sim, port }, async () => {
      await port.close();
      sim.dispose();
    });
  }
  const { ca, manager } = await (pki ??= createTestPki());
  const server = await serveSims([sim], { ca, heartbeatMs: 100 });
  const port = connectAgent({
    hostUuid: sim.hostUuid,
    address: "127.0.0.1",
    port: server.port,
    tls: manager,
    log: silentLog,
    silenceMsMax: 1_000,
  });
  return disposable({ sim, port }, async () => {
    await port.close();
    await server.close(0);
    sim.dispose();
  });
}

function disposable(parts: { sim: SimHost; port: AgentClient }, dispose: () => Promise<void>): Bench {
  return { ...parts, [Symbol.asyncDispose]: dispose };
}

/** A running VM with one disk and one NIC. */
async function runVm(port: AgentClient, changes: Partial<VmSpec> = {}): Promise<VmSpec> {
  const datastoreId = "ds1";
  await port.ensureDatastore({ datastoreId, path: DEFAULT_STORE_PATH, shared: false });
  const volume = sampleVolume({ datastoreId });
  await port.ensureVolume(volume);
  await port.ensureSwitch(sampleSwitch({ switchId: "sw1" }));
  const vm = sampleVm({ disks: [sampleDisk(volume)], nics: [sampleNic({ switchId: "sw1" })], ...changes });
  await port.defineVm(vm);
  await port.startVm({ vmUuid: vm.vmUuid });
  return vm;
}

async function firstEvent(port: AgentClient): Promise<AsyncIterator<AgentEvent>> {
  const events = port.events(new AbortController().signal)[Symbol.asyncIterator]();
  assert.equal((await events.next()).value?.type, "hello");
  return events;
}

async function untilFailure(events: AsyncIterator<AgentEvent>): Promise<never> {
  for (;;) await events.next();
}

for (const way of ["in process", "over TLS"] as const) {
  describe(`faults of a simulated host, ${way}`, () => {
    test("a call that fails before has done nothing", async () => {
      await using bench = await open(way);
      const { sim, port } = bench;
      sim.faults.fail("defineVm", southboundError("LIBVIRT_AWAY", "gone for now"), { times: 2 });
      assert.deepEqual(sim.faults.plan(), [{ call: "defineVm", kind: "fail", when: "before", timesLeft: 2 }]);
      const vm = sampleVm();
      for (let i = 0; i < 2; i++) await assert.rejects(port.defineVm(vm), hasCode("LIBVIRT_AWAY"));
      assert.deepEqual((await port.listVms({})).vms, []);
      assert.deepEqual(sim.faults.plan(), []);
      await port.defineVm(vm);
      assert.deepEqual(
        sim.calls("defineVm").map(({ outcome }) => outcome),
        ["LIBVIRT_AWAY", "LIBVIRT_AWAY", "ok"],
      );
    });

    test("a call that fails after has had its effect, and may be repeated", async () => {
      await using bench = await open(way);
      const { sim, port } = bench;
      const vm = sampleVm();
      sim.faults.fail("defineVm", southboundError("AGENT_AWAY", "the answer was lost"), { when: "after" });
      await assert.rejects(port.defineVm(vm), hasCode("AGENT_AWAY"));
      assert.equal((await port.getVm({ vmUuid: vm.vmUuid })).power, "stopped");
      assert.equal((await port.defineVm(vm)).generation, 1);
    });

    test("two failures planned are met one after the other", async () => {
      await using bench = await open(way);
      const { sim, port } = bench;
      sim.faults.fail("getHost", new AppError("conflict", "FIRST", "1"));
      sim.faults.fail("*", new AppError("conflict", "SECOND", "2"));
      await assert.rejects(port.getHost({}), hasCode("FIRST"));
      await assert.rejects(port.getHost({}), hasCode("SECOND"));
      await port.getHost({});
    });

    test("a stalled call answers when released", async () => {
      await using bench = await open(way);
      const { sim, port } = bench;
      sim.faults.stall("getHost");
      const call = port.getHost({});
      await waitFor("the call", () => (sim.calls("getHost").length === 1 ? true : undefined), {
        timeoutMs: 5_000,
        intervalMs: 5,
      });
      await port.listVms({});
      assert.equal(sim.calls("getHost")[0]?.outcome, "pending");
      sim.faults.release();
      assert.equal((await call).hostUuid, sim.hostUuid);
    });

    test("a caller may give up a stalled call, by time limit or by signal", async () => {
      await using bench = await open(way);
      const { sim, port } = bench;
      sim.faults.stall("startVm");
      const { vmUuid } = sampleVm();
      await assert.rejects(port.startVm({ vmUuid }, { timeoutMs: 50 }), hasCode("AGENT_AWAY", "timeout"));
      const signal = AbortSignal.timeout(50);
      await assert.rejects(port.startVm({ vmUuid }, { signal }), hasCode("CALL_CANCELLED"));
      await waitFor(
        "both to end on the host",
        () => (sim.calls().every(({ outcome }) => outcome === "CALL_CANCELLED") ? true : undefined),
        { timeoutMs: 5_000, intervalMs: 5 },
      );
    });

    test("without power nothing answers, and VMs are stopped when it is back", async () => {
      await using bench = await open(way);
      const { sim, port } = bench;
      const vm = await runVm(port);
      const events = await firstEvent(port);
      const { bootId } = await port.getHost({});
      sim.faults.stall("getStats");
      const underWay = assert.rejects(port.getStats({}), hasCode("AGENT_AWAY"));
      await waitFor("the call", () => (sim.calls("getStats").length > 0 ? true : undefined), {
        timeoutMs: 5_000,
        intervalMs: 5,
      });
      sim.powerOff();
      await underWay;
      await assert.rejects(untilFailure(events), hasCode("AGENT_AWAY", "reset"));
      await assert.rejects(port.getHost({}), hasCode("AGENT_AWAY"));
      await assert.rejects(firstEvent(port), hasCode("AGENT_AWAY"));
      sim.powerOn();
      sim.faults.clear();
      assert.notEqual((await port.getHost({})).bootId, bootId);
      const seen = await port.getVm({ vmUuid: vm.vmUuid });
      assert.deepEqual([seen.power, seen.generation], ["stopped", 1]);
      await port.startVm({ vmUuid: vm.vmUuid });
    });

    test("without network nothing answers, and VMs run on", async () => {
      await using bench = await open(way);
      const { sim, port } = bench;
      const vm = await runVm(port);
      const before = await port.getHost({});
      const events = await firstEvent(port);
      sim.disconnect();
      await assert.rejects(untilFailure(events), hasCode("AGENT_AWAY"));
      await assert.rejects(port.getVm({ vmUuid: vm.vmUuid }), hasCode("AGENT_AWAY"));
      await assert.rejects(port.openConsole(vm.vmUuid), hasCode("AGENT_AWAY"));
      sim.reconnect();
      assert.equal((await port.getVm({ vmUuid: vm.vmUuid })).power, "running");
      assert.equal((await port.getHost({})).bootId, before.bootId);
    });

    test("an agent that restarts breaks what is under way and forgets nothing", async () => {
      await using bench = await open(way);
      const { sim, port } = bench;
      const vm = await runVm(port);
      const events = await firstEvent(port);
      sim.faults.stall("removeVm", { times: 1 });
      // Over TLS the client asks once more when a connection breaks: that call meets the second fault.
      sim.faults.fail("removeVm", southboundError("LIBVIRT_AWAY", "starting"));
      const underWay = assert.rejects(port.removeVm({ vmUuid: vm.vmUuid, force: true }));
      await waitFor("the call", () => (sim.calls("removeVm").length > 0 ? true : undefined), {
        timeoutMs: 5_000,
        intervalMs: 5,
      });
      sim.restartAgent();
      await underWay;
      await assert.rejects(untilFailure(events), hasCode("AGENT_AWAY"));
      assert.equal((await port.getVm({ vmUuid: vm.vmUuid })).power, "running");
      assert.equal((await port.listSwitches({})).switches.length, 1);
    });

    test("an agent that stalls accepts calls, answers none and falls silent", async () => {
      await using bench = await open(way);
      const { sim, port } = bench;
      const events = await firstEvent(port);
      sim.stall();
      await assert.rejects(port.getHost({}, { timeoutMs: 50 }), hasCode("AGENT_AWAY", "timeout"));
      await assert.rejects(untilFailure(events), hasCode("AGENT_AWAY", "silent"));
      sim.resume();
      await port.getHost({});
      await firstEvent(port);
    });

    test("a host that loses everything is empty", async () => {
      await using bench = await open(way);
      const { sim, port } = bench;
      await runVm(port);
      const { hostUuid, bootId } = await port.getHost({});
      sim.loseEverything();
      const after = await port.getHost({});
      assert.equal(after.hostUuid, hostUuid);
      assert.notEqual(after.bootId, bootId);
      assert.deepEqual(await port.listVms({}), { vms: [] });
      assert.deepEqual(await port.listDatastores({}), { datastores: [] });
      assert.deepEqual(await port.listSwitches({}), { switches: [] });
      await port.ensureDatastore({ datastoreId: "ds1", path: DEFAULT_STORE_PATH, shared: false });
      assert.deepEqual(await port.listVolumes({ datastoreId: "ds1" }), { volumes: [] });
    });

    test("while libvirt is away only what needs it fails", async () => {
      await using bench = await open(way);
      const { sim, port } = bench;
      const vm = await runVm(port);
      sim.isLibvirtAway = true;
      await assert.rejects(port.getVm({ vmUuid: vm.vmUuid }), hasCode("LIBVIRT_AWAY"));
      await assert.rejects(port.getStats({}), hasCode("LIBVIRT_AWAY"));
      await port.getHost({});
      await port.listVolumes({ datastoreId: "ds1" });
      sim.isLibvirtAway = false;
      assert.equal((await port.getVm({ vmUuid: vm.vmUuid })).power, "running");
    });

    test("a serial line greets, echoes and asks again", async () => {
      await using bench = await open(way);
      const { sim, port } = bench;
      const vm = await runVm(port);
      const line = await port.openConsole(vm.vmUuid);
      const text = async (end: string): Promise<string> => {
        let all = "";
        while (!all.endsWith(end)) {
          const chunk = line.read() as Buffer | null;
          if (chunk === null) await new Promise((resolve) => line.once("readable", resolve));
          else all += chunk.toString();
        }
        return all;
      };
      assert.match(await text("login: "), /Simulated Linux/);
      line.write("root\r");
      assert.equal(await text("login: "), `root\r\n${vm.vmId} login: `);
      line.resume();
      sim.disconnect();
      if (!line.destroyed) await new Promise((resolve) => line.once("close", resolve));
    });

    test("values do not stay shared between caller and host", async () => {
      await using bench = await open(way);
      const { port } = bench;
      const vm = sampleVm();
      await port.defineVm(vm);
      vm.cpu.count = 99;
      const report = await port.getHost({});
      report.nics.length = 0;
      assert.equal((await port.getVm({ vmUuid: vm.vmUuid })).cpuCount, 1);
      assert.equal((await port.getHost({})).nics.length, 2);
    });

    test("a rotated certificate is served; one for another key is refused", async () => {
      await using bench = await open(way);
      const { sim, port } = bench;
      const { ca } = await (pki ??= createTestPki());
      const dnsNames = [agentName(sim.hostUuid)];
      const issue = (csr: { csrPem: string }) =>
        issueCertificate(ca, { ...csr, dnsNames, usage: "server", days: 9 });
      const stale = await issue({ csrPem: (await port.beginRotation({})).csr });
      const certificate = await issue({ csrPem: (await port.beginRotation({})).csr });
      const install = (pem: string) => port.finishRotation({ certificate: pem, ca: ca.certificatePem });
      await assert.rejects(install(stale), hasCode("CERTIFICATE_MALFORMED"));
      const first = await install(certificate);
      assert.ok(Math.abs(first.notAfter - Date.now() - 9 * 86_400_000) < 60_000);
      assert.deepEqual(await install(certificate), first);
      assert.equal(sim.identity?.cert, certificate);
      sim.restartAgent();
      await port.getHost({});
    });
  });
}

describe("VMs of a simulated host", () => {
  test("a guest answers after its boot on the host's clock, and the manager is told", async () => {
    const clock = new ManualClock();
    await using bench = await open("in process", { clock, guest: { bootMs: 30_000 } });
    const { sim, port } = bench;
    const vm = await runVm(port);
    const { vmUuid } = vm;
    const heard: AgentEvent[] = [];
    sim.events.subscribe((event) => heard.push(event));
    assert.equal((await port.getVm({ vmUuid })).guest?.agent, "notRunning");
    await assert.rejects(
      port.guestCommand({ vmUuid, command: "guest-ping", timeoutMs: 1 }),
      hasCode("GUEST_AGENT_AWAY"),
    );
    clock.advance(29_999);
    assert.equal((await port.getVm({ vmUuid })).guest?.agent, "notRunning");
    clock.advance(1);
    const { guest } = await port.getVm({ vmUuid });
    assert.equal(guest?.agent, "running");
    assert.equal(guest.addresses[0]?.mac, vm.nics[0]?.mac);
    assert.match(guest.addresses[0]?.ipv4[0] ?? "", /^10\.\d+\.\d+\.\d+$/);
    assert.deepEqual(heard, [{ type: "vmChanged", vmUuid }]);
  });

  test("addresses and host name of the seed are the guest's", async () => {
    await using bench = await open("in process");
    const nic = sampleNic({ switchId: "sw1" });
    const network = { mac: nic.mac, address: "192.0.2.7/24", gateway: null, dns: [] };
    const seed = { hostname: "db1", password: null, sshKeys: [], nics: [network], userData: null };
    const vm = await runVm(bench.port, { nics: [nic], seed });
    const { guest } = await bench.port.getVm({ vmUuid: vm.vmUuid });
    assert.equal(guest?.hostname, "db1");
    assert.deepEqual(guest.addresses[0]?.ipv4, ["192.0.2.7"]);
  });

  test("a slow stop shows as stopping, can be overtaken by force, and fails when the wait is too short", async () => {
    const clock = new ManualClock();
    await using bench = await open("in process", { clock, guest: { bootMs: 0, stopMs: 10_000 } });
    const { port } = bench;
    const { vmUuid } = await runVm(port);
    const short = assert.rejects(
      port.stopVm({ vmUuid, mode: "safe", waitMs: 5_000 }),
      hasCode("GUEST_DID_NOT_STOP"),
    );
    await port.listVms({});
    clock.advance(5_000);
    await short;
    const long = port.stopVm({ vmUuid, mode: "safe", waitMs: 60_000 });
    await port.listVms({});
    assert.equal((await port.getVm({ vmUuid })).power, "stopping");
    await port.stopVm({ vmUuid, mode: "force", waitMs: 0 });
    await port.startVm({ vmUuid });
    clock.advance(10_000);
    // The guest that was asked to stop is gone; the new one runs on.
    assert.equal((await long).power, "running");
  });

  for (const [onCrash, power] of [
    ["preserve", "crashed"],
    ["restart", "running"],
    ["destroy", "stopped"],
  ] as const) {
    test(`a guest that crashes under "${onCrash}" ends ${power}`, async () => {
      await using bench = await open("in process");
      const { sim, port } = bench;
      const { vmUuid } = await runVm(port, { onCrash });
      sim.crashVm(vmUuid);
      assert.equal((await port.getVm({ vmUuid })).power, power);
      await port.startVm({ vmUuid });
      assert.equal((await port.getVm({ vmUuid })).power, "running");
      sim.shutDownFromInside(vmUuid);
      assert.equal((await port.getVm({ vmUuid })).power, "stopped");
    });
  }

  test("a domain that Sinter did not define has no generation until it is adopted", async () => {
    await using bench = await open("in process");
    const { sim, port } = bench;
    const vm = sampleVm({ generation: 3 });
    sim.addForeignVm(vm);
    const found = (await port.listVms({})).vms[0];
    assert.deepEqual([found?.generation, found?.title, found?.power], [null, null, "running"]);
    await port.defineVm(vm);
    assert.equal((await port.getVm({ vmUuid: vm.vmUuid })).generation, 3);
  });

  test("no disk is open for writing on two hosts", async () => {
    const store = new SimStore();
    const mounts = { "/srv/shared": store };
    await using first = await open("in process", { seed: "a", mounts });
    await using second = await open("in process", { seed: "b", mounts });
    const datastore = { datastoreId: "ds1", path: "/srv/shared", shared: true };
    const volume = sampleVolume({ datastoreId: "ds1" });
    const vm = sampleVm({ disks: [sampleDisk(volume)] });
    const { vmUuid } = vm;
    for (const { port } of [first, second]) await port.ensureDatastore(datastore);
    await first.port.ensureVolume(volume);
    assert.equal((await second.port.getVolume(volume)).sizeBytes, volume.sizeBytes);
    for (const { port } of [first, second]) await port.defineVm(vm);
    await first.port.startVm({ vmUuid });
    await assert.rejects(second.port.startVm({ vmUuid }), hasCode("VOLUME_IN_USE"));
    first.sim.disconnect();
    await assert.rejects(second.port.startVm({ vmUuid }), hasCode("VOLUME_IN_USE"));
    first.sim.powerOff();
    await second.port.startVm({ vmUuid });
    first.sim.powerOn();
    first.sim.reconnect();
    await assert.rejects(first.port.startVm({ vmUuid }), hasCode("VOLUME_IN_USE"));
    await assert.rejects(
      first.port.removeVm({ vmUuid, force: true }).then(() => first.port.removeVolume(volume)),
      (e) => hasCode("VOLUME_IN_USE")(e),
    );
  });
});

describe("stores of a simulated host", () => {
  test("a full store refuses what it cannot hold and counts what it holds", async () => {
    await using bench = await open("in process");
    const { sim, port } = bench;
    await port.ensureDatastore({ datastoreId: "ds1", path: DEFAULT_STORE_PATH, shared: false });
    const thick = sampleVolume({ datastoreId: "ds1", provisioning: "thick", format: "raw", sizeBytes: GiB });
    await port.ensureVolume(thick);
    const [observed] = (await port.listDatastores({})).datastores;
    assert.equal(
      observed?.freeBytes,
      observed?.capacityBytes === undefined ? 0 : observed.capacityBytes - GiB,
    );
    const store = sim.mounts.get(DEFAULT_STORE_PATH);
    store?.fill(GiB - 1);
    const second = sampleVolume({ datastoreId: "ds1", provisioning: "thick", format: "raw", sizeBytes: GiB });
    await assert.rejects(port.ensureVolume(second), hasCode("DATASTORE_FULL"));
    await port.removeVolume(thick);
    await port.ensureVolume(second);
    store?.fill(0);
    await assert.rejects(port.ensureVolume(sampleVolume({ datastoreId: "ds1" })), hasCode("DATASTORE_FULL"));
  });

  test("a lost store is seen as lost, and VMs on it do not start", async () => {
    await using bench = await open("in process");
    const { sim, port } = bench;
    const { vmUuid } = await runVm(port);
    await port.stopVm({ vmUuid, mode: "force", waitMs: 0 });
    const store = sim.mounts.get(DEFAULT_STORE_PATH);
    assert.ok(store);
    store.state = "lost";
    assert.equal((await port.listDatastores({})).datastores[0]?.state, "lost");
    await assert.rejects(port.startVm({ vmUuid }), hasCode("DISK_MISSING"));
    store.state = "normal";
    await port.startVm({ vmUuid });
  });

  test("a copy takes its time on the host's clock, tells its progress, and is not there before its end", async () => {
    const clock = new ManualClock();
    await using bench = await open("in process", { clock, writeBytesPerSec: MiB });
    const { sim, port } = bench;
    await port.ensureDatastore({ datastoreId: "ds1", path: DEFAULT_STORE_PATH, shared: false });
    const volume = sampleVolume({ datastoreId: "ds1", provisioning: "thick", sizeBytes: 10 * MiB });
    const percents: number[] = [];
    sim.events.subscribe((event) => event.type === "progress" && percents.push(event.percent));
    const making = port.ensureVolume(volume, { operationId: "7:volume" });
    for (let i = 1; i < 10; i++) {
      await port.getHost({});
      clock.advance(1_000);
      await assert.rejects(port.getVolume(volume), hasCode("VOLUME_NOT_FOUND"));
    }
    assert.deepEqual(await port.listVolumes({ datastoreId: "ds1" }), { volumes: [] });
    await port.getHost({});
    clock.advance(1_000);
    await making;
    assert.deepEqual(
      percents,
      Array.from({ length: 11 }, (_, i) => i * 10),
    );
  });

  test("a cancelled copy leaves nothing and gives its room back", async () => {
    const clock = new ManualClock();
    await using bench = await open("in process", { clock, writeBytesPerSec: MiB });
    const { sim, port } = bench;
    await port.ensureDatastore({ datastoreId: "ds1", path: DEFAULT_STORE_PATH, shared: false });
    const store = sim.mounts.get(DEFAULT_STORE_PATH);
    const free = store?.freeBytes;
    const abort = new AbortController();
    const volume = sampleVolume({ datastoreId: "ds1", provisioning: "thick", sizeBytes: 10 * MiB });
    const making = assert.rejects(
      port.ensureVolume(volume, { signal: abort.signal }),
      hasCode("CALL_CANCELLED"),
    );
    await port.getHost({});
    assert.notEqual(store?.freeBytes, free);
    abort.abort();
    await making;
    await port.getHost({});
    assert.equal(store?.freeBytes, free);
  });
});

test("calls are remembered within a bound", async () => {
  await using bench = await open("in process", { callLogLimit: 10 });
  const { sim, port } = bench;
  for (let i = 0; i < 100; i++) await port.getHost({}, { operationId: String(i) });
  assert.deepEqual(
    sim.calls().map(({ operationId }) => operationId),
    Array.from({ length: 10 }, (_, i) => String(90 + i)),
  );
  assert.equal(sim.callsTotal, 100);
});
