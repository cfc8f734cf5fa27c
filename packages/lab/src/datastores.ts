import { mkdir, open, rename, rm, stat, statfs, truncate } from "node:fs/promises";
import { join } from "node:path";
import { AppError, MiB, run } from "@sinter/kit";
import { withFileLock } from "./file-lock.ts";
import { bindDatastore, mountDatastore } from "./host-filesystem.ts";
import type { DatastoreState } from "./lab-state.ts";
import type { Box } from "./namespace-box.ts";

/** Below this ext4 has no room worth the name. */
const SIZE_BYTES_MIN = 16 * MiB;
const FILLER = ".lab-filler";

/** STATE/datastores: a directory NAME for each, or an image NAME.img with a file system of its own. */
export const datastoresDir = (stateDir: string): string => join(stateDir, "datastores");

/** Makes a datastore's directory or image. Idempotent; an image keeps the size it has. */
export async function createDatastore(stateDir: string, store: DatastoreState): Promise<void> {
  const { id, sizeBytes } = store;
  const path = join(datastoresDir(stateDir), id);
  if (sizeBytes === undefined) {
    await mkdir(path, { recursive: true });
    return;
  }
  if (sizeBytes < SIZE_BYTES_MIN) {
    throw new AppError(
      "invalid",
      "LAB_DATASTORE_SIZE",
      `The datastore ${id} needs at least ${SIZE_BYTES_MIN} bytes.`,
    );
  }
  await mkdir(datastoresDir(stateDir), { recursive: true });
  if ((await stat(`${path}.img`).catch(() => undefined)) !== undefined) return;
  const unfinished = `${path}.img.new`;
  await rm(unfinished, { force: true });
  await (await open(unfinished, "wx", 0o600)).close();
  await truncate(unfinished, sizeBytes);
  const options = ["-q", "-F", "-m", "0", "-E", "nodiscard,root_owner=0:0"];
  await run("mkfs.ext4", [...options, unfinished]);
  await rename(unfinished, `${path}.img`);
}

/** Gives a running host its view of the datastore. Idempotent. */
export async function attachDatastore(stateDir: string, store: DatastoreState, box: Box): Promise<void> {
  if (store.sizeBytes === undefined) {
    await bindDatastore(box, store.name, store.id);
    return;
  }
  const image = join(datastoresDir(stateDir), `${store.id}.img`);
  await withFileLock(join(stateDir, "loops.lock"), async () => {
    const device = await loopDevice(image);
    try {
      await mountDatastore(box, store.name, device);
    } finally {
      // From here on the device goes by itself when the last host has let go of it, however that happens.
      await run("losetup", ["--detach", device]);
    }
  });
}

/** Leaves `leaveBytes` of room. `mountedAt` is the datastore as seen from here, by way of a host that is on. */
export async function fillDatastore(mountedAt: string, leaveBytes: number): Promise<void> {
  const path = join(mountedAt, FILLER);
  const room = (await freeBytes(mountedAt)) - leaveBytes;
  // The bulk at once; the rest in pieces, since what a file system needs for itself cannot be computed.
  if (room > 8 * MiB) await run("fallocate", ["--length", String(room - 4 * MiB), path]);
  const file = await open(path, "a", 0o600);
  try {
    const piece = Buffer.alloc(64 * 1024);
    while ((await freeBytes(mountedAt)) > leaveBytes) {
      await file.write(piece);
      await file.sync();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
  } finally {
    await file.close();
  }
}

export async function unfillDatastore(mountedAt: string): Promise<void> {
  await rm(join(mountedAt, FILLER), { force: true });
}

async function freeBytes(path: string): Promise<number> {
  const { bavail, bsize } = await statfs(path);
  return bavail * bsize;
}

/** The block device over an image: the one that hosts already use, so that they share its file system, or a new one. */
async function loopDevice(image: string): Promise<string> {
  const { stdout } = await run("losetup", ["--noheadings", "--output", "NAME", "--associated", image]);
  const there = stdout.trim().split("\n")[0];
  if (there !== undefined && there !== "") return there;
  return (await run("losetup", ["--find", "--show", image])).stdout.trim();
}
