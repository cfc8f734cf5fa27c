import { createHash, randomBytes, X509Certificate } from "node:crypto";
import { AppError } from "@sinter/kit";
import type * as X509 from "@peculiar/x509";

/**
 * Sinter's own certificate authority: ECDSA P-256 throughout, names only in the subject alternative name. The
 * manager keeps the authority; agents and the manager's own client hold certificates that it issued (mutual TLS 1.3).
 */
export interface Authority {
  readonly certificatePem: string;
  /** PKCS#8. Whoever has it can be any host: keep it in a file of mode 0600 or encrypted. */
  readonly privateKeyPem: string;
}

export interface CertificateRequest {
  /** PKCS#10 from the holder of the key; its subject and extensions are ignored. */
  readonly csrPem?: string;
  /** Instead of a request: the public key itself, SPKI PEM. */
  readonly publicKeyPem?: string;
  readonly dnsNames?: readonly string[];
  readonly ipAddresses?: readonly string[];
  readonly usage: "server" | "client" | "both";
  /** Life from now; never beyond that of the authority. */
  readonly days: number;
}

export interface CertificateInfo {
  /** Epoch milliseconds. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  /** Hexadecimal, upper case. */
  readonly serial: string;
  /** base64url SHA-256 of the DER. */
  readonly fingerprint: string;
}

const EC = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const DAY_MS = 86_400_000;
/** Clocks of hosts differ; a certificate must not be "not yet valid" at its first handshake. */
const BACKDATE_MS = 5 * 60_000;

/** Loaded by those who make certificates: an agent does so once a year, and the library takes some 8 MiB. */
async function library(): Promise<typeof X509> {
  // It registers its parts by decorator metadata and needs this polyfill before itself.
  await import("reflect-metadata");
  return import("@peculiar/x509");
}

/** A new self-signed authority that may sign end certificates only (path length 0). */
export async function createAuthority(options: { commonName: string; years: number }): Promise<Authority> {
  const x509 = await library();
  const keys = await generateKeys();
  const now = Date.now();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerial(),
    name: [{ CN: [options.commonName] }],
    notBefore: wholeSecond(now - BACKDATE_MS),
    notAfter: wholeSecond(now + options.years * 365.25 * DAY_MS),
    signingAlgorithm: EC,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificatePem: certificate.toString("pem"), privateKeyPem: await privateKeyPem(keys.privateKey) };
}

/**
 * Signs a certificate for the key of a request, under names that the caller decides.
 * Throws `invalid` CSR_MALFORMED when the request cannot be read, was not signed by its own key, or holds a key
 * other than ECDSA P-256.
 */
export async function issueCertificate(ca: Authority, request: CertificateRequest): Promise<string> {
  const x509 = await library();
  const issuer = new x509.X509Certificate(ca.certificatePem);
  const publicKey = await requestedKey(request);
  const names: X509.JsonGeneralNames = [
    ...(request.dnsNames ?? []).map((value) => ({ type: "dns" as const, value })),
    ...(request.ipAddresses ?? []).map((value) => ({ type: "ip" as const, value })),
  ];
  const { serverAuth, clientAuth } = x509.ExtendedKeyUsage;
  const usages = { server: [serverAuth], client: [clientAuth], both: [serverAuth, clientAuth] };
  const now = Date.now();
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: newSerial(),
    subject: [{ CN: [commonName(request)] }],
    issuer: issuer.subjectName,
    notBefore: wholeSecond(now - BACKDATE_MS),
    notAfter: wholeSecond(Math.min(now + request.days * DAY_MS, issuer.notAfter.getTime())),
    signingAlgorithm: EC,
    publicKey,
    signingKey: await importPrivateKey(ca.privateKeyPem),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension(usages[request.usage]),
      ...(names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names)]),
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  });
  return certificate.toString("pem");
}

/** A fresh key pair and the request for its certificate. The key is PKCS#8 PEM. */
export async function createKeyAndCsr(
  commonNameOfRequest: string,
): Promise<{ privateKeyPem: string; csrPem: string }> {
  const x509 = await library();
  const keys = await generateKeys();
  const csr = await x509.Pkcs10CertificateRequestGenerator.create({
    name: [{ CN: [commonNameOfRequest.slice(0, COMMON_NAME_LENGTH_MAX)] }],
    keys,
    signingAlgorithm: EC,
  });
  return { privateKeyPem: await privateKeyPem(keys.privateKey), csrPem: csr.toString("pem") };
}

/** Throws `invalid` CERTIFICATE_MALFORMED. */
export function certificateInfo(pem: string): CertificateInfo {
  const certificate = readCertificate(pem);
  const names = (certificate.subjectAltName ?? "").split(", ");
  const ofType = (prefix: string): string[] =>
    names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
  return {
    notBefore: certificate.validFromDate.getTime(),
    notAfter: certificate.validToDate.getTime(),
    dnsNames: ofType("DNS:"),
    ipAddresses: ofType("IP Address:"),
    serial: certificate.serialNumber,
    fingerprint: sha256(certificate.raw),
  };
}

/** How a join token names the authority: base64url SHA-256 of the certificate's DER. */
export function caFingerprint(pem: string): string {
  return sha256(readCertificate(pem).raw);
}

/** Upper bound of X.520 for a common name; longer names live in the subject alternative name alone. */
const COMMON_NAME_LENGTH_MAX = 64;

function commonName(request: CertificateRequest): string {
  const name = request.dnsNames?.[0] ?? request.ipAddresses?.[0] ?? "sinter";
  return name.slice(0, COMMON_NAME_LENGTH_MAX);
}

async function requestedKey(request: CertificateRequest): Promise<X509.PublicKey> {
  const x509 = await library();
  try {
    const key = request.csrPem
      ? await keyOfCsr(request.csrPem)
      : new x509.PublicKey(request.publicKeyPem ?? "");
    const algorithm = key.algorithm as { name?: string; namedCurve?: string };
    if (algorithm.name !== EC.name || algorithm.namedCurve !== EC.namedCurve) {
      throw new Error(`the key is not ${EC.name} ${EC.namedCurve}`);
    }
    return key;
  } catch (error) {
    throw new AppError("invalid", "CSR_MALFORMED", "The certificate request cannot be used.", {
      cause: error,
    });
  }
}

async function keyOfCsr(pem: string): Promise<X509.PublicKey> {
  const x509 = await library();
  const csr = new x509.Pkcs10CertificateRequest(pem);
  if (!(await csr.verify())) throw new Error("its signature does not fit its key");
  return csr.publicKey;
}

function readCertificate(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (error) {
    throw new AppError("invalid", "CERTIFICATE_MALFORMED", "The certificate cannot be read.", {
      cause: error,
    });
  }
}

function generateKeys(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey(EC, true, ["sign", "verify"]);
}

async function privateKeyPem(key: CryptoKey): Promise<string> {
  const x509 = await library();
  return x509.PemConverter.encode(await crypto.subtle.exportKey("pkcs8", key), "PRIVATE KEY");
}

async function importPrivateKey(pem: string): Promise<CryptoKey> {
  const x509 = await library();
  const der = x509.PemConverter.decodeFirst(pem);
  return crypto.subtle.importKey("pkcs8", der, EC, false, ["sign"]);
}

/** 128 random bits; the top one is cleared because a serial is a positive integer (RFC 5280, 4.1.2.2). */
function newSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString("hex");
}

/** X.509 times have no fractions; rounding down here keeps what we say equal to what we wrote. */
function wholeSecond(ms: number): Date {
  return new Date(Math.floor(ms / 1000) * 1000);
}

function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("base64url");
}
