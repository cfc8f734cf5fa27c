import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { chmod, type FileHandle, mkdir, open, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { KeyedQueue, type Log } from "@sinter/kit";
import { datastoreErrors } from "../datastore/datastore.errors.ts";
import type { DatastoreService, OpenDatastore } from "../datastore/datastore.service.ts";
import { readSpace, reserveBytes } from "../datastore/filesystem.ts";
import { findIso, isosFolder } from "./iso-folder.ts";
import { mediaErrors } from "./media.errors.ts";

export type IsoUploads = ReturnType<typeof createIsoUploads>;

/**
 * ISO files that are on their way: pieces are appended to `isos/<upload>.part`, each on disk before it is answered, and
 * a complete one gets its name by a rename. What there is of an upload is the length of its file, so that nothing has
 * to be remembered.
 *
 * | at the same time              | what makes it safe                                                        |
 * | ----------------------------- | ------------------------------------------------------------------------- |
 * | two pieces, piece and finish  | one at a time per upload                                                    |
 * | two uploads to one name       | one at a time per datastore, and the second finds the name taken            |
 * | VMs that write, an upload     | both are refused at the end of the disk; pieces end before, at its reserve  |
 */
export function createIsoUploads(options: { readonly datastores: DatastoreService; readonly log: Log }) {
  const { datastores, log } = options;
  const queue = new KeyedQueue();
  const partOf = (datastore: OpenDatastore, uploadId: string): string =>
    join(isosFolder(datastore.path), `${uploadId}.part`);
  const inTurn = <T>(datastoreId: string, uploadId: string, work: () => Promise<T>): Promise<T> =>
    queue.run(`${datastoreId} ${uploadId}`, work);

  return {
    ensure: (datastoreId: string, uploadId: string, sizeBytes: number): Promise<number> =>
      inTurn(datastoreId, uploadId, async () => {
        const datastore = await datastores.open(datastoreId);
        const part = partOf(datastore, uploadId);
        const receivedBytes = await sizeOf(part);
        await requireRoom(datastore, sizeBytes - receivedBytes);
        // QEMU goes through it as its own user, whatever the agent's umask says.
        if (await mkdir(isosFolder(datastore.path), { recursive: true }))
          await chmod(isosFolder(datastore.path), 0o755);
        // So that a folder that cannot be written is found now.
        await (await open(part, "a", 0o600)).close();
        return receivedBytes;
      }),

    /** Answers how many bytes are there then. */
    write: (datastoreId: string, uploadId: string, offset: number, data: Uint8Array): Promise<number> =>
      inTurn(datastoreId, uploadId, async () => {
        const datastore = await datastores.open(datastoreId);
        const part = partOf(datastore, uploadId);
        const before = await sizeOf(part);
        if (offset > before)
          throw mediaErrors.uploadGap(uploadId, before, `none can be written at ${offset} yet`);
        const growth = Math.max(offset + data.length - before, 0);
        await requireRoom(datastore, growth);
        try {
          await using file = await openFile(part);
          await writeAt(file.handle, data, offset);
          await file.handle.datasync();
        } catch (error) {
          const { code } = error as NodeJS.ErrnoException;
          if (code !== "ENOSPC" && code !== "EDQUOT") throw error;
          throw datastoreErrors.full(datastoreId, growth, (await readSpace(datastore.path)).freeBytes, error);
        }
        return before + growth;
      }),

    /** Answers the SHA-256 of the file. */
    finish: (
      datastoreId: string,
      uploadId: string,
      { name, sizeBytes }: { name: string; sizeBytes: number },
    ): Promise<string> =>
      inTurn(datastoreId, uploadId, async () => {
        const datastore = await datastores.open(datastoreId);
        const part = partOf(datastore, uploadId);
        const finished = join(isosFolder(datastore.path), name);
        const received = await stat(part).catch(() => undefined);
        if (received === undefined) {
          // A former call did it, and its answer was lost.
          const there = await findIso(datastore, name);
          if (there?.sizeBytes === sizeBytes) return await hashOf(finished);
        }
        if (received?.size !== sizeBytes)
          throw mediaErrors.uploadGap(uploadId, received?.size ?? 0, `it is not complete with ${sizeBytes}`);
        const sha256 = await hashOf(part);
        await queue.run(datastoreId, async () => {
          if (await stat(finished).catch(() => undefined)) throw mediaErrors.isoExists(datastoreId, name);
          await using file = await openFile(part);
          // QEMU reads it as its own user.
          await file.handle.chmod(0o644);
          await file.handle.sync();
          await rename(part, finished);
        });
        await flushFolder(isosFolder(datastore.path));
        log.info({ datastoreId, name, sizeBytes, sha256 }, "received an ISO file");
        return sha256;
      }),

    remove: (datastoreId: string, uploadId: string): Promise<void> =>
      inTurn(datastoreId, uploadId, async () => {
        const datastore = await datastores.open(datastoreId);
        await rm(partOf(datastore, uploadId), { force: true });
      }),
  };
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0;
}

/** Throws `exhausted` DATASTORE_FULL when so many bytes more would touch what running VMs may still need. */
async function requireRoom(datastore: OpenDatastore, bytes: number): Promise<void> {
  const space = await readSpace(datastore.path);
  const freeBytes = Math.max(space.freeBytes - reserveBytes(space), 0);
  if (bytes > freeBytes) throw datastoreErrors.full(datastore.datastoreId, bytes, freeBytes);
}

async function openFile(path: string): Promise<{ handle: FileHandle } & AsyncDisposable> {
  const handle = await open(path, "r+");
  return { handle, [Symbol.asyncDispose]: () => handle.close() };
}

async function writeAt(file: FileHandle, data: Uint8Array, offset: number): Promise<void> {
  for (let done = 0; done < data.length; ) {
    const { bytesWritten } = await file.write(data, done, data.length - done, offset + done);
    done += bytesWritten;
  }
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path, { highWaterMark: 1024 * 1024 }), hash);
  return hash.digest("hex");
}

async function flushFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
