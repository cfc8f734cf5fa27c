import { lstat, readdir, realpath } from "node:fs/promises";
import { join } from "node:path";
import { AppError, type Log, mapLimited } from "@sinter/kit";
import type { ImageFile } from "@sinter/southbound";
import type { OpenDatastore } from "../datastore/datastore.service.ts";
import { type DiskFormatName, readImageHead } from "./qcow2-header.ts";
import { imageInfo } from "./qemu-img.ts";
import { volumeErrors } from "./volume.errors.ts";
import { imagesFolder } from "./volume-paths.ts";

/** An image that was looked at and may be copied from. */
export interface SafeImage {
  readonly path: string;
  readonly format: DiskFormatName;
  readonly virtualSizeBytes: number;
  /** Blocks that the file takes, which a thin copy of it will about take as well. */
  readonly allocatedBytes: number;
  readonly fileSizeBytes: number;
}

/** One plain file name: no folder, nothing hidden, nothing that would only look like another name. */
const NAME = /^[^./\p{C}][^/\p{C}]{0,254}$/u;
const SECTOR_BYTES = 512;
const LOOKS_AT_ONCE = 4;

/**
 * The image of that name. Images come from outside, and the agent is root: one that would draw on another file of the
 * host (a backing file, extents, a symbolic link) is refused with invalid IMAGE_UNSAFE.
 */
export async function openImage(datastore: OpenDatastore, name: string): Promise<SafeImage> {
  const folder = imagesFolder(datastore.path);
  const path = join(folder, name);
  const file = NAME.test(name) ? await lstat(path).catch(() => undefined) : undefined;
  if (!file) throw volumeErrors.imageNotFound(datastore.datastoreId, name);
  if (!file.isFile()) throw volumeErrors.imageUnsafe(name, "it is no plain file");
  if ((await realpath(path)) !== path)
    throw volumeErrors.imageUnsafe(name, "its folder leads out of the datastore");
  const { format, virtualSizeBytes } = await inspect(path, name, file.size);
  return {
    path,
    format,
    virtualSizeBytes,
    allocatedBytes: file.blocks * SECTOR_BYTES,
    fileSizeBytes: file.size,
  };
}

/** All images that could be used; others are left out, with a line in the log. */
export async function listImages(datastore: OpenDatastore, log: Log): Promise<ImageFile[]> {
  const names = await readdir(imagesFolder(datastore.path)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  const images = await mapLimited(
    names.toSorted((a, b) => a.localeCompare(b)),
    LOOKS_AT_ONCE,
    async (name) => {
      try {
        const { format, virtualSizeBytes, fileSizeBytes } = await openImage(datastore, name);
        return { name, format, virtualSizeBytes, fileSizeBytes };
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        log.info({ datastoreId: datastore.datastoreId, name, why: error.message }, "left out an image");
        return undefined;
      }
    },
  );
  return images.filter((image) => image !== undefined);
}

async function inspect(
  path: string,
  name: string,
  fileSizeBytes: number,
): Promise<Pick<SafeImage, "format" | "virtualSizeBytes">> {
  // By our own reading first, so that QEMU's tools never open what would lead them elsewhere.
  const { format, qcow2 } = await readImageHead(path);
  if (format === "vmdkDescriptor")
    throw volumeErrors.imageUnsafe(name, "it only describes where other files are");
  if (qcow2?.needsOtherFile) throw volumeErrors.imageUnsafe(name, "its content depends on another file");
  if (qcow2?.encrypted) throw volumeErrors.imageUnsafe(name, "it is encrypted");
  if (format === "raw") return { format, virtualSizeBytes: roundUp(fileSizeBytes) };
  const info = await imageInfo(path, format).catch((cause: unknown) => {
    if (cause instanceof AppError && cause.kind !== "internal") throw cause;
    throw volumeErrors.imageUnreadable(name, cause);
  });
  if (!info.selfContained) throw volumeErrors.imageUnsafe(name, "its content depends on another file");
  return { format, virtualSizeBytes: info.virtualSizeBytes };
}

/** Disks are whole sectors. */
export function roundUp(bytes: number): number {
  return Math.ceil(bytes / SECTOR_BYTES) * SECTOR_BYTES;
}
