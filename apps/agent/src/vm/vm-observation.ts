import type { DomainStatus, DomainXml } from "@sinter/libvirt";
import type {
  CdromObservation,
  GuestObservation,
  VmObservation,
  VmPower,
  VncEndpoint,
} from "@sinter/southbound";
import { volumeOfPath } from "../volume/volume-paths.ts";
import { readMetadata } from "./vm-metadata.ts";

/** The parts of a definition that observations and most decisions need; see DomainOutlineCache. */
export type DomainOutline = Pick<
  DomainXml,
  "name" | "title" | "metadata" | "memoryKiB" | "currentMemoryKiB" | "vcpu"
> & {
  devices?:
    | Pick<NonNullable<DomainXml["devices"]>, "disks" | "interfaces" | "channels" | "graphics" | "leases">
    | undefined;
};

/** What libvirt said about one domain at one time. */
export interface SeenDomain {
  readonly uuid: string;
  readonly status: DomainStatus;
  readonly hasSavedMemory: boolean;
  /** As it is now: of the running VM, if it runs. */
  readonly current: DomainOutline;
  /** As it will be at the next start. */
  readonly stored: DomainOutline;
}

/** What is, in the contract's words. Pure. */
export function observationOf(
  seen: SeenDomain,
  known: {
    readonly guest: GuestObservation | null;
    /** Its open gate. */
    readonly vnc: VncEndpoint | null;
    readonly cdrom: CdromObservation | null;
  },
): VmObservation {
  const { current } = seen;
  const power = powerOf(seen);
  const running = isUp(power);
  return {
    vmUuid: seen.uuid,
    domainName: current.name,
    title: current.title ?? null,
    generation: readMetadata(seen.stored)?.generation ?? null,
    power,
    reason: seen.status.reason,
    cpuCount: current.vcpu?.current ?? current.vcpu?.count ?? 1,
    memoryMiB: Math.round((current.currentMemoryKiB ?? current.memoryKiB) / 1024),
    disks: disksOf(current),
    nics: (current.devices?.interfaces ?? []).map(({ mac, target }) => ({
      mac: mac?.address ?? "",
      device: running ? (target?.dev ?? null) : null,
    })),
    vnc: running ? known.vnc : null,
    cdrom: known.cdrom,
    guest: running ? known.guest : null,
  };
}

export function powerOf({ status, hasSavedMemory }: Pick<SeenDomain, "status" | "hasSavedMemory">): VmPower {
  switch (status.state) {
    case "running":
    case "blocked":
      return "running";
    case "paused":
    case "pmSuspended":
      return "paused";
    case "shuttingDown":
      return "stopping";
    case "crashed":
      return "crashed";
    case "shutoff":
    case "none":
    default:
      return hasSavedMemory ? "hibernated" : "stopped";
  }
}

/** Whether a QEMU process stands behind the VM. */
export function isUp(power: VmPower): boolean {
  return power !== "stopped" && power !== "hibernated";
}

function disksOf(domain: DomainOutline): VmObservation["disks"] {
  const disks = (domain.devices?.disks ?? []).filter(
    ({ device }) => device !== "cdrom" && device !== "floppy",
  );
  const ours = new Map(readMetadata(domain)?.disks.map(({ target, volumeUuid }) => [target, volumeUuid]));
  return disks.map(({ target, source }) => {
    const path = source?.file ?? source?.dev ?? null;
    const volumeUuid = ours.get(target.dev) ?? (path === null ? undefined : volumeOfPath(path)?.volumeUuid);
    return { volumeUuid: volumeUuid ?? null, target: target.dev, source: path };
  });
}
