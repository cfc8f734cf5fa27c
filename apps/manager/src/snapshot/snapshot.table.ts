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
  uniqueIndex,
  uuid,
} from "drizzle-orm/pg-core";
import { sql } from "drizzle-orm";
import { vms } from "../compute/vm.table.ts";
import { volumes } from "../storage/volume.table.ts";
import type { SnapshotShape, SnapshotStatus, SnapshotType } from "./snapshot.ts";

export const snapshots = snakeCase.table(
  "snapshots",
  {
    id: bigint({ mode: "number" }).primaryKey(),
    uuid: uuid().notNull().unique("snapshots_uuid_unique"),
    vmId: bigint({ mode: "number" })
      .notNull()
      .references(() => vms.id, { onDelete: "cascade" }),
    /** Of the same VM. Not a reference: a whole tree goes at once with its VM. */
    parentId: bigint({ mode: "number" }),
    isCurrent: boolean().notNull(),
    name: text().notNull(),
    description: text().notNull(),
    type: text().$type<SnapshotType>().notNull(),
    status: text().$type<SnapshotStatus>().notNull(),
    isConsistent: boolean().notNull(),
    memoryVolumeId: bigint({ mode: "number" }),
    memoryBytes: bigint({ mode: "number" }).notNull().default(0),
    creator: text().notNull(),
    shape: jsonb().$type<SnapshotShape>().notNull(),
    createdAt: timestamp({ withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [
    index("snapshots_vm").on(table.vmId),
    uniqueIndex("snapshots_current_unique").on(table.vmId).where(sql`is_current`),
  ],
);

export const snapshotDisks = snakeCase.table(
  "snapshot_disks",
  {
    snapshotId: bigint({ mode: "number" })
      .notNull()
      .references(() => snapshots.id, { onDelete: "cascade" }),
    volumeId: bigint({ mode: "number" })
      .notNull()
      .references(() => volumes.id, { onDelete: "cascade" }),
    /** Position of the disk in the VM at that time. */
    slot: integer().notNull(),
    file: text().notNull(),
    sizeBytes: bigint({ mode: "number" }).notNull(),
    allocatedBytes: bigint({ mode: "number" }).notNull().default(0),
  },
  (table) => [
    primaryKey({ columns: [table.snapshotId, table.volumeId] }),
    index("snapshot_disks_volume").on(table.volumeId),
  ],
);

/** Overlays of volumes. Written before the file is made, erased after it is gone. */
export const volumeOverlays = snakeCase.table(
  "volume_overlays",
  {
    volumeId: bigint({ mode: "number" })
      .notNull()
      .references(() => volumes.id, { onDelete: "cascade" }),
    file: text().notNull(),
    /** The file of the same volume that it lies upon. */
    backing: text().notNull(),
  },
  (table) => [primaryKey({ columns: [table.volumeId, table.file] })],
);
