import type { Log } from "@sinter/kit";
import {
  AFFECT,
  buildDeviceXml,
  type DiskXml,
  type Domain,
  type InterfaceXml,
  isLibvirtError,
  isNotFound,
  type LeaseXml,
  param,
  parseDomainXml,
  type Subscription,
  XML,
} from "@sinter/libvirt";
import type { DiskLimits, DiskSpec, NicSpec } from "@sinter/southbound";
import { translated } from "../libvirt/libvirt-errors.ts";
import type { LibvirtLink } from "../libvirt/libvirt-link.ts";
import type { DomainReader } from "./domain-reader.ts";
import {
  diskEntry,
  diskXml,
  type HostTraits,
  interfaceXml,
  nicEntry,
  uniqueDatastores,
} from "./domain-spec.ts";
import type { VmDefiner } from "./vm-define.ts";
import { vmErrors } from "./vm.errors.ts";
import {
  METADATA_NAMESPACE,
  METADATA_PREFIX,
  metadataText,
  readMetadata,
  type VmMetadata,
} from "./vm-metadata.ts";
import { type DomainOutline, isUp, powerOf, type SeenDomain } from "./vm-observation.ts";

export type VmDevices = ReturnType<typeof createVmDevices>;

/**
 * Disks and NICs that come and go, in the running VM and in its definition. Plugging asks the definition first, which
 * can refuse before a guest has seen anything; unplugging asks the guest first, so that one that keeps a device has
 * it at its next start as well. Callers run one change at a time per VM.
 */
