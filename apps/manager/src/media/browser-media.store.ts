import { createHash, randomBytes } from "node:crypto";
import { and, eq, gt, inArray, isNull, notInArray, or, sql } from "drizzle-orm";
import { vms } from "../compute/vm.table.ts";
import type { Db } from "../database/database.ts";
import { browserMedia } from "./media.table.ts";

/** A browser's medium that somebody may hand out. */
export interface BrowserMedium {
  readonly id: string;
  readonly vmId: number;
  readonly hostId: number;
  readonly userId: string;
  readonly sizeBytes: number;
}

/** So long after attaching a browser may take to connect. */
const TICKET_MS = 60_000;

/** A secret of 256 bits that opens one connection. */
export function newTicket(): string {
  return randomBytes(32).toString("base64url");
}

export function browserMediaStore(db: Db) {
  const isGood = (ticket: string, userId: string, now: Date) =>
    and(
      eq(browserMedia.ticketHash, hashOf(ticket)),
      eq(browserMedia.userId, userId),
      or(isNull(browserMedia.ticketExpiresAt), gt(browserMedia.ticketExpiresAt, now)),
    );

  return {
    /** The ticket itself is kept nowhere. */
    async insert(medium: BrowserMedium, ticket: string, now: Date): Promise<void> {
      const ticketExpiresAt = new Date(now.getTime() + TICKET_MS);
      await db.insert(browserMedia).values({ ...medium, ticketHash: hashOf(ticket), ticketExpiresAt });
    },

    /** Whose ticket it is; undefined when it is used up, too old or another user's. */
    async find(ticket: string, userId: string, now: Date): Promise<BrowserMedium | undefined> {
      return (
        await db
          .select()
          .from(browserMedia)
          .where(isGood(ticket, userId, now))
      )[0];
    },

    /** The same, and the next ticket takes its place. */
    async redeem(
      ticket: string,
      userId: string,
      next: string,
      now: Date,
    ): Promise<BrowserMedium | undefined> {
      const rows = await db
        .update(browserMedia)
        .set({ ticketHash: hashOf(next), ticketExpiresAt: null })
        .where(isGood(ticket, userId, now))
        .returning();
      return rows[0];
    },

    async remove(id: string): Promise<void> {
      await db.delete(browserMedia).where(eq(browserMedia.id, id));
    },

    /** Of VMs that have something else in their drive by now. */
    async removeUnused(): Promise<void> {
      const used = db
        .select({ id: sql<string>`(${vms.cdrom}->>'mediaId')::uuid` })
        .from(vms)
        .where(sql`${vms.cdrom}->>'kind' = 'browser'`);
      const stale = db
        .select({ id: browserMedia.id })
        .from(browserMedia)
        .where(notInArray(browserMedia.id, used));
      await db.delete(browserMedia).where(inArray(browserMedia.id, stale));
    },
  };
}

function hashOf(ticket: string): string {
  return createHash("sha256").update(ticket).digest("base64url");
}
