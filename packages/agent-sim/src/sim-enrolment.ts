import { createKeyAndCsr } from "@sinter/agent-link";
import { agentName, type EnrolmentReply, type EnrolmentRequest } from "@sinter/southbound";
import type { SimHost } from "./sim-host.ts";

/**
 * What a host sends to join, and what it does with the answer; the sending is left to the caller, since tests inject
 * requests and others post them. The identity is installed by `accept`, and served from then on.
 */
export async function simEnrolment(
  sim: SimHost,
  options: { token: string; address: string; port: number },
): Promise<{ request: EnrolmentRequest; accept: (reply: EnrolmentReply) => void }> {
  const { privateKeyPem, csrPem } = await createKeyAndCsr(agentName(sim.hostUuid));
  return {
    request: { ...options, csr: csrPem, hostUuid: sim.hostUuid, report: sim.report },
    accept: ({ certificate, ca }) => sim.installIdentity({ key: privateKeyPem, cert: certificate, ca }),
  };
}
