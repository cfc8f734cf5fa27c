import { bigint, integer, primaryKey, snakeCase, text, timestamp } from "drizzle-orm/pg-core";
import { hosts } from "../host/host.table.ts";
import type { DatastoreKind, DatastoreStatus, LinkState } from "./datastore.ts";

export const datastores = snakeCase.table("datastores", {
  id: bigint({ mode: "number" }).primaryKey(),
  name: text().notNull(),
  description: text().notNull().default(""),
  kind: text().$type<DatastoreKind>().notNull(),
  /** Directory on every linked host. */
  path: text().notNull(),
  status: text().$type<DatastoreStatus>().notNull(),
  thinRate: integer().notNull().default(100),
  /** Marker found on the file system; null until a host has taken it into use. */
  markerId: text(),
  capacityBytes: bigint({ mode: "number" }).notNull().default(0),
  freeBytes: bigint({ mode: "number" }).notNull().default(0),
  refreshedAt: timestamp({ withTimezone: true }),
  createdAt: timestamp({ withTimezone: true }).notNull().defaultNow(),
});

/** Which hosts reach which datastore. */
export const datastoreHosts = snakeCase.table(
  "datastore_hosts",
  {
    datastoreId: bigint({ mode: "number" })
      .notNull()
      .references(() => datastores.id, { onDelete: "cascade" }),
    hostId: bigint({ mode: "number" })
      .notNull()
      .references(() => hosts.id, { onDelete: "cascade" }),
    state: text().$type<LinkState>().notNull(),
    /** Why it is not connected, for a person. */
    reason: text().notNull().default(""),
    observedAt: timestamp({ withTimezone: true }),
  },
  (table) => [primaryKey({ columns: [table.datastoreId, table.hostId] })],
);
