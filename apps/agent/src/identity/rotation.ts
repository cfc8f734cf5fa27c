import { certificateInfo, createKeyAndCsr } from "@sinter/agent-link/agent-side";
import { AppError, type Log } from "@sinter/kit";
import { agentName } from "@sinter/southbound";
import { requireOurs } from "./enrolment.ts";
import { type Identity, writeIdentity } from "./identity-store.ts";

export type IdentityHolder = ReturnType<typeof createIdentityHolder>;

/**
 * The identity in force, and its renewal in two calls: a fresh key whose certificate the manager signs, then the
 * certificate. The key waits in memory: an agent that restarts between the two is asked for another.
 */
export function createIdentityHolder(options: {
  readonly stateDir: string;
  readonly identity: Identity;
  /** Called when a new identity is on disk; new connections shall get it. */
  readonly onRenewed: () => void;
  readonly log: Log;
}) {
  let current = options.identity;
  let pendingKey: string | undefined;
  return {
    get: (): Identity => current,

    /** Repeated, it begins anew: only the last request's certificate will fit. */
    async begin(): Promise<{ csr: string }> {
      const { privateKeyPem, csrPem } = await createKeyAndCsr(agentName(current.hostUuid));
      pendingKey = privateKeyPem;
      return { csr: csrPem };
    },

    async finish(input: { certificate: string; ca: string }): Promise<{ notAfter: number }> {
      const { notAfter } = certificateInfo(input.certificate);
      // The answer to the first time was lost.
      if (input.certificate === current.certificate && input.ca === current.ca) return { notAfter };
      if (pendingKey === undefined) {
        throw new AppError(
          "conflict",
          "ROTATION_NOT_BEGUN",
          "No certificate was asked for; begin the rotation first.",
        );
      }
      requireOurs(input.certificate, { key: pendingKey, ca: input.ca, hostUuid: current.hostUuid });
      const next = { ...current, key: pendingKey, ...input };
      await writeIdentity(options.stateDir, next);
      current = next;
      pendingKey = undefined;
      options.onRenewed();
      options.log.info({ notAfter: new Date(notAfter).toISOString() }, "the agent has a new certificate");
      return { notAfter };
    },
  };
}
