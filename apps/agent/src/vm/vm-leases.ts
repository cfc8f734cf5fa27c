import type { Log } from "@sinter/kit";
import {
  buildDomainXml,
  type DiskXml,
  type DomainXml,
  type LeaseXml,
  parseDomainXml,
  XML,
} from "@sinter/libvirt";
import type { DatastoreService, OpenDatastore } from "../datastore/datastore.service.ts";
import { leaseErrors } from "../lease/lease.errors.ts";
import { LEASES_PER_VM_MAX, type LeaseService, nameOf } from "../lease/lease.service.ts";
import { leaseFile } from "../lease/lease-paths.ts";
import { translated } from "../libvirt/libvirt-errors.ts";
import type { LibvirtLink } from "../libvirt/libvirt-link.ts";
import { volumeOfPath } from "../volume/volume-paths.ts";

export type VmLeases = ReturnType<typeof createVmLeases>;

interface GuardedDisk {
  readonly volumeUuid: string;
  readonly datastore: OpenDatastore;
}

/**
 * The leases that a VM must hold: one for each disk on a shared datastore that it alone writes. They stand in its
 * definition, so that whoever starts it, also from a copy of its XML, meets libvirt's lock manager; a disk that several
 * VMs share has none.
 */
export function createVmLeases(options: {
  readonly libvirt: LibvirtLink;
  readonly datastores: DatastoreService;
  readonly leases: LeaseService;
  readonly log: Log;
}) {
  const { libvirt, datastores, leases, log } = options;

  async function findGuarded(disk: DiskXml): Promise<GuardedDisk[]> {
    const path = disk.source?.file;
    if (path === undefined || disk.shareable || disk.readonly || disk.device === "cdrom") return [];
    const volume = volumeOfPath(path);
    const spec = datastores.specs().find((one) => one.path === volume?.datastorePath);
    if (volume === undefined || spec === undefined || !(await leases.isLeased(spec))) return [];
    return [{ volumeUuid: volume.volumeUuid, datastore: await datastores.open(spec.datastoreId) }];
  }

  async function guardedDisksOf(domain: DomainXml): Promise<GuardedDisk[]> {
    return (await Promise.all((domain.devices?.disks ?? []).map(findGuarded))).flat();
  }

  const readStored = async (vmUuid: string): Promise<DomainXml> =>
    parseDomainXml(await libvirt.changes.domain({ uuid: vmUuid }).xml(XML.inactive | XML.secure));

  return {
    /** The lease for a disk of that volume, made if need be; undefined when it needs none. */
    async leaseOf(
      datastore: OpenDatastore,
      disk: { readonly volumeUuid: string; readonly shared: boolean },
    ): Promise<LeaseXml | undefined> {
      if (disk.shared || !(await leases.isLeased(datastore))) return undefined;
      await leases.ensureLease(datastore, disk.volumeUuid);
      return leaseXml({ volumeUuid: disk.volumeUuid, datastore });
    },

    /** Of a paused VM. Throws conflict LEASE_HELD while another host has one of its leases, LEASE_LOST when it had. */
    async prepareResume(vmUuid: string): Promise<void> {
      const domain = await translated(vmUuid, () => readStored(vmUuid));
      for (const { datastore, volumeUuid } of await guardedDisksOf(domain)) {
        await leases.requireJoined(datastore);
        await leases.requireFree(datastore, volumeUuid);
        await leases.requireUntouched(datastore, volumeUuid);
      }
    },

    /**
     * Before each start: this host has its place in every lockspace, the definition names all leases (one from before
     * the datastore had any does not), and no other host has them.
     */
    async prepareStart(vmUuid: string): Promise<void> {
      await translated(vmUuid, async () => {
        const domain = await readStored(vmUuid);
        const guarded = await guardedDisksOf(domain);
        for (const { datastore, volumeUuid } of guarded) {
          await leases.requireJoined(datastore);
          await leases.ensureLease(datastore, volumeUuid);
          await leases.requireFree(datastore, volumeUuid);
        }
        const wanted = guarded.map(leaseXml);
        requireFew(vmUuid, wanted);
        const there = domain.devices?.leases ?? [];
        if (isSame(wanted, there)) return;
        const changed = { ...domain, devices: { ...domain.devices, leases: wanted } };
        await libvirt.changes.defineDomain(buildDomainXml(changed));
        log.info(
          { vmUuid, leases: wanted.length, before: there.length },
          "a VM's definition names its leases",
        );
      });
    },
  };
}

/** Throws invalid LEASE_LIMIT. */
export function requireFew(vmUuid: string, leases: readonly unknown[]): void {
  if (leases.length > LEASES_PER_VM_MAX) throw leaseErrors.tooMany(vmUuid, LEASES_PER_VM_MAX);
}

function leaseXml({ volumeUuid, datastore }: GuardedDisk): LeaseXml {
  return {
    lockspace: nameOf(datastore),
    key: volumeUuid,
    target: { path: leaseFile(datastore.path, volumeUuid), offset: 0 },
  };
}

function isSame(some: readonly LeaseXml[], others: readonly LeaseXml[]): boolean {
  const text = (lease: LeaseXml): string => `${lease.lockspace} ${lease.key} ${lease.target.path}`;
  return some.map(text).toSorted().join("\n") === others.map(text).toSorted().join("\n");
}
