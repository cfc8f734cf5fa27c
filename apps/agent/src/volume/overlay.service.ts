import { open, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { KeyedQueue, type Log, Undo } from "@sinter/kit";
import type { CallContext, CallInput, DiskFormat, VolumeFile, VolumeObservation } from "@sinter/southbound";
import { datastoreErrors } from "../datastore/datastore.errors.ts";
import type { DatastoreService, OpenDatastore } from "../datastore/datastore.service.ts";
import { readSpace } from "../datastore/filesystem.ts";
import { type EventHub, ProgressReporter } from "../events/event-hub.ts";
import { readBackingName, readImageHead } from "./qcow2-header.ts";
import { commitOverlay, createOverlay, isFull, isLocked, renameBacking } from "./qemu-img.ts";
import { volumeErrors } from "./volume.errors.ts";
import { chainFile, chainFileName, memoryFile, partFile } from "./volume-paths.ts";
import { type FileUsers, findVolume } from "./volume.service.ts";

export type OverlayService = ReturnType<typeof createOverlayService>;

/** A VM of this host as the owner of a disk; what libvirt has to do with overlays. */
export interface DiskOwner {
  /** The files that the VM has now (undefined: no QEMU) and will have at its next start; undefined: not its disk. */
  diskOf(vmUuid: string, volumeUuid: string): Promise<OwnedDisk | undefined>;
  /** QEMU writes `top` into `base` while the guest runs and goes on with `base` in its place. */
  commitLive(
    vmUuid: string,
    job: {
      target: string;
      base: string;
      top: string;
      /** The guest writes to `top` itself. */
      isActive: boolean;
      signal: AbortSignal;
      onProgress: (percent: number) => void;
    },
  ): Promise<void>;
  /** Changes the file in the definition if that is `from`. */
  moveStored(
    vmUuid: string,
    volumeUuid: string,
    file: { from: string; path: string; format: DiskFormat },
  ): Promise<void>;
}

export interface OwnedDisk {
  readonly target: string;
  readonly live: string | undefined;
  readonly stored: string | undefined;
}

interface VolumeRef {
  readonly datastoreId: string;
  readonly volumeUuid: string;
  readonly format: DiskFormat;
}

/** An empty overlay takes little more than its tables. */
const OVERLAY_BYTES = 1024 * 1024;

/**
 * Overlays of volumes: each is a qcow2 upon another file of the same folder. What happens at a crash:
 *
 * | in the middle of | is left                                    | repeated                                        |
 * | ---------------- | ------------------------------------------ | ----------------------------------------------- |
 * | ensure           | a part, tidied up later                    | makes it                                        |
 * | merge, writing   | both files; through the upper one the      | writes again                                    |
 * |                  | content is what it was                     |                                                 |
 * | merge, moving    | some users on the one, some on the other   | moves the rest; both read the same              |
 */
export function createOverlayService(options: {
  readonly datastores: DatastoreService;
  readonly hostUuid: string;
  readonly usersOf: (path: string) => Promise<FileUsers>;
  readonly owner: DiskOwner;
  readonly hub: EventHub;
  readonly log: Log;
}) {
  const { datastores, hostUuid, owner, hub, log } = options;
  const queue = new KeyedQueue();

  async function observe({ datastoreId, volumeUuid, format }: VolumeRef): Promise<VolumeObservation> {
    const seen = await findVolume(await datastores.open(datastoreId), volumeUuid, [format]);
    if (!seen) throw volumeErrors.notFound(datastoreId, volumeUuid);
    return seen;
  }

  async function requireUnused(volumeUuid: string, path: string): Promise<void> {
    const [user] = (await options.usersOf(path)).all;
    if (user !== undefined) throw volumeErrors.inUse(volumeUuid, `VM ${user}`);
  }

  /** Writes a new overlay in the place of whatever has its name. */
  async function make(
    volume: VolumeRef,
    datastore: OpenDatastore,
    overlay: VolumeFile,
    below: VolumeFile,
    signal: AbortSignal,
  ): Promise<void> {
    const { volumeUuid } = volume;
    const belowPath = chainFile(datastore.path, volume, below);
    const sizeBytes = await sizeOf(belowPath, below === "base" ? volume.format : "qcow2");
    if (sizeBytes === undefined) throw volumeErrors.fileNotFound(volumeUuid, below);
    const { freeBytes } = await readSpace(datastore.path);
    if (freeBytes < OVERLAY_BYTES)
      throw datastoreErrors.full(datastore.datastoreId, OVERLAY_BYTES, freeBytes);
    const path = chainFile(datastore.path, volume, overlay);
    const part = partFile(path, hostUuid);
    await using undo = new Undo(log);
    await rm(part, { force: true });
    undo.add("remove the half-made overlay", () => rm(part, { force: true }));
    const belowFormat = below === "base" ? volume.format : "qcow2";
    const belowName = chainFileName(volumeUuid, volume.format, below);
    await createOverlay(part, { name: belowName, format: belowFormat }, sizeBytes, signal);
    await flush(part);
    await rename(part, path);
    undo.commit();
    await flush(dirname(path));
  }

  /** Files that QEMU has open for a running VM, from the one it writes to downwards. */
  async function liveChain(live: string): Promise<string[]> {
    const chain = [live];
    for (let path = live; ; ) {
      const below = await readBackingName(path);
      if (below === null || below.includes("/")) return chain; // a linked clone's base belongs to another volume
      path = `${dirname(path)}/${below}`;
      chain.push(path);
    }
  }

  return {
    make: (volume: VolumeRef, overlay: VolumeFile, below: VolumeFile, signal: AbortSignal): Promise<void> =>
      queue.run(volume.volumeUuid, async () =>
        make(volume, await datastores.open(volume.datastoreId), overlay, below, signal),
      ),

    ensure: (input: CallInput<"ensureOverlay">, { signal }: CallContext): Promise<VolumeObservation> =>
      queue.run(input.volumeUuid, async () => {
        const seen = await observe(input);
        const there = seen.files.find(({ file }) => file === input.file);
        if (there?.backing === input.backing) return seen;
        if (there)
          throw volumeErrors.fileDiffers(
            input.volumeUuid,
            input.file,
            `upon ${there.backing}`,
            `upon ${input.backing}`,
          );
        await make(input, await datastores.open(input.datastoreId), input.file, input.backing, signal);
        return await observe(input);
      }),

    remove: (input: CallInput<"removeOverlay">): Promise<void> =>
      queue.run(input.volumeUuid, async () => {
        const { volumeUuid, datastoreId, file } = input;
        if (file === "base") throw volumeErrors.inUse(volumeUuid, "itself: its base goes with the volume");
        const datastore = await datastores.open(datastoreId);
        const path = chainFile(datastore.path, { volumeUuid, format: "qcow2" }, file);
        await requireUnused(volumeUuid, path);
        const above = (await findVolume(datastore, volumeUuid))?.files.find(
          ({ backing }) => backing === file,
        );
        if (above) throw volumeErrors.inUse(volumeUuid, `its file ${above.file}, which lies upon ${file}`);
        await rm(path, { force: true });
        log.info({ datastoreId, volumeUuid, file }, "removed an overlay");
      }),

    merge: (input: CallInput<"mergeOverlay">, context: CallContext): Promise<VolumeObservation> =>
      queue.run(input.volumeUuid, async () => {
        const { volumeUuid, datastoreId, file, into, vmUuid } = input;
        const { signal } = context;
        const datastore = await datastores.open(datastoreId);
        const top = chainFile(datastore.path, input, file);
        const base = chainFile(datastore.path, input, into);
        const baseFormat = into === "base" ? input.format : "qcow2";
        if (!(await exists(top))) return await observe(input);
        const seen = await observe(input);
        const backing = seen.files.find((one) => one.file === file)?.backing;
        if (backing !== into)
          throw volumeErrors.fileDiffers(volumeUuid, file, `upon ${backing}`, `upon ${into}`);
        const progress = new ProgressReporter(hub, context.operationId);
        const onProgress = (percent: number): void => progress.report(percent * 0.95, "Merging.");
        const disk = vmUuid === null ? undefined : await owner.diskOf(vmUuid, volumeUuid);
        // The VM has gone back to the lower file, or never left it: what is in the upper one is nobody's.
        const isPassedBy = disk !== undefined && (disk.live ?? disk.stored) === base;
        const chain = disk?.live === undefined ? [] : await liveChain(disk.live);
        try {
          if (vmUuid !== null && disk && chain.includes(top) && !isPassedBy) {
            const isActive = disk.live === top;
            const { target } = disk;
            await owner.commitLive(vmUuid, { target, base, top, isActive, signal, onProgress });
          } else if (!isPassedBy) {
            await commitOverlay(top, { signal, onProgress });
            await flush(base);
          }
        } catch (error) {
          if (isFull(error)) {
            const { freeBytes } = await readSpace(datastore.path);
            throw datastoreErrors.full(datastoreId, seen.allocatedBytes, freeBytes, error);
          }
          if (isLocked(error)) throw volumeErrors.inUse(volumeUuid, "a running VM", error);
          throw error;
        }
        const name = chainFileName(volumeUuid, input.format, into);
        for (const child of input.children) {
          const path = chainFile(datastore.path, input, child);
          // QEMU has already moved the one that its guest is on.
          if ((await readBackingName(path)) === name) continue;
          await renameBacking(path, { name, format: baseFormat }, signal);
          await flush(path);
        }
        if (vmUuid !== null && disk !== undefined)
          await owner.moveStored(vmUuid, volumeUuid, { from: top, path: base, format: baseFormat });
        await requireUnused(volumeUuid, top);
        await rm(top);
        await flush(dirname(top));
        log.info({ datastoreId, volumeUuid, file, into }, "merged an overlay");
        progress.report(100, "Merged.");
        return await observe(input);
      }),

    async removeMemory({ datastoreId, volumeUuid, snapshotUuid }: CallInput<"removeMemory">): Promise<void> {
      const datastore = await datastores.open(datastoreId);
      await rm(memoryFile(datastore.path, volumeUuid, snapshotUuid), { force: true });
    },
  };
}

async function sizeOf(path: string, format: DiskFormat): Promise<number | undefined> {
  const there = await stat(path).catch(() => undefined);
  if (!there) return undefined;
  return format === "raw" ? there.size : (await readImageHead(path)).qcow2?.virtualSizeBytes;
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

async function flush(path: string): Promise<void> {
  const file = await open(path, "r");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
