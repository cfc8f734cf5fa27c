import type { Log } from "@sinter/kit";
import { buildDeviceXml, DEVICE, type DiskXml, isLibvirtError } from "@sinter/libvirt";
import type { CdromMedium, CdromObservation } from "@sinter/southbound";
import type { DatastoreService } from "../datastore/datastore.service.ts";
import { translated } from "../libvirt/libvirt-errors.ts";
import type { LibvirtLink } from "../libvirt/libvirt-link.ts";
import type { DomainReader } from "../vm/domain-reader.ts";
import { type DomainOutline, isUp, powerOf } from "../vm/vm-observation.ts";
import type { BrowserMedia } from "./browser-media.ts";
import { type DriveSource, driveWith, findDrive, isSameSource, sourceOf } from "./cdrom-drive.ts";
import { findIso, isoOfPath } from "./iso-folder.ts";
import { mediaErrors } from "./media.errors.ts";
import { whileTrayStaysOpen } from "./tray.ts";

export type MediaService = ReturnType<typeof createMediaService>;

/** What lies in VMs' CD drives. Callers run one change at a time per VM. */
export function createMediaService(options: {
  readonly libvirt: LibvirtLink;
  readonly reader: DomainReader;
  readonly datastores: DatastoreService;
  readonly browsers: BrowserMedia;
  readonly log: Log;
}) {
  const { libvirt, reader, datastores, browsers, log } = options;

  /** Throws notFound ISO_NOT_FOUND. A browser's medium is made when there is none yet. */
  async function open(medium: CdromMedium | null): Promise<DriveSource | undefined> {
    if (medium === null) return undefined;
    if (medium.kind === "browser")
      return { kind: "nbd", socket: await browsers.open(medium.mediaId, medium.sizeBytes) };
    const iso = await findIso(await datastores.open(medium.datastoreId), medium.name);
    if (!iso) throw mediaErrors.isoNotFound(medium.datastoreId, medium.name);
    return { kind: "file", path: iso.path };
  }

  async function update(vmUuid: string, drive: DiskXml, flags: number): Promise<void> {
    const xml = buildDeviceXml("disk", drive);
    await translated(vmUuid, () =>
      whileTrayStaysOpen(() => libvirt.changes.domain({ uuid: vmUuid }).updateDevice(xml, flags)),
    );
  }

  /** The guest is asked to open the drive; one that keeps it locked is overruled. True when it was. */
  async function ejectLive(vmUuid: string, drive: DiskXml): Promise<boolean> {
    const empty = driveWith(drive, undefined);
    const xml = buildDeviceXml("disk", empty);
    try {
      await whileTrayStaysOpen(() => libvirt.changes.domain({ uuid: vmUuid }).updateDevice(xml, DEVICE.live));
      return false;
    } catch (error) {
      if (!isLibvirtError(error)) throw error;
      log.info({ vmUuid, err: error }, "the guest keeps its CD drive locked; ejecting by force");
      await update(vmUuid, empty, DEVICE.live | DEVICE.force);
      return true;
    }
  }

  function describe(domain: DomainOutline): CdromObservation | null {
    const drive = findDrive(domain);
    const source = drive && sourceOf(drive);
    if (source?.kind === "file") return isoOfPath(source.path, datastores.specs()) ?? null;
    const medium = source && browsers.ofSocket(source.socket);
    return medium === undefined ? null : { kind: "browser", ...medium };
  }

  /** Media of browsers that the VM has, now or at its next start. */
  async function browserMediaOf(vmUuid: string): Promise<Set<string>> {
    const seen = await reader.find(vmUuid);
    const media = [seen?.current, seen?.stored].map((domain) => domain && describe(domain));
    return new Set(media.flatMap((medium) => (medium?.kind === "browser" ? [medium.mediaId] : [])));
  }

  return {
    describe,

    /** For a definition: what of a spec's medium can be had here and now; else the drive is empty. */
    async findSource(vmUuid: string, medium: CdromMedium | null): Promise<DriveSource | undefined> {
      if (medium === null) return undefined;
      if (medium.kind === "browser") {
        const socket = browsers.find(medium.mediaId);
        return socket === undefined ? undefined : { kind: "nbd", socket };
      }
      try {
        return await open(medium);
      } catch (error) {
        log.warn({ vmUuid, medium, err: error }, "a VM's CD is not here; its drive is empty");
        return undefined;
      }
    },

    async change(vmUuid: string, medium: CdromMedium | null): Promise<{ wasForced: boolean }> {
      const before = await browserMediaOf(vmUuid);
      const seen = await reader.get(vmUuid);
      const live = isUp(powerOf(seen)) ? findDrive(seen.current) : undefined;
      const stored = findDrive(seen.stored);
      if (isUp(powerOf(seen)) ? live === undefined : stored === undefined)
        throw mediaErrors.driveMissing(vmUuid);
      const wanted = await open(medium);
      let wasForced = false;
      if (live && (!isSameSource(sourceOf(live), wanted) || live.target.tray === "open")) {
        if (sourceOf(live) !== undefined) wasForced = await ejectLive(vmUuid, live);
        if (wanted !== undefined) await update(vmUuid, driveWith(live, wanted), DEVICE.live);
      }
      if (stored && !isSameSource(sourceOf(stored), wanted))
        await update(vmUuid, driveWith(stored, wanted), DEVICE.config);
      const after = await browserMediaOf(vmUuid);
      for (const mediaId of before) if (!after.has(mediaId)) await browsers.release(mediaId);
      log.info({ vmUuid, medium, wasForced }, "changed what is in a CD drive");
      return { wasForced };
    },

    /** Before a start: a browser's medium that is gone would keep QEMU from starting. */
    async dropLost(vmUuid: string): Promise<void> {
      const seen = await reader.get(vmUuid);
      const stored = findDrive(seen.stored);
      const medium = describe(seen.stored);
      if (isUp(powerOf(seen)) || !stored || medium?.kind !== "browser" || medium.isOpen) return;
      await update(vmUuid, driveWith(stored, undefined), DEVICE.config);
      await browsers.release(medium.mediaId);
      log.info({ vmUuid }, "a VM starts with an empty CD drive: its medium's browser is gone");
    },

    browserMediaOf,
  };
}
