import { bigint, index, snakeCase, text, timestamp, unique, uuid } from "drizzle-orm/pg-core";
import { hosts } from "../host/host.table.ts";
import { datastores } from "../storage/datastore.table.ts";
import { vms } from "../compute/vm.table.ts";
import type { IsoStatus } from "./iso.ts";

/** The library: ISO files in the `isos` folders of datastores, and those that are on their way there. */
export const isos = snakeCase.table(
  "isos",
  {
    id: bigint({ mode: "number" }).primaryKey(),
    datastoreId: bigint({ mode: "number" })
      .notNull()
      .references(() => datastores.id, { onDelete: "cascade" }),
    /** File name, its ending included. */
    name: text().notNull(),
    sizeBytes: bigint({ mode: "number" }).notNull(),
    /** How much of it is on disk for certain. */
    receivedBytes: bigint({ mode: "number" }).notNull(),
    status: text().$type<IsoStatus>().notNull(),
    /** Why it failed, for a person. */
    reason: text().notNull().default(""),
    /** Lower-case hexadecimal; null: it was not uploaded through the manager. */
    sha256: text(),
    createdAt: timestamp({ withTimezone: true }).notNull().defaultNow(),
    /** Of the last piece that arrived. */
    updatedAt: timestamp({ withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [unique("isos_name_unique").on(table.datastoreId, table.name)],
);

/** Media of browsers that lie in drives: whose browser may hand out which. */
export const browserMedia = snakeCase.table(
  "browser_media",
  {
    id: uuid().primaryKey(),
    vmId: bigint({ mode: "number" })
      .notNull()
      .references(() => vms.id, { onDelete: "cascade" }),
    /** Where the drive was when the medium was put in. */
    hostId: bigint({ mode: "number" })
      .notNull()
      .references(() => hosts.id, { onDelete: "cascade" }),
    userId: text().notNull(),
    sizeBytes: bigint({ mode: "number" }).notNull(),
    /** SHA-256 of the one ticket that opens the next connection. */
    ticketHash: text().notNull(),
    /** Null: good as long as the medium is in the drive, to come back after a lost connection. */
    ticketExpiresAt: timestamp({ withTimezone: true }),
  },
  (table) => [index("browser_media_vm").on(table.vmId), index("browser_media_ticket").on(table.ticketHash)],
);
