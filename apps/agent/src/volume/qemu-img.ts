import { AppError } from "@sinter/kit";
import type { DiskFormat, Provisioning } from "@sinter/southbound";
import { runLong, runProgram } from "../programs.ts";

/** qemu-img, with the format of every file named: it never guesses one. Files in use by a running VM are refused by QEMU's own locks. */

export interface ImageInfo {
  readonly virtualSizeBytes: number;
  /** Whether the content is all in this one file, unencrypted. */
  readonly selfContained: boolean;
}

const INFO_MS_MAX = 30_000;

/** QEMU's word for how blocks are given out. */
const PREALLOCATION = { thin: "off", lazy: "falloc", thick: "full" } as const satisfies Record<
  Provisioning,
  string
>;

export async function createImage(
  path: string,
  options: { format: DiskFormat; sizeBytes: number; provisioning: Provisioning },
  signal: AbortSignal,
): Promise<void> {
  const preallocation = `preallocation=${PREALLOCATION[options.provisioning]}`;
  await runLong(
    "qemu-img",
    ["create", "-q", "-f", options.format, "-o", preallocation, path, String(options.sizeBytes)],
    { signal },
  );
}

export async function convertImage(
  source: { path: string; format: string },
  target: { path: string; format: DiskFormat; provisioning: Provisioning },
  options: {
    signal: AbortSignal;
    onProgress: (percent: number) => void;
    bytesPerSec?: number | undefined;
  },
): Promise<void> {
  await runLong(
    "qemu-img",
    [
      "convert",
      "-p",
      ...(options.bytesPerSec === undefined ? [] : ["-r", String(options.bytesPerSec)]),
      "-f",
      source.format,
      "-O",
      target.format,
      "-o",
      `preallocation=${PREALLOCATION[target.provisioning]}`,
      source.path,
      target.path,
    ],
    {
      signal: options.signal,
      onOutput: (text) => {
        const percent = lastPercent(text);
        if (percent !== undefined) options.onProgress(percent);
      },
    },
  );
}

/**
 * An empty qcow2 upon another file, which is named as given and not opened: a running VM may have it. The size is that
 * of the file below, which only the caller knows.
 */
export async function createOverlay(
  path: string,
  below: { name: string; format: DiskFormat },
  sizeBytes: number,
  signal: AbortSignal,
): Promise<void> {
  await runLong(
    "qemu-img",
    ["create", "-q", "-u", "-f", "qcow2", "-b", below.name, "-F", below.format, path, String(sizeBytes)],
    { signal },
  );
}

/** Writes an overlay's content into the file right below it, grown when the overlay is larger. The overlay stays as it is. */
export async function commitOverlay(
  path: string,
  options: { signal: AbortSignal; onProgress: (percent: number) => void },
): Promise<void> {
  await runLong("qemu-img", ["commit", "-d", "-p", "-f", "qcow2", path], {
    signal: options.signal,
    onOutput: (text) => {
      const percent = lastPercent(text);
      if (percent !== undefined) options.onProgress(percent);
    },
  });
}

/** Changes the name of the file below and nothing else: right only when both files read the same. */
export async function renameBacking(
  path: string,
  below: { name: string; format: DiskFormat },
  signal: AbortSignal,
): Promise<void> {
  await runLong(
    "qemu-img",
    ["rebase", "-q", "-u", "-f", "qcow2", "-b", below.name, "-F", below.format, path],
    { signal },
  );
}

export async function growImage(
  path: string,
  options: { format: DiskFormat; sizeBytes: number; provisioning: Provisioning },
  signal: AbortSignal,
): Promise<void> {
  const preallocation = `--preallocation=${PREALLOCATION[options.provisioning]}`;
  await runLong(
    "qemu-img",
    ["resize", "-q", "-f", options.format, preallocation, path, String(options.sizeBytes)],
    { signal },
  );
}

/** Throws `conflict` IMAGE_LOCKED when a running VM writes to it. */
export async function imageInfo(path: string, format: string): Promise<ImageInfo> {
  const { stdout } = await runProgram("qemu-img", ["info", "--output=json", "-f", format, path], {
    timeoutMs: INFO_MS_MAX,
  }).catch((error: unknown) => {
    throw isLocked(error)
      ? new AppError("conflict", "IMAGE_LOCKED", `${path} is in use.`, { cause: error })
      : error;
  });
  return readInfo(stdout, path);
}

/** QEMU holds a lock on every file it writes to, also one that another host runs, as far as the file system carries locks. */
export function isLocked(error: unknown): boolean {
  return (
    error instanceof AppError &&
    /Failed to get (shared )?"?[a-z ]+"? lock|Is another process using the image/.test(error.message)
  );
}

export function isFull(error: unknown): boolean {
  return error instanceof AppError && /No space left on device|Disk quota exceeded/i.test(error.message);
}

export function readInfo(json: string, path: string): ImageInfo {
  const info = JSON.parse(json) as QemuImgInfo;
  const data = info["format-specific"]?.data ?? {};
  // A VMDK names the files of its extents, which may be any file of the host.
  const others = (data.extents ?? []).filter(({ filename }) => filename !== path);
  return {
    virtualSizeBytes: info["virtual-size"],
    selfContained:
      info["backing-filename"] === undefined &&
      info["full-backing-filename"] === undefined &&
      data["data-file"] === undefined &&
      others.length === 0 &&
      info.encrypted !== true,
  };
}

interface QemuImgInfo {
  readonly "virtual-size": number;
  readonly "backing-filename"?: string;
  readonly "full-backing-filename"?: string;
  readonly encrypted?: boolean;
  readonly "format-specific"?: {
    readonly data?: {
      readonly "data-file"?: string;
      readonly extents?: readonly { readonly filename: string }[];
    };
  };
}

/** `convert -p` prints "    (12.34/100%)" over and over on one line. */
export function lastPercent(text: string): number | undefined {
  const found = [...text.matchAll(/\((\d+(?:\.\d+)?)\/100%\)/g)].at(-1)?.[1];
  return found === undefined ? undefined : Number(found);
}
