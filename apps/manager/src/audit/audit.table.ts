import { bigserial, index, integer, snakeCase, text, timestamp } from "drizzle-orm/pg-core";

/** One row per mutating call, each holding the hash of the one before it: a row that is changed or missing shows. */
export const auditRecords = snakeCase.table(
  "audit_records",
  {
    sequence: bigserial({ mode: "number" }).primaryKey(),
    at: timestamp({ withTimezone: true }).notNull(),
    userName: text().notNull(),
    clientAddress: text().notNull(),
    method: text().notNull(),
    path: text().notNull(),
    status: integer().notNull(),
    errorCode: text().notNull().default(""),
    /** Of the task that the call began. */
    taskUrn: text().notNull().default(""),
    previousHash: text().notNull(),
    hash: text().notNull(),
  },
  (table) => [index("audit_records_at").on(table.at)],
);
