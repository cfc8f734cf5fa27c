import type { DatastoreObservation, LeaseHostState } from "@sinter/southbound";
import type { Database } from "../database/database.ts";
import type { Fleet } from "../fleet/fleet.ts";
import { datastoreErrors } from "./datastore.errors.ts";
import { datastoreIdOnAgent } from "./datastore-link.ts";
import { datastoreStore } from "./datastore.store.ts";
import { type GuardedVolume, leaseStore } from "./lease.store.ts";

export interface HostLease {
  readonly hostId: number;
  readonly hostName: string;
  readonly place: number;
  /** Undefined: the host cannot be asked. */
  readonly own: DatastoreObservation["lease"] | undefined;
  /** By the other hosts' eyes. */
  readonly seenByOthers: LeaseHostState;
  readonly isConnected: boolean;
}

export interface DiskLease {
  readonly volume: GuardedVolume;
  /** Null: nobody has it; undefined: nobody could be asked. */
  readonly owner:
    | { readonly hostId: number | null; readonly name: string; readonly state: LeaseHostState }
    | null
    | undefined;
}

export type LeaseService = ReturnType<typeof createLeaseService>;

const ASK_MS_MAX = 5_000;

/** Who keeps which disk, as the hosts know it at this moment: nothing of it is stored, so nothing of it is stale. */
export function createLeaseService(parts: { readonly database: Database; readonly fleet: Fleet }) {
  const { database, fleet } = parts;

  async function ask(
    hostId: number,
    datastoreId: number,
  ): Promise<DatastoreObservation["lease"] | undefined> {
    if (!fleet.isConnected(hostId)) return undefined;
    try {
      const { datastores } = await fleet.agent(hostId).listDatastores({}, { timeoutMs: ASK_MS_MAX });
      return datastores.find((one) => one.datastoreId === datastoreIdOnAgent(datastoreId))?.lease ?? null;
    } catch {
      return undefined; // it cannot be asked, which is the answer
    }
  }

  /** Asked host by host until one knows how the owner is: a host that has just joined does not. */
  async function ownerOf(volume: GuardedVolume): Promise<DiskLease["owner"]> {
    const { links } = (await datastoreStore(database.db).find(volume.datastoreId)) ?? { links: [] };
    const place = { datastoreId: datastoreIdOnAgent(volume.datastoreId), volumeUuid: volume.uuid };
    let known: DiskLease["owner"];
    for (const { hostId } of links.filter((link) => fleet.isConnected(link.hostId))) {
      try {
        const { owner } = await fleet.agent(hostId).getLease(place, { timeoutMs: ASK_MS_MAX });
        if (owner === null) return null;
        const [host] = await leaseStore(database.db).hostsAt([owner.hostId]);
        const name = host?.hostName ?? host?.hostUuid ?? owner.hostUuid ?? "";
        known = { hostId: host?.hostId ?? null, name, state: owner.state };
        if (owner.state !== "unknown") return known;
      } catch {
        continue; // another host sees the same
      }
    }
    return known;
  }

  return {
    async ofDatastore(id: number): Promise<{ isLeased: boolean; hosts: HostLease[] }> {
      const datastore = await datastoreStore(database.db).find(id);
      if (!datastore) throw datastoreErrors.notFound(id);
      if (datastore.kind !== "shared") return { isLeased: false, hosts: [] };
      const store = leaseStore(database.db);
      const hosts = await store.hostsById(datastore.links.map(({ hostId }) => hostId));
      const answers = await Promise.all(
        hosts.map(async (host) => ({ ...host, own: await ask(host.hostId, id) })),
      );
      return {
        isLeased: true,
        hosts: answers.map((host) => ({
          ...host,
          seenByOthers: seenByOthers(host, answers),
          isConnected: fleet.isConnected(host.hostId),
        })),
      };
    },

    async ofVm(vmId: number): Promise<DiskLease[]> {
      const volumes = await leaseStore(database.db).guardedVolumesOf(vmId);
      return await Promise.all(volumes.map(async (volume) => ({ volume, owner: await ownerOf(volume) })));
    },
  };
}

/** The best that anybody else can say: who has seen it alive has the last word. */
function seenByOthers(
  host: { readonly hostId: number; readonly place: number },
  answers: readonly { readonly hostId: number; readonly own: DatastoreObservation["lease"] | undefined }[],
): LeaseHostState {
  const seen = answers
    .filter((other) => other.hostId !== host.hostId)
    .flatMap((other) => other.own?.hosts ?? [])
    .filter(({ hostId }) => hostId === host.place)
    .map(({ state }) => state);
  const order: readonly LeaseHostState[] = ["live", "failing", "dead", "unknown"];
  return order.find((state) => seen.includes(state)) ?? "unknown";
}
