import { rm, stat } from "node:fs/promises";
import type { Log } from "@sinter/kit";
import {
  buildDomainXml,
  type DomainXml,
  element,
  formatXml,
  isLibvirtError,
  parseDomainXml,
  SAVE,
  type XmlElement,
  XML,
} from "@sinter/libvirt";
import type { CallContext, CallInput, DiskFormat, MemoryFile } from "@sinter/southbound";
import type { DatastoreService } from "../datastore/datastore.service.ts";
import { translated } from "../libvirt/libvirt-errors.ts";
import type { LibvirtLink } from "../libvirt/libvirt-link.ts";
import type { OverlayService } from "../volume/overlay.service.ts";
import { volumeErrors } from "../volume/volume.errors.ts";
import { chainFile, memoryFile } from "../volume/volume-paths.ts";
import type { DomainReader } from "./domain-reader.ts";
import { vmErrors } from "./vm.errors.ts";
import type { VmDefiner } from "./vm-define.ts";
import { findDisk } from "./vm-devices.ts";
import { type DomainOutline, isUp, powerOf } from "./vm-observation.ts";

export type VmSnapshots = ReturnType<typeof createVmSnapshots>;

/** Flags of virDomainSnapshotCreateXML. libvirt keeps no tree of ours: it cannot go back to external snapshots. */
const CREATE = {
  noMetadata: 4,
  diskOnly: 16,
  reuseExternal: 32,
  quiesce: 64,
  atomic: 128,
  live: 256,
} as const;

interface PlacedFile {
  readonly disk: CallInput<"takeSnapshot">["disks"][number];
  readonly target: string;
  readonly file: string;
  readonly overlay: string;
}

/** Taking snapshots of VMs and going on from what they kept of memory. Callers run one change at a time per VM. */
export function createVmSnapshots(options: {
  readonly libvirt: LibvirtLink;
  readonly reader: DomainReader;
  readonly definer: VmDefiner;
  readonly datastores: DatastoreService;
  readonly overlays: OverlayService;
  readonly log: Log;
}) {
  const { libvirt, reader, definer, datastores, overlays, log } = options;

  async function place(
    domain: DomainOutline,
    vmUuid: string,
    disk: PlacedFile["disk"],
  ): Promise<PlacedFile & { source: string | undefined }> {
    const there = findDisk(domain, disk.volumeUuid);
    if (!there) throw vmErrors.diskMissing(vmUuid, disk.volumeUuid, disk.datastoreId);
    const { path } = await datastores.open(disk.datastoreId);
    return {
      disk,
      target: there.target.dev,
      file: chainFile(path, disk, disk.file),
      overlay: chainFile(path, disk, disk.overlay),
      source: there.source?.file,
    };
  }

  async function pathOfMemory({ datastoreId, volumeUuid, snapshotUuid }: MemoryFile): Promise<string> {
    return memoryFile((await datastores.open(datastoreId)).path, volumeUuid, snapshotUuid);
  }

  async function takeLive(
    vmUuid: string,
    current: DomainOutline,
    placed: readonly PlacedFile[],
    request: { isConsistent: boolean; memoryPath: string | undefined },
  ): Promise<void> {
    const { memoryPath } = request;
    if (memoryPath !== undefined) await rm(memoryPath, { force: true });
    const others = (current.devices?.disks ?? [])
      .map(({ target }) => target.dev)
      .filter((target) => !placed.some((one) => one.target === target));
    const xml = snapshotXml(placed, others, memoryPath);
    const flags =
      CREATE.noMetadata |
      CREATE.reuseExternal |
      CREATE.atomic |
      (memoryPath === undefined ? CREATE.diskOnly : CREATE.live) |
      (request.isConsistent && memoryPath === undefined ? CREATE.quiesce : 0);
    await translated(vmUuid, async () => {
      // Writing memory may take minutes, and so may a guest that writes out its caches.
      await using connection = await libvirt.own();
      await connection.domain({ uuid: vmUuid }).call("domainSnapshotCreateXML", { xmlDesc: xml, flags });
    });
  }

  /** The stored definition with other files in some of its disks. */
  async function moveDisks(
    vmUuid: string,
    files: ReadonlyMap<string, { path: string; format: DiskFormat }>,
  ): Promise<void> {
    await translated(vmUuid, async () => {
      const text = await libvirt.changes.domain({ uuid: vmUuid }).xml(XML.inactive | XML.secure);
      await libvirt.changes.defineDomain(buildDomainXml(withFiles(parseDomainXml(text), files)));
    });
    await definer.describe(vmUuid);
  }

  return {
    moveDisks,

    async take(input: CallInput<"takeSnapshot">, { signal }: CallContext): Promise<{ memoryBytes: number }> {
      const { vmUuid } = input;
      const seen = await reader.get(vmUuid);
      const up = isUp(powerOf(seen));
      const domain = up ? seen.current : seen.stored;
      const placed = await Promise.all(input.disks.map((disk) => place(domain, vmUuid, disk)));
      const memoryPath = input.memory === null ? undefined : await pathOfMemory(input.memory);
      // All at once or none: one disk on its overlay tells that it was done.
      if (placed.length > 0 && placed.every(({ source, overlay }) => source === overlay)) {
        return { memoryBytes: await sizeOf(memoryPath) };
      }
      for (const { disk, source, file } of placed) {
        if (source !== file)
          throw volumeErrors.fileDiffers(disk.volumeUuid, disk.file, source ?? "none", file);
      }
      if (memoryPath !== undefined && !up) throw vmErrors.notRunning(vmUuid, powerOf(seen));
      for (const { disk } of placed) await overlays.make(disk, disk.overlay, disk.file, signal);
      signal.throwIfAborted();
      if (up) await takeLive(vmUuid, domain, placed, { isConsistent: input.isConsistent, memoryPath });
      else {
        const files = placed.map(
          ({ target, overlay }) => [target, { path: overlay, format: "qcow2" }] as const,
        );
        await moveDisks(vmUuid, new Map(files));
      }
      log.info({ vmUuid, disks: placed.length, withMemory: memoryPath !== undefined }, "took a snapshot");
      await definer.describe(vmUuid);
      return { memoryBytes: await sizeOf(memoryPath) };
    },

    /** Starts a stopped VM where the snapshot left it, on the disks that are defined now. */
    async startFromMemory(vmUuid: string, memory: MemoryFile): Promise<void> {
      const now = powerOf(await reader.get(vmUuid));
      if (now === "running" || now === "paused") return;
      if (now !== "stopped") throw vmErrors.stillRunning(vmUuid, now);
      const path = await pathOfMemory(memory);
      if ((await sizeOf(path)) === 0) throw vmErrors.memoryMissing(vmUuid, memory.snapshotUuid);
      await translated(vmUuid, async () => {
        await using connection = await libvirt.own();
        const text = await connection.domain({ uuid: vmUuid }).xml(XML.inactive | XML.secure);
        const stored = parseDomainXml(text);
        const saved = await connection.call("domainSaveImageGetXMLDesc", { file: path, flags: XML.secure });
        const xml = buildDomainXml(withDisksOf(parseDomainXml(saved.xml), stored));
        try {
          await connection.restoreDomain(path, { xml, flags: SAVE.running });
        } catch (error) {
          if (!isLibvirtError(error, "CONFIG_UNSUPPORTED", "OPERATION_FAILED", "OPERATION_INVALID"))
            throw error;
          throw vmErrors.memoryUnusable(vmUuid, error.message, error);
        }
      });
      log.info({ vmUuid, snapshotUuid: memory.snapshotUuid }, "started a VM from a snapshot's memory");
    },
  };
}

