import { linkErrors, southboundError } from "@sinter/agent-link";
import type { CallContext, DatastoreObservation, VolumeSpec } from "@sinter/southbound";
import type { Effects } from "./effects.ts";
import type { Datastore, SimHost } from "./sim-host.ts";
import { differs } from "./sim-chain.ts";
import { observeVolume, type SimStore, type SimVolume } from "./sim-store.ts";

export const storageEffects = {
  listDatastores: (host) => ({ datastores: [...host.datastores.values()].map((one) => observe(one)) }),

  ensureDatastore(host, spec) {
    const store = host.mounts.get(spec.path);
    if (!store || store.state === "lost") {
      throw southboundError(
        "DATASTORE_UNUSABLE",
        `Host ${host.hostUuid} has no usable directory ${spec.path}.`,
        {
          params: { path: spec.path },
        },
      );
    }
    if (store.datastoreId !== undefined && store.datastoreId !== spec.datastoreId) {
      throw southboundError(
        "DATASTORE_FOREIGN",
        `The directory ${spec.path} of host ${host.hostUuid} holds datastore ${store.datastoreId}.`,
        { params: { path: spec.path, datastoreId: store.datastoreId } },
      );
    }
    if (spec.markerId && (spec.markerId !== store.markerId || store.datastoreId === undefined)) {
      throw southboundError(
        "DATASTORE_UNUSABLE",
        `The directory ${spec.path} of host ${host.hostUuid} is another file system, or not mounted.`,
        { params: { path: spec.path } },
      );
    }
    store.datastoreId = spec.datastoreId;
    const lease = spec.lease ?? host.datastores.get(spec.datastoreId)?.spec.lease;
    const datastore = { spec: lease === undefined ? spec : { ...spec, lease }, store };
    host.datastores.set(spec.datastoreId, datastore);
    if (lease !== undefined) store.places.set(host.hostUuid, lease.hostId);
    return observe(datastore);
  },

  removeDatastore(host, { datastoreId, eraseMarker }) {
    for (const vm of host.vms.values()) {
      if (![...vm.spec.disks, ...(vm.live?.disks ?? [])].some((disk) => disk.datastoreId === datastoreId))
        continue;
      throw southboundError(
        "DATASTORE_IN_USE",
        `VM ${vm.spec.vmUuid} has a disk on datastore ${datastoreId}.`,
        {
          params: { datastoreId, vmUuid: vm.spec.vmUuid },
        },
      );
    }
    const store = host.datastores.get(datastoreId)?.store;
    if (eraseMarker && store) store.eraseMarker();
    store?.places.delete(host.hostUuid);
    host.datastores.delete(datastoreId);
    return {};
  },

  listImages: (host, { datastoreId }) => ({ images: [...get(host, datastoreId).store.images.values()] }),

  listVolumes: (host, { datastoreId }) => ({
    volumes: [...get(host, datastoreId).store.volumes()]
      .filter(({ isWhole }) => isWhole)
      .map((volume) => observeVolume(datastoreId, volume)),
  }),

  getVolume: (host, { datastoreId, volumeUuid }) =>
    observeVolume(datastoreId, getVolume(host, datastoreId, volumeUuid)),

  getLease(host, { datastoreId, volumeUuid }) {
    return { owner: get(host, datastoreId).store.leaseOwner(volumeUuid) };
  },

  async ensureVolume(host, spec, context) {
    const { store } = get(host, spec.datastoreId);
    // Two calls for one volume: the second waits and finds it made.
    await store.makings.run(spec.volumeUuid, () => makeVolume(host, spec, context));
    return observeVolume(spec.datastoreId, getVolume(host, spec.datastoreId, spec.volumeUuid));
  },

  async growVolume(host, input, context) {
    const { datastoreId, volumeUuid, sizeBytes } = input;
    const { store } = get(host, datastoreId);
    await store.makings.run(volumeUuid, async () => {
      const volume = getVolume(host, datastoreId, volumeUuid);
      const base = volume.files.get("base");
      if (volume.sizeBytes >= sizeBytes || !base) return;
      if (volume.files.size > 1) throw differs(volumeUuid, "base", "under snapshots", "alone");
      const runner = [...host.vms.values()].find(({ live }) =>
        live?.disks.some((disk) => disk.volumeUuid === volumeUuid),
      );
      const holder = store.openedBy(volumeUuid);
      if ((runner && runner.spec.vmUuid !== input.vmUuid) || (holder && holder !== host.hostUuid)) {
        throw southboundError("VOLUME_IN_USE", `Volume ${volumeUuid} is in use.`, { params: { volumeUuid } });
      }
      const newBytes = sizeBytes - volume.sizeBytes;
      const takenBytes = input.provisioning === "thin" ? 0 : newBytes;
      if (takenBytes > store.freeBytes) {
        throw southboundError("DATASTORE_FULL", `Datastore ${datastoreId} has no room to grow a volume.`, {
          params: { datastoreId, neededBytes: takenBytes, freeBytes: store.freeBytes },
        });
      }
      const { operationId, signal } = context;
      await write(host, input.provisioning === "thick" ? newBytes : 0, signal, (percent) => {
        if (operationId === undefined) return;
        host.emit({ type: "progress", operationId, percent, message: `growing volume ${volumeUuid}` });
      });
      base.sizeBytes = sizeBytes;
      store.put({ ...volume, sizeBytes, allocatedBytes: volume.allocatedBytes + takenBytes });
    });
    return observeVolume(datastoreId, getVolume(host, datastoreId, volumeUuid));
  },

  wipeVolume(host, { datastoreId, volumeUuid }) {
    const { store } = get(host, datastoreId);
    const volume = store.find(volumeUuid);
    if (!volume) return {};
    requireUnused(host, store, volumeUuid);
    for (const file of volume.files.values()) file.writes = [];
    return {};
  },

  removeVolume(host, { datastoreId, volumeUuid }) {
    const { store } = get(host, datastoreId);
    requireUnused(host, store, volumeUuid);
    if (!store.find(volumeUuid)) return {};
    store.remove(volumeUuid);
    host.emit({ type: "datastoreChanged", datastoreId });
    return {};
  },
} satisfies Partial<Effects>;

