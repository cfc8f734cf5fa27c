import { request as httpsRequest } from "node:https";
import { connect, type DetailedPeerCertificate, type TLSSocket } from "node:tls";
import { AppError } from "@sinter/kit";
import { caFingerprint, certificateInfo, equalInConstantTime } from "@sinter/agent-link/agent-side";

export interface ManagerAddress {
  readonly host: string;
  readonly port: number;
}

const ANSWER_MS_MAX = 30_000;
const REPLY_BYTES_MAX = 1024 * 1024;
/** End of the names in certificates of agents: one of those must not pass as the manager. */
const AGENT_NAME_END = ".agent.sinter.internal";

export const pinningErrors = {
  unreachable: ({ host, port }: ManagerAddress, cause: unknown) =>
    new AppError(
      "unavailable",
      "MANAGER_UNREACHABLE",
      `The manager at ${host}:${port} cannot be reached (${cause instanceof Error ? cause.message : String(cause)}).`,
      { params: { host, port }, cause },
    ),
  notTheManager: ({ host, port }: ManagerAddress, why: string) =>
    new AppError(
      "forbidden",
      "MANAGER_NOT_TRUSTED",
      `What answers at ${host}:${port} is not the manager that made this token: ${why}. Nothing was sent to it.`,
      { params: { host, port } },
    ),
};

/**
 * The authority's certificate (PEM) out of the chain that the manager shows, recognized by the fingerprint from the
 * token, and the address that this host has towards it. Nothing is sent over this connection.
 */
export async function fetchPinnedCa(
  manager: ManagerAddress,
  fingerprint: string,
): Promise<{ ca: string; localAddress: string }> {
  const socket = await handshake(manager);
  try {
    const ca = chainOf(socket).find((pem) => equalInConstantTime(caFingerprint(pem), fingerprint));
    if (ca === undefined)
      throw pinningErrors.notTheManager(manager, "its certificates have another fingerprint");
    return { ca, localAddress: plainAddress(socket.localAddress ?? "") };
  } finally {
    socket.destroy();
  }
}

/** Sends JSON to the manager over TLS that trusts this one authority, and answers with status and body. */
export function postPinned(
  manager: ManagerAddress,
  path: string,
  body: unknown,
  ca: string,
): Promise<{ status: number; body: unknown }> {
  const text = JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const request = httpsRequest(
      {
        ...manager,
        path,
        method: "POST",
        ca,
        minVersion: "TLSv1.2",
        agent: false,
        timeout: ANSWER_MS_MAX,
        headers: { "content-type": "application/json", "content-length": Buffer.byteLength(text) },
        // By its authority the other side is proven to be of this site; the address may be any. What is left is
        // that another host of the site answers, whose certificate says that it is an agent.
        checkServerIdentity: (_host, certificate) => agentFault(manager, pemOf(certificate.raw)),
      },
      (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on("data", (chunk: Buffer) => {
          size += chunk.length;
          if (size > REPLY_BYTES_MAX) request.destroy(new Error("the answer is too large"));
          else chunks.push(chunk);
        });
        response.on("end", () =>
          resolve({ status: response.statusCode ?? 0, body: parse(Buffer.concat(chunks).toString("utf8")) }),
        );
        response.on("error", reject);
      },
    );
    request.on("timeout", () => request.destroy(new Error(`no answer within ${ANSWER_MS_MAX} ms`)));
    request.on("error", (cause) => {
      if (cause instanceof AppError) reject(cause);
      else if (isTrustFailure(cause)) reject(pinningErrors.notTheManager(manager, cause.message));
      else reject(pinningErrors.unreachable(manager, cause));
    });
    request.end(text);
  });
}

function handshake(manager: ManagerAddress): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    // Not verified by OpenSSL, since there is nothing yet to verify against: the caller compares the fingerprint.
    const socket = connect({ ...manager, rejectUnauthorized: false, minVersion: "TLSv1.2" });
    socket.setTimeout(ANSWER_MS_MAX, () => socket.destroy(new Error(`no answer within ${ANSWER_MS_MAX} ms`)));
    socket.once("secureConnect", () => resolve(socket));
    socket.on("error", (cause) => reject(pinningErrors.unreachable(manager, cause)));
  });
}

/** All certificates that the peer sent, its own first. */
function chainOf(socket: TLSSocket): string[] {
  const chain: string[] = [];
  const seen = new Set<string>();
  let certificate: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
  while (certificate?.raw && !seen.has(certificate.fingerprint256)) {
    seen.add(certificate.fingerprint256); // a root is its own issuer
    chain.push(pemOf(certificate.raw));
    certificate = certificate.issuerCertificate;
  }
  return chain;
}

function agentFault(manager: ManagerAddress, pem: string): AppError | undefined {
  const isAgent = certificateInfo(pem).dnsNames.some((name) => name.toLowerCase().endsWith(AGENT_NAME_END));
  return isAgent ? pinningErrors.notTheManager(manager, "it is the agent of another host") : undefined;
}

function pemOf(der: Buffer): string {
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

function isTrustFailure(error: NodeJS.ErrnoException): boolean {
  return /SELF_SIGNED|UNABLE_TO_|CERT_|ERR_TLS/.test(error.code ?? "");
}

/** IPv4 as such, where the socket carries it inside IPv6. */
function plainAddress(address: string): string {
  return address.replace(/^::ffff:/, "");
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
