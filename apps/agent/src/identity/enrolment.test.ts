import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { createKeyAndCsr, issueCertificate, makeJoinToken } from "@sinter/agent-link";
import { createTestPki } from "@sinter/agent-link/testing";
import { agentName, type EnrolmentReply, type HostReport } from "@sinter/southbound";
import { startTestManager } from "../testing/test-manager.ts";
import { enrol, requireOurs } from "./enrolment.ts";
import { readIdentity, writeIdentity } from "./identity-store.ts";

const HOST_UUID = "3f2b8c1e-0000-4000-8000-000000000001";
const report: HostReport = {
  hostUuid: HOST_UUID,
  hostname: "h",
  agentVersion: "0.1.0",
  contractVersion: "1.0",
  bootId: "b",
  architecture: "x86_64",
  accelerator: "emulated",
  acceleratorReason: "no KVM",
  cpu: { vendor: "v", model: "m", threads: 1, sockets: 1, mhz: 1 },
  memoryBytes: 1,
  hypervisor: { libvirt: "9", qemu: "7" },
  vendor: "",
  product: "",
  serial: "",
  nics: [],
  cgroup: "none",
  openVSwitch: { version: "3", datapath: "netdev" },
};

/** A manager, and a state directory that must be empty after a refusal. */
async function scene(managerOptions: Parameters<typeof startTestManager>[1] = {}) {
  await using parts = new AsyncDisposableStack();
  const pki = await createTestPki();
  const manager = parts.use(await startTestManager(pki, managerOptions));
  const stateDir = await mkdtemp(join(tmpdir(), "sagent-join-"));
  parts.defer(() => rm(stateDir, { recursive: true, force: true }));
  const owned = parts.move();
  return {
    pki,
    manager,
    stateDir,
    join: (token: string, port = manager.port) =>
      enrol({ manager: { host: "127.0.0.1", port }, token, stateDir, report, port: 7447 }),
    async assertNothingKept() {
      assert.deepEqual(await readdir(stateDir), []);
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

describe("joining a manager", () => {
  test("keeps an identity that is this host's, and tells the manager where it is", async () => {
    await using s = await scene();
    const identity = await s.join(s.manager.token());
    assert.deepEqual(await readIdentity(s.stateDir), identity);
    assert.deepEqual([identity.hostUuid, identity.address, identity.port], [HOST_UUID, "127.0.0.1", 7447]);
    assert.equal(identity.ca, s.pki.ca.certificatePem);
    assert.equal(s.manager.requests[0]?.address, "127.0.0.1");
    assert.deepEqual(s.manager.requests[0].report, report);
  });

  test("a token of another manager: nothing is sent, nothing is kept", async () => {
    await using s = await scene();
    const stranger = await createTestPki();
    const { token } = makeJoinToken({ caPem: stranger.ca.certificatePem });
    await assert.rejects(s.join(token), { code: "MANAGER_NOT_TRUSTED", kind: "forbidden" });
    assert.equal(s.manager.requests.length, 0);
    await s.assertNothingKept();
  });

  test("another host of the same site does not pass as the manager", async () => {
    await using s = await scene({ serverName: agentName("00000000-0000-4000-8000-00000000000b") });
    await assert.rejects(s.join(s.manager.token()), { code: "MANAGER_NOT_TRUSTED" });
    assert.equal(s.manager.requests.length, 0);
    await s.assertNothingKept();
  });

  test("who shows the authority's certificate without being signed by it is no manager", async () => {
    await using real = await scene();
    const impostor = await createTestPki();
    // Its own key and certificate, with the true authority's certificate shown beside.
    await using fake = await startTestManager({
      ...impostor,
      ca: { ...impostor.ca, certificatePem: real.pki.ca.certificatePem },
    });
    await assert.rejects(real.join(real.manager.token(), fake.port), { code: "MANAGER_NOT_TRUSTED" });
    assert.equal(fake.requests.length, 0);
    await real.assertNothingKept();
  });

  test("a token works once", async () => {
    await using s = await scene();
    const token = s.manager.token();
    const identity = await s.join(token);
    await assert.rejects(s.join(token), { code: "ENROLMENT_REFUSED", message: /used or has expired/ });
    assert.deepEqual(await readIdentity(s.stateDir), identity);
  });

  test("what is no token is refused before anybody is called, and not repeated", async () => {
    await using s = await scene();
    await assert.rejects(s.join("sinter1.nonsense"), (error: Error) => {
      assert.doesNotMatch(error.message, /nonsense/);
      return true;
    });
  });

  test("nobody there, or somebody who does not speak TLS", async () => {
    await using s = await scene();
    await assert.rejects(s.join(s.manager.token(), 1), { code: "MANAGER_UNREACHABLE", kind: "unavailable" });
    const mute = createServer((socket) => void socket.end("220 mail.example ESMTP\r\n"));
    await new Promise<void>((resolve) => {
      mute.listen(0, "127.0.0.1", resolve);
    });
    const { port } = mute.address() as AddressInfo; // a TCP server that listens has an address of this kind
    await assert.rejects(s.join(s.manager.token(), port), { code: "MANAGER_UNREACHABLE" });
    mute.close();
    await s.assertNothingKept();
  });

  const bad: Record<string, [(reply: EnrolmentReply) => unknown, string]> = {
    "no enrolment at all": [() => ({ hello: 1 }), "ENROLMENT_MALFORMED"],
    "not a certificate": [(reply) => ({ ...reply, certificate: "x" }), "CERTIFICATE_MALFORMED"],
  };
  for (const [what, [tamper, code]] of Object.entries(bad)) {
    test(`an answer that is ${what} is not kept`, async () => {
      await using s = await scene({ tamper });
      await assert.rejects(s.join(s.manager.token()), { code });
      await s.assertNothingKept();
    });
  }

  test("certificates of another authority, host or key are not kept", async () => {
    const stranger = await createTestPki();
    let swap: Partial<EnrolmentReply> = {};
    await using s = await scene({ tamper: (reply) => ({ ...reply, ...swap }) });
    const foreignAgent = await stranger.agent(HOST_UUID);
    const otherKey = await s.pki.agent(HOST_UUID);
    const otherHost = await s.pki.agent("00000000-0000-4000-8000-00000000000b");
    for (const [change, code] of [
      [{ ca: stranger.ca.certificatePem }, "ENROLMENT_MALFORMED"],
      [{ certificate: foreignAgent.cert }, "CERTIFICATE_UNUSABLE"],
      [{ certificate: otherKey.cert }, "CERTIFICATE_UNUSABLE"],
      [{ certificate: otherHost.cert }, "CERTIFICATE_UNUSABLE"],
    ] as const) {
      swap = change;
      await assert.rejects(s.join(s.manager.token()), { code }, JSON.stringify(Object.keys(change)));
      await s.assertNothingKept();
    }
  });

  test("an expired certificate is not kept", async () => {
    await using s = await scene();
    const { csrPem, privateKeyPem } = await createKeyAndCsr("x");
    const expired = await issueCertificate(s.pki.ca, {
      csrPem,
      dnsNames: [agentName(HOST_UUID)],
      usage: "server",
      days: -0.0001,
    });
    assert.throws(
      () => requireOurs(expired, { key: privateKeyPem, ca: s.pki.ca.certificatePem, hostUuid: HOST_UUID }),
      { code: "CERTIFICATE_UNUSABLE", message: /expired/ },
    );
  });

  test("an identity is replaced as a whole, and a damaged one is named", async () => {
    await using s = await scene();
    const first = await s.join(s.manager.token());
    const second = await s.join(s.manager.token());
    assert.notEqual(first.key, second.key);
    assert.deepEqual(await readdir(s.stateDir), ["identity.json"]);
    await writeIdentity(s.stateDir, { ...second, key: undefined } as never); // as a bad edit by hand would leave it
    await assert.rejects(readIdentity(s.stateDir), { code: "IDENTITY_DAMAGED" });
  });
});