/** Throws while a VM has the volume, or a linked clone lies on it. */
function requireUnused(host: SimHost, store: SimStore, volumeUuid: string): void {
  for (const vm of host.vms.values()) {
    if (
      ![...vm.spec.disks, ...(vm.live?.disks ?? [])].some(
        (disk) => disk.volumeUuid === volumeUuid && host.datastores.get(disk.datastoreId)?.store === store,
      )
    )
      continue;
    throw southboundError("VOLUME_IN_USE", `VM ${vm.spec.vmUuid} has volume ${volumeUuid}.`, {
      params: { volumeUuid, vmUuid: vm.spec.vmUuid },
    });
  }
  if (!store.find(volumeUuid)) return;
  // A file system would let it go, and the other host's VM with it; here the mistake is to be seen.
  const holder = store.openedBy(volumeUuid);
  if (holder !== undefined) {
    throw southboundError("VOLUME_IN_USE", `Host ${holder} has volume ${volumeUuid} open.`, {
      params: { volumeUuid, hostUuid: holder },
    });
  }
  const clone = [...store.volumes()].find(({ linkedTo }) => linkedTo === volumeUuid);
  if (clone) {
    throw southboundError("VOLUME_IN_USE", `Volume ${clone.volumeUuid} is a linked clone of ${volumeUuid}.`, {
      params: { volumeUuid },
    });
  }
}

export function get(host: SimHost, datastoreId: string): Datastore {
  const datastore = host.datastores.get(datastoreId);
  if (!datastore) {
    throw southboundError("DATASTORE_NOT_FOUND", `Host ${host.hostUuid} has no datastore ${datastoreId}.`, {
      params: { datastoreId },
    });
  }
  return datastore;
}

export function getVolume(host: SimHost, datastoreId: string, volumeUuid: string): SimVolume {
  const volume = get(host, datastoreId).store.find(volumeUuid);
  if (volume?.isWhole) return volume;
  throw southboundError("VOLUME_NOT_FOUND", `There is no volume ${volumeUuid} on datastore ${datastoreId}.`, {
    params: { volumeUuid, datastoreId },
  });
}

