import { type FileHandle, open, readdir, truncate } from "node:fs/promises";
import { join } from "node:path";
import { AppError, KeyedQueue, type Log, MiB } from "@sinter/kit";
import type { CallContext, CallInput, Provisioning, VolumeObservation } from "@sinter/southbound";
import { datastoreErrors } from "../datastore/datastore.errors.ts";
import type { DatastoreService, OpenDatastore } from "../datastore/datastore.service.ts";
import { readSpace, reserveBytes } from "../datastore/filesystem.ts";
import { type EventHub, ProgressReporter } from "../events/event-hub.ts";
import { runLong } from "../programs.ts";
import { roundUp } from "./image-folder.ts";
import type { DiskOwner } from "./overlay.service.ts";
import { growImage, isFull, isLocked } from "./qemu-img.ts";
import { volumeErrors } from "./volume.errors.ts";
import { chainFileOf, volumeFile, volumeFolder } from "./volume-paths.ts";
import { type FileUsers, findVolume, requireFree } from "./volume.service.ts";

export type VolumeUpkeep = ReturnType<typeof createVolumeUpkeep>;

/** What libvirt has to do with a disk that grows under its guest. */
export interface LiveGrowth {
  /** Tells QEMU that the disk is that large now; as large already, or larger: nothing to do. */
  growLive(vmUuid: string, target: string, sizeBytes: number): Promise<void>;
}

type GrowInput = CallInput<"growVolume">;

const CHUNK_BYTES = 4 * MiB;

/**
 * Growing volumes and overwriting them.
 *
 * A raw file is made longer first, beyond what its guest can see, and QEMU is told when all of it is there: a failure
 * or a cancelled call cuts off again what was added. After a crash between the two the file is longer than the guest
 * knows, and the repeated call goes on from there. Nothing is ever cut off that a guest could have written.
 */
export function createVolumeUpkeep(options: {
  readonly datastores: DatastoreService;
  readonly usersOf: (path: string) => Promise<FileUsers>;
  readonly owner: Pick<DiskOwner, "diskOf"> & LiveGrowth;
  readonly hub: EventHub;
  readonly log: Log;
}) {
  const { datastores, owner, hub, log } = options;
  const queue = new KeyedQueue();

  async function growFile(
    input: GrowInput,
    there: { path: string; sizeBytes: number },
    context: { signal: AbortSignal; progress: ProgressReporter },
  ): Promise<void> {
    const { format, provisioning } = input;
    const sizeBytes = roundUp(input.sizeBytes);
    if (there.sizeBytes >= sizeBytes) return;
    if (format === "qcow2") {
      await growImage(there.path, { format, provisioning, sizeBytes }, context.signal);
      return;
    }
    try {
      await lengthen(there.path, { from: there.sizeBytes, to: sizeBytes, provisioning }, context);
    } catch (error) {
      await truncate(there.path, there.sizeBytes);
      throw error;
    }
  }

  return {
    grow: (input: GrowInput, { signal, operationId }: CallContext): Promise<VolumeObservation> =>
      queue.run(input.volumeUuid, async () => {
        const { datastoreId, volumeUuid, format, vmUuid } = input;
        const datastore = await datastores.open(datastoreId);
        const seen = await findVolume(datastore, volumeUuid, [format]);
        if (!seen) throw volumeErrors.notFound(datastoreId, volumeUuid);
        if (seen.files.length > 1)
          throw volumeErrors.fileDiffers(volumeUuid, "base", "under snapshots", "the volume's only file");
        const path = volumeFile(datastore.path, volumeUuid, format);
        const there = { path, sizeBytes: seen.sizeBytes };
        await requireRoom(datastore, input, there.sizeBytes);
        signal.throwIfAborted();
        const progress = new ProgressReporter(hub, operationId);
        const disk = vmUuid === null ? undefined : await owner.diskOf(vmUuid, volumeUuid);
        try {
          if (vmUuid !== null && disk?.live === path) {
            if (format === "raw") await growFile(input, there, { signal, progress });
            await owner.growLive(vmUuid, disk.target, roundUp(input.sizeBytes));
          } else if (there.sizeBytes < roundUp(input.sizeBytes)) {
            const [user] = (await options.usersOf(path)).running;
            if (user !== undefined) throw volumeErrors.inUse(volumeUuid, `VM ${user}`);
            await requireFree(path, format, volumeUuid);
            await growFile(input, there, { signal, progress });
          }
        } catch (error) {
          if (isFull(error) || isNoSpace(error)) {
            const { freeBytes } = await readSpace(datastore.path);
            throw datastoreErrors.full(datastoreId, input.sizeBytes - there.sizeBytes, freeBytes, error);
          }
          if (isLocked(error)) throw volumeErrors.inUse(volumeUuid, "a running VM", error);
          throw error;
        }
        progress.report(100, "The volume has grown.");
        log.info({ datastoreId, volumeUuid, sizeBytes: input.sizeBytes }, "grew a volume");
        const grown = await findVolume(datastore, volumeUuid, [format]);
        if (!grown) throw volumeErrors.notFound(datastoreId, volumeUuid);
        return grown;
      }),

    /** Callers have made sure that no VM has it and no linked clone lies on it. */
    wipe: (input: CallInput<"wipeVolume">, { signal, operationId }: CallContext): Promise<void> =>
      queue.run(input.volumeUuid, async () => {
        const { datastoreId, volumeUuid } = input;
        const datastore = await datastores.open(datastoreId);
        const folder = volumeFolder(datastore.path, volumeUuid);
        const names = (await readdir(folder).catch(() => [])).filter(
          (name) => chainFileOf(volumeUuid, name) !== undefined || name.startsWith("memory-"),
        );
        if (names.length === 0) return;
        const progress = new ProgressReporter(hub, operationId);
        for (const [index, name] of names.entries()) {
          await overwrite(join(folder, name), signal, (part) =>
            progress.report((100 * (index + part)) / names.length, "Overwriting with zeroes."),
          );
        }
        log.info({ datastoreId, volumeUuid, files: names.length }, "overwrote a volume");
      }),
  };
}

