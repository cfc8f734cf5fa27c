import {
  bigint,
  boolean,
  index,
  integer,
  jsonb,
  primaryKey,
  snakeCase,
  text,
  timestamp,
} from "drizzle-orm/pg-core";
import { hosts } from "../host/host.table.ts";
import type { PortGroupKind, PortGroupSettings, VlanPool } from "./network.ts";

/** A switch that spans hosts (DVS). */
export const switches = snakeCase.table("switches", {
  id: bigint({ mode: "number" }).primaryKey(),
  name: text().notNull(),
  description: text().notNull().default(""),
  mtu: integer().notNull().default(1500),
  /** Every host of the site carries it, also those that join later. */
  coversAllHosts: boolean().notNull().default(false),
  vlanPools: jsonb().$type<VlanPool[]>().notNull().default([]),
  generation: bigint({ mode: "number" }).notNull().default(1),
  createdAt: timestamp({ withTimezone: true }).notNull().defaultNow(),
});

/** Hosts that carry a switch, with the NICs they give it. */
export const switchHosts = snakeCase.table(
  "switch_hosts",
  {
    switchId: bigint({ mode: "number" })
      .notNull()
      .references(() => switches.id, { onDelete: "cascade" }),
    hostId: bigint({ mode: "number" })
      .notNull()
      .references(() => hosts.id, { onDelete: "cascade" }),
    uplinks: text().array().notNull(),
    /** Generation last made so on the host; below the switch's own: not yet there. */
    appliedGeneration: bigint({ mode: "number" }).notNull().default(0),
    /** Why the host could not make it so, for a person. */
    reason: text().notNull().default(""),
  },
  (table) => [primaryKey({ columns: [table.switchId, table.hostId] })],
);

export const portGroups = snakeCase.table(
  "port_groups",
  {
    id: bigint({ mode: "number" }).primaryKey(),
    switchId: bigint({ mode: "number" })
      .notNull()
      .references(() => switches.id),
    name: text().notNull(),
    description: text().notNull().default(""),
    kind: text().$type<PortGroupKind>().notNull(),
    /** Access: 0 (untagged) to 4094. */
    vlanId: integer().notNull().default(0),
    /** Trunk: as given, for example `1-10,20`. */
    vlanRange: text().notNull().default(""),
    settings: jsonb().$type<PortGroupSettings>().notNull().default({}),
    createdBy: text().notNull().default(""),
    createdAt: timestamp({ withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [index("port_groups_switch").on(table.switchId)],
);
