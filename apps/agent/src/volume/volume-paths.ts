import { join } from "node:path";
import type { DiskFormat, VolumeFile } from "@sinter/southbound";

/**
 * Where things are in a datastore:
 *
 *     volumes/<uuid>/<uuid>.qcow2 | .raw           a finished volume
 *     volumes/<uuid>/<uuid>.<format>.part-<host>   one that this host is making
 *     volumes/<uuid>/delta-<n>.qcow2               an overlay that a snapshot put upon it; parts as above
 *     volumes/<uuid>/memory-<snapshot>             what a snapshot kept of a VM's memory
 *     images/<name>                                what volumes may start from
 *     vms/<vmId>/<vmId>.xml                        description of a VM (CMP-31)
 *
 * A half-made volume carries its host, since on a shared datastore each host tidies up after itself alone.
 */
export const FORMATS = ["qcow2", "raw"] as const satisfies readonly DiskFormat[];

export function volumeFolder(datastorePath: string, volumeUuid: string): string {
  return join(datastorePath, "volumes", volumeUuid);
}

export function volumeFile(datastorePath: string, volumeUuid: string, format: DiskFormat): string {
  return join(datastorePath, relativeVolumeFile(volumeUuid, format));
}

/** For people, and for the contract: below the datastore. */
export function relativeVolumeFile(volumeUuid: string, format: DiskFormat): string {
  return `volumes/${volumeUuid}/${volumeUuid}.${format}`;
}

/** Path of one of its files, by the contract's name. */
export function chainFile(
  datastorePath: string,
  { volumeUuid, format }: { volumeUuid: string; format: DiskFormat },
  file: VolumeFile,
): string {
  return join(volumeFolder(datastorePath, volumeUuid), chainFileName(volumeUuid, format, file));
}

/** What an overlay names as the file below it: files of a volume lie side by side, wherever the datastore is mounted. */
export function chainFileName(volumeUuid: string, format: DiskFormat, file: VolumeFile): string {
  return file === "base" ? `${volumeUuid}.${format}` : `${file}.qcow2`;
}

/** The contract's name of a file in a volume's folder; undefined for any other file there. */
export function chainFileOf(volumeUuid: string, name: string): VolumeFile | undefined {
  if (FORMATS.some((format) => name === `${volumeUuid}.${format}`)) return "base";
  return /^(delta-[0-9a-f]{12})\.qcow2$/.exec(name)?.[1];
}

/** What the base of a linked clone names as the file below it. */
export function linkedBaseName(volumeUuid: string, format: DiskFormat): string {
  return `../${volumeUuid}/${volumeUuid}.${format}`;
}

export function memoryFile(datastorePath: string, volumeUuid: string, snapshotUuid: string): string {
  return join(volumeFolder(datastorePath, volumeUuid), `memory-${snapshotUuid}`);
}

export function partFile(finished: string, hostUuid: string): string {
  return `${finished}.part-${hostUuid}`;
}

export function isPartOf(name: string, hostUuid: string): boolean {
  return name.endsWith(`.part-${hostUuid}`);
}

const VOLUME_PATH =
  /\/volumes\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\/(?:\1\.(?:qcow2|raw)|delta-[0-9a-f]{12}\.qcow2)$/;

/** The volume that a disk's file is, if it is one of ours. */
export function volumeOfPath(path: string): { volumeUuid: string; datastorePath: string } | undefined {
  const match = VOLUME_PATH.exec(path);
  return match?.[1] === undefined
    ? undefined
    : { volumeUuid: match[1], datastorePath: path.slice(0, match.index) };
}

export function imagesFolder(datastorePath: string): string {
  return join(datastorePath, "images");
}

export function descriptionFile(datastorePath: string, vmId: string): string {
  return join(datastorePath, "vms", vmId, `${vmId}.xml`);
}
