import { createSecureContext, type SecureContext } from "node:tls";
import { agentName } from "@sinter/southbound";
import { buildConnector } from "undici";
import type { AgentAddress } from "./errors.ts";
import type { TlsIdentity } from "./server.ts";

/** How long a host may take to accept a connection and finish its handshake. */
export const CONNECT_MS_MAX = 5_000;

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
 */
export function agentConnector(agent: AgentAddress, tls: () => TlsIdentity): buildConnector.connector {
  const servername = agentName(agent.hostUuid);
  return (options, callback) => {
    const connect = buildConnector({
      secureContext: clientContext(tls()),
      timeout: CONNECT_MS_MAX,
      // Resumed sessions would outlive a rotation, and cost memory for each host.
      maxCachedSessions: 0,
    });
    connect({ ...options, hostname: agent.address, port: String(agent.port), servername }, callback);
  };
}
