import { jsonb, snakeCase, text, timestamp } from "drizzle-orm/pg-core";

/** The one site that this manager is. */
export const sites = snakeCase.table("sites", {
  /** Eight upper-case hexadecimal digits. */
  id: text().primaryKey(),
  name: text().notNull(),
  description: text().notNull().default(""),
  createdAt: timestamp({ withTimezone: true }).notNull().defaultNow(),
});

/** What the manager must remember of itself: its CA, its own certificate's serials, schema of secrets. */
export const settings = snakeCase.table("settings", {
  key: text().primaryKey(),
  value: jsonb().notNull(),
});
