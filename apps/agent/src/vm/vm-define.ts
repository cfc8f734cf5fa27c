import type { Log } from "@sinter/kit";
import { buildDomainXml, type DomainXml, parseDomainXml, XML } from "@sinter/libvirt";
import type { DiskSpec, NicSpec, VmSpec } from "@sinter/southbound";
import type { DatastoreService } from "../datastore/datastore.service.ts";
import { translated } from "../libvirt/libvirt-errors.ts";
import type { LibvirtLink } from "../libvirt/libvirt-link.ts";
import type { MediaService } from "../media/media.service.ts";
import type { SwitchService } from "../switch/switch.service.ts";
import type { VolumeService } from "../volume/volume.service.ts";
import { writeDescription } from "./description-file.ts";
import { IDE_SLOTS_MAX } from "./device-names.ts";
import type { DomainReader } from "./domain-reader.ts";
import { domainOf, type HostTraits, type PlacedDisk, type PlacedNic } from "./domain-spec.ts";
import { keepAddresses } from "./keep-addresses.ts";
import type { SeedStore } from "./seed-store.ts";
import { vmErrors } from "./vm.errors.ts";
import { readMetadata } from "./vm-metadata.ts";
import { requireFew, type VmLeases } from "./vm-leases.ts";
import type { SeenDomain } from "./vm-observation.ts";

export type VmDefiner = ReturnType<typeof createVmDefiner>;

/** Turns specs into definitions: finds what they name on this host, builds the domain, hands it to libvirt. */
export function createVmDefiner(options: {
  readonly libvirt: LibvirtLink;
  readonly reader: DomainReader;
  readonly datastores: DatastoreService;
  readonly volumes: VolumeService;
  readonly switches: SwitchService;
  readonly seeds: SeedStore;
  readonly media: Pick<MediaService, "findSource">;
  readonly vmLeases: Pick<VmLeases, "leaseOf">;
  readonly traits: () => Promise<HostTraits>;
  readonly log: Log;
}) {
  const { libvirt, reader, datastores, volumes, switches, seeds, media, log } = options;

  /** Throws invalid DISK_MISSING. */
  async function placeDisk(vmUuid: string, disk: DiskSpec): Promise<PlacedDisk> {
    if (disk.bus === "ide" && disk.slot > IDE_SLOTS_MAX) throw vmErrors.noIdeSlot(vmUuid, disk.slot);
    const missing = (cause?: unknown) =>
      vmErrors.diskMissing(vmUuid, disk.volumeUuid, disk.datastoreId, cause);
    const datastore = await datastores.open(disk.datastoreId).catch((cause: unknown) => {
      throw missing(cause);
    });
    const path = await volumes.findFile(datastore, disk);
    if (path === undefined) throw missing();
    return { disk, path, datastore, lease: await options.vmLeases.leaseOf(datastore, disk) };
  }

  /** Throws invalid SWITCH_MISSING. */
  async function placeNic(vmUuid: string, nic: NicSpec): Promise<PlacedNic> {
    const bridge = await switches.findBridge(nic.switchId);
    if (bridge === undefined) throw vmErrors.switchMissing(vmUuid, nic.switchId);
    return { nic, bridge };
  }

  async function describe(vmUuid: string): Promise<SeenDomain> {
    const seen = await reader.get(vmUuid);
    const xml = await translated(vmUuid, () => libvirt.reads.domain({ uuid: vmUuid }).xml(XML.inactive));
    await writeDescription(seen, xml, log);
    return seen;
  }

  async function readStored(vmUuid: string): Promise<DomainXml> {
    return await translated(vmUuid, async () =>
      parseDomainXml(await libvirt.changes.domain({ uuid: vmUuid }).xml(XML.inactive)),
    );
  }

  return {
    placeDisk,
    placeNic,
    /** Reads the domain again after a change and writes its description. */
    describe,

    /** Defines, or redefines when the spec is newer than what is there. */
    async define(spec: VmSpec): Promise<SeenDomain> {
      const { vmUuid } = spec;
      const before = await reader.find(vmUuid);
      const known = before && readMetadata(before.stored);
      if (before && known && known.generation >= spec.generation) return before;
      const traits = await options.traits();
      if (spec.architecture !== traits.architecture) {
        throw vmErrors.architecture(vmUuid, spec.architecture, traits.architecture);
      }
      const [disks, nics] = await Promise.all([
        Promise.all(spec.disks.map((disk) => placeDisk(vmUuid, disk))),
        Promise.all(spec.nics.map((nic) => placeNic(vmUuid, nic))),
      ]);
      requireFew(
        vmUuid,
        disks.flatMap(({ lease }) => lease ?? []),
      );
      const seedPath = await seeds.ensure(vmUuid, spec.seed);
      const cdrom = await media.findSource(vmUuid, spec.cdrom);
      const next = domainOf({ spec, disks, nics, seedPath, cdrom }, traits);
      const xml = buildDomainXml(before ? keepAddresses(next, await readStored(vmUuid)) : next);
      await translated(vmUuid, () => libvirt.changes.defineDomain(xml));
      log.info({ vmUuid, vmId: spec.vmId, generation: spec.generation }, "defined a VM");
      return await describe(vmUuid);
    },
  };
}
