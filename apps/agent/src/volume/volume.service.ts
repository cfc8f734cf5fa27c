import { mkdir, open, readdir, rename, rm, rmdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { KeyedQueue, type Log, mapLimited, MiB, Undo } from "@sinter/kit";
import type {
  CallContext,
  DiskFormat,
  ImageFile,
  VolumeObservation,
  VolumeSource,
  VolumeSpec,
} from "@sinter/southbound";
import { datastoreErrors } from "../datastore/datastore.errors.ts";
import type { DatastoreService, OpenDatastore } from "../datastore/datastore.service.ts";
import { readSpace } from "../datastore/filesystem.ts";
import { type EventHub, ProgressReporter } from "../events/event-hub.ts";
import { listImages, openImage, roundUp } from "./image-folder.ts";
import { readImageHead } from "./qcow2-header.ts";
import { convertImage, createImage, growImage, imageInfo, isFull, isLocked } from "./qemu-img.ts";
import { SpaceLedger } from "./space-ledger.ts";
import { volumeErrors } from "./volume.errors.ts";
import { FORMATS, isPartOf, partFile, relativeVolumeFile, volumeFile, volumeFolder } from "./volume-paths.ts";

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

  async function openSource(source: VolumeSource): Promise<Source> {
    const datastore = await datastores.open(source.datastoreId);
    if (source.kind === "image") return await openImage(datastore, source.name);
    const there = await findVolume(datastore, source.volumeUuid, [source.format]);
    if (!there) throw volumeErrors.notFound(source.datastoreId, source.volumeUuid);
    const path = volumeFile(datastore.path, source.volumeUuid, source.format);
    const [user] = (await options.usersOf(path)).running;
    if (user !== undefined) throw volumeErrors.inUse(source.volumeUuid, `the running VM ${user}`);
    const { sizeBytes, allocatedBytes } = there;
    return { path, format: source.format, virtualSizeBytes: sizeBytes, allocatedBytes };
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
    const thinBytes = source ? Math.min(source.allocatedBytes, sizeBytes) : EMPTY_BYTES;
    using claims = new DisposableStack();
    claims.use(await ledger.claim(datastore, part, spec.provisioning === "thin" ? thinBytes : sizeBytes));
    await using undo = new Undo(log);
    const progress = new ProgressReporter(hub, context.operationId);
    making.add(part);
    try {
      await mkdir(dirname(finished), { recursive: true, mode: 0o700 });
      undo.add("remove the volume's folder", () => removeIfEmpty(dirname(finished)));
      await rm(part, { force: true });
      undo.add("remove the half-made volume", () => rm(part, { force: true }));
      const target = { ...spec, path: part, sizeBytes };
      if (source) await copy(source, target, progress, context.signal);
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
        const source = spec.source === null ? undefined : await openSource(spec.source);
        try {
          await make(spec, datastore, source, context);
        } catch (error) {
          if (isFull(error)) {
            const { freeBytes } = await readSpace(datastore.path);
            throw datastoreErrors.full(datastoreId, spec.sizeBytes, freeBytes, error);
          }
          // Another host runs it: its lock is all that this host can see.
          if (isLocked(error) && spec.source?.kind === "volume") {
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
        for (const format of FORMATS) {
          const path = volumeFile(datastore.path, volumeUuid, format);
          const [user] = (await options.usersOf(path)).all;
          if (user !== undefined) throw volumeErrors.inUse(volumeUuid, `VM ${user}`);
          if (datastore.shared) await requireUnlocked(path, format, volumeUuid);
        }
        await rm(volumeFolder(datastore.path, volumeUuid), { recursive: true, force: true });
        log.info({ datastoreId, volumeUuid }, "removed a volume");
      }),

    /** Path of a finished volume; undefined when it is not there. */
    async findFile(
      datastore: OpenDatastore,
      volumeUuid: string,
      format: DiskFormat,
    ): Promise<string | undefined> {
      const there = await findVolume(datastore, volumeUuid, [format]);
      return there && volumeFile(datastore.path, volumeUuid, format);
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
    onProgress: (percent) => progress.report(percent * 0.98, "Copying."), // growing and flushing take the rest
  });
  if (target.sizeBytes > source.virtualSizeBytes) await growImage(target.path, target, signal);
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

async function findVolume(
  datastore: OpenDatastore,
  volumeUuid: string,
  formats: readonly DiskFormat[] = FORMATS,
): Promise<VolumeObservation | undefined> {
  for (const format of formats) {
    const path = volumeFile(datastore.path, volumeUuid, format);
    const file = await stat(path).catch(() => undefined);
    if (!file?.isFile()) continue;
    const head = format === "qcow2" ? await readImageHead(path) : undefined;
    return {
      volumeUuid,
      datastoreId: datastore.datastoreId,
      sizeBytes: head?.qcow2?.virtualSizeBytes ?? file.size,
      allocatedBytes: file.blocks * SECTOR_BYTES,
      format,
      path: relativeVolumeFile(volumeUuid, format),
    };
  }
  return undefined;
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
async function requireUnlocked(path: string, format: DiskFormat, volumeUuid: string): Promise<void> {
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
