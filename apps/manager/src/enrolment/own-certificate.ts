import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { type Authority, certificateInfo, createKeyAndCsr, issueCertificate } from "@sinter/agent-link";
import { type Clock, readIfThere, writeFileAtomic } from "@sinter/kit";

/** A key with its certificate, PEM. */
export interface KeyAndCertificate {
  readonly key: string;
  readonly cert: string;
}

export interface OwnCertificateOptions {
  readonly authority: Authority;
  /** Holds key and certificate; mode 0600. */
  readonly file: string;
  /** DNS names and IP addresses. */
  readonly names: readonly string[];
  readonly usage: "server" | "client";
  readonly days: number;
  readonly clock: Clock;
}

export interface OwnCertificate {
  /** The same object as long as the certificate is the same. */
  current(): KeyAndCertificate;
  /** Issues a new one, with a new key, when the present one is in the last third of its life. Says whether it did. */
  renew(): Promise<boolean>;
}

const DAY_MS = 86_400_000;

/** A certificate of the manager itself: read from its file, or issued when it is absent, old, or for other names. */
export async function openOwnCertificate(options: OwnCertificateOptions): Promise<OwnCertificate> {
  const { authority, file, usage, days, clock } = options;
  const names = [...new Set(options.names)];
  const ipAddresses = names.filter((name) => isIP(name) !== 0);
  const dnsNames = names.filter((name) => isIP(name) === 0);

  function fits(cert: string): boolean {
    const info = certificateInfo(cert);
    const certificate = new X509Certificate(cert);
    const isComplete =
      dnsNames.every((name) => certificate.checkHost(name) !== undefined) &&
      ipAddresses.every((address) => certificate.checkIP(address) !== undefined);
    // A name that is gone must go from the certificate too.
    const isExact = info.dnsNames.length + info.ipAddresses.length === dnsNames.length + ipAddresses.length;
    return isComplete && isExact && !isDue(info.notAfter, days, clock.now());
  }

  async function issue(): Promise<KeyAndCertificate> {
    const { privateKeyPem, csrPem } = await createKeyAndCsr(names[0] ?? "manager");
    const cert = await issueCertificate(authority, { csrPem, dnsNames, ipAddresses, usage, days });
    await writeFileAtomic(file, joinPem(privateKeyPem, cert));
    return splitPem(joinPem(privateKeyPem, cert));
  }

  const text = await readIfThere(file);
  const kept = text === undefined ? undefined : splitPem(text);
  let current = kept && isIssuedBy(kept.cert, authority) && fits(kept.cert) ? kept : await issue();
  return {
    current: () => current,
    renew: async () => {
      if (fits(current.cert)) return false;
      current = await issue();
      return true;
    },
  };
}

function isIssuedBy(cert: string, authority: Authority): boolean {
  return new X509Certificate(cert).verify(new X509Certificate(authority.certificatePem).publicKey);
}

/** Whether a certificate is in the last third of its life, counted from a full one. */
export function isDue(notAfter: number, days: number, now: number): boolean {
  return notAfter - now <= (days * DAY_MS) / 3;
}

/** Takes a file of key and certificate apart. Throws when one is missing. */
export function splitPem(text: string): KeyAndCertificate {
  const block = (label: string): string => {
    const found = new RegExp(`-----BEGIN ${label}-----[^-]+-----END ${label}-----`).exec(text)?.[0];
    if (found === undefined) throw new Error(`The file holds no ${label.toLowerCase()}.`);
    return `${found}\n`;
  };
  return { key: block("PRIVATE KEY"), cert: block("CERTIFICATE") };
}

export function joinPem(key: string, cert: string): string {
  return `${key.trim()}\n${cert.trim()}\n`;
}
