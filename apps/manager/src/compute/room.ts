import { GiB } from "@sinter/kit";
import { inArray } from "drizzle-orm";
import type { Db } from "../database/database.ts";
import { datastores } from "../storage/datastore.table.ts";
import { volumeErrors } from "../storage/volume.errors.ts";
import type { NewVolume } from "../storage/volume.store.ts";

/**
 * Whether datastores have the room that new volumes take at once: thick and lazy ones wholly, thin ones nothing yet.
 * The node checks again with the truth of the moment; this answers before anything is begun.
 */
export async function checkRoom(db: Db, volumes: readonly NewVolume[]): Promise<void> {
  const needs = new Map<number, number>();
  for (const volume of volumes) {
    const bytes = volume.provisioning === "thin" ? 0 : volume.sizeBytes;
    needs.set(volume.datastoreId, (needs.get(volume.datastoreId) ?? 0) + bytes);
  }
  if (needs.size === 0) return;
  const rows = await db
    .select({ id: datastores.id, freeBytes: datastores.freeBytes, refreshedAt: datastores.refreshedAt })
    .from(datastores)
    .where(inArray(datastores.id, [...needs.keys()]));
  for (const row of rows) {
    const isKnown = row.refreshedAt !== null;
    if (isKnown && (needs.get(row.id) ?? 0) > row.freeBytes) {
      throw volumeErrors.datastoreTooSmall(Math.floor(row.freeBytes / GiB));
    }
  }
}
