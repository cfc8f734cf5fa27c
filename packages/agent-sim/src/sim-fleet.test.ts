import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, test } from "node:test";
import {
  connectAgent,
  createAuthority,
  createKeyAndCsr,
  issueCertificate,
  type TlsIdentity,
} from "@sinter/agent-link";
import { createTestPki, type TestPki } from "@sinter/agent-link/testing";
import { AppError, mapLimited, silentLog } from "@sinter/kit";
import { agentName } from "@sinter/southbound";
import {
  FLEET_DATASTORE_ID,
  serveSims,
  simEnrolment,
  SimFleet,
  SimHost,
  simPort,
  type SimServer,
} from "./index.ts";

const isAway = (error: unknown): boolean => error instanceof AppError && error.code === "AGENT_AWAY";

describe("a fleet", () => {
  test("of 1,250 hosts and 20,000 VMs is there in two seconds, with no id twice", () => {
    const startedAt = performance.now();
    const fleet = SimFleet.create({ hosts: 1250, vmsPerHost: 16, seed: "large" });
    const tookMs = performance.now() - startedAt;
    console.log(`built in ${tookMs.toFixed(0)} ms`);
    assert.ok(tookMs < 2_000 * LOADED_MACHINE);
    const ids = { host: new Set(), vm: new Set(), name: new Set(), disk: new Set(), mac: new Set() };
    for (const { sim, spec } of fleet.vms()) {
      ids.host.add(sim.hostUuid);
      ids.vm.add(spec.vmUuid);
      ids.name.add(spec.vmId);
      ids.disk.add(spec.disks[0]?.volumeUuid);
      ids.mac.add(spec.nics[0]?.mac);
    }
    assert.deepEqual(
      Object.values(ids).map(({ size }) => size),
      [1250, 20_000, 20_000, 20_000, 20_000],
    );
    fleet.dispose();
  });

  test("of one seed is the same each time, of another it is not", () => {
    assert.deepEqual(specsOf("one"), specsOf("one"));
    assert.notDeepEqual(specsOf("one"), specsOf("two"));
  });

  test("is one that a manager can work with", async () => {
    const fleet = SimFleet.create({ hosts: 2, vmsPerHost: 4, seed: "work", runningShare: 0.5 });
    const [one, two] = fleet.hosts.map((sim) => simPort(sim));
    assert.ok(one && two);
    const powers = (await one.listVms({})).vms.map(({ power }) => power);
    assert.deepEqual(powers, ["running", "running", "stopped", "stopped"]);
    // Stopped on one host, its disk is free for the other.
    const [running, , stopped] = [...(fleet.hosts[0]?.vms.values() ?? [])].map(({ spec }) => spec);
    assert.ok(running && stopped);
    for (const spec of [running, stopped]) await two.defineVm(spec);
    await two.startVm({ vmUuid: stopped.vmUuid });
    await assert.rejects(two.startVm({ vmUuid: running.vmUuid }), { code: "VOLUME_IN_USE" });
    assert.equal((await one.listVolumes({ datastoreId: FLEET_DATASTORE_ID })).volumes.length, 8);
    fleet.dispose();
  });
});

function specsOf(seed: string): unknown[] {
  const fleet = SimFleet.create({ hosts: 2, vmsPerHost: 2, seed });
  return [...fleet.vms()].map(({ sim, spec }) => [sim.report.hostUuid, spec]);
}

/** Timings are a promise for an idle machine; the suite also runs beside others. */
const LOADED_MACHINE = 5;

describe("many hosts behind one port", () => {
  let pki: TestPki;
  let fleet: SimFleet;
  let server: SimServer;
  before(async () => {
    pki = await createTestPki();
    fleet = SimFleet.create({ hosts: 50, vmsPerHost: 2, seed: "port" });
    server = await serveSims(fleet.hosts, { ca: pki.ca });
  });
  after(async () => {
    await server.close(0);
    fleet.dispose();
  });
  const connect = (hostUuid: string, tls: TlsIdentity = pki.manager) =>
    connectAgent({ hostUuid, address: "127.0.0.1", port: server.port, tls, log: silentLog });

  test("each answers under its own name and certificate", async () => {
    const seen = await mapLimited(fleet.hosts, 8, async ({ hostUuid }) => {
      const client = connect(hostUuid);
      const report = await client.getHost({});
      for await (const event of client.events(new AbortController().signal)) {
        assert.ok(event.type === "hello" && event.hostUuid === hostUuid);
        break;
      }
      await client.close();
      return report.hostUuid;
    });
    assert.deepEqual(
      seen,
      fleet.hosts.map(({ hostUuid }) => hostUuid),
    );
  });

  test("a host that is off does not take the others along", async () => {
    const [off, on] = fleet.hosts;
    assert.ok(off && on);
    const [offPort, onPort] = [connect(off.hostUuid), connect(on.hostUuid)];
    await offPort.getHost({});
    await onPort.getHost({});
    off.powerOff();
    await assert.rejects(offPort.getHost({}), isAway);
    await onPort.getHost({});
    off.powerOn();
    await offPort.getHost({});
    await Promise.all([offPort.close(), onPort.close()]);
  });

  test("a host that is not there is away", async () => {
    const client = connect(randomUUID());
    await assert.rejects(client.getHost({}), isAway);
    await client.close();
  });

  test("a manager of another authority is refused", async () => {
    const stranger = await createTestPki();
    const client = connect(fleet.hosts[0]?.hostUuid ?? "", {
      ...stranger.manager,
      ca: pki.ca.certificatePem,
    });
    await assert.rejects(client.getHost({}), isAway);
    await client.close();
  });

  test("an enrolled host trusts the authority that enrolled it, and no other", async () => {
    const sim = new SimHost({ seed: "newcomer" });
    server.add(sim);
    const ca = await createAuthority({ commonName: "another manager", years: 1 });
    const { request, accept } = await simEnrolment(sim, { token: "t", address: "127.0.0.1", port: 1 });
    assert.equal(request.report.hostUuid, sim.hostUuid);
    const dnsNames = [agentName(request.hostUuid)];
    const certificate = await issueCertificate(ca, {
      csrPem: request.csr,
      dnsNames,
      usage: "server",
      days: 1,
    });
    const managerName = "manager.sinter.internal";
    accept({ hostUuid: sim.hostUuid, certificate, ca: ca.certificatePem, managerName });
    const old = connect(sim.hostUuid);
    await assert.rejects(old.getHost({}), isAway);
    const { privateKeyPem, csrPem } = await createKeyAndCsr("manager");
    const cert = await issueCertificate(ca, { csrPem, dnsNames: [managerName], usage: "client", days: 1 });
    const client = connect(sim.hostUuid, { key: privateKeyPem, cert, ca: ca.certificatePem });
    assert.equal((await client.getHost({})).hostUuid, sim.hostUuid);
    await Promise.all([old.close(), client.close()]);
    sim.dispose();
  });
});
