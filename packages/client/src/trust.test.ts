import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { test } from "node:test";
import { createAuthority } from "@sinter/agent-link";
import { createClient, fingerprintOf, readPeerChain } from "./index.ts";
import { startContractServer } from "./testing/index.ts";

test("without trust the manager's own authority is refused, in words", async () => {
  await using server = await startContractServer();
  await using client = createClient({ url: server.url });
  await assert.rejects(client.versions(), {
    code: "MANAGER_UNTRUSTED",
    message: /its authority is not known here/,
  });
  assert.equal(server.requests.length, 0);
});

test("another authority of the same kind is refused", async () => {
  await using server = await startContractServer();
  const other = await createAuthority({ commonName: "Other", years: 1 });
  await using client = createClient({ url: server.url, ca: other.certificatePem });
  await assert.rejects(client.versions(), { code: "MANAGER_UNTRUSTED" });
});

test("a fingerprint of the authority or of the certificate, in each way of writing it", async () => {
  await using server = await startContractServer();
  const hex = server.caFingerprint.replaceAll(":", "");
  const forms = [
    server.caFingerprint,
    hex.toLowerCase(),
    `sha256:${hex}`,
    Buffer.from(hex, "hex").toString("base64url"),
    server.leafFingerprint,
  ];
  for (const fingerprint of forms) {
    await using client = createClient({ url: server.url, fingerprint });
    assert.equal((await client.versions()).length, 1, fingerprint);
  }
});

test("another fingerprint is refused, and the one that was shown is told", async () => {
  await using server = await startContractServer();
  await using client = createClient({ url: server.url, fingerprint: "0".repeat(64) });
  await assert.rejects(client.versions(), (error: Error) => {
    assert.match(error.message, new RegExp(server.leafFingerprint, "i"));
    return true;
  });
  assert.equal(server.requests.length, 0);
});

test("a pinned authority that a stranger only shows does not help the stranger", async () => {
  // The certificate of the true authority is public: an impostor can show it behind a certificate of its own making.
  const commonName = "The true authority";
  const authority = await createAuthority({ commonName, years: 1 });
  const fingerprint = new X509Certificate(authority.certificatePem).fingerprint256;
  for (const authorityName of [commonName, "Another"]) {
    await using impostor = await startContractServer({
      authorityName,
      shownAuthority: authority.certificatePem,
    });
    await using client = createClient({ url: impostor.url, fingerprint });
    await assert.rejects(client.versions(), { code: "MANAGER_UNTRUSTED" }, authorityName);
    assert.equal(impostor.requests.length, 0);
  }
});

test("a name that the certificate does not carry is refused; a pinned certificate is known by its key", async () => {
  await using server = await startContractServer({ dnsNames: ["elsewhere.test"], ipAddresses: [] });
  await using byAuthority = createClient({ url: server.url, ca: server.ca });
  await assert.rejects(byAuthority.versions(), { code: "MANAGER_UNTRUSTED", message: /altnames|IP/i });
  await using byLeaf = createClient({ url: server.url, fingerprint: server.leafFingerprint });
  assert.equal((await byLeaf.versions()).length, 1);
});

test("insecure believes anybody, and only then plain HTTP is spoken", async () => {
  await using server = await startContractServer();
  await using client = createClient({ url: server.url, insecure: true });
  assert.equal((await client.versions()).length, 1);
  await using plain = createClient({ url: "http://127.0.0.1:1" });
  await assert.rejects(plain.versions(), { code: "MANAGER_UNTRUSTED", message: /plain HTTP/ });
});

test("malformed trust is the caller's mistake", async () => {
  await using server = await startContractServer();
  await using pinned = createClient({ url: server.url, fingerprint: "abc" });
  await assert.rejects(pinned.versions(), { code: "FINGERPRINT_MALFORMED" });
  await using file = createClient({ url: server.url, ca: "not PEM" });
  await assert.rejects(file.versions(), { code: "CA_MALFORMED" });
});

test("the chain that a server shows can be read before anything is trusted", async () => {
  await using server = await startContractServer();
  const chain = await readPeerChain(new URL(server.url));
  assert.deepEqual(chain.map(fingerprintOf), [
    server.leafFingerprint.toLowerCase(),
    server.caFingerprint.toLowerCase(),
  ]);
});
