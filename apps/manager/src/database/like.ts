import { ilike, type SQL } from "drizzle-orm";
import type { AnyPgColumn } from "drizzle-orm/pg-core";

/** The contract's text filter: substring, any case. Characters that mean something in a pattern lose their meaning. */
export function contains(column: AnyPgColumn | SQL, text: string): SQL {
  return ilike(column as AnyPgColumn, `%${text.replace(/[\\%_]/g, (character) => `\\${character}`)}%`);
}
