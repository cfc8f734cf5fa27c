import type { DiskXml } from "@sinter/libvirt";
import { CDROM_TARGET, IDE_CDROM_TARGET, SEED_TARGET } from "../vm/device-names.ts";
import type { DomainOutline } from "../vm/vm-observation.ts";

/** What QEMU reads for a drive. */
export type DriveSource =
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "nbd"; readonly socket: string };

/** Where it is; an agent before this one gave every VM one drive, in the last two places, for the settings or empty. */
const TARGETS = [CDROM_TARGET, IDE_CDROM_TARGET, SEED_TARGET];

/** The drive into which media are put, beside that of the first-boot settings. */
export function findDrive(domain: DomainOutline): DiskXml | undefined {
  for (const dev of TARGETS) {
    const drive = domain.devices?.disks?.find(
      ({ device, target }) => device === "cdrom" && target.dev === dev,
    );
    if (drive && !drive.source?.file?.includes("/seeds/")) return drive;
  }
  return undefined;
}

/** What lies in it; undefined: nothing. */
export function sourceOf(drive: DiskXml): DriveSource | undefined {
  const { source } = drive;
  if (source?.file !== undefined) return { kind: "file", path: source.file };
  const socket = source?.hosts?.[0]?.socket;
  return source?.protocol === "nbd" && socket !== undefined ? { kind: "nbd", socket } : undefined;
}

export function isSameSource(a: DriveSource | undefined, b: DriveSource | undefined): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** The drive with this in it. What libvirt noted of the former medium goes. */
export function driveWith(drive: DiskXml, source: DriveSource | undefined): DiskXml {
  const { source: _former, alias: _alias, target, ...rest } = drive;
  return {
    ...rest,
    ...sourceXml(source),
    target: { dev: target.dev, ...(target.bus === undefined ? {} : { bus: target.bus }) },
  };
}

/** The parts of a drive's XML that say what lies in it. */
export function sourceXml(source: DriveSource | undefined): Pick<DiskXml, "type" | "source"> {
  if (source === undefined) return { type: "file" };
  if (source.kind === "nbd") {
    const hosts = [{ transport: "unix" as const, socket: source.socket }];
    return { type: "network", source: { protocol: "nbd", hosts } };
  }
  // A VM whose medium is gone starts without it.
  return { type: "file", source: { file: source.path, startupPolicy: "optional" } };
}
