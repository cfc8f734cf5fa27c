import { and, asc, count, desc, eq, gt, gte, lte, type SQL } from "drizzle-orm";
import type { Db } from "../database/database.ts";
import { contains } from "../database/like.ts";
import type { Page } from "../http/query.ts";
import { type AuditRecord, CHAIN_START } from "./audit.ts";
import { auditHead, auditRecords } from "./audit.table.ts";

export interface AuditFilter {
  /** Part of the name, any case. */
  readonly userName?: string | undefined;
  readonly since?: Date | undefined;
}

export interface StoredHead {
  readonly sequence: number;
  readonly hash: string;
  readonly seal: string;
  readonly lastJournal: string;
}

const HEAD_ID = 1;

export function auditStore(db: Db) {
  const lockedHead = (): Promise<StoredHead[]> =>
    db.select().from(auditHead).where(eq(auditHead.id, HEAD_ID)).for("update").execute();
  return {
    /** Newest first. */
    async list(filter: AuditFilter, page: Page): Promise<{ total: number; records: AuditRecord[] }> {
      const conditions: (SQL | undefined)[] = [
        filter.userName === undefined ? undefined : contains(auditRecords.userName, filter.userName),
        filter.since && gte(auditRecords.at, filter.since),
      ];
      const where = and(...conditions);
      const [totals] = await db.select({ total: count() }).from(auditRecords).where(where);
      const rows = db
        .select()
        .from(auditRecords)
        .where(where)
        .orderBy(desc(auditRecords.sequence))
        .offset(page.offset);
      return {
        total: totals?.total ?? 0,
        records: await (page.limit === undefined ? rows : rows.limit(page.limit)),
      };
    },

    /** Holds the end of the chain until the transaction ends; writes the beginning of a chain when there is none. */
    async lockHead(sealOfStart: string): Promise<StoredHead> {
      let [head] = await lockedHead();
      if (!head) {
        await db
          .insert(auditHead)
          .values({ id: HEAD_ID, ...CHAIN_START, seal: sealOfStart })
          .onConflictDoNothing();
        [head] = await lockedHead();
      }
      if (!head) throw new Error("Broken assumption: the head of the audit chain was just written.");
      return head;
    },

    async findHead(): Promise<StoredHead | undefined> {
      const [head] = await db.select().from(auditHead).where(eq(auditHead.id, HEAD_ID));
      return head;
    },

    async append(records: readonly AuditRecord[], head: StoredHead): Promise<void> {
      if (records.length > 0) await db.insert(auditRecords).values([...records]);
      await db.update(auditHead).set(head).where(eq(auditHead.id, HEAD_ID));
    },

    /** In the order of the chain. */
    async after(sequence: number, upTo: number, limit: number): Promise<AuditRecord[]> {
      return await db
        .select()
        .from(auditRecords)
        .where(and(gt(auditRecords.sequence, sequence), lte(auditRecords.sequence, upTo)))
        .orderBy(asc(auditRecords.sequence))
        .limit(limit);
    },
  };
}
