import { createPrivateKey, X509Certificate } from "node:crypto";
import { certificateInfo, createKeyAndCsr } from "@sinter/agent-link";
import { AppError } from "@sinter/kit";
import { agentName } from "@sinter/southbound";
import type { Effects } from "./effects.ts";
import { hostStats } from "./sim-stats.ts";

export const hostEffects = {
  getHost: (host) => host.report,
  getStats: (host) => hostStats(host),

  async beginRotation(host) {
    const { privateKeyPem, csrPem } = await createKeyAndCsr(agentName(host.hostUuid));
    host.nextKey = privateKeyPem;
    return { csr: csrPem };
  },

  finishRotation(host, { certificate, ca }) {
    const { notAfter } = certificateInfo(certificate);
    // Repeated after a lost answer: installed already.
    if (host.identity?.cert === certificate) return { notAfter };
    if (!host.nextKey || !new X509Certificate(certificate).checkPrivateKey(createPrivateKey(host.nextKey))) {
      throw new AppError(
        "invalid",
        "CERTIFICATE_MALFORMED",
        "The certificate does not fit the key of the request.",
      );
    }
    host.installIdentity({ key: host.nextKey, cert: certificate, ca });
    host.nextKey = undefined;
    return { notAfter };
  },
} satisfies Partial<Effects>;
