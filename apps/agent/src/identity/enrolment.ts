import { createPrivateKey, X509Certificate } from "node:crypto";
import {
  caFingerprint,
  certificateInfo,
  createKeyAndCsr,
  equalInConstantTime,
  parseJoinToken,
} from "@sinter/agent-link/agent-side";
import { AppError, reviveError } from "@sinter/kit";
import {
  agentName,
  ENROLMENT_PATH,
  EnrolmentReply,
  type EnrolmentRequest,
  type HostReport,
} from "@sinter/southbound";
import { Check } from "typebox/value";
import { type Identity, writeIdentity } from "./identity-store.ts";
import { fetchPinnedCa, type ManagerAddress, postPinned } from "./pinned-https.ts";

/**
 * Joins this host to a manager: proves the manager by the fingerprint in the token, sends a fresh key's request, and
 * keeps what comes back. Until the last step, one rename, an earlier identity stays in force.
 */
export async function enrol(options: {
  readonly manager: ManagerAddress;
  readonly token: string;
  readonly stateDir: string;
  readonly report: HostReport;
  /** Where the manager shall find this agent; default the address that this host has towards the manager. */
  readonly address?: string | undefined;
  readonly port: number;
}): Promise<Identity> {
  const { manager, stateDir, report, port } = options;
  const { fingerprint } = parseJoinToken(options.token);
  const { ca, localAddress } = await fetchPinnedCa(manager, fingerprint);
  const { privateKeyPem, csrPem } = await createKeyAndCsr(agentName(report.hostUuid));
  const address = options.address ?? localAddress;
  const request: EnrolmentRequest = {
    token: options.token.trim(),
    csr: csrPem,
    hostUuid: report.hostUuid,
    address,
    port,
    report,
  };
  const { status, body } = await postPinned(manager, ENROLMENT_PATH, request, ca);
  if (status !== 200 && status !== 201) throw refusal(status, body);
  if (!Check(EnrolmentReply, body)) throw enrolmentErrors.malformed("it does not look like an enrolment");
  if (!equalInConstantTime(caFingerprint(body.ca), fingerprint)) {
    throw enrolmentErrors.malformed("its authority is another than the token names");
  }
  requireOurs(body.certificate, { key: privateKeyPem, ca: body.ca, hostUuid: report.hostUuid });
  const identity: Identity = {
    hostUuid: report.hostUuid,
    managerName: body.managerName,
    address,
    port,
    key: privateKeyPem,
    certificate: body.certificate,
    ca: body.ca,
  };
  await writeIdentity(stateDir, identity);
  return identity;
}

export const enrolmentErrors = {
  malformed: (why: string) =>
    new AppError("internal", "ENROLMENT_MALFORMED", `The manager's answer cannot be used: ${why}.`),
  certificateUnusable: (why: string) =>
    new AppError("invalid", "CERTIFICATE_UNUSABLE", `The certificate for this host cannot be used: ${why}.`),
};

/** Throws invalid CERTIFICATE_UNUSABLE unless it is for our key and our name, and signed by the authority. */
export function requireOurs(
  certificatePem: string,
  own: { key: string; ca: string; hostUuid: string },
): void {
  const { dnsNames, notAfter } = certificateInfo(certificatePem);
  if (!dnsNames.includes(agentName(own.hostUuid)))
    throw enrolmentErrors.certificateUnusable("it names another host");
  if (notAfter <= Date.now())
    throw enrolmentErrors.certificateUnusable("it has expired; check this host's clock");
  const certificate = new X509Certificate(certificatePem);
  const authority = new X509Certificate(own.ca);
  if (!certificate.checkIssued(authority) || !certificate.verify(authority.publicKey)) {
    throw enrolmentErrors.certificateUnusable("its authority did not sign it");
  }
  if (!certificate.checkPrivateKey(createPrivateKey(own.key))) {
    throw enrolmentErrors.certificateUnusable("it is for another key");
  }
}

/** The manager's own words where it has some. */
function refusal(status: number, body: unknown): AppError {
  const known = reviveError(body);
  if (known.code !== "MALFORMED_ERROR") return known;
  const { errorDes, message } = (body ?? {}) as { errorDes?: unknown; message?: unknown }; // only read
  const text = [errorDes, message].find((one) => typeof one === "string");
  return new AppError(
    "forbidden",
    "ENROLMENT_REFUSED",
    `The manager did not take this host (HTTP ${status})${text === undefined ? "." : `: ${text}`}`,
    { params: { status } },
  );
}
