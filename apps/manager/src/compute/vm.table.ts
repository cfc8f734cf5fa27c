import type { VmState } from "@sinter/rules";
import type { GuestObservation, VncEndpoint } from "@sinter/southbound";
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
  uuid,
} from "drizzle-orm/pg-core";
import { clusters } from "../cluster/cluster.table.ts";
import { hosts } from "../host/host.table.ts";
import { portGroups } from "../network/network.table.ts";
import type { NicSettings, VmCdrom, VmCpu, VmMemory, VmOs, VmProperties } from "./vm.ts";

export const vms = snakeCase.table(
  "vms",
  {
    id: bigint({ mode: "number" }).primaryKey(),
    uuid: uuid().notNull().unique("vms_uuid_unique"),
    name: text().notNull(),
    description: text().notNull().default(""),
    /** Free marker of client systems (`FSP`, `VDI`, …). */
    groupLabel: text().notNull().default(""),
    externalUuid: text().notNull().default(""),
    clusterId: bigint({ mode: "number" }).references(() => clusters.id),
    /** Where its definition lies and, unless stopped, where it runs. Null only when that host was removed. */
    hostId: bigint({ mode: "number" }).references(() => hosts.id),
    isBoundToHost: boolean().notNull().default(false),
    isTemplate: boolean().notNull().default(false),
    isLinkClone: boolean().notNull().default(false),
    state: text().$type<VmState>().notNull(),
    stateReason: text().notNull().default(""),
    cpu: jsonb().$type<VmCpu>().notNull(),
    memory: jsonb().$type<VmMemory>().notNull(),
    properties: jsonb().$type<VmProperties>().notNull(),
    os: jsonb().$type<VmOs>().notNull(),
    /** At most eight characters, the reach of VNC authentication. */
    vncPassword: text().notNull(),
    /** What lies in the CD drive, or shall. */
    cdrom: jsonb().$type<VmCdrom | null>(),
    params: jsonb().$type<Record<string, string>>().notNull().default({}),
    /** Counts up with every change of what the agent should make. */
    generation: bigint({ mode: "number" }).notNull().default(1),
    guest: jsonb().$type<GuestObservation | null>(),
    vnc: jsonb().$type<VncEndpoint | null>(),
    observedAt: timestamp({ withTimezone: true }),
    createdAt: timestamp({ withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [
    index("vms_host").on(table.hostId),
    index("vms_cluster").on(table.clusterId),
    index("vms_name").on(table.name),
    index("vms_state").on(table.state),
  ],
);

export const nics = snakeCase.table(
  "nics",
  {
    vmId: bigint({ mode: "number" })
      .notNull()
      .references(() => vms.id, { onDelete: "cascade" }),
    /** 0 to 11; the wire's NIC id. */
    index: integer().notNull(),
    uuid: uuid().notNull(),
    name: text().notNull(),
    /** Lower case with colons; unique on the site (CMP-28). */
    mac: text().notNull().unique("nics_mac_unique"),
    portGroupId: bigint({ mode: "number" })
      .notNull()
      .references(() => portGroups.id),
    settings: jsonb().$type<NicSettings>().notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.vmId, table.index] }),
    index("nics_port_group").on(table.portGroupId),
  ],
);
