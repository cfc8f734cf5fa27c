import { once } from "node:events";
import { connect as connectNet, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { AuthenticationError, NotConnectedError } from "../errors.ts";

/** Certificates for libvirt's TLS port, as PEM. libvirtd asks for a client certificate unless told otherwise. */
export interface TlsIdentity {
  readonly ca: string | Buffer;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  /** The name the daemon's certificate must bear; default is the host we connect to. */
  readonly serverName?: string;
}

export type Endpoint =
  | { readonly socketPath: string }
  | { readonly host: string; readonly port?: number; readonly tls?: TlsIdentity };

export const DEFAULT_TCP_PORT = 16509;
export const DEFAULT_TLS_PORT = 16514;

/**
 * Opens the byte stream to a daemon. Rejects with NotConnectedError when nobody answers and with
 * AuthenticationError when the certificates do not please one of the two ends.
 */
export async function dial(endpoint: Endpoint, signal: AbortSignal): Promise<Socket> {
  if ("socketPath" in endpoint) {
    return await opened(connectNet({ path: endpoint.socketPath }), "connect", endpoint, signal);
  }
  const { host, tls } = endpoint;
  if (!tls) {
    const socket = connectNet({ host, port: endpoint.port ?? DEFAULT_TCP_PORT, noDelay: true });
    return await opened(socket, "connect", endpoint, signal);
  }
  const { serverName, ...identity } = tls;
  const socket = connectTls({
    host,
    port: endpoint.port ?? DEFAULT_TLS_PORT,
    // SNI knows no addresses; the certificate is then checked against the host itself.
    ...(serverName === undefined ? {} : { servername: serverName }),
    ...identity,
    minVersion: "TLSv1.2",
    rejectUnauthorized: true,
  });
  socket.setNoDelay(true);
  await opened(socket, "secureConnect", endpoint, signal);
  await confirmed(socket, endpoint, signal);
  return socket;
}

async function opened<S extends Socket>(
  socket: S,
  event: string,
  endpoint: Endpoint,
  signal: AbortSignal,
): Promise<S> {
  try {
    await once(socket, event, { signal });
    return socket;
  } catch (cause) {
    socket.destroy();
    signal.throwIfAborted();
    if (isCertificateProblem(cause)) {
      throw new AuthenticationError(
        `The TLS handshake with ${nameOf(endpoint)} failed: ${messageOf(cause)}`,
        { cause },
      );
    }
    throw new NotConnectedError(`Cannot connect to ${nameOf(endpoint)}: ${messageOf(cause)}`, { cause });
  }
}

/**
 * After the handshake libvirtd looks at our certificate and, if it will have us, says so with one byte of
 * value 1. In TLS 1.3 this is also where a refused certificate first shows.
 */
async function confirmed(socket: TLSSocket, endpoint: Endpoint, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const look = () => {
    const byte = socket.read(1) as Buffer | null; // no encoding is set, so it reads buffers
    if (byte?.[0] === 1) resolve();
    else if (byte) reject(new Error(`it answered ${byte[0]}`));
  };
  const ended = () => reject(new Error("it closed the connection"));
  const aborted = () => reject(signal.reason as Error);
  socket.on("readable", look).on("end", ended).on("error", reject);
  signal.addEventListener("abort", aborted);
  try {
    look();
    await promise;
  } catch (cause) {
    socket.destroy();
    signal.throwIfAborted();
    throw new AuthenticationError(`${nameOf(endpoint)} did not accept our certificate: ${messageOf(cause)}`, {
      cause,
    });
  } finally {
    socket.off("readable", look).off("end", ended).off("error", reject);
    signal.removeEventListener("abort", aborted);
  }
}

/** How the endpoint is called in messages. */
export function nameOf(endpoint: Endpoint): string {
  if ("socketPath" in endpoint) return `libvirt at ${endpoint.socketPath}`;
  const port = endpoint.port ?? (endpoint.tls ? DEFAULT_TLS_PORT : DEFAULT_TCP_PORT);
  return `libvirt at ${endpoint.host}:${port}${endpoint.tls ? " (TLS)" : ""}`;
}

function isCertificateProblem(cause: unknown): boolean {
  const code = (cause as { code?: string }).code ?? "";
  return /CERT|TLS|SSL|VERIFY|ISSUER|SIGNATURE/.test(code);
}

function messageOf(cause: unknown): string {
  const inner = (cause as Error).cause;
  if ((cause as Error).name === "AbortError" && inner instanceof Error) return inner.message;
  return cause instanceof Error ? cause.message : String(cause);
}
