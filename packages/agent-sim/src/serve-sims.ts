import type { SecureContext } from "node:tls";
import {
  agentSecureContext,
  type AgentServer,
  type Authority,
  createKeyAndCsr,
  issueCertificate,
  serveAgents,
  type TlsIdentity,
} from "@sinter/agent-link";
import { type Log, silentLog } from "@sinter/kit";
import { agentName, MANAGER_NAME } from "@sinter/southbound";
import type { SimHost } from "./sim-host.ts";

export interface ServeSimsOptions {
  /** Signs the certificate of each host that has no identity of its own, when it is first called. */
  readonly ca: Authority;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default any free port. */
  readonly port?: number;
  readonly managerName?: string;
  readonly log?: Log;
  readonly heartbeatMs?: number;
}

export interface SimServer extends AgentServer {
  /** A host more, served from now on. */
  add(sim: SimHost): void;
}

/**
 * Serves any number of simulated hosts at one port over real mutual TLS. The client asks for a host by the name of
 * its certificate (SNI), so that all hosts have one address and each its own identity.
 */
export async function serveSims(sims: Iterable<SimHost>, options: ServeSimsOptions): Promise<SimServer> {
  const byName = new Map<string, SimHost>();
  const certificates = new Map<string, string>();
  // One key for all: making thousands would take longer than everything else here.
  const { privateKeyPem, csrPem } = await createKeyAndCsr("simulated agents");

  async function identityNamed(name: string): Promise<TlsIdentity> {
    const own = byName.get(name)?.identity;
    if (own) return own;
    let cert = certificates.get(name);
    if (cert === undefined) {
      cert = await issueCertificate(options.ca, { csrPem, dnsNames: [name], usage: "server", days: 30 });
      certificates.set(name, cert);
    }
    return { key: privateKeyPem, cert, ca: options.ca.certificatePem };
  }

  const fallback = await identityNamed("nobody.agent.sinter.internal");
  const server = await serveAgents({
    host: options.host ?? "127.0.0.1",
    port: options.port ?? 0,
    tls: () => fallback,
    managerName: options.managerName ?? MANAGER_NAME,
    log: options.log ?? silentLog,
    ...(options.heartbeatMs === undefined ? {} : { heartbeatMs: options.heartbeatMs }),
    agentNamed: (name) => reachable(byName.get(name)),
    identityOf: async (name): Promise<SecureContext | undefined> =>
      reachable(byName.get(name)) && agentSecureContext(await identityNamed(name)),
  });
  const add = (sim: SimHost): void => {
    const name = agentName(sim.hostUuid);
    byName.set(name, sim);
    sim.onDrop(() => server.drop(name));
  };
  for (const sim of sims) add(sim);
  return { ...server, add };
}

function reachable(sim: SimHost | undefined): SimHost | undefined {
  return sim?.isReachable ? sim : undefined;
}