export function createVmDevices(options: {
  readonly libvirt: LibvirtLink;
  readonly reader: DomainReader;
  readonly definer: VmDefiner;
  readonly traits: () => Promise<HostTraits>;
  /** How long a guest may take to let go of a device. */
  readonly releaseMs: number;
  readonly log: Log;
}) {
  const { libvirt, reader, definer, log } = options;
  const domainOf = (vmUuid: string): Domain => libvirt.changes.domain({ uuid: vmUuid });

  async function attach(
    seen: SeenDomain,
    xml: string,
    where: { live: boolean; stored: boolean },
  ): Promise<void> {
    const domain = domainOf(seen.uuid);
    await translated(seen.uuid, async () => {
      if (where.stored) await domain.attachDevice(xml, AFFECT.config);
      if (!where.live) return;
      try {
        await domain.attachDevice(xml, AFFECT.live);
      } catch (error) {
        if (where.stored) await domain.detachDevice(xml, AFFECT.config);
        throw error;
      }
    });
  }

  /** What the VM needs to have the disk at all: before the disk comes, and after it has gone. */
  async function attachLease(
    seen: SeenDomain,
    lease: LeaseXml | undefined,
    where: { live: boolean; stored: boolean },
  ): Promise<void> {
    if (lease === undefined) return;
    // Left by an attachment that a crash cut short.
    await detachLease(seen.uuid, lease.key, where);
    await attach(seen, buildDeviceXml("lease", lease), where);
  }

  async function detachLease(
    vmUuid: string,
    volumeUuid: string,
    where: { live: boolean; stored: boolean },
  ): Promise<void> {
    const domain = domainOf(vmUuid);
    const take = async (affect: number, xmlFlags: number): Promise<void> => {
      const leases = parseDomainXml(await domain.xml(xmlFlags)).devices?.leases ?? [];
      const there = leases.find(({ key }) => key === volumeUuid);
      if (there) await domain.detachDevice(buildDeviceXml("lease", there), affect);
    };
    await translated(vmUuid, async () => {
      if (where.live) await take(AFFECT.live, 0);
      if (where.stored) await take(AFFECT.config, XML.inactive);
    });
  }

  async function detachLive(vmUuid: string, alias: string, device: string, xml: string): Promise<void> {
    const domain = domainOf(vmUuid);
    const gone = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => gone.resolve(false), options.releaseMs);
    const listen = (name: "domainDeviceRemoved" | "domainDeviceRemovalFailed"): Promise<Subscription> =>
      libvirt.reads.on(
        name,
        (event) => {
          if (event.deviceAlias === alias) gone.resolve(name === "domainDeviceRemoved");
        },
        { domain: vmUuid },
      );
    await using listening = new AsyncDisposableStack();
    listening.use(await listen("domainDeviceRemoved"));
    listening.use(await listen("domainDeviceRemovalFailed"));
    try {
      await ignoreMissing(domain.detachDevice(xml, AFFECT.live));
      // libvirt itself waits a little and may have seen the end before we listened; then the device is gone by now.
      const after = await reader.find(vmUuid);
      if (!after || !hasAlias(after.current, alias)) return;
      if (await gone.promise) return;
      const last = await reader.find(vmUuid);
      if (last && hasAlias(last.current, alias)) throw vmErrors.keepsDevice(vmUuid, device);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Changes what the domain says of itself, live and stored alike. */
  async function editMetadata(seen: SeenDomain, edit: (metadata: VmMetadata) => VmMetadata): Promise<void> {
    const up = isUp(powerOf(seen));
    const domain = domainOf(seen.uuid);
    const stored = readMetadata(seen.stored);
    const live = up ? readMetadata(seen.current) : undefined;
    const set = async (metadata: VmMetadata, flags: number): Promise<void> =>
      await domain.setMetadata(METADATA_NAMESPACE, METADATA_PREFIX, metadataText(edit(metadata)), flags);
    await translated(seen.uuid, async () => {
      if (stored) await set(stored, AFFECT.config);
      if (live) await set(live, AFFECT.live);
    });
  }

  return {
    async attachDisk(vmUuid: string, disk: DiskSpec): Promise<void> {
      const seen = await reader.get(vmUuid);
      const placed = await definer.placeDisk(vmUuid, disk);
      const wanted = diskXml(placed);
      const has = (domain: DomainOutline): boolean => {
        const taken = domain.devices?.disks?.find(({ target }) => target.dev === wanted.target.dev);
        if (taken && taken.source?.file !== placed.path) throw vmErrors.slotTaken(vmUuid, wanted.target.dev);
        return taken !== undefined || findDisk(domain, disk.volumeUuid) !== undefined;
      };
      const where = { live: isUp(powerOf(seen)) && !has(seen.current), stored: !has(seen.stored) };
      if (where.live || where.stored) {
        await attachLease(seen, placed.lease, where);
        try {
          await attach(seen, buildDeviceXml("disk", wanted), where);
        } catch (error) {
          if (placed.lease !== undefined) await detachLease(vmUuid, disk.volumeUuid, where);
          throw error;
        }
        await editMetadata(seen, (metadata) => ({
          ...metadata,
          datastores: uniqueDatastores([...metadata.datastores, placed.datastore]),
          disks: [
            ...metadata.disks.filter(({ volumeUuid }) => volumeUuid !== disk.volumeUuid),
            diskEntry(disk),
          ],
        }));
        log.info({ vmUuid, volumeUuid: disk.volumeUuid, target: wanted.target.dev }, "attached a disk");
        await definer.describe(vmUuid);
      }
    },

    async detachDisk(vmUuid: string, volumeUuid: string): Promise<void> {
      const seen = await reader.get(vmUuid);
      const live = isUp(powerOf(seen)) ? findDisk(seen.current, volumeUuid) : undefined;
      if (live)
        await detachLive(vmUuid, live.alias?.name ?? "", live.target.dev, buildDeviceXml("disk", live));
      const stored = findDisk(seen.stored, volumeUuid);
      if (stored) {
        await translated(vmUuid, () =>
          ignoreMissing(domainOf(vmUuid).detachDevice(buildDeviceXml("disk", stored), AFFECT.config)),
        );
      }
      await detachLease(vmUuid, volumeUuid, { live: isUp(powerOf(seen)), stored: true });
      if (live || stored) {
        await editMetadata(seen, (metadata) => ({
          ...metadata,
          disks: metadata.disks.filter((one) => one.volumeUuid !== volumeUuid),
        }));
        log.info({ vmUuid, volumeUuid }, "detached a disk");
        await definer.describe(vmUuid);
      }
    },

    async tuneDisk(vmUuid: string, volumeUuid: string, limits: DiskLimits): Promise<void> {
      const seen = await reader.get(vmUuid);
      const live = isUp(powerOf(seen)) ? findDisk(seen.current, volumeUuid) : undefined;
      const stored = findDisk(seen.stored, volumeUuid);
      if (!live && !stored) throw vmErrors.diskNotOfVm(vmUuid, volumeUuid);
      const params = [
        param.ullong("read_bytes_sec", limits.readBytesPerSec),
        param.ullong("write_bytes_sec", limits.writeBytesPerSec),
        param.ullong("read_iops_sec", limits.readIops),
        param.ullong("write_iops_sec", limits.writeIops),
      ];
      await translated(vmUuid, async () => {
        const domain = domainOf(vmUuid);
        if (stored) await domain.setDiskTune(stored.target.dev, params, AFFECT.config);
        if (live) await domain.setDiskTune(live.target.dev, params, AFFECT.live);
      });
      log.info({ vmUuid, volumeUuid, ...limits }, "changed a disk's limits");
      await definer.describe(vmUuid);
    },

    async attachNic(vmUuid: string, nic: NicSpec): Promise<void> {
      const seen = await reader.get(vmUuid);
      const placed = await definer.placeNic(vmUuid, nic);
      const { datapath } = await options.traits();
      const wanted = interfaceXml(placed, { datapath, netBoot: false });
      const has = (domain: DomainOutline): boolean => {
        const same = findNic(domain, nic.mac);
        const id = same?.virtualPort?.parameters?.interfaceId;
        if (same && id !== undefined && id !== nic.nicUuid) throw vmErrors.macTaken(vmUuid, nic.mac);
        return same !== undefined;
      };
      const where = { live: isUp(powerOf(seen)) && !has(seen.current), stored: !has(seen.stored) };
      if (where.live || where.stored) {
        await attach(seen, buildDeviceXml("interface", wanted), where);
        await editMetadata(seen, (metadata) => ({
          ...metadata,
          nics: [...metadata.nics.filter(({ mac }) => mac !== nic.mac), nicEntry(nic)],
        }));
        log.info({ vmUuid, mac: nic.mac, switchId: nic.switchId }, "attached a NIC");
        await definer.describe(vmUuid);
      }
    },

    async detachNic(vmUuid: string, mac: string): Promise<void> {
      const seen = await reader.get(vmUuid);
      const live = isUp(powerOf(seen)) ? findNic(seen.current, mac) : undefined;
      if (live) await detachLive(vmUuid, live.alias?.name ?? "", mac, buildDeviceXml("interface", live));
      const stored = findNic(seen.stored, mac);
      if (stored) {
        await translated(vmUuid, () =>
          ignoreMissing(domainOf(vmUuid).detachDevice(buildDeviceXml("interface", stored), AFFECT.config)),
        );
      }
      if (live || stored) {
        await editMetadata(seen, (metadata) => ({
          ...metadata,
          nics: metadata.nics.filter((one) => one.mac !== mac),
        }));
        log.info({ vmUuid, mac }, "detached a NIC");
        await definer.describe(vmUuid);
      }
    },
  };
}

/** By our own record, or by the file's path for one that somebody else plugged in. */
export function findDisk(domain: DomainOutline, volumeUuid: string): DiskXml | undefined {
  const target = readMetadata(domain)?.disks.find((one) => one.volumeUuid === volumeUuid)?.target;
  return domain.devices?.disks?.find(
    (disk) => disk.target.dev === target || disk.source?.file?.includes(`/volumes/${volumeUuid}/`),
  );
}

function findNic(domain: DomainOutline, mac: string): InterfaceXml | undefined {
  return domain.devices?.interfaces?.find((nic) => nic.mac?.address === mac);
}

function hasAlias({ devices }: DomainOutline, alias: string): boolean {
  return [...(devices?.disks ?? []), ...(devices?.interfaces ?? [])].some(
    (device) => device.alias?.name === alias,
  );
}

/** Another call took it away first. */
async function ignoreMissing(call: Promise<void>): Promise<void> {
  await call.catch((error: unknown) => {
    const isGone =
      isNotFound(error) ||
      (isLibvirtError(error, "OPERATION_FAILED", "INVALID_ARG") &&
        /not found|no target device/.test(error.message));
    if (!isGone) throw error;
  });
}
