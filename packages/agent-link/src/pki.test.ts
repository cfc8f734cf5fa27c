import assert from "node:assert/strict";
import { createPrivateKey, generateKeyPairSync, X509Certificate } from "node:crypto";
import { describe, test } from "node:test";
import { AppError } from "@sinter/kit";
import {
  caFingerprint,
  certificateInfo,
  createAuthority,
  createKeyAndCsr,
  equalInConstantTime,
  issueCertificate,
  joinSecretMatches,
  makeJoinToken,
  parseJoinToken,
} from "./index.ts";

const hasCode = (code: string) => (error: unknown) => error instanceof AppError && error.code === code;

describe("certificates", async () => {
  const ca = await createAuthority({ commonName: "Test CA", years: 10 });
  const { csrPem, privateKeyPem } = await createKeyAndCsr("anything");

  test("an issued certificate carries the caller's names, not those of the request", async () => {
    const pem = await issueCertificate(ca, {
      csrPem,
      dnsNames: ["one.test", "two.test"],
      ipAddresses: ["10.1.2.3"],
      usage: "server",
      days: 30,
    });
    const info = certificateInfo(pem);
    assert.deepEqual(info.dnsNames, ["one.test", "two.test"]);
    assert.deepEqual(info.ipAddresses, ["10.1.2.3"]);
    assert.match(info.serial, /^[4-7][0-9A-F]{31}$/);
    const certificate = new X509Certificate(pem);
    assert.ok(certificate.verify(new X509Certificate(ca.certificatePem).publicKey));
    assert.equal(certificate.subject, "CN=one.test");
    assert.deepEqual(certificate.keyUsage, ["1.3.6.1.5.5.7.3.1"]);
    assert.equal(certificate.ca, false);
  });

  test("validity begins five minutes ago and ends with the authority at the latest", async () => {
    const info = certificateInfo(await issueCertificate(ca, { csrPem, usage: "client", days: 30 }));
    const now = Date.now();
    assert.ok(Math.abs(now - 5 * 60_000 - info.notBefore) < 10_000);
    assert.ok(Math.abs(now + 30 * 86_400_000 - info.notAfter) < 10_000);
    const long = certificateInfo(await issueCertificate(ca, { csrPem, usage: "client", days: 100_000 }));
    assert.equal(long.notAfter, certificateInfo(ca.certificatePem).notAfter);
  });

  test("two certificates never share a serial", async () => {
    const serials = await Promise.all(
      Array.from({ length: 50 }, async () => {
        return certificateInfo(await issueCertificate(ca, { csrPem, usage: "both", days: 1 })).serial;
      }),
    );
    assert.equal(new Set(serials).size, 50);
  });

  test("a name beyond the common name's bound still stands in the alternative names", async () => {
    const name = `${"a".repeat(60)}.agent.test`;
    const pem = await issueCertificate(ca, { csrPem, dnsNames: [name], usage: "server", days: 1 });
    assert.deepEqual(certificateInfo(pem).dnsNames, [name]);
    assert.equal(new X509Certificate(pem).checkHost(name), name);
  });

  test("a tampered request, another kind of key and rubbish are refused", async () => {
    const der = Buffer.from(csrPem.replace(/-----.*-----/g, ""), "base64");
    der[der.length - 1] = (der.at(-1) ?? 0) ^ 1;
    const tampered = `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString("base64")}\n-----END CERTIFICATE REQUEST-----`;
    const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey;
    const publicKeyPem = rsa.export({ type: "spki", format: "pem" });
    const wrong = [{ csrPem: tampered }, { csrPem: "rubbish" }, { publicKeyPem }, {}];
    for (const request of wrong) {
      await assert.rejects(
        issueCertificate(ca, { ...request, usage: "server", days: 1 }),
        hasCode("CSR_MALFORMED"),
      );
    }
    assert.throws(() => certificateInfo("rubbish"), hasCode("CERTIFICATE_MALFORMED"));
  });

  test("the key of a request fits its certificate", async () => {
    const pem = await issueCertificate(ca, { csrPem, usage: "client", days: 1 });
    assert.ok(new X509Certificate(pem).checkPrivateKey(createPrivateKey(privateKeyPem)));
  });

  test("a join token carries the authority's fingerprint and a secret known by its hash", () => {
    const { token, id, secretHash } = makeJoinToken({ caPem: ca.certificatePem });
    const parsed = parseJoinToken(` ${token}\n`);
    assert.equal(parsed.id, id);
    assert.equal(parsed.fingerprint, caFingerprint(ca.certificatePem));
    assert.ok(joinSecretMatches(parsed.secret, secretHash));
    assert.ok(!joinSecretMatches(`${parsed.secret.slice(0, -1)}!`, secretHash));
    assert.ok(!token.includes(secretHash));
  });

  for (const bad of ["", "sinter1", "sinter2.a.b.c", "sinter1.a.b.c", `sinter1.${"a".repeat(200)}`]) {
    test(`"${bad.slice(0, 20)}" is not a join token`, () => {
      assert.throws(() => parseJoinToken(bad), hasCode("JOIN_TOKEN_MALFORMED"));
    });
  }

  test("an id that cannot stand in a token is refused when made", () => {
    assert.throws(
      () => makeJoinToken({ caPem: ca.certificatePem, id: "a.b" }),
      hasCode("JOIN_TOKEN_MALFORMED"),
    );
  });

  test("constant-time comparison compares", () => {
    assert.ok(equalInConstantTime("same", "same"));
    assert.ok(!equalInConstantTime("same", "samf"));
    assert.ok(!equalInConstantTime("same", "longer text"));
  });
});
