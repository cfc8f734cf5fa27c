import { sql } from "drizzle-orm";
import { pgSequence } from "drizzle-orm/pg-core";
import type { Db } from "./database.ts";

/** One sequence for all objects of the site: an id is never used twice, whatever it names. */
export const OBJECT_ID_SEQUENCE = "object_id_seq";
export const objectIdSequence = pgSequence(OBJECT_ID_SEQUENCE, { startWith: 1 });

export async function nextId(db: Db): Promise<number> {
  const result = await db.execute<{ id: string }>(sql`select nextval('object_id_seq') as id`);
  return Number(result.rows[0]?.id);
}
