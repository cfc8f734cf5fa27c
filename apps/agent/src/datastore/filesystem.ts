import { access, constants, open, rm, statfs } from "node:fs/promises";
import { join } from "node:path";
import { MiB } from "@sinter/kit";

export interface Space {
  readonly capacityBytes: number;
  readonly freeBytes: number;
}

/** Part of a datastore that is left for what running VMs still write, and the most it ever is. */
const RESERVE_PART = 0.02;
const RESERVE_BYTES_MAX = 256 * MiB;

export async function readSpace(path: string): Promise<Space> {
  const { bsize, blocks, bavail } = await statfs(path);
  return { capacityBytes: bsize * blocks, freeBytes: bsize * bavail };
}

/** What new volumes may not touch. */
export function reserveBytes({ capacityBytes }: Space): number {
  return Math.min(RESERVE_BYTES_MAX, Math.floor(capacityBytes * RESERVE_PART));
}

export async function isWritable(path: string): Promise<boolean> {
  return await access(path, constants.W_OK).then(
    () => true,
    () => false,
  );
}

/** Whether files there can be opened past the page cache, which QEMU's cache mode "none" needs. */
export async function hasDirectIo(directory: string): Promise<boolean> {
  const path = join(directory, `.sinter-direct-${process.pid}-${performance.now()}`);
  try {
    const file = await open(
      path,
      constants.O_CREAT | constants.O_EXCL | constants.O_RDWR | constants.O_DIRECT,
      0o600,
    );
    await file.close();
    return true;
  } catch {
    return false; // refused with EINVAL; or the directory cannot be written, and then it does not matter
  } finally {
    await rm(path, { force: true }).catch(() => {});
  }
}

/** Not to be stalled by a file system that no longer answers (an NFS server that is gone). */
export async function within<T>(timeoutMs: number, work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}
