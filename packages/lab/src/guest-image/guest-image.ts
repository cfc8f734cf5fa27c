import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { readIfThere, run, writeFileAtomic } from "@sinter/kit";
import { withFileLock } from "../file-lock.ts";
import { buildBootDisk } from "./boot-disk.ts";
import { buildRootTree } from "./root-tree.ts";

export interface GuestImage {
  /** A qcow2 file, to be used as a backing file or copied, never written to. */
  readonly path: string;
  readonly sizeBytes: number;
  readonly virtualSizeBytes: number;
  /** Of the file. */
  readonly sha256: string;
  /** Names recipe and packages together: equal versions behave alike. */
  readonly version: string;
  /** What it was built from, as NAME_VERSION_ARCHITECTURE. */
  readonly packages: readonly string[];
}

export interface GuestImageOptions {
  /** Default /var/cache/sinter. */
  readonly cacheDir?: string;
  /** Told what is being done, in a few words each. */
  readonly onProgress?: (step: string) => void;
}

const CACHE_DIR = "/var/cache/sinter";

/**
 * A small Linux guest that boots from its disk in seconds even when emulated: DHCP on every NIC, QEMU guest agent,
 * power button, consoles on ttyS0 and VGA, NoCloud seed. Nobody can log in until a seed or the guest agent sets a
 * password: there is no default one. It writes "GUEST READY" on its console when it is up.
 *
 * Built from Debian's packages on first use, then kept: once for each recipe, however many ask at once.
 */
export async function ensureGuestImage(options: GuestImageOptions = {}): Promise<GuestImage> {
  const cacheDir = options.cacheDir ?? CACHE_DIR;
  const recipe = await recipeHash();
  const record = join(cacheDir, `guest-${recipe}.json`);
  const there = await readImage(record);
  if (there !== undefined) return there;
  await mkdir(cacheDir, { recursive: true });
  return await withFileLock(join(cacheDir, "guest-image.lock"), async () => {
    const meanwhile = await readImage(record);
    if (meanwhile !== undefined) return meanwhile;
    const work = await mkdtemp(join(cacheDir, "guest-build-"));
    try {
      return await build(work, cacheDir, recipe, record, options.onProgress ?? (() => {}));
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  });
}

async function build(
  work: string,
  cacheDir: string,
  recipe: string,
  record: string,
  onProgress: (step: string) => void,
): Promise<GuestImage> {
  const tree = await buildRootTree(work, onProgress);
  onProgress("guest image: writing the disk");
  const disk = await buildBootDisk(work, tree);
  const path = join(cacheDir, `guest-${recipe}.qcow2`);
  await rename(disk, path);
  const info = JSON.parse((await run("qemu-img", ["info", "--output=json", path])).stdout) as {
    "virtual-size": number;
  };
  const version = createHash("sha256").update(recipe).update(tree.packages.join("\n")).digest("hex");
  const image: GuestImage = {
    path,
    sizeBytes: (await stat(path)).size,
    virtualSizeBytes: info["virtual-size"],
    sha256: await fileHash(path),
    version: version.slice(0, 12),
    packages: tree.packages,
  };
  await writeFileAtomic(record, `${JSON.stringify(image, undefined, 2)}\n`, 0o644);
  return image;
}

async function readImage(record: string): Promise<GuestImage | undefined> {
  const text = await readIfThere(record);
  if (text === undefined) return undefined;
  const image = JSON.parse(text) as GuestImage;
  const size = (await stat(image.path).catch(() => undefined))?.size;
  return size === image.sizeBytes ? image : undefined;
}

/** Over everything here that decides what comes out: the builder and the guest's files, with their modes. */
async function recipeHash(): Promise<string> {
  const dir = fileURLToPath(new URL(".", import.meta.url));
  const names = (await readdir(dir, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && !entry.name.endsWith(".test.ts"))
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted();
  const hash = createHash("sha256");
  for (const name of names) {
    hash
      .update(`${name.slice(dir.length)}\n${(await stat(name)).mode & 0o100}\n`)
      .update(await readFile(name));
  }
  return hash.digest("hex").slice(0, 12);
}

async function fileHash(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}