function snapshotXml(
  placed: readonly PlacedFile[],
  others: readonly string[],
  memory: string | undefined,
): string {
  const disks: XmlElement[] = placed.map(({ target, overlay }) =>
    element(
      "disk",
      { name: target, snapshot: "external", type: "file" },
      element("driver", { type: "qcow2" }),
      element("source", { file: overlay }),
    ),
  );
  return formatXml(
    element(
      "domainsnapshot",
      {},
      ...(memory === undefined ? [] : [element("memory", { snapshot: "external", file: memory })]),
      element("disks", {}, ...disks, ...others.map((name) => element("disk", { name, snapshot: "no" }))),
    ),
  );
}

/** Chains are read anew by libvirt at each start: what stood there of them may be older than the files. */
function withFiles(
  domain: DomainXml,
  files: ReadonlyMap<string, { path: string; format: DiskFormat }>,
): DomainXml {
  const disks = domain.devices?.disks?.map((disk) => {
    const file = files.get(disk.target.dev);
    if (!file) return disk;
    return {
      ...disk,
      driver: { ...disk.driver, type: file.format },
      source: { file: file.path },
      extra: disk.extra?.filter(({ name }) => name !== "backingStore"),
    };
  });
  return { ...domain, devices: { ...domain.devices, disks } };
}

/** What is in the drives is as it is defined now; everything else as it was when memory was kept. */
function withDisksOf(saved: DomainXml, stored: DomainXml): DomainXml {
  const byTarget = new Map(stored.devices?.disks?.map((disk) => [disk.target.dev, disk]));
  const disks = saved.devices?.disks?.map((disk) => {
    const now = byTarget.get(disk.target.dev);
    if (!now) return disk;
    const { source: _was, ...rest } = disk;
    const extra = disk.extra?.filter(({ name }) => name !== "backingStore" && name !== "mirror");
    return {
      ...rest,
      type: now.type,
      driver: { ...disk.driver, type: now.driver?.type },
      ...(now.source === undefined ? {} : { source: now.source }),
      extra,
    };
  });
  return {
    ...saved,
    metadata: stored.metadata,
    devices: { ...saved.devices, disks, leases: stored.devices?.leases },
  };
}

async function sizeOf(path: string | undefined): Promise<number> {
  if (path === undefined) return 0;
  return (await stat(path).catch(() => undefined))?.size ?? 0;
}
