import { chmod, mkdir, open, readdir, rename, rm, rmdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { KeyedQueue, type Log, mapLimited, MiB, Undo } from "@sinter/kit";
import type {
  CallContext,
  DiskFormat,
  ImageFile,
  VolumeFile,
  VolumeObservation,
  VolumeSource,
  VolumeSpec,
} from "@sinter/southbound";
import { datastoreErrors } from "../datastore/datastore.errors.ts";
import type { DatastoreService, OpenDatastore } from "../datastore/datastore.service.ts";
import { readSpace } from "../datastore/filesystem.ts";
import { type EventHub, ProgressReporter } from "../events/event-hub.ts";
import { listImages, openImage, roundUp } from "./image-folder.ts";
import { readBackingName, readImageHead } from "./qcow2-header.ts";
import {
  convertImage,
  createImage,
  createOverlay,
  growImage,
  imageInfo,
  isFull,
  isLocked,
} from "./qemu-img.ts";
import { SpaceLedger } from "./space-ledger.ts";
import { volumeErrors } from "./volume.errors.ts";
import {
  chainFile,
  chainFileOf,
  FORMATS,
  isPartOf,
  linkedBaseName,
  partFile,
  relativeVolumeFile,
  volumeFile,
  volumeFolder,
} from "./volume-paths.ts";

export type VolumeService = ReturnType<typeof createVolumeService>;

/** Which VMs of this host have a file as a disk, by name. */
export interface FileUsers {
  /** Any VM that is defined with it or runs with it. */
  readonly all: readonly string[];
  /** Those whose QEMU has it open. */
  readonly running: readonly string[];
}

interface Source {
  readonly path: string;
  readonly format: string;
  readonly virtualSizeBytes: number;
  readonly allocatedBytes: number;
}

const UUID_LIKE = /^[0-9a-f-]{36}$/;
const SECTOR_BYTES = 512;
/** What an empty thin volume takes at most. */
const EMPTY_BYTES = 1 * MiB;
const LOOKS_AT_ONCE = 16;
const ALLOCATION_LOOK_MS = 500;

/**
 * Volumes as files of a datastore. One is made under a name that says it is not finished and appears by a rename, so
 * a crash at any moment leaves either nothing, or a finished volume, or something that `tidy` knows for what it is.
 *
 * | at the same time       | what keeps them apart                                                         |
 * | ---------------------- | ----------------------------------------------------------------------------- |
 * | ensure, ensure, remove | one at a time per volume                                                      |
 * | ensure on two hosts    | parts carry the host's name; the rename of the second meets a finished volume |
 * | ensure of many volumes | the ledger promises the same room once                                        |
 * | copy of a running disk | refused: QEMU's lock, and before that the list of VMs                         |
 */
export function createVolumeService(options: {
  readonly datastores: DatastoreService;
  readonly hostUuid: string;
  readonly usersOf: (path: string) => Promise<FileUsers>;
  readonly hub: EventHub;
  readonly log: Log;
}) {
  const { datastores, hostUuid, hub, log } = options;
  const queue = new KeyedQueue();
  const ledger = new SpaceLedger();
  const making = new Set<string>();

  async function openSource(source: VolumeSource, home: OpenDatastore): Promise<Source> {
    const datastore = source.kind === "linked" ? home : await datastores.open(source.datastoreId);
    if (source.kind === "image") return await openImage(datastore, source.name);
    const there = await findVolume(datastore, source.volumeUuid, [source.format]);
    if (!there) throw volumeErrors.notFound(datastore.datastoreId, source.volumeUuid);
    const file = source.kind === "linked" ? "base" : (source.file ?? "base");
    const copied = there.files.find((one) => one.file === file);
    if (!copied) throw volumeErrors.fileNotFound(source.volumeUuid, file);
    const path = chainFile(datastore.path, source, file);
    const [user] = (await options.usersOf(path)).running;
    if (user !== undefined) throw volumeErrors.inUse(source.volumeUuid, `the running VM ${user}`);
    return {
      path,
      format: file === "base" ? source.format : "qcow2",
      virtualSizeBytes: copied.sizeBytes,
      allocatedBytes: there.allocatedBytes,
    };
  }

  async function requireUnused(datastore: OpenDatastore, volumeUuid: string): Promise<void> {
    const folder = volumeFolder(datastore.path, volumeUuid);
    for (const name of await readFolder(folder)) {
      if (chainFileOf(volumeUuid, name) === undefined) continue;
      const path = join(folder, name);
      const [user] = (await options.usersOf(path)).all;
      if (user !== undefined) throw volumeErrors.inUse(volumeUuid, `VM ${user}`);
      if (datastore.shared) await requireFree(path, formatOf(name), volumeUuid);
    }
    const clone = await findClone(datastore, volumeUuid);
    if (clone !== undefined) throw volumeErrors.inUse(volumeUuid, `its linked clone ${clone}`);
  }

  /** Writes the part and gives it its name. Nothing is left of it when that fails or is cancelled. */
  async function make(
    spec: VolumeSpec,
    datastore: OpenDatastore,
    source: Source | undefined,
    context: CallContext,
  ): Promise<void> {
    const finished = volumeFile(datastore.path, spec.volumeUuid, spec.format);
    const part = partFile(finished, hostUuid);
    const sizeBytes = Math.max(roundUp(spec.sizeBytes), source?.virtualSizeBytes ?? 0);
    const isLinked = spec.source?.kind === "linked";
    const thinBytes = source && !isLinked ? Math.min(source.allocatedBytes, sizeBytes) : EMPTY_BYTES;
    using claims = new DisposableStack();
    claims.use(await ledger.claim(datastore, part, spec.provisioning === "thin" ? thinBytes : sizeBytes));
    await using undo = new Undo(log);
    const progress = new ProgressReporter(hub, context.operationId);
    making.add(part);
    try {
      await makePassable(dirname(finished));
      undo.add("remove the volume's folder", () => removeIfEmpty(dirname(finished)));
      await rm(part, { force: true });
      undo.add("remove the half-made volume", () => rm(part, { force: true }));
      const target = { ...spec, path: part, sizeBytes };
      if (spec.source?.kind === "linked") await link(spec.source, target, context.signal);
      else if (source) await copy(source, target, progress, context.signal);
      else await createEmpty(target, progress, context.signal);
      context.signal.throwIfAborted();
      await flush(part);
      await rename(part, finished);
      undo.commit();
      await flush(dirname(finished));
      progress.report(100, "The volume is ready.");
    } finally {
      making.delete(part);
    }
  }

  return {
    async list(datastoreId: string): Promise<VolumeObservation[]> {
      const datastore = await datastores.open(datastoreId);
      const folders = await readFolder(join(datastore.path, "volumes"));
      const uuids = folders.filter((name) => UUID_LIKE.test(name));
      const volumes = await mapLimited(uuids, LOOKS_AT_ONCE, (uuid) => findVolume(datastore, uuid));
      return volumes.filter((volume) => volume !== undefined);
    },

    async get(datastoreId: string, volumeUuid: string): Promise<VolumeObservation> {
      const volume = await findVolume(await datastores.open(datastoreId), volumeUuid);
      if (!volume) throw volumeErrors.notFound(datastoreId, volumeUuid);
      return volume;
    },

    async images(datastoreId: string): Promise<ImageFile[]> {
      return await listImages(await datastores.open(datastoreId), log);
    },

    ensure: (spec: VolumeSpec, context: CallContext): Promise<VolumeObservation> =>
      queue.run(spec.volumeUuid, async () => {
        const { datastoreId, volumeUuid } = spec;
        const datastore = await datastores.open(datastoreId);
        const there = await findVolume(datastore, volumeUuid);
        if (there) {
          requireSame(there, spec);
          return there;
        }
        context.signal.throwIfAborted();
        const source = spec.source === null ? undefined : await openSource(spec.source, datastore);
        try {
          await make(spec, datastore, source, context);
        } catch (error) {
          if (isFull(error)) {
            const { freeBytes } = await readSpace(datastore.path);
            throw datastoreErrors.full(datastoreId, spec.sizeBytes, freeBytes, error);
          }
          // Another host runs it: its lock is all that this host can see.
          if (isLocked(error) && spec.source && spec.source.kind !== "image") {
            throw volumeErrors.inUse(spec.source.volumeUuid, "a running VM", error);
          }
          throw error;
        }
        log.info({ datastoreId, volumeUuid, sizeBytes: spec.sizeBytes }, "made a volume");
        const made = await findVolume(datastore, volumeUuid);
        if (!made) throw new Error(`Broken assumption: volume ${volumeUuid} is there after its rename.`);
        return made;
      }),

    remove: (datastoreId: string, volumeUuid: string): Promise<void> =>
      queue.run(volumeUuid, async () => {
        const datastore = await datastores.open(datastoreId);
        await requireUnused(datastore, volumeUuid);
        await rm(volumeFolder(datastore.path, volumeUuid), { recursive: true, force: true });
        log.info({ datastoreId, volumeUuid }, "removed a volume");
      }),

    /** Throws while a VM has the volume or a linked clone lies on it. */
    requireUnused: async (datastoreId: string, volumeUuid: string): Promise<void> =>
      requireUnused(await datastores.open(datastoreId), volumeUuid),

    /** Path of one of a finished volume's files; undefined when it is not there. */
    async findFile(
      datastore: OpenDatastore,
      volume: { volumeUuid: string; format: DiskFormat; file?: VolumeFile | undefined },
    ): Promise<string | undefined> {
      const path = chainFile(datastore.path, volume, volume.file ?? "base");
      return (await stat(path).catch(() => undefined))?.isFile() ? path : undefined;
    },

    /** Removes what an earlier life of this agent left half-made. Such files never belong to a VM. */
    async tidy(): Promise<void> {
      for (const { datastoreId, state } of await datastores.list()) {
        if (state === "lost") continue;
        const datastore = await datastores.open(datastoreId);
        const root = join(datastore.path, "volumes");
        await mapLimited(await readFolder(root), LOOKS_AT_ONCE, async (folder) => {
          for (const name of await readFolder(join(root, folder))) {
            const path = join(root, folder, name);
            if (!isPartOf(name, hostUuid) || making.has(path)) continue;
            await rm(path, { force: true });
            await removeIfEmpty(join(root, folder));
            log.info({ datastoreId, path }, "removed a half-made volume");
          }
        });
      }
    },
  };
}

async function copy(
  source: Source,
  target: VolumeSpec & { path: string },
  progress: ProgressReporter,
  signal: AbortSignal,
): Promise<void> {
  await convertImage(source, target, {
    signal,
    bytesPerSec: target.bytesPerSec,
    onProgress: (percent) => progress.report(percent * 0.98, "Copying."), // growing and flushing take the rest
  });
  if (target.sizeBytes > source.virtualSizeBytes) await growImage(target.path, target, signal);
}

/** Upon the other volume, which is named by where it lies from here. */
async function link(
  source: Extract<VolumeSource, { kind: "linked" }>,
  target: VolumeSpec & { path: string },
  signal: AbortSignal,
): Promise<void> {
  if (target.format !== "qcow2") throw volumeErrors.differs(target.volumeUuid, "a linked clone", "raw");
  const below = { name: linkedBaseName(source.volumeUuid, source.format), format: source.format };
  await createOverlay(target.path, below, target.sizeBytes, signal);
}

async function createEmpty(
  target: VolumeSpec & { path: string },
  progress: ProgressReporter,
  signal: AbortSignal,
): Promise<void> {
  // qemu-img does not tell how far its zeroing is; the file does.
  const timer = setInterval(() => {
    void stat(target.path).then(
      ({ blocks }) => progress.report((98 * blocks * SECTOR_BYTES) / target.sizeBytes, "Writing zeroes."),
      () => {}, // not there yet
    );
  }, ALLOCATION_LOOK_MS);
  try {
    await createImage(target.path, target, signal);
  } finally {
    clearInterval(timer);
  }
}

/** A volume and its files as they lie there. */
export async function findVolume(
  datastore: OpenDatastore,
  volumeUuid: string,
  formats: readonly DiskFormat[] = FORMATS,
): Promise<VolumeObservation | undefined> {
  for (const format of formats) {
    const path = volumeFile(datastore.path, volumeUuid, format);
    const file = await stat(path).catch(() => undefined);
    if (!file?.isFile()) continue;
    const files = await filesOf(datastore, volumeUuid);
    return {
      volumeUuid,
      datastoreId: datastore.datastoreId,
      sizeBytes: files.find((one) => one.file === "base")?.sizeBytes ?? file.size,
      allocatedBytes: files.reduce((sum, one) => sum + one.allocatedBytes, 0),
      format,
      files,
      path: relativeVolumeFile(volumeUuid, format),
    };
  }
  return undefined;
}

async function filesOf(datastore: OpenDatastore, volumeUuid: string): Promise<VolumeObservation["files"]> {
  const folder = volumeFolder(datastore.path, volumeUuid);
  const files: VolumeObservation["files"] = [];
  for (const name of await readFolder(folder)) {
    const file = chainFileOf(volumeUuid, name);
    const path = join(folder, name);
    const there = file === undefined ? undefined : await stat(path).catch(() => undefined);
    if (file === undefined || !there) continue;
    const head = formatOf(name) === "qcow2" ? await readImageHead(path) : undefined;
    const below = file === "base" ? null : await readBackingName(path);
    files.push({
      file,
      backing: below === null ? null : (chainFileOf(volumeUuid, below) ?? null),
      sizeBytes: head?.qcow2?.virtualSizeBytes ?? there.size,
      allocatedBytes: there.blocks * SECTOR_BYTES,
    });
  }
  return files;
}

/** A volume of the same datastore that lies on this one. */
async function findClone(datastore: OpenDatastore, volumeUuid: string): Promise<string | undefined> {
  const root = join(datastore.path, "volumes");
  const bases = new Set(FORMATS.map((format) => linkedBaseName(volumeUuid, format)));
  const uuids = (await readFolder(root)).filter((name) => UUID_LIKE.test(name) && name !== volumeUuid);
  const found = await mapLimited(uuids, LOOKS_AT_ONCE, async (uuid) => {
    const below = await readBackingName(volumeFile(datastore.path, uuid, "qcow2")).catch(() => null);
    return below !== null && bases.has(below) ? uuid : undefined;
  });
  return found.find((uuid) => uuid !== undefined);
}

function formatOf(name: string): DiskFormat {
  return name.endsWith(".raw") ? "raw" : "qcow2";
}

/** One that started from a larger source is larger than asked, since content is never cut off. */
function requireSame(there: VolumeObservation, spec: VolumeSpec): void {
  const wanted = roundUp(spec.sizeBytes);
  const fits = spec.source === null ? there.sizeBytes === wanted : there.sizeBytes >= wanted;
  if (fits && there.format === spec.format) return;
  throw volumeErrors.differs(
    spec.volumeUuid,
    `${there.format} of ${there.sizeBytes} bytes`,
    `${spec.format} of ${wanted} bytes`,
  );
}

/** Asks for QEMU's lock as a reader would, which is refused while a VM anywhere writes. */
export async function requireFree(path: string, format: DiskFormat, volumeUuid: string): Promise<void> {
  if (!(await stat(path).catch(() => undefined))) return;
  try {
    await imageInfo(path, format);
  } catch (error) {
    if (isLockedInfo(error)) throw volumeErrors.inUse(volumeUuid, "a VM on another host", error);
    // Damaged, then; that is no reason to keep it.
  }
}

function isLockedInfo(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "IMAGE_LOCKED";
}

async function readFolder(path: string): Promise<string[]> {
  return await readdir(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return [];
    throw error;
  });
}

/** QEMU runs as an account of its own: it must get through to the files that libvirt hands it, and sees no others. */
async function makePassable(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const path of [dirname(folder), folder]) await chmod(path, 0o711);
}

async function removeIfEmpty(folder: string): Promise<void> {
  await rmdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST" && error.code !== "ENOENT") throw error;
  });
}

/** Down to the disk: the rename that follows must not become durable before the content. */
async function flush(path: string): Promise<void> {
  const file = await open(path, "r");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
