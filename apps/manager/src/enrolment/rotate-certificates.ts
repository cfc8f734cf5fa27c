import { type Clock, type Log, mapLimited } from "@sinter/kit";
import type { AgentPort } from "@sinter/southbound";
import type { Db } from "../database/database.ts";
import type { AuthorityStore } from "./authority.ts";
import { hostCertificateStore } from "./host-certificate.store.ts";

export interface RotationParts {
  readonly db: Db;
  readonly authority: AuthorityStore;
  readonly agent: (hostId: number) => Pick<AgentPort, "beginRotation" | "finishRotation">;
  readonly isConnected: (hostId: number) => boolean;
  readonly clock: Clock;
  readonly log: Log;
}

const DAY_MS = 86_400_000;
/** Hosts renewed at a time: after a rollout all certificates end in the same hour. */
const WIDTH = 4;

/**
 * Reconciler: gives connected hosts whose certificate is in the last third of its life a new one, for a key that the
 * host makes itself. Idempotent at every step: a host keeps serving with the old pair until the new one is installed,
 * and what fails is tried again in the next round. Run it daily or more often. Gives the ids of the renewed hosts.
 */
export async function rotateCertificates(parts: RotationParts): Promise<number[]> {
  const { authority, clock, log } = parts;
  await authority.renew();
  const store = hostCertificateStore(parts.db);
  const due = await store.endingBy(new Date(clock.now() + (authority.certificateDays * DAY_MS) / 3));
  for (const { hostId, notAfter } of due) {
    if (notAfter.getTime() <= clock.now()) {
      log.warn(
        { hostId },
        "the certificate of a host has ended; it must join again with a token made for it",
      );
    }
  }
  const renewed = await mapLimited(
    due.filter(({ hostId }) => parts.isConnected(hostId)),
    WIDTH,
    async ({ hostId, hostUuid }) => {
      try {
        const agent = parts.agent(hostId);
        const { csr } = await agent.beginRotation({});
        const { certificatePem, notAfter } = await authority.issueForHost(csr, hostUuid);
        await agent.finishRotation({ certificate: certificatePem, ca: authority.caPem });
        await store.setNotAfter(hostId, notAfter);
        log.info({ hostId }, "renewed the certificate of a host");
        return hostId;
      } catch (error) {
        log.warn({ hostId, err: error }, "renewing the certificate of a host failed");
        return undefined;
      }
    },
  );
  return renewed.filter((hostId) => hostId !== undefined);
}
