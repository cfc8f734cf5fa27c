import { join } from "node:path";
import { volumeFolder } from "../volume/volume-paths.ts";

/** A lockspace, and a lease: what sanlock needs for as many hosts as there may be, with sectors of 512 bytes. */
export const AREA_BYTES = 1024 * 1024;

/** One file per datastore, in which every host keeps its place alive. */
export function lockspaceFile(datastorePath: string): string {
  return join(datastorePath, ".sinter-lockspace");
}

/** One file per volume, beside what it guards: it comes and goes with the volume's folder. */
export function leaseFile(datastorePath: string, volumeUuid: string): string {
  return join(volumeFolder(datastorePath, volumeUuid), "lease");
}

/**
 * As sanlock takes it in arguments: `lockspace:host:path:offset`, or `lockspace:resource:path:offset`. The lockspace is
 * called by the datastore's marker, which is the same on every host and no other datastore's.
 */
export function sanlockPlace(lockspace: string, name: string | number, path: string): string {
  return `${lockspace}:${name}:${path.replaceAll("\\", "\\\\").replaceAll(":", "\\:")}:0`;
}
