import { link, mkdir, open, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { partFile } from "../volume/volume-paths.ts";
import { AREA_BYTES } from "./lease-paths.ts";
import { type AreaPlace, writeArea } from "./sanlock.ts";

/**
 * Makes the file of a lockspace or lease unless it is there. It is written under this host's name and then linked: of
 * two hosts the first wins, and nobody ever sees, or overwrites, one that is in use.
 */
export async function ensureArea(
  kind: "lockspace" | "lease",
  place: AreaPlace,
  hostUuid: string,
): Promise<void> {
  const { path } = place;
  if (await isThere(path)) return;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const part = partFile(path, hostUuid);
  await rm(part, { force: true });
  try {
    const file = await open(part, "wx", 0o600);
    try {
      await file.truncate(AREA_BYTES);
    } finally {
      await file.close();
    }
    await writeArea(kind, { ...place, path: part });
    await link(part, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
  } finally {
    await rm(part, { force: true });
  }
}

export async function isThere(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}
