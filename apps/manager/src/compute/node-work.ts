import { AppError } from "@sinter/kit";
import { eq } from "drizzle-orm";
import { hostCleanups, hosts } from "../host/host.table.ts";
import type { HostStatus } from "../host/host.ts";
import { datastoreHosts } from "../storage/datastore.table.ts";
import { volumeStore } from "../storage/volume.store.ts";
import type { Volume } from "../storage/volume.ts";
import type { CallOptions, VolumeSpec } from "@sinter/southbound";
import type { ComputePorts } from "./compute.ports.ts";

/*
 * Work on nodes that tasks share. Removing has a rule of its own: when a host is known to be away, what must go from
 * it is written down and done when it returns (host_cleanups), so that an unwinding ends also when a host has
 * disappeared for good.
 */

/** Removes a VM from a host whatever it does there, or remembers that it must go. */
export async function removeVmOrRemember(ports: ComputePorts, hostId: number, vmUuid: string): Promise<void> {
  await orRemember(ports, hostId, { kind: "vm", objectUuid: vmUuid, datastoreId: null }, () =>
    ports.fleet.agent(hostId).removeVm({ vmUuid, force: true }),
  );
}

/** Removes a volume through the given host or any other that reaches its datastore, or remembers it. */
export async function removeVolumeOrRemember(
  ports: ComputePorts,
  hostId: number | null,
  volume: Pick<Volume, "uuid" | "datastoreId">,
): Promise<void> {
  const input = { datastoreId: String(volume.datastoreId), volumeUuid: volume.uuid };
  const reaching = await volumeStore(ports.database.db).hostsReaching(volume.datastoreId);
  const others = reaching.filter((id) => id !== hostId && ports.fleet.isConnected(id));
  const first = hostId ?? others.shift();
  if (first === undefined) {
    // Its last host was removed from the site for good, and the volume's data with it.
    if (await isLost(ports, volume.datastoreId)) return;
    throw new AppError(
      "unavailable",
      "NO_HOST_REACHES_DATASTORE",
      "No connected host reaches the volume's datastore.",
    );
  }
  const remembered = { kind: "volume", objectUuid: volume.uuid, datastoreId: volume.datastoreId } as const;
  await orRemember(ports, first, remembered, async () => {
    const order =
      ports.fleet.isConnected(first) || others.length === 0 ? [first, ...others] : [...others, first];
    for (const [index, id] of order.entries()) {
      try {
        return await ports.fleet.agent(id).removeVolume(input);
      } catch (error) {
        if (!isAway(error) || index === order.length - 1) throw error;
      }
    }
  });
}

/**
 * Overwrites what a volume that is about to go holds. Unlike removing, this is not put off until a host returns: who
 * asked for it is told when it is done.
 */
export async function wipeVolume(
  ports: ComputePorts,
  hostId: number | null,
  volume: Pick<Volume, "uuid" | "datastoreId">,
  options: CallOptions,
): Promise<void> {
  const reaching = await volumeStore(ports.database.db).hostsReaching(volume.datastoreId);
  const first = reaching.find((id) => ports.fleet.isConnected(id)) ?? hostId ?? reaching[0];
  if (first === undefined) {
    if (await isLost(ports, volume.datastoreId)) return;
    throw new AppError(
      "unavailable",
      "NO_HOST_REACHES_DATASTORE",
      "No connected host reaches the volume's datastore.",
    );
  }
  const input = { datastoreId: String(volume.datastoreId), volumeUuid: volume.uuid };
  await ports.fleet.agent(first).wipeVolume(input, options);
}

/** Whether no host is linked to the datastore any more. */
async function isLost(ports: ComputePorts, datastoreId: number): Promise<boolean> {
  const query = ports.database.db.select({ hostId: datastoreHosts.hostId }).from(datastoreHosts);
  return (await query.where(eq(datastoreHosts.datastoreId, datastoreId)).limit(1)).length === 0;
}

async function orRemember(
  ports: ComputePorts,
  hostId: number,
  what: { kind: "vm" | "volume"; objectUuid: string; datastoreId: number | null },
  remove: () => Promise<unknown>,
): Promise<void> {
  try {
    await remove();
  } catch (error) {
    if (!isAway(error) && !(error instanceof AppError && error.code === "HOST_NOT_FOUND")) throw error;
    const status = await statusOf(ports, hostId);
    if (status === undefined) return;
    // While the host counts as normal this may be a moment's silence: the caller tries again.
    if (status === "normal") throw error;
    await ports.database.db.insert(hostCleanups).values({ hostId, ...what });
    ports.log.warn({ hostId, ...what }, "the host is away; this is removed when it returns");
  }
}

async function statusOf(ports: ComputePorts, hostId: number): Promise<HostStatus | undefined> {
  const query = ports.database.db.select({ status: hosts.status }).from(hosts);
  return (await query.where(eq(hosts.id, hostId)))[0]?.status;
}

/**
 * Runs work that puts something right on a host; when the host is known to be away, its reconciler will do it at its
 * return, and waiting here would hold the task for ever. Gives whether it was done.
 */
export async function unlessHostIsGone(
  ports: ComputePorts,
  hostId: number,
  work: () => Promise<unknown>,
): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    const isGone = isAway(error) || (error instanceof AppError && error.code === "HOST_NOT_FOUND");
    if (!isGone || (await statusOf(ports, hostId)) === "normal") throw error;
    return false;
  }
}

export function isAway(error: unknown): boolean {
  return error instanceof AppError && error.kind === "unavailable";
}

export function volumeSpec(volume: Volume): VolumeSpec {
  const { origin } = volume;
  return {
    volumeUuid: volume.uuid,
    datastoreId: String(volume.datastoreId),
    sizeBytes: volume.sizeBytes,
    provisioning: volume.provisioning,
    format: volume.format,
    source:
      origin === null
        ? null
        : origin.kind === "image"
          ? { kind: "image", datastoreId: String(origin.datastoreId), name: origin.name }
          : origin.kind === "linked"
            ? origin
            : { ...origin, datastoreId: String(origin.datastoreId) },
  };
}
