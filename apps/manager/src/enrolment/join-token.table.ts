import { bigint, snakeCase, text, timestamp, uuid } from "drizzle-orm/pg-core";
import { clusters } from "../cluster/cluster.table.ts";
import { hosts } from "../host/host.table.ts";

/** One-time tokens by which hosts join; only a hash of the secret is kept. */
export const joinTokens = snakeCase.table("join_tokens", {
  id: text().primaryKey(),
  secretHash: text().notNull(),
  clusterId: bigint({ mode: "number" }).references(() => clusters.id, { onDelete: "cascade" }),
  /** Made so that this host may join again although it is enrolled and connected. */
  rejoiningHostId: bigint({ mode: "number" }).references(() => hosts.id, { onDelete: "cascade" }),
  createdBy: text().notNull(),
  createdAt: timestamp({ withTimezone: true }).notNull(),
  expiresAt: timestamp({ withTimezone: true }).notNull(),
  usedAt: timestamp({ withTimezone: true }),
  usedByHost: uuid(),
});
