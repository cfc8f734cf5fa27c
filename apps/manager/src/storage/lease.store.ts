import { AppError } from "@sinter/kit";
import { LEASE_HOSTS_MAX } from "@sinter/southbound";
import { eq, inArray, sql } from "drizzle-orm";
import type { Db } from "../database/database.ts";
import { hosts } from "../host/host.table.ts";
import { datastores } from "./datastore.table.ts";
import { leasePlaces } from "./lease.table.ts";
import { attachments, volumes } from "./volume.table.ts";

export interface LeaseHost {
  readonly place: number;
  readonly hostUuid: string;
  /** Null: it is no longer of the site. */
  readonly hostId: number | null;
  readonly hostName: string | null;
}

export interface GuardedVolume {
  readonly id: number;
  readonly uuid: string;
  readonly name: string;
  readonly datastoreId: number;
}

export function leaseStore(db: Db) {
  const withHosts = () =>
    db
      .select({
        place: leasePlaces.place,
        hostUuid: leasePlaces.hostUuid,
        hostId: hosts.id,
        hostName: hosts.name,
      })
      .from(leasePlaces)
      .leftJoin(hosts, eq(hosts.uuid, leasePlaces.hostUuid));

  return {
    /** A host's place, given at the first question and the same ever after. Throws exhausted LEASE_PLACES_USED_UP. */
    async placeOf(hostId: number): Promise<number> {
      const known = (await withHosts().where(eq(hosts.id, hostId)))[0];
      if (known) return known.place;
      const [host] = await db.select({ uuid: hosts.uuid }).from(hosts).where(eq(hosts.id, hostId));
      if (!host)
        throw new AppError("notFound", "HOST_NOT_FOUND", `There is no host ${hostId}.`, {
          params: { hostId },
        });
      // Two at once: one of them meets the other's place or row, and asks again.
      for (let attempt = 0; attempt < 20; attempt++) {
        const there = await db.select().from(leasePlaces).where(eq(leasePlaces.hostUuid, host.uuid));
        if (there[0]) return there[0].place;
        const free = await db.execute<{ place: number }>(sql`
          select place from generate_series(1, ${LEASE_HOSTS_MAX}::int) as place
          where not exists (select 1 from ${leasePlaces} taken where taken.place = place.place)
          order by place limit 1`);
        const place = free.rows[0]?.place;
        if (place === undefined) break;
        await db.insert(leasePlaces).values({ hostUuid: host.uuid, place }).onConflictDoNothing();
      }
      throw new AppError(
        "exhausted",
        "LEASE_PLACES_USED_UP",
        `All ${LEASE_HOSTS_MAX} places for hosts on shared datastores are given away.`,
      );
    },

    /** Those of the hosts that have a place. */
    async hostsById(ids: readonly number[]): Promise<{ hostId: number; hostName: string; place: number }[]> {
      if (ids.length === 0) return [];
      return db
        .select({ hostId: hosts.id, hostName: hosts.name, place: leasePlaces.place })
        .from(hosts)
        .innerJoin(leasePlaces, eq(leasePlaces.hostUuid, hosts.uuid))
        .where(inArray(hosts.id, [...ids]))
        .orderBy(hosts.id);
    },

    async hostsAt(places: readonly number[]): Promise<LeaseHost[]> {
      return places.length === 0 ? [] : withHosts().where(inArray(leasePlaces.place, [...places]));
    },

    /** A VM's disks on shared datastores that it alone writes. */
    async guardedVolumesOf(vmId: number): Promise<GuardedVolume[]> {
      return db
        .select({
          id: volumes.id,
          uuid: volumes.uuid,
          name: volumes.name,
          datastoreId: volumes.datastoreId,
        })
        .from(attachments)
        .innerJoin(volumes, eq(volumes.id, attachments.volumeId))
        .innerJoin(datastores, eq(datastores.id, volumes.datastoreId))
        .where(
          sql`${attachments.vmId} = ${vmId} and ${datastores.kind} = 'shared' and not ${volumes.isShared}`,
        )
        .orderBy(attachments.slot);
    },
  };
}
