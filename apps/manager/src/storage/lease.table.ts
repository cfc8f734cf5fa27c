import { integer, snakeCase, timestamp, uuid } from "drizzle-orm/pg-core";

/**
 * Each host's place in the lockspaces of shared datastores, by the host's own UUID: it keeps its place when it leaves
 * the site and joins again, and nobody else gets it while it may still hold leases.
 */
export const leasePlaces = snakeCase.table("lease_places", {
  hostUuid: uuid().primaryKey(),
  place: integer().notNull().unique("lease_places_place_unique"),
  givenAt: timestamp({ withTimezone: true }).notNull().defaultNow(),
});
