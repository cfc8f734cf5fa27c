import type { Provisioning } from "@sinter/southbound";
import {
  type AnyPgColumn,
  bigint,
  boolean,
  index,
  integer,
  jsonb,
  primaryKey,
  snakeCase,
  text,
  timestamp,
  unique,
  uuid,
} from "drizzle-orm/pg-core";
import { datastores } from "./datastore.table.ts";
import type { DiskBus, IoLimits, VolumeFormat, VolumeOrigin, VolumeStatus } from "./volume.ts";

export const volumes = snakeCase.table(
  "volumes",
  {
    id: bigint({ mode: "number" }).primaryKey(),
    uuid: uuid().notNull().unique("volumes_uuid_unique"),
    name: text().notNull(),
    datastoreId: bigint({ mode: "number" })
      .notNull()
      .references(() => datastores.id),
    sizeBytes: bigint({ mode: "number" }).notNull(),
    allocatedBytes: bigint({ mode: "number" }).notNull().default(0),
    provisioning: text().$type<Provisioning>().notNull(),
    format: text().$type<VolumeFormat>().notNull(),
    isShared: boolean().notNull().default(false),
    /** Left out of snapshots. */
    isIndependent: boolean().notNull().default(false),
    isPersistent: boolean().notNull().default(true),
    status: text().$type<VolumeStatus>().notNull(),
    ioLimits: jsonb().$type<IoLimits>().notNull(),
    /** The file that its VM writes to; see VolumeFile. */
    activeFile: text().notNull().default("base"),
    /** Of a linked clone: the volume it lies on, which cannot go before it. */
    baseVolumeId: bigint({ mode: "number" }).references((): AnyPgColumn => volumes.id),
    /** Content it starts from; needed again when a half-made volume is made anew. */
    origin: jsonb().$type<VolumeOrigin | null>(),
    customProperties: jsonb().$type<Record<string, string>>().notNull().default({}),
    createdAt: timestamp({ withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [index("volumes_datastore").on(table.datastoreId), index("volumes_base").on(table.baseVolumeId)],
);

export const attachments = snakeCase.table(
  "attachments",
  {
    volumeId: bigint({ mode: "number" })
      .notNull()
      .references(() => volumes.id),
    vmId: bigint({ mode: "number" }).notNull(),
    bus: text().$type<DiskBus>().notNull(),
    slot: integer().notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.volumeId, table.vmId] }),
    unique("attachments_slot_unique").on(table.vmId, table.bus, table.slot),
    index("attachments_vm").on(table.vmId),
  ],
);
