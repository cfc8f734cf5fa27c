import { randomUUID } from "node:crypto";
import { agentName, MANAGER_NAME } from "@sinter/southbound";
import { type Authority, createAuthority, createKeyAndCsr, issueCertificate } from "../pki.ts";
import type { TlsIdentity } from "../server.ts";

/** An authority of one test, and identities signed by it. */
export interface TestPki {
  readonly ca: Authority;
  /** As the manager holds it. */
  readonly manager: TlsIdentity;
  /** A fresh key and certificate under `dnsName`; default usage both. */
  identity(dnsName: string, usage?: "server" | "client" | "both"): Promise<TlsIdentity>;
  /** The identity of a host's agent. */
  agent(hostUuid: string): Promise<TlsIdentity>;
}

export async function createTestPki(): Promise<TestPki> {
  const ca = await createAuthority({ commonName: `Test CA ${randomUUID()}`, years: 1 });
  const identity: TestPki["identity"] = async (dnsName, usage = "both") => {
    const { privateKeyPem, csrPem } = await createKeyAndCsr(dnsName);
    const cert = await issueCertificate(ca, { csrPem, dnsNames: [dnsName], usage, days: 1 });
    return { key: privateKeyPem, cert, ca: ca.certificatePem };
  };
  return {
    ca,
    manager: await identity(MANAGER_NAME, "client"),
    identity,
    agent: (hostUuid) => identity(agentName(hostUuid), "server"),
  };
}
