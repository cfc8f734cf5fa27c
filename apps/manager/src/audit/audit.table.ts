import { bigint, index, integer, snakeCase, text, timestamp } from "drizzle-orm/pg-core";

/** One row per mutating call, each sealed together with the one before it: a row that is changed or missing shows. */
export const auditRecords = snakeCase.table(
  "audit_records",
  {
    /** 1, 2, 3, … without gaps: given out by the writer, not by a sequence. */
    sequence: bigint({ mode: "number" }).primaryKey(),
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
  (table) => [index("audit_records_at").on(table.at), index("audit_records_user").on(table.userName)],
);

/** The one row that says where the chain ends: lock of the writer, and witness when the last rows are cut off. */
export const auditHead = snakeCase.table("audit_head", {
  /** Always 1. */
  id: integer().primaryKey(),
  sequence: bigint({ mode: "number" }).notNull(),
  hash: text().notNull(),
  /** Over sequence and hash, with the key that the records are sealed with. */
  seal: text().notNull(),
  /** The journal that was taken over last, so that a crash before it is deleted does not take it over twice. */
  lastJournal: text().notNull().default(""),
});