async function makeVolume(
  host: SimHost,
  spec: VolumeSpec,
  { signal, operationId }: CallContext,
): Promise<void> {
  const { store } = get(host, spec.datastoreId);
  const known = store.find(spec.volumeUuid);
  const source = sourceOf(host, spec);
  const sizeBytes = Math.max(spec.sizeBytes, source.sizeBytes);
  if (known?.isWhole) {
    if (known.sizeBytes === sizeBytes && known.format === spec.format) return;
    throw southboundError(
      "VOLUME_DIFFERS",
      `Volume ${spec.volumeUuid} is there with ${known.sizeBytes} bytes as ${known.format}, not ${sizeBytes} as ${spec.format}.`,
      { params: { volumeUuid: spec.volumeUuid } },
    );
  }
  if (store.state !== "normal") {
    throw southboundError("DATASTORE_UNUSABLE", `Datastore ${spec.datastoreId} is ${store.state}.`, {
      params: { datastoreId: spec.datastoreId },
    });
  }
  const linkedTo = spec.source?.kind === "linked" ? spec.source.volumeUuid : null;
  const contentBytes = linkedTo === null ? source.contentBytes : 0;
  const allocatedBytes = store.allocationOf({ ...spec, sizeBytes }, contentBytes);
  if (allocatedBytes > store.freeBytes) {
    throw southboundError(
      "DATASTORE_FULL",
      `Datastore ${spec.datastoreId} has ${store.freeBytes} bytes free; the volume needs ${allocatedBytes}.`,
      { params: { datastoreId: spec.datastoreId, neededBytes: allocatedBytes, freeBytes: store.freeBytes } },
    );
  }
  const volume = { volumeUuid: spec.volumeUuid, sizeBytes, format: spec.format, allocatedBytes, linkedTo };
  const tell = (percent: number): void => {
    if (operationId === undefined) return;
    host.emit({ type: "progress", operationId, percent, message: `writing volume ${spec.volumeUuid}` });
  };
  store.put({ ...volume, isWhole: false }, source.content);
  try {
    const writtenBytes = spec.provisioning === "thick" ? sizeBytes : contentBytes;
    await write(host, writtenBytes, signal, tell);
  } catch (error) {
    store.remove(spec.volumeUuid);
    throw error;
  }
  store.put({ ...volume, isWhole: true });
  host.emit({ type: "datastoreChanged", datastoreId: spec.datastoreId });
}

const PROGRESS_STEPS = 10;

/** Takes the time that the host's disks need for so many bytes, and tells of it. */
async function write(
  host: SimHost,
  bytes: number,
  signal: AbortSignal,
  tell: (percent: number) => void,
): Promise<void> {
  const durationMs = (bytes / host.writeBytesPerSec) * 1000;
  tell(0);
  if (durationMs >= 1) {
    for (let step = 1; step < PROGRESS_STEPS; step++) {
      await host.clock.sleep(durationMs / PROGRESS_STEPS, signal);
      tell((100 * step) / PROGRESS_STEPS);
    }
    await host.clock.sleep(durationMs / PROGRESS_STEPS, signal);
  }
  signal.throwIfAborted();
  tell(100);
}

/** What a volume starts from: virtual size, and how much of it is really written. */
function sourceOf(
  host: SimHost,
  spec: VolumeSpec,
): { sizeBytes: number; contentBytes: number; content: string[] } {
  const { source } = spec;
  if (source === null) return { sizeBytes: 0, contentBytes: 0, content: [] };
  if (source.kind !== "image") {
    const datastoreId = source.kind === "linked" ? spec.datastoreId : source.datastoreId;
    const volume = getVolume(host, datastoreId, source.volumeUuid);
    const file = (source.kind === "volume" ? source.file : undefined) ?? "base";
    const content = get(host, datastoreId).store.content(source.volumeUuid, file);
    const sizeBytes = volume.files.get(file)?.sizeBytes ?? volume.sizeBytes;
    return { sizeBytes, contentBytes: volume.allocatedBytes, content };
  }
  if (!isPlainName(source.name))
    throw linkErrors.badRequest("ensureVolume", "source.name", "is no file name");
  const image = get(host, source.datastoreId).store.images.get(source.name);
  if (!image) {
    throw southboundError(
      "IMAGE_NOT_FOUND",
      `There is no image ${source.name} on datastore ${source.datastoreId}.`,
      { params: { name: source.name, datastoreId: source.datastoreId } },
    );
  }
  return { sizeBytes: image.virtualSizeBytes, contentBytes: image.fileSizeBytes, content: [source.name] };
}

function isPlainName(name: string): boolean {
  return /^[^/\0]+$/.test(name) && name !== "." && name !== "..";
}

function observe({ spec, store }: Datastore): DatastoreObservation {
  // Also when another host has erased its marker.
  const isLost = store.state === "lost" || store.datastoreId !== spec.datastoreId;
  return {
    datastoreId: spec.datastoreId,
    path: spec.path,
    state: isLost ? "lost" : store.state,
    markerId: isLost ? null : store.markerId,
    capacityBytes: isLost ? 0 : store.capacityBytes,
    freeBytes: isLost ? 0 : store.freeBytes,
    lease:
      spec.lease === undefined
        ? null
        : {
            state: isLost ? "off" : "joined",
            hostId: spec.lease.hostId,
            heartbeatAgeMs: isLost ? null : 0,
            reason: isLost ? "its datastore is lost" : null,
            hosts: isLost ? [] : [...store.places.values()].map((hostId) => ({ hostId, state: "live" })),
          },
  };
}
