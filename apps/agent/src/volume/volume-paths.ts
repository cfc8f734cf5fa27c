import { join } from "node:path";
import type { DiskFormat } from "@sinter/southbound";

/**
 * Where things are in a datastore:
 *
 *     volumes/<uuid>/<uuid>.qcow2 | .raw           a finished volume
 *     volumes/<uuid>/<uuid>.<format>.part-<host>   one that this host is making
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

export function partFile(finished: string, hostUuid: string): string {
  return `${finished}.part-${hostUuid}`;
}

export function isPartOf(name: string, hostUuid: string): boolean {
  return name.endsWith(`.part-${hostUuid}`);
}

const VOLUME_PATH = /\/volumes\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\/\1\.(qcow2|raw)$/;

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
