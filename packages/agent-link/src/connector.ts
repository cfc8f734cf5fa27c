import { connect, type ConnectionOptions, createSecureContext, type SecureContext } from "node:tls";
import { agentName } from "@sinter/southbound";
import { type buildConnector, errors } from "undici";
import type { AgentAddress } from "./errors.ts";
import type { TlsIdentity } from "./server.ts";

/** How long a host may take to accept a connection and finish its handshake. */
export const CONNECT_MS_MAX = 5_000;
/** Nothing larger comes out of TLS at once. */
const TLS_RECORD_BYTES = 16_384;
const KEEP_ALIVE_PROBE_MS = 60_000;

const contexts = new WeakMap<TlsIdentity, SecureContext>();

/**
 * The parsed identity, shared by all connections that use the same object: parsing costs time and some 100 kB, and
 * a manager holds thousands of connections. A new identity is a new object.
 */
export function clientContext(identity: TlsIdentity): SecureContext {
  let context = contexts.get(identity);
  if (context === undefined) {
    context = createSecureContext({ ...identity, minVersion: "TLSv1.3" });
    contexts.set(identity, context);
  }
  return context;
}

/**
 * Connects to the host's address, yet asks for, and checks, the name of its certificate: an address may change or be
 * somebody else's, the name is the host's own.
 *
 * Not undici's own connector, which offers a protocol by ALPN in a buffer per connection; each such buffer of nine
 * bytes keeps a whole pool of 64 KiB alive, which for 1,250 hosts is 80 MB. Sessions are not resumed: they would
 * outlive a rotation, and cost memory for each host.
 */
export function agentConnector(agent: AgentAddress, tls: () => TlsIdentity): buildConnector.connector {
  const servername = agentName(agent.hostUuid);
  return (_options, callback) => {
    const options: ConnectionOptions & { highWaterMark: number } = {
      host: agent.address,
      port: agent.port,
      servername,
      secureContext: clientContext(tls()),
      highWaterMark: TLS_RECORD_BYTES,
    };
    const socket = connect(options);
    socket.setKeepAlive(true, KEEP_ALIVE_PROBE_MS);
    socket.setNoDelay(true);
    const timer = setTimeout(() => {
      socket.destroy(
        new errors.ConnectTimeoutError(`No connection to ${agent.address}:${agent.port} in time`),
      );
    }, CONNECT_MS_MAX);
    const onFailure = (error: Error): void => {
      clearTimeout(timer);
      callback(error, null);
    };
    socket.once("error", onFailure);
    socket.once("secureConnect", () => {
      clearTimeout(timer);
      socket.off("error", onFailure);
      callback(null, socket);
    });
  };
}
