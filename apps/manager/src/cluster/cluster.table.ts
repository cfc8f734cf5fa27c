import { bigint, jsonb, snakeCase, text, timestamp } from "drizzle-orm/pg-core";
import type { StoredSettings } from "./cluster-settings.ts";

export const clusters = snakeCase.table("clusters", {
  id: bigint({ mode: "number" }).primaryKey(),
  name: text().notNull().unique("clusters_name_unique"),
  description: text().notNull().default(""),
  tag: text().notNull().default(""),
  /** HA, DRS, NUMA and other switches of the contract, as far as they were set; see cluster-settings.ts. */
  settings: jsonb().$type<StoredSettings>().notNull().default({}),
  createdAt: timestamp({ withTimezone: true }).notNull().defaultNow(),
});
