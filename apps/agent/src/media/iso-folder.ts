import { lstat, readdir, realpath, rm } from "node:fs/promises";
import { join } from "node:path";
import { mapLimited } from "@sinter/kit";
import { type CdromObservation, type IsoFile, IsoName } from "@sinter/southbound";
import { Compile } from "typebox/compile";
import type { OpenDatastore } from "../datastore/datastore.service.ts";
import type { FileUsers } from "../volume/volume.service.ts";
import { mediaErrors } from "./media.errors.ts";

/*
 * ISO files lie in a datastore's `isos` folder under the name that people see, beside the half-received ones
 * (`<upload>.part`, see iso-upload.ts). An administrator may copy files there by hand.
 */

const name = Compile(IsoName);
const LOOKS_AT_ONCE = 8;

export function isosFolder(datastorePath: string): string {
  return join(datastorePath, "isos");
}

/** ISO files that could be put into a drive; what has another kind of name, or is no plain file, is left out. */
export async function listIsos(datastore: OpenDatastore): Promise<IsoFile[]> {
  const names = await readdir(isosFolder(datastore.path)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  const files = await mapLimited(
    names.filter((each) => name.Check(each)).toSorted((a, b) => a.localeCompare(b)),
    LOOKS_AT_ONCE,
    async (each): Promise<IsoFile | undefined> => {
      const file = await findIso(datastore, each);
      return file && { name: each, sizeBytes: file.sizeBytes, modifiedAt: file.modifiedAt };
    },
  );
  return files.filter((file) => file !== undefined);
}

/**
 * A file of that name, for QEMU to open as root might: a symbolic link, which could lead to any file of the host, is
 * none, nor is one in a folder that leads out of the datastore.
 */
export async function findIso(
  datastore: OpenDatastore,
  isoName: string,
): Promise<{ path: string; sizeBytes: number; modifiedAt: number } | undefined> {
  if (!name.Check(isoName)) return undefined;
  const path = join(isosFolder(datastore.path), isoName);
  const file = await lstat(path).catch(() => undefined);
  if (!file?.isFile() || (await realpath(path)) !== path) return undefined;
  return { path, sizeBytes: file.size, modifiedAt: Math.floor(file.mtimeMs) };
}

/** Throws `conflict` ISO_IN_USE while a VM of this host has it; forgives absence. */
export async function removeIso(
  datastore: OpenDatastore,
  isoName: string,
  usersOf: (path: string) => Promise<FileUsers>,
): Promise<void> {
  const file = await findIso(datastore, isoName);
  if (!file) return;
  const { all } = await usersOf(file.path);
  if (all.length > 0) throw mediaErrors.isoInUse(isoName, all);
  await rm(file.path, { force: true });
}

/** The ISO file that a path is, seen from the datastores of this host. */
export function isoOfPath(
  path: string,
  datastores: readonly { readonly datastoreId: string; readonly path: string }[],
): Extract<CdromObservation, { kind: "iso" }> | undefined {
  for (const datastore of datastores) {
    const folder = `${isosFolder(datastore.path)}/`;
    if (path.startsWith(folder))
      return { kind: "iso", datastoreId: datastore.datastoreId, name: path.slice(folder.length) };
  }
  return undefined;
}
