import type { SecureContext } from "node:tls";
import {
  agentSecureContext,
  type AgentServer,
  type Authority,
  createAuthority,
  createKeyAndCsr,
  issueCertificate,
  serveAgents,
  type TlsIdentity,
} from "@sinter/agent-link";
import { type Log, silentLog } from "@sinter/kit";
import { agentName, MANAGER_NAME } from "@sinter/southbound";
import type { SimHost } from "./sim-host.ts";

export interface ServeSimsOptions {
  /**
   * Signs the certificate of each host that has no identity of its own, when it is first called. Without it such
   * hosts are not served until they are enrolled (see simEnrolment).
   */
  readonly ca?: Authority;
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

  async function issued(ca: Authority, name: string): Promise<TlsIdentity> {
    let cert = certificates.get(name);
    if (cert === undefined) {
      cert = await issueCertificate(ca, { csrPem, dnsNames: [name], usage: "server", days: 30 });
      certificates.set(name, cert);
    }
    return { key: privateKeyPem, cert, ca: ca.certificatePem };
  }

  // Used for no connection: whoever asks for no host by name is refused.
  const nobody = await createAuthority({ commonName: "nobody", years: 1 });
  const fallback = await issued(nobody, "nobody.invalid");
  const server = await serveAgents({
    host: options.host ?? "127.0.0.1",
    port: options.port ?? 0,
    tls: () => fallback,
    managerName: options.managerName ?? MANAGER_NAME,
    log: options.log ?? silentLog,
    ...(options.heartbeatMs === undefined ? {} : { heartbeatMs: options.heartbeatMs }),
    agentNamed: (name) => reachable(byName.get(name)),
    identityOf: async (name): Promise<SecureContext | undefined> => {
      const sim = reachable(byName.get(name));
      if (!sim) return undefined;
      const identity = sim.identity ?? (options.ca && (await issued(options.ca, name)));
      return identity && agentSecureContext(identity);
    },
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
