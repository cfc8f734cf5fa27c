import { asc, eq, lte } from "drizzle-orm";
import type { Db } from "../database/database.ts";
import { hosts } from "../host/host.table.ts";

/** The part of a host that enrolment owns: when its certificate ends. A read model over the hosts' table. */
export function hostCertificateStore(db: Db) {
  return {
    /** Those whose certificate ends at or before `notAfter`, soonest first. */
    async endingBy(notAfter: Date): Promise<{ hostId: number; hostUuid: string; notAfter: Date }[]> {
      return await db
        .select({ hostId: hosts.id, hostUuid: hosts.uuid, notAfter: hosts.certificateNotAfter })
        .from(hosts)
        .where(lte(hosts.certificateNotAfter, notAfter))
        .orderBy(asc(hosts.certificateNotAfter));
    },

    async setNotAfter(hostId: number, notAfter: Date): Promise<void> {
      await db.update(hosts).set({ certificateNotAfter: notAfter }).where(eq(hosts.id, hostId));
    },
  };
}
