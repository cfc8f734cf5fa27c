import { bigint, jsonb, snakeCase, text, timestamp } from "drizzle-orm/pg-core";

export const clusters = snakeCase.table("clusters", {
  id: bigint({ mode: "number" }).primaryKey(),
  name: text().notNull().unique("clusters_name_unique"),
  description: text().notNull().default(""),
  tag: text().notNull().default(""),
  /** HA, DRS, NUMA and other switches of the contract, kept as given; see cluster.ts. */
  settings: jsonb().$type<Record<string, unknown>>().notNull().default({}),
  createdAt: timestamp({ withTimezone: true }).notNull().defaultNow(),
});