async function requireRoom(datastore: OpenDatastore, input: GrowInput, sizeBytes: number): Promise<void> {
  const neededBytes = roundUp(input.sizeBytes) - sizeBytes;
  if (input.provisioning === "thin" || neededBytes <= 0) return;
  const space = await readSpace(datastore.path);
  const freeBytes = Math.max(space.freeBytes - reserveBytes(space), 0);
  if (neededBytes > freeBytes) throw datastoreErrors.full(datastore.datastoreId, neededBytes, freeBytes);
}

/** Normal disks get zeroes written, lazily zeroed ones blocks that read zero, thin ones nothing (STO-19). */
async function lengthen(
  path: string,
  { from, to, provisioning }: { from: number; to: number; provisioning: Provisioning },
  { signal, progress }: { signal: AbortSignal; progress: ProgressReporter },
): Promise<void> {
  if (provisioning === "thin") {
    await truncate(path, to);
    return;
  }
  if (provisioning === "lazy") {
    const range = ["--posix", "--offset", String(from), "--length", String(to - from)];
    await runLong("fallocate", [...range, path], { signal });
    return;
  }
  await using file = await open(path, "r+");
  const zeroes = Buffer.alloc(CHUNK_BYTES);
  for (let offset = from; offset < to; ) {
    signal.throwIfAborted();
    offset += await writeAll(file, zeroes.subarray(0, Math.min(CHUNK_BYTES, to - offset)), offset);
    progress.report((98 * (offset - from)) / (to - from), "Writing zeroes.");
  }
  await file.sync();
}

/** Zeroes over all that is not zero: what a file never took of its disk is not taken now. */
async function overwrite(
  path: string,
  signal: AbortSignal,
  onProgress: (part: number) => void,
): Promise<void> {
  await using file = await open(path, "r+");
  const { size } = await file.stat();
  const content = Buffer.allocUnsafe(CHUNK_BYTES);
  const zeroes = Buffer.alloc(CHUNK_BYTES);
  for (let offset = 0; offset < size; ) {
    signal.throwIfAborted();
    const { bytesRead } = await file.read(content, 0, CHUNK_BYTES, offset);
    if (bytesRead === 0) break;
    if (content.compare(zeroes, 0, bytesRead, 0, bytesRead) !== 0)
      await writeAll(file, zeroes.subarray(0, bytesRead), offset);
    offset += bytesRead;
    onProgress(offset / size);
  }
  await file.sync();
}

async function writeAll(file: FileHandle, bytes: Buffer, offset: number): Promise<number> {
  for (let done = 0; done < bytes.length; )
    done += (await file.write(bytes, done, bytes.length - done, offset + done)).bytesWritten;
  return bytes.length;
}

function isNoSpace(error: unknown): boolean {
  const code = error instanceof Error && !(error instanceof AppError) && "code" in error ? error.code : "";
  return code === "ENOSPC" || code === "EDQUOT";
}
