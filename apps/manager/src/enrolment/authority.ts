import { createPrivateKey, randomBytes, X509Certificate } from "node:crypto";
import { chmod, link, mkdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import {
  type Authority,
  caFingerprint,
  certificateInfo,
  createAuthority,
  issueCertificate,
} from "@sinter/agent-link";
import { type Clock, type Log, readIfThere, writeFileAtomic } from "@sinter/kit";
import { agentName, MANAGER_NAME } from "@sinter/southbound";
import type { Db } from "../database/database.ts";
import { settingStore } from "../database/setting.store.ts";
import { enrolmentErrors } from "./enrolment.errors.ts";
import { joinPem, type KeyAndCertificate, openOwnCertificate, splitPem } from "./own-certificate.ts";

export interface AuthorityStoreOptions {
  readonly db: Db;
  /** The manager's private directory; keys lie in its folder `pki`, readable by the manager only. */
  readonly stateDir: string;
  /** DNS names and IP addresses for the certificate of the northbound server. */
  readonly serverNames: readonly string[];
  readonly clock: Clock;
  readonly log: Log;
  /** Life of certificates of hosts and of the manager itself; default 180 days. Renewed in the last third. */
  readonly certificateDays?: number;
  /** Makes a new authority although the database remembers another: every host must then join again. */
  readonly acceptNewAuthority?: boolean;
}

export interface AuthorityStore {
  /** Certificate of the authority, PEM: public, and what clients and agents trust. */
  readonly caPem: string;
  /** base64url SHA-256 of its DER, as join tokens carry it. */
  readonly fingerprint: string;
  /** A file with `caPem`, for clients on this machine. */
  readonly caFile: string;
  readonly certificateDays: number;
  /** With the chain, so that an agent which knows only the fingerprint finds the authority in it. */
  readonly serverTls: () => KeyAndCertificate;
  /** The manager towards agents. The same object as long as the certificate is the same. */
  readonly managerTls: () => KeyAndCertificate & { readonly ca: string };
  /** Throws CSR_MALFORMED. */
  issueForHost(csrPem: string, hostUuid: string): Promise<{ certificatePem: string; notAfter: Date }>;
  /** Reissues the manager's own certificates when they are in the last third of their life; call it daily. */
  renew(): Promise<void>;
  /** Called with a renewed pair, for `server.setSecureContext`. Gives the way to stop that. */
  onServerRenewed(listener: (tls: KeyAndCertificate) => void): () => void;
}

const AUTHORITY_YEARS = 20;
const CERTIFICATE_DAYS = 180;
/** Setting with the fingerprint of the authority that hosts were enrolled under. */
const WITNESS = "authority";

/**
 * Opens the authority in the state directory, or makes one at the first start. Throws AUTHORITY_LOST when the database
 * remembers an authority that is not there: a new one would lock out every host without a word.
 */
export async function createAuthorityStore(options: AuthorityStoreOptions): Promise<AuthorityStore> {
  const directory = join(options.stateDir, "pki");
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const authority = await openAuthority(join(directory, "authority.pem"), options);
  const caPem = authority.certificatePem;
  const caFile = join(directory, "ca.crt");
  await writeFileAtomic(caFile, caPem, 0o644);

  const days = options.certificateDays ?? CERTIFICATE_DAYS;
  const own = { authority, clock: options.clock, days };
  const server = await openOwnCertificate({
    ...own,
    file: join(directory, "server.pem"),
    names: options.serverNames,
    usage: "server",
  });
  const manager = await openOwnCertificate({
    ...own,
    file: join(directory, "manager.pem"),
    names: [MANAGER_NAME],
    usage: "client",
  });
  const serverTls = (): KeyAndCertificate => ({ ...server.current(), cert: server.current().cert + caPem });
  let managerTls = { ...manager.current(), ca: caPem };
  const listeners = new Set<(tls: KeyAndCertificate) => void>();

  return {
    caPem,
    caFile,
    fingerprint: caFingerprint(caPem),
    certificateDays: days,
    serverTls,
    managerTls: () => managerTls,
    issueForHost: async (csrPem, hostUuid) => {
      const certificatePem = await issueCertificate(authority, {
        csrPem,
        dnsNames: [agentName(hostUuid)],
        usage: "server",
        days,
      });
      return { certificatePem, notAfter: new Date(certificateInfo(certificatePem).notAfter) };
    },
    renew: async () => {
      if (await manager.renew()) {
        managerTls = { ...manager.current(), ca: caPem };
        options.log.info("the manager's certificate for agents was renewed");
      }
      if (await server.renew()) {
        options.log.info("the certificate of the northbound server was renewed");
        for (const listener of listeners) listener(serverTls());
      }
    },
    onServerRenewed: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

async function openAuthority(file: string, options: AuthorityStoreOptions): Promise<Authority> {
  const settings = settingStore(options.db);
  const remembered = await settings.find(WITNESS);
  const there = await readAuthority(file);
  const isKnown = there !== undefined && caFingerprint(there.certificatePem) === remembered;
  if (remembered !== undefined && !isKnown && options.acceptNewAuthority !== true) {
    throw enrolmentErrors.authorityLost(file);
  }
  const authority = there ?? (await makeAuthority(file));
  if (!isKnown) await settings.put(WITNESS, caFingerprint(authority.certificatePem));
  return authority;
}

async function readAuthority(file: string): Promise<Authority | undefined> {
  const text = await readIfThere(file);
  if (text === undefined) return undefined;
  // A restored backup may come with wide rights.
  if (((await stat(file)).mode & 0o077) !== 0) await chmod(file, 0o600);
  const { key, cert } = splitPem(text);
  const certificate = new X509Certificate(cert);
  if (!certificate.ca || !certificate.checkPrivateKey(createPrivateKey(key))) {
    throw new Error(`${file} does not hold the certificate of an authority with its key.`);
  }
  return { privateKeyPem: key, certificatePem: cert };
}

/** Key and certificate are one file that appears at once: neither a crash nor a second start leaves half of it. */
async function makeAuthority(file: string): Promise<Authority> {
  const made = await createAuthority({ commonName: "Sinter authority", years: AUTHORITY_YEARS });
  const temporary = `${file}.${randomBytes(6).toString("hex")}`;
  await writeFileAtomic(temporary, joinPem(made.privateKeyPem, made.certificatePem));
  try {
    await link(temporary, file);
  } catch (error) {
    // Another manager may have been faster: then its authority is the one.
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    await rm(temporary, { force: true });
  }
  const authority = await readAuthority(file);
  if (!authority) throw new Error(`The authority that was just written to ${file} cannot be read.`);
  return authority;
}
