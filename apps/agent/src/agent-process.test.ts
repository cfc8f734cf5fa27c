import assert from "node:assert/strict";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type AgentClient, certificateInfo, connectAgent, issueCertificate } from "@sinter/agent-link";
import { createTestPki, sampleDisk, sampleVm, sampleVolume } from "@sinter/agent-link/testing";
import { mapLimited, MiB, run, silentLog, waitFor } from "@sinter/kit";
import { agentName } from "@sinter/southbound";
import { readIdentity } from "./identity/identity-store.ts";
import { type AgentProcess, residentMiB, runCli, startAgentProcess } from "./testing/agent-process.ts";
import { startTestHost, type TestHost } from "./testing/test-host.ts";
import { startTestManager } from "./testing/test-manager.ts";

const VMS = 50;
const MEMORY_MIB_MAX = 120;

describe("the agent as a process", () => {
  let host: TestHost;
  before(async () => {
    host = await startTestHost();
  });
  after(async () => {
    await host[Symbol.asyncDispose]();
  });

  function connect({ port }: Pick<AgentProcess, "port">): AgentClient & AsyncDisposable {
    const client = connectAgent({
      hostUuid: host.identity.hostUuid,
      address: "127.0.0.1",
      port,
      tls: host.pki.manager,
      log: silentLog,
    });
    return Object.assign(client, { [Symbol.asyncDispose]: () => client.close() });
  }

  async function qemuPids(): Promise<string[]> {
    const { stdout } = await host.libvirtd.run("sh", ["-c", "cat /run/libvirt/qemu/i-*.pid"]);
    return stdout
      .split(/\s+/)
      .filter((pid) => pid !== "")
      .toSorted();
  }

  test("joins with a token from standard input, and again with another", async () => {
    await using manager = await startTestManager(host.pki);
    const target = `127.0.0.1:${manager.port}`;
    const token = manager.token();
    const first = await runCli(host, ["join", target, "--port", "7447", "--token-file", "-"], `${token}\n`);
    assert.equal(first.code, 0, first.stderr);
    assert.match(first.stdout, new RegExp(host.identity.hostUuid));
    const identity = await readIdentity(host.stateDir);
    assert.ok(identity);
    assert.deepEqual(certificateInfo(identity.certificate).dnsNames, [agentName(host.identity.hostUuid)]);
    assert.equal((await stat(join(host.stateDir, "identity.json"))).mode & 0o777, 0o600);

    const used = await runCli(host, ["join", target, "--port", "7447", "--token-file", "-"], token);
    assert.equal(used.code, 1);
    assert.match(used.stderr, /used or has expired/);
    assert.doesNotMatch(used.stderr + first.stdout, new RegExp(token.replaceAll(".", "\\.")));
    assert.deepEqual(await readIdentity(host.stateDir), identity);

    const file = join(host.stateDir, "token");
    await writeFile(file, manager.token(), { mode: 0o600 });
    const again = await runCli(host, [
      "join",
      target,
      "--port",
      "7447",
      "--token-file",
      file,
      "--address",
      "192.0.2.7",
    ]);
    assert.equal(again.code, 0, again.stderr);
    assert.equal(manager.requests.at(-1)?.address, "192.0.2.7");
    assert.notEqual((await readIdentity(host.stateDir))?.key, identity.key);
  });

  test("a host that joins anew is served under the new identity without a restart", async () => {
    await using manager = await startTestManager(host.pki);
    await using agent = await startAgentProcess(host);
    await using client = connect(agent);
    await client.getHost({});
    const joined = await runCli(host, [
      "join",
      `127.0.0.1:${manager.port}`,
      "--port",
      "7447",
      manager.token(),
    ]);
    assert.equal(joined.code, 0, joined.stderr);
    await waitFor(
      "the agent's second start of serving",
      () => agent.log().filter(({ msg }) => msg === "the agent serves")[1],
      { timeoutMs: 20_000, intervalMs: 50 },
    );
    assert.equal(agent.log().filter(({ msg }) => msg === "the agent serves").length, 2);
  });

  test("status says who the host is and what it lacks", async () => {
    const { code, stdout } = await runCli(host, ["status", "--json"]);
    assert.equal(code, 0);
    const state = JSON.parse(stdout) as Record<string, unknown>;
    assert.deepEqual(
      [state["joined"], state["hostUuid"], state["missingPrograms"]],
      [true, host.identity.hostUuid, []],
    );
    assert.match(String(state["libvirt"]), /^\d+\.\d+\.\d+$/);
  });

  test("wrong use is told in one line and a code", async () => {
    const uses = [["nonsense"], ["join"], ["join", "127.0.0.1:1"], ["--nonsense"]];
    for (const { code, stderr } of await Promise.all(uses.map((args) => runCli(host, args)))) {
      assert.equal(code, 1);
      assert.match(stderr, /^sinter-agent: /);
      assert.doesNotMatch(stderr, /^ +at /m);
    }
  });

  test("killed with -9 and ended in order while a VM runs: the VM keeps its process, and is found again", async () => {
    const state = await host.newDirectory();
    let vmUuid: string;
    let pids: string[];
    {
      await using agent = await startAgentProcess(host);
      await using client = connect(agent);
      await client.ensureDatastore({ datastoreId: "kept", path: state, shared: false });
      vmUuid = await runningVm(client);
      pids = await qemuPids();
      assert.equal(pids.length, 1);
      await agent.kill("SIGKILL");
    }
    {
      await using agent = await startAgentProcess(host);
      await using client = connect(agent);
      assert.deepEqual(await qemuPids(), pids);
      const seen = await client.getVm({ vmUuid });
      assert.deepEqual([seen.power, seen.generation], ["running", 1]);
      assert.deepEqual(
        (await client.listDatastores({})).datastores.map(({ datastoreId }) => datastoreId),
        ["kept"],
      );
      const startedAt = performance.now();
      await agent.kill("SIGTERM");
      assert.equal(await agent.ended, 0);
      assert.ok(performance.now() - startedAt < 2_500, "ends within the grace");
    }
    assert.deepEqual(await qemuPids(), pids);
    await using agent = await startAgentProcess(host);
    await using client = connect(agent);
    await client.removeVm({ vmUuid, force: true });
  });

  test("killed with -9 in the middle of a copy: the copy ends with it, and what it left is tidied", async () => {
    const path = await host.newDirectory();
    const volume = sampleVolume({
      datastoreId: "cut",
      format: "raw",
      provisioning: "thick",
      sizeBytes: 16_384 * MiB,
    });
    const folder = join(path, "volumes", volume.volumeUuid);
    {
      await using agent = await startAgentProcess(host);
      await using client = connect(agent);
      await client.ensureDatastore({ datastoreId: "cut", path, shared: false });
      const making = client.ensureVolume(volume);
      making.catch(() => {}); // its end is that of the agent
      const part = await waitFor("the part", async () => (await readdir(folder).catch(() => []))[0], {
        timeoutMs: 20_000,
        intervalMs: 5,
      });
      assert.match(part, /\.part-/);
      await agent.kill("SIGKILL");
      await assert.rejects(making, { code: "AGENT_AWAY" });
      await waitFor(
        "the end of qemu-img",
        async () =>
          (await run("ps", ["-eo", "args"])).stdout.includes(volume.volumeUuid) ? undefined : true,
        { timeoutMs: 10_000, intervalMs: 50 },
      );
      assert.deepEqual(await readdir(folder), [part]);
    }
    await using agent = await startAgentProcess(host);
    await using client = connect(agent);
    await waitFor(
      "the tidying",
      async () => ((await stat(folder).catch(() => undefined)) === undefined ? true : undefined),
      { timeoutMs: 10_000, intervalMs: 20 },
    );
    assert.deepEqual((await client.listVolumes({ datastoreId: "cut" })).volumes, []);
    await client.removeDatastore({ datastoreId: "cut" });
  });

  test("CNA-05: after a reinstall the datastores are read off the VMs", async () => {
    const path = await host.newDirectory();
    const volume = sampleVolume({ datastoreId: "seen" });
    const vm = sampleVm({ disks: [sampleDisk(volume)] });
    {
      await using agent = await startAgentProcess(host);
      await using client = connect(agent);
      await client.ensureDatastore({ datastoreId: "seen", path, shared: true });
      await client.ensureVolume(volume);
      await client.defineVm(vm);
      // What a person could find out of the VM's folder (CMP-31, GEN-09).
      const description = await readFile(join(path, "vms", vm.vmId, `${vm.vmId}.xml`), "utf8");
      assert.match(description, new RegExp(volume.volumeUuid));
      assert.doesNotMatch(description, /passwd/);
    }
    await using elsewhere = await startTestHost();
    const moved: TestHost = { ...host, stateDir: elsewhere.stateDir };
    await writeFile(
      join(moved.stateDir, "identity.json"),
      await readFile(join(host.stateDir, "identity.json"), "utf8"),
    );
    await using agent = await startAgentProcess(moved);
    await using client = connect(agent);
    const { datastores } = await client.listDatastores({});
    const found = datastores.find(({ datastoreId }) => datastoreId === "seen");
    assert.deepEqual([found?.path, found?.state], [path, "normal"]);
    assert.equal((await client.getVm({ vmUuid: vm.vmUuid })).disks[0]?.volumeUuid, volume.volumeUuid);
    await client.removeVm({ vmUuid: vm.vmUuid, force: false });
    await assert.rejects(stat(join(path, "vms", vm.vmId)), { code: "ENOENT" });
  });

  test("libvirtd killed, frozen, and back: calls say so meanwhile, VMs run on, events say to look again", async () => {
    await using agent = await startAgentProcess(host);
    await using client = connect(agent);
    const vmUuid = await runningVm(client);
    const pids = await qemuPids();
    const stop = new AbortController();
    const heard: string[] = [];
    const listening = (async () => {
      for await (const event of client.events(stop.signal)) heard.push(event.type);
    })();
    listening.catch(() => {}); // a failure before the wait for it shows by then
    await waitFor("the stream", () => (heard.includes("hello") ? true : undefined), {
      timeoutMs: 5_000,
      intervalMs: 10,
    });
    await host.libvirtd.stop("SIGKILL");
    await assert.rejects(client.getVm({ vmUuid }), { code: "LIBVIRT_AWAY", kind: "unavailable" });
    await assert.rejects(client.startVm({ vmUuid }), { code: "LIBVIRT_AWAY" });
    // What needs no libvirt goes on.
    assert.ok(Array.isArray((await client.listSwitches({})).switches));
    heard.length = 0;
    await host.libvirtd.start();
    await waitFor("the event", () => (heard.includes("vmChanged") ? true : undefined), {
      timeoutMs: 15_000,
      intervalMs: 20,
    });
    assert.equal((await client.getVm({ vmUuid })).power, "running");
    assert.deepEqual(await qemuPids(), pids);
    // Alive and silent is away as well, and soon.
    await host.libvirtd.freeze();
    await assert.rejects(client.getVm({ vmUuid }), { code: "LIBVIRT_AWAY" });
    await host.libvirtd.thaw();
    await waitFor("libvirtd's answer", () => client.getVm({ vmUuid }).catch(() => undefined), {
      timeoutMs: 20_000,
      intervalMs: 50,
    });
    await client.removeVm({ vmUuid, force: true });
    stop.abort();
    await listening;
  });

  test("a found domain is shown as not ours and left alone", async () => {
    const uuid = "5f0c9c8a-0000-4000-8000-00000000f00d";
    const file = join(host.stateDir, "found.xml");
    await writeFile(
      file,
      `<domain type="qemu"><name>found</name><uuid>${uuid}</uuid><memory unit="MiB">32</memory><os><type>hvm</type></os></domain>`,
    );
    await host.libvirtd.run("virsh", ["-q", "-c", "qemu:///system", "define", file]);
    await host.libvirtd.run("virsh", ["-q", "-c", "qemu:///system", "start", "found"]);
    await using agent = await startAgentProcess(host);
    await using client = connect(agent);
    const seen = await client.getVm({ vmUuid: uuid });
    assert.deepEqual(
      [seen.generation, seen.power, seen.domainName, seen.title],
      [null, "running", "found", null],
    );
    await assert.rejects(client.openVncGate({ vmUuid: uuid, password: "x", seconds: 1 }), {
      code: "VM_HAS_NO_SCREEN",
    });
    await assert.rejects(client.openScreen(uuid, "x"), { code: "VM_HAS_NO_SCREEN" });
    await agent.kill("SIGTERM");
    const { stdout } = await host.libvirtd.run("virsh", ["-q", "-c", "qemu:///system", "domstate", "found"]);
    assert.equal(stdout.trim(), "running");
    await host.libvirtd.run("virsh", ["-q", "-c", "qemu:///system", "destroy", "found"]);
    await host.libvirtd.run("virsh", ["-q", "-c", "qemu:///system", "undefine", "found"]);
  });

  test("certificates rotate while calls and streams go on", async () => {
    await using agent = await startAgentProcess(host);
    await using client = connect(agent);
    const stop = new AbortController();
    const stream = client.events(stop.signal)[Symbol.asyncIterator]();
    await stream.next();
    const old = await readIdentity(host.stateDir);
    const { csr } = await client.beginRotation({});
    const ask = {
      csrPem: csr,
      dnsNames: [agentName(host.identity.hostUuid)],
      usage: "server",
      days: 1,
    } as const;
    const certificate = await issueCertificate(host.pki.ca, ask);
    const ca = host.pki.ca.certificatePem;
    const { notAfter } = await client.finishRotation({ certificate, ca });
    assert.deepEqual(await client.finishRotation({ certificate, ca }), { notAfter });
    const now = await readIdentity(host.stateDir);
    assert.equal(now?.certificate, certificate);
    assert.notEqual(now?.key, old?.key);
    assert.equal((await stream.next()).value?.type, "heartbeat");
    await using fresh = connect(agent);
    await fresh.getHost({});
    assert.equal(agent.log().filter(({ msg }) => msg === "the agent serves").length, 1);

    const foreign = await createTestPki();
    const { csr: second } = await client.beginRotation({});
    const stranger = await issueCertificate(foreign.ca, { ...ask, csrPem: second });
    await assert.rejects(client.finishRotation({ certificate: stranger, ca }), {
      code: "CERTIFICATE_UNUSABLE",
    });
    const other = await issueCertificate(host.pki.ca, {
      ...ask,
      csrPem: second,
      dnsNames: ["other.agent.sinter.internal"],
    });
    await assert.rejects(client.finishRotation({ certificate: other, ca }), { code: "CERTIFICATE_UNUSABLE" });
    const oldKey = await issueCertificate(host.pki.ca, ask);
    await assert.rejects(client.finishRotation({ certificate: oldKey, ca }), {
      code: "CERTIFICATE_UNUSABLE",
    });
    stop.abort();
  });

  test(`an idle agent with ${VMS} VMs stays below ${MEMORY_MIB_MAX} MiB`, async (context) => {
    // As the service unit does: so that the process itself need not compile.
    await runCli(host, ["status"]);
    await using agent = await startAgentProcess(host);
    await using client = connect(agent);
    const path = await host.newDirectory();
    await client.ensureDatastore({ datastoreId: "many", path, shared: false });
    const vms = await mapLimited(Array.from({ length: VMS }), 4, async () => {
      const volume = sampleVolume({ datastoreId: "many" });
      await client.ensureVolume(volume);
      const vm = sampleVm({ disks: [sampleDisk(volume)] });
      await client.defineVm(vm);
      return vm;
    });
    for (let round = 0; round < 20; round++) await client.listVms({});
    const startedAt = performance.now();
    const there = (await client.listVms({})).vms;
    const ours = new Set(vms.map(({ vmUuid }) => vmUuid));
    assert.equal(there.filter(({ vmUuid }) => ours.has(vmUuid)).length, VMS);
    const listMs = Math.round(performance.now() - startedAt);
    const busyMiB = await residentMiB(agent.pid);
    const idleMiB = await waitFor(
      `memory below ${MEMORY_MIB_MAX} MiB`,
      async () => {
        const now = await residentMiB(agent.pid);
        return now < MEMORY_MIB_MAX ? now : undefined;
      },
      { timeoutMs: 20_000, intervalMs: 200 },
    );
    context.diagnostic(`memory ${busyMiB} MiB busy, ${idleMiB} MiB idle; listing ${VMS} VMs ${listMs} ms`);
    await mapLimited(vms, 4, ({ vmUuid }) => client.removeVm({ vmUuid, force: false }));
  });
});

/** A running VM without disks; removed with the host. */
async function runningVm(client: AgentClient): Promise<string> {
  const vm = sampleVm();
  await client.defineVm(vm);
  await client.startVm({ vmUuid: vm.vmUuid });
  return vm.vmUuid;
}
