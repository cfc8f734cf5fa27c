import { and, asc, count, eq, exists, ilike, inArray, not, or, type SQL, sql } from "drizzle-orm";
import type { Db } from "../database/database.ts";
import type { Page } from "../http/query.ts";
import { vms } from "../compute/vm.table.ts";
import { datastoreHosts, datastores } from "./datastore.table.ts";
import type { DatastoreKind } from "./datastore.ts";
import type { DiskBus, Volume, VolumeStatus } from "./volume.ts";
import { attachments, volumes } from "./volume.table.ts";

export interface Attachment {
  readonly volumeId: number;
  readonly vmId: number;
  readonly bus: DiskBus;
  readonly slot: number;
}

/** A volume with what a list shows of its datastore and of the VM that has it. */
export interface VolumeView extends Volume {
  readonly datastoreName: string;
  readonly datastoreKind: DatastoreKind;
  readonly attachedTo: readonly Attachment[];
}

export interface VolumeFilter {
  readonly name?: string;
  readonly uuid?: string;
  readonly ids?: readonly number[];
  readonly datastoreId?: number;
  /** On datastores that this host reaches. */
  readonly hostId?: number;
  readonly isAttached?: boolean;
  readonly bus?: DiskBus;
}

export type NewVolume = Omit<Volume, "allocatedBytes" | "createdAt" | "activeFile" | "baseVolumeId"> &
  Partial<Pick<Volume, "baseVolumeId">>;

export function volumeStore(db: Db) {
  const isAttached = exists(
    db.select({ one: sql`1` }).from(attachments).where(eq(attachments.volumeId, volumes.id)),
  );

  const conditions = (filter: VolumeFilter): SQL | undefined =>
    and(
      filter.name === undefined ? undefined : ilike(volumes.name, `%${escapeLike(filter.name)}%`),
      filter.uuid === undefined ? undefined : sql`${volumes.uuid}::text = ${filter.uuid.toLowerCase()}`,
      filter.ids === undefined ? undefined : inArray(volumes.id, [...filter.ids]),
      filter.datastoreId === undefined ? undefined : eq(volumes.datastoreId, filter.datastoreId),
      filter.hostId === undefined
        ? undefined
        : inArray(
            volumes.datastoreId,
            db
              .select({ id: datastoreHosts.datastoreId })
              .from(datastoreHosts)
              .where(eq(datastoreHosts.hostId, filter.hostId)),
          ),
      filter.isAttached === undefined
        ? undefined
        : filter.isAttached
          ? isAttached
          : or(not(isAttached), volumes.isShared),
      filter.bus === undefined
        ? undefined
        : exists(
            db
              .select({ one: sql`1` })
              .from(attachments)
              .where(and(eq(attachments.volumeId, volumes.id), eq(attachments.bus, filter.bus))),
          ),
    );

  /** Adds datastore and attachments: a read model over three tables. */
  const view = async (rows: Volume[]): Promise<VolumeView[]> => {
    if (rows.length === 0) return [];
    const stores = await db
      .select({ id: datastores.id, name: datastores.name, kind: datastores.kind })
      .from(datastores)
      .where(inArray(datastores.id, [...new Set(rows.map((row) => row.datastoreId))]));
    const links = await db
      .select()
      .from(attachments)
      .where(
        inArray(
          attachments.volumeId,
          rows.map((row) => row.id),
        ),
      );
    return rows.map((row) => {
      const store = stores.find((s) => s.id === row.datastoreId);
      return {
        ...row,
        datastoreName: store?.name ?? "",
        datastoreKind: store?.kind ?? "local",
        attachedTo: links.filter((link) => link.volumeId === row.id),
      };
    });
  };

  return {
    async find(id: number): Promise<VolumeView | undefined> {
      return (await view(await db.select().from(volumes).where(eq(volumes.id, id))))[0];
    },

    async findByUuid(uuid: string): Promise<VolumeView | undefined> {
      return (await view(await db.select().from(volumes).where(eq(volumes.uuid, uuid))))[0];
    },

    async list(filter: VolumeFilter, page: Page): Promise<{ total: number; items: VolumeView[] }> {
      const where = conditions(filter);
      const total = (await db.select({ n: count() }).from(volumes).where(where))[0]?.n ?? 0;
      let query = db.select().from(volumes).where(where).orderBy(asc(volumes.id)).$dynamic();
      if (page.limit !== undefined) query = query.limit(page.limit).offset(page.offset);
      return { total, items: await view(await query) };
    },

    async insert(rows: readonly NewVolume[]): Promise<void> {
      if (rows.length > 0) await db.insert(volumes).values([...rows]);
    },

    async update(id: number, change: Partial<Omit<Volume, "id" | "uuid">>): Promise<void> {
      await db.update(volumes).set(change).where(eq(volumes.id, id));
    },

    async setStatus(ids: readonly number[], status: VolumeStatus): Promise<void> {
      if (ids.length > 0)
        await db
          .update(volumes)
          .set({ status })
          .where(inArray(volumes.id, [...ids]));
    },

    async remove(ids: readonly number[]): Promise<void> {
      if (ids.length > 0) await db.delete(volumes).where(inArray(volumes.id, [...ids]));
    },

    /** Refuses (unique violation `attachments_slot_unique`) a slot that is taken. */
    async attach(rows: readonly Attachment[]): Promise<void> {
      if (rows.length > 0) await db.insert(attachments).values([...rows]);
    },

    async detach(volumeId: number, vmId: number): Promise<void> {
      await db.delete(attachments).where(and(eq(attachments.volumeId, volumeId), eq(attachments.vmId, vmId)));
    },

    async detachAllOf(vmId: number): Promise<void> {
      await db.delete(attachments).where(eq(attachments.vmId, vmId));
    },

    /** Names and ids of the VMs that have a volume. */
    async vmsWith(volumeId: number): Promise<{ id: number; name: string }[]> {
      return db
        .select({ id: vms.id, name: vms.name })
        .from(attachments)
        .innerJoin(vms, eq(vms.id, attachments.vmId))
        .where(eq(attachments.volumeId, volumeId));
    },

    /** A host that is normal and reaches the datastore, to do work on a volume that no VM runs on. */
    async hostsReaching(datastoreId: number): Promise<number[]> {
      const rows = await db
        .select({ hostId: datastoreHosts.hostId })
        .from(datastoreHosts)
        .where(and(eq(datastoreHosts.datastoreId, datastoreId), eq(datastoreHosts.state, "connected")))
        .orderBy(asc(datastoreHosts.hostId));
      return rows.map((row) => row.hostId);
    },
  };
}

/** In a LIKE pattern these three mean something. */
export function escapeLike(text: string): string {
  return text.replace(/[\\%_]/g, (character) => `\\${character}`);
}
