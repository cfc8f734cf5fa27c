import type { HostReport } from "@sinter/southbound";
import {
  bigint,
  bigserial,
  boolean,
  index,
  integer,
  jsonb,
  snakeCase,
  text,
  timestamp,
  uuid,
} from "drizzle-orm/pg-core";
import { clusters } from "../cluster/cluster.table.ts";
import type { HostSettings, HostStatus } from "./host.ts";

export const hosts = snakeCase.table(
  "hosts",
  {
    id: bigint({ mode: "number" }).primaryKey(),
    uuid: uuid().notNull().unique("hosts_uuid_unique"),
    clusterId: bigint({ mode: "number" }).references(() => clusters.id),
    name: text().notNull(),
    description: text().notNull().default(""),
    /** Where its agent listens. */
    address: text().notNull(),
    port: integer().notNull(),
    status: text().$type<HostStatus>().notNull().default("initial"),
    /** Why it is in that status, for a person; empty when there is nothing to say. */
    statusReason: text().notNull().default(""),
    isMaintaining: boolean().notNull().default(false),
    report: jsonb().$type<HostReport>().notNull(),
    settings: jsonb().$type<HostSettings>().notNull().default({}),
    certificateNotAfter: timestamp({ withTimezone: true }).notNull(),
    lastSeenAt: timestamp({ withTimezone: true }),
    statusSince: timestamp({ withTimezone: true }).notNull().defaultNow(),
    joinedAt: timestamp({ withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [index("hosts_cluster").on(table.clusterId)],
);

/** What must still be removed from a host that did not answer when it was to be removed. */
export const hostCleanups = snakeCase.table(
  "host_cleanups",
  {
    id: bigserial({ mode: "number" }).primaryKey(),
    hostId: bigint({ mode: "number" })
      .notNull()
      .references(() => hosts.id, { onDelete: "cascade" }),
    kind: text().$type<"vm" | "volume">().notNull(),
    objectUuid: uuid().notNull(),
    /** For volumes. */
    datastoreId: bigint({ mode: "number" }),
    createdAt: timestamp({ withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [index("host_cleanups_host").on(table.hostId)],
);
