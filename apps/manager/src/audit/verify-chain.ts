import type { AuditVerification } from "@sinter/northbound";
import { type AuditHead, CHAIN_START, faultOf, sealHead } from "./audit.ts";
import type { auditStore } from "./audit.store.ts";

const PAGE = 2_000;

/** Reads all records in order. `anchor` is a record known from elsewhere, which must still be there. */
export async function verifyChain(
  store: ReturnType<typeof auditStore>,
  key: Buffer,
  anchor: AuditHead | undefined,
): Promise<AuditVerification> {
  // Up to where the chain ends now: what is appended meanwhile is for the next time.
  const end = await store.findHead();
  const upTo = end?.sequence ?? Number.MAX_SAFE_INTEGER;
  let head: AuditHead = CHAIN_START;
  const broken = (brokenAt: number, reason: string): AuditVerification => ({
    intact: false,
    records: head.sequence,
    brokenAt,
    reason,
  });
  for (;;) {
    const records = await store.after(head.sequence, upTo, PAGE);
    for (const record of records) {
      const fault = faultOf(key, head, record);
      if (fault !== undefined) return broken(head.sequence + 1, fault);
      if (record.sequence === anchor?.sequence && record.hash !== anchor.hash) {
        return broken(record.sequence, "The record is not the one that was noted outside the database.");
      }
      head = record;
    }
    if (records.length < PAGE) break;
  }
  const last = Math.max(end?.sequence ?? 0, anchor?.sequence ?? 0);
  if (head.sequence < last)
    return broken(head.sequence + 1, `Records ${head.sequence + 1} to ${last} are missing.`);
  if (!end && head.sequence > 0) return broken(head.sequence, "The end of the chain is not recorded.");
  if (end && (end.seal !== sealHead(key, end) || end.hash !== head.hash)) {
    return broken(end.sequence, "The recorded end of the chain was changed.");
  }
  return { intact: true, records: head.sequence, brokenAt: null, reason: "" };
}
