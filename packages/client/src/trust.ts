import { X509Certificate } from "node:crypto";
import { connect, type ConnectionOptions } from "node:tls";
import { AppError } from "@sinter/kit/errors";
import { clientErrors } from "./wire-error.ts";

/** How a client knows the manager. The first that is given counts; none: the authorities that Node trusts. */
export interface Trust {
  /** PEM of the authority that signed the manager's certificate, or of the certificate itself. */
  readonly ca?: string;
  /**
   * SHA-256 of a certificate that the manager shows, its authority's or its own: 64 hexadecimal digits, with or
   * without colons, or base64url. An authority's survives the renewal of the manager's certificate.
   */
  readonly fingerprint?: string;
  /** Believes anybody who answers, and allows plain HTTP. For a first look on a network of one's own. */
  readonly insecure?: boolean;
}

/** The TLS half of connecting to `url`. Asks the server for its chain first when a fingerprint is to be found in it. */
export async function tlsOptions(url: URL, trust: Trust): Promise<ConnectionOptions> {
  if (url.protocol === "http:") {
    if (trust.insecure) return {};
    throw clientErrors.untrusted(url.origin, "it speaks plain HTTP, which anybody on the way can read");
  }
  if (trust.ca !== undefined) return { ca: trust.ca, ...leafAsRoot(trust.ca) };
  if (trust.fingerprint !== undefined) return pinned(url, trust.fingerprint);
  return trust.insecure ? { rejectUnauthorized: false } : {};
}

/** The certificates that a server shows, its own first. Nothing about them has been checked. */
export async function readPeerChain(url: URL, timeoutMs = 10_000): Promise<X509Certificate[]> {
  const { promise, resolve, reject } = Promise.withResolvers<X509Certificate[]>();
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const socket = connect({
    host,
    port: url.port === "" ? 443 : Number(url.port),
    ...(/^[\d.]+$|:/.test(host) ? {} : { servername: host }),
    // Only looked at, never spoken to.
    rejectUnauthorized: false,
  });
  socket.setTimeout(timeoutMs, () => reject(clientErrors.tooSlow(url.origin, timeoutMs, undefined)));
  socket.once("error", reject);
  socket.once("secureConnect", () => {
    const chain: X509Certificate[] = [];
    let peer = socket.getPeerX509Certificate();
    while (peer !== undefined && chain.length < 10) {
      chain.push(peer);
      peer = peer.issuerCertificate;
    }
    resolve(chain);
  });
  try {
    return await promise;
  } finally {
    socket.destroy();
  }
}

/** `aa:bb:…`, as people compare it. */
export function fingerprintOf(certificate: X509Certificate): string {
  return certificate.fingerprint256.toLowerCase();
}

async function pinned(url: URL, fingerprint: string): Promise<ConnectionOptions> {
  const wanted = readFingerprint(fingerprint);
  const chain = await readPeerChain(url);
  const found = chain.find((certificate) => readFingerprint(certificate.fingerprint256).equals(wanted));
  if (found === undefined) {
    const shown = chain[0] === undefined ? "none" : fingerprintOf(chain[0]);
    throw clientErrors.untrusted(url.origin, `its fingerprint is another one (${shown})`);
  }
  // Having shown the pinned certificate proves nothing, it is public. The connection itself is checked against it.
  const ca = found.toString();
  return { ca, ...leafAsRoot(ca) };
}

/**
 * A server's own certificate may be trusted as it is, without its authority; then it is known by its key, and the
 * name under which it was reached adds nothing.
 */
function leafAsRoot(pem: string): ConnectionOptions {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(pem);
  } catch (error) {
    throw new AppError("invalid", "CA_MALFORMED", "The CA certificate is not PEM.", { cause: error });
  }
  if (certificate.ca) return {};
  return { allowPartialTrustChain: true, checkServerIdentity: () => undefined };
}

function readFingerprint(text: string): Buffer {
  const plain = text.trim().replace(/^sha-?256[:=]/i, "");
  const hex = plain.replaceAll(":", "");
  if (/^[0-9a-f]{64}$/i.test(hex)) return Buffer.from(hex, "hex");
  if (/^[\w-]{43}$/.test(plain)) return Buffer.from(plain, "base64url");
  throw new AppError(
    "invalid",
    "FINGERPRINT_MALFORMED",
    "A fingerprint is a SHA-256: 64 hexadecimal digits, with or without colons, or 43 of base64url.",
  );
}
