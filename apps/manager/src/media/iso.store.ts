import { and, asc, eq, inArray, lt, sql } from "drizzle-orm";
import { vms } from "../compute/vm.table.ts";
import type { Db } from "../database/database.ts";
import type { Iso, IsoStatus } from "./iso.ts";
import { isos } from "./media.table.ts";

export interface IsoFilter {
  readonly datastoreId?: number;
}

/** A VM that has a file in its drive. */
export interface IsoUser {
  readonly vmId: number;
  readonly name: string;
  readonly datastoreId: number;
  readonly isoName: string;
}

export function isoStore(db: Db) {
  return {
    async find(id: number): Promise<Iso | undefined> {
      return (await db.select().from(isos).where(eq(isos.id, id)))[0];
    },

    /** With `isHeld` nobody removes it before the transaction ends. */
    async findNamed(datastoreId: number, name: string, isHeld = false): Promise<Iso | undefined> {
      const query = db
        .select()
        .from(isos)
        .where(and(eq(isos.datastoreId, datastoreId), eq(isos.name, name)));
      return (isHeld ? await query.for("share") : await query)[0];
    },

    /** Nobody attaches it before the transaction ends. */
    async lock(id: number): Promise<Iso | undefined> {
      return (await db.select().from(isos).where(eq(isos.id, id)).for("update"))[0];
    },

    async list(filter: IsoFilter = {}): Promise<Iso[]> {
      return db
        .select()
        .from(isos)
        .where(filter.datastoreId === undefined ? undefined : eq(isos.datastoreId, filter.datastoreId))
        .orderBy(asc(isos.datastoreId), asc(isos.name));
    },

    /** False when the datastore has one of that name. */
    async insert(iso: Omit<Iso, "createdAt">): Promise<boolean> {
      const rows = await db.insert(isos).values(iso).onConflictDoNothing().returning({ id: isos.id });
      return rows.length > 0;
    },

    async update(id: number, change: Partial<Omit<Iso, "id" | "datastoreId" | "createdAt">>): Promise<void> {
      await db.update(isos).set(change).where(eq(isos.id, id));
    },

    /** False when it was in another state by then. */
    async transition(id: number, from: readonly IsoStatus[], to: IsoStatus): Promise<boolean> {
      const rows = await db
        .update(isos)
        .set({ status: to })
        .where(and(eq(isos.id, id), inArray(isos.status, [...from])))
        .returning({ id: isos.id });
      return rows.length > 0;
    },

    async remove(id: number): Promise<void> {
      await db.delete(isos).where(eq(isos.id, id));
    },

    /** Uploads to which nothing has been added since then. */
    async abandoned(datastoreId: number, before: Date): Promise<Iso[]> {
      return db
        .select()
        .from(isos)
        .where(
          and(eq(isos.datastoreId, datastoreId), eq(isos.status, "uploading"), lt(isos.updatedAt, before)),
        );
    },

    /** Read model over VMs: who has one of these in the drive. */
    async users(filter: { datastoreId?: number; name?: string } = {}): Promise<IsoUser[]> {
      const rows = await db
        .select({
          vmId: vms.id,
          name: vms.name,
          datastoreId: sql<string>`${vms.cdrom}->>'datastoreId'`,
          isoName: sql<string>`${vms.cdrom}->>'name'`,
        })
        .from(vms)
        .where(
          and(
            sql`${vms.cdrom}->>'kind' = 'iso'`,
            filter.datastoreId === undefined
              ? undefined
              : sql`${vms.cdrom}->>'datastoreId' = ${String(filter.datastoreId)}`,
            filter.name === undefined ? undefined : sql`${vms.cdrom}->>'name' = ${filter.name}`,
          ),
        )
        .orderBy(asc(vms.id));
      return rows.map((row) => ({ ...row, datastoreId: Number(row.datastoreId) }));
    },
  };
}
export type IsoStore = ReturnType<typeof isoStore>;
