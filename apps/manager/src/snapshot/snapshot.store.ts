import { and, asc, eq, inArray, ne, sql } from "drizzle-orm";
import { type Fold, folded, type VolumeChain } from "@sinter/rules";
import type { VolumeFile } from "@sinter/southbound";
import type { Db } from "../database/database.ts";
import { volumes } from "../storage/volume.table.ts";
import type { Snapshot, SnapshotDisk } from "./snapshot.ts";
import { snapshotDisks, snapshots, volumeOverlays } from "./snapshot.table.ts";

export type NewSnapshot = Omit<Snapshot, "createdAt" | "memoryBytes">;
export type NewSnapshotDisk = Omit<SnapshotDisk, "allocatedBytes"> & { readonly slot: number };

export function snapshotStore(db: Db) {
  /** As of now, without what a deletion has given up. */
  const chainOf = async (volumeId: number): Promise<VolumeChain> => {
    const [volume] = await db
      .select({ active: volumes.activeFile })
      .from(volumes)
      .where(eq(volumes.id, volumeId));
    const overlays = await db
      .select({ file: volumeOverlays.file, backing: volumeOverlays.backing })
      .from(volumeOverlays)
      .where(eq(volumeOverlays.volumeId, volumeId))
      .orderBy(asc(volumeOverlays.file));
    const kept = await db
      .select({ file: snapshotDisks.file })
      .from(snapshotDisks)
      .innerJoin(snapshots, eq(snapshots.id, snapshotDisks.snapshotId))
      .where(and(eq(snapshotDisks.volumeId, volumeId), ne(snapshots.status, "deleting")));
    return { active: volume?.active ?? "base", overlays, kept: new Set(kept.map(({ file }) => file)) };
  };

  return {
    async find(id: number): Promise<Snapshot | undefined> {
      return (await db.select().from(snapshots).where(eq(snapshots.id, id)))[0];
    },

    async ofVm(vmId: number): Promise<Snapshot[]> {
      return db.select().from(snapshots).where(eq(snapshots.vmId, vmId)).orderBy(asc(snapshots.id));
    },

    async countOf(vmId: number): Promise<number> {
      return db.$count(snapshots, eq(snapshots.vmId, vmId));
    },

    /** Disks of a snapshot in the order of their slots. */
    async disksOf(snapshotIds: readonly number[]): Promise<SnapshotDisk[]> {
      if (snapshotIds.length === 0) return [];
      return db
        .select({
          snapshotId: snapshotDisks.snapshotId,
          volumeId: snapshotDisks.volumeId,
          file: snapshotDisks.file,
          sizeBytes: snapshotDisks.sizeBytes,
          allocatedBytes: snapshotDisks.allocatedBytes,
        })
        .from(snapshotDisks)
        .where(inArray(snapshotDisks.snapshotId, [...snapshotIds]))
        .orderBy(asc(snapshotDisks.slot), asc(snapshotDisks.volumeId));
    },

    /** Whether a snapshot has the volume as a disk. */
    async hasVolume(volumeId: number): Promise<boolean> {
      return (await db.$count(snapshotDisks, eq(snapshotDisks.volumeId, volumeId))) > 0;
    },

    chainOf,

    async insert(snapshot: NewSnapshot, disks: readonly NewSnapshotDisk[]): Promise<void> {
      await db.insert(snapshots).values(snapshot);
      if (disks.length > 0) await db.insert(snapshotDisks).values([...disks]);
    },

    async update(id: number, change: Partial<Omit<Snapshot, "id" | "uuid" | "vmId">>): Promise<void> {
      await db.update(snapshots).set(change).where(eq(snapshots.id, id));
    },

    async setAllocated(snapshotId: number, volumeId: number, allocatedBytes: number): Promise<void> {
      await db
        .update(snapshotDisks)
        .set({ allocatedBytes })
        .where(and(eq(snapshotDisks.snapshotId, snapshotId), eq(snapshotDisks.volumeId, volumeId)));
    },

    async setCurrent(vmId: number, id: number | null): Promise<void> {
      await db
        .update(snapshots)
        .set({ isCurrent: false })
        .where(and(eq(snapshots.vmId, vmId), eq(snapshots.isCurrent, true)));
      if (id !== null) await db.update(snapshots).set({ isCurrent: true }).where(eq(snapshots.id, id));
    },

    /** Its children become those of its parent, which also takes its place as the current one. */
    async remove(id: number): Promise<void> {
      const [gone] = await db.select().from(snapshots).where(eq(snapshots.id, id));
      if (!gone) return;
      await db.update(snapshots).set({ parentId: gone.parentId }).where(eq(snapshots.parentId, id));
      await db.delete(snapshots).where(eq(snapshots.id, id));
      if (gone.isCurrent && gone.parentId !== null)
        await db.update(snapshots).set({ isCurrent: true }).where(eq(snapshots.id, gone.parentId));
    },

    async addOverlays(
      rows: readonly { volumeId: number; file: VolumeFile; backing: VolumeFile }[],
    ): Promise<void> {
      if (rows.length > 0) await db.insert(volumeOverlays).values([...rows]);
    },

    async removeOverlays(rows: readonly { volumeId: number; file: VolumeFile }[]): Promise<void> {
      for (const { volumeId, file } of rows) {
        await db
          .delete(volumeOverlays)
          .where(and(eq(volumeOverlays.volumeId, volumeId), eq(volumeOverlays.file, file)));
      }
    },

    async setActive(volumeId: number, file: VolumeFile, sizeBytes?: number): Promise<void> {
      const change = { activeFile: file, ...(sizeBytes === undefined ? {} : { sizeBytes }) };
      await db.update(volumes).set(change).where(eq(volumes.id, volumeId));
    },

    /** Writes down that a fold was done on the node. */
    async applyFold(volumeId: number, fold: Fold): Promise<void> {
      const before = await chainOf(volumeId);
      const after = folded(before, fold);
      await db
        .delete(volumeOverlays)
        .where(and(eq(volumeOverlays.volumeId, volumeId), eq(volumeOverlays.file, fold.file)));
      if (fold.kind === "remove") return;
      await db
        .update(volumeOverlays)
        .set({ backing: fold.into })
        .where(and(eq(volumeOverlays.volumeId, volumeId), eq(volumeOverlays.backing, fold.file)));
      await db
        .update(snapshotDisks)
        .set({ file: fold.into })
        .where(and(eq(snapshotDisks.volumeId, volumeId), eq(snapshotDisks.file, fold.file)));
      if (after.active !== before.active)
        await db.update(volumes).set({ activeFile: after.active }).where(eq(volumes.id, volumeId));
    },

    /** Ids of VMs with linked clones' disks upon a disk of this one; 0 stands for such disks that no VM has. */
    async clonesOf(vmId: number): Promise<number[]> {
      const { rows } = await db.execute<{ id: string }>(sql`
        select distinct coalesce(upper_link.vm_id, 0) as id from attachments lower_link
        join volumes clone on clone.base_volume_id = lower_link.volume_id
        left join attachments upper_link on upper_link.volume_id = clone.id
        where lower_link.vm_id = ${vmId}`);
      return rows.map(({ id }) => Number(id));
    },

    /** Whether another volume lies on this one. */
    async isBase(volumeId: number): Promise<boolean> {
      return (await db.$count(volumes, eq(volumes.baseVolumeId, volumeId))) > 0;
    },
  };
}
export type SnapshotStore = ReturnType<typeof snapshotStore>;
