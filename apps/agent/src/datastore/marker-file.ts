import { randomBytes, randomUUID } from "node:crypto";
import { link, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

/**
 * `.sinter-datastore` in a datastore's root says which datastore this file system is. It keeps two paths from passing
 * as one datastore, and an unmounted one (an empty directory on the root disk) from being written to.
 */
export interface Marker {
  readonly datastoreId: string;
  /** Random; the same on every host that has the same file system mounted. */
  readonly markerId: string;
}

const FILE = ".sinter-datastore";

/** Undefined when there is none, or when it cannot be understood. Throws what the file system says otherwise. */
export async function readMarker(directory: string): Promise<Marker | undefined> {
  let text: string;
  try {
    text = await readFile(join(directory, FILE), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  try {
    const { datastoreId, markerId } = JSON.parse(text) as Partial<Marker>; // checked below
    return typeof datastoreId === "string" && typeof markerId === "string"
      ? { datastoreId, markerId }
      : undefined;
  } catch {
    return undefined;
  }
}

/** Removes the marker of this datastore; another's stays. Forgives that it, or the directory, is gone. */
export async function eraseMarker(directory: string, datastoreId: string): Promise<void> {
  if ((await readMarker(directory))?.datastoreId === datastoreId) {
    await rm(join(directory, FILE), { force: true });
  }
}

/** Writes one unless there is one, and answers with what then is. Two hosts may do this at the same time. */
export async function ensureMarker(directory: string, datastoreId: string): Promise<Marker> {
  const there = await readMarker(directory);
  if (there) return there;
  const marker = { datastoreId, markerId: randomUUID() };
  const draft = join(directory, `${FILE}.${randomBytes(6).toString("hex")}`);
  await writeFile(draft, `${JSON.stringify(marker)}\n`, { flag: "wx", flush: true, mode: 0o644 });
  try {
    // A link never replaces what is there, unlike a rename: the first of two hosts wins.
    await link(draft, join(directory, FILE));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    await rm(draft, { force: true });
  }
  const written = await readMarker(directory);
  if (!written) throw new Error("there is a marker file that cannot be understood");
  return written;
}
