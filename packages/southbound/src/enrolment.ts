import { Type, type Static } from "typebox";
import { Uuid } from "./common.ts";
import { HostReport } from "./host.ts";

/**
 * How a host joins. The agent calls the manager's public port once, `POST /sinter/v1/enrolments`, over TLS whose
 * server certificate it checks against the CA fingerprint inside the join token; every later call goes from
 * manager to agent over mutual TLS.
 *
 * A join token is `sinter1.<id>.<secret>.<fingerprint>`: id finds the row, secret (128 random bits, base64url) is
 * kept hashed and works once before it expires, fingerprint is the base64url SHA-256 of the CA certificate (DER).
 */
export const ENROLMENT_PATH = "/sinter/v1/enrolments";

export const EnrolmentRequest = Type.Object({
  token: Type.String({ minLength: 1, maxLength: 256 }),
  /** PKCS#10, PEM; subject is ignored, the manager decides names. */
  csr: Type.String({ maxLength: 16_384 }),
  hostUuid: Uuid,
  /** Where the manager will find this agent. */
  address: Type.String({ minLength: 1, maxLength: 255 }),
  port: Type.Integer({ minimum: 1, maximum: 65_535 }),
  report: HostReport,
});
export type EnrolmentRequest = Static<typeof EnrolmentRequest>;

export const EnrolmentReply = Type.Object({
  hostUuid: Uuid,
  certificate: Type.String(),
  ca: Type.String(),
  /** The DNS name in the certificate of the manager's client certificate; the agent accepts no other. */
  managerName: Type.String(),
});
export type EnrolmentReply = Static<typeof EnrolmentReply>;

/** The name in an agent's certificate, which the manager asks for whatever the agent's address is. */
export function agentName(hostUuid: string): string {
  return `${hostUuid.toLowerCase()}.agent.sinter.internal`;
}

export const MANAGER_NAME = "manager.sinter.internal";
export const AGENT_PORT = 7447;
