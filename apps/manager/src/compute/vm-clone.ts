import { isIPv4 } from "node:net";
import {
  type CloneVmRequest,
  type CustomizationRequest,
  type DiskRequest,
  parseUrn,
} from "@sinter/northbound";
import type { GuestSeed } from "@sinter/southbound";
import { snapshotErrors } from "../snapshot/snapshot.errors.ts";
import type { DiskWish } from "./vm-draft.ts";
import { vmErrors } from "./vm.errors.ts";
import type { Nic, VmDisk, VmOs, WholeVm } from "./vm.ts";

/**
 * Disks of a clone. None listed: as the source has them. Listed ones are matched by sequenceNum: with copy, a new
 * volume in the wanted datastore that is never smaller than the source; without, an empty one; a source disk that is
 * not listed is left out (contract 2.8).
 */
export function diskWishesForClone(
  source: WholeVm,
  requests: readonly DiskRequest[] | undefined,
): DiskWish[] {
  if (requests === undefined || requests.length === 0) {
    return source.disks.map((disk) => copyOf(disk, {}));
  }
  return requests.map((request, index) => {
    const slot = request.sequenceNum ?? index + 1;
    const disk = source.disks.find((candidate) => candidate.slot === slot);
    if (disk === undefined) return { request };
    if (request.isDataCopy === false) {
      const quantityGB = request.quantityGB || Math.ceil(disk.volume.sizeBytes / 1024 ** 3);
      return { request: { ...inherited(disk, request), quantityGB } };
    }
    return copyOf(disk, request);
  });
}

/** The same with the first disk upon that of the source instead of a copy of it (SNP-12). */
export function linkFirst(source: WholeVm, wishes: readonly DiskWish[]): DiskWish[] {
  const [first] = source.disks;
  return wishes.map((wish) => {
    if (first === undefined || wish.origin?.kind !== "volume" || wish.origin.volumeUuid !== first.volume.uuid)
      return wish;
    const { id, uuid, format, datastoreId } = first.volume;
    const wanted = parseUrn(wish.request.datastoreUrn ?? "")?.id;
    if (wanted !== undefined && wanted !== datastoreId)
      throw snapshotErrors.linkRefused(
        "A linked clone lies in the datastore of its base; name no other one.",
      );
    return {
      ...wish,
      request: { ...wish.request, isThin: true, volType: 0 },
      origin: { kind: "linked", volumeUuid: uuid, format },
      baseVolumeId: id,
    };
  });
}

function copyOf(disk: VmDisk, request: DiskRequest): DiskWish {
  const { volume } = disk;
  return {
    request: inherited(disk, request),
    sizeBytesMin: volume.sizeBytes,
    origin: {
      kind: "volume",
      datastoreId: volume.datastoreId,
      volumeUuid: volume.uuid,
      format: volume.format,
      ...(volume.activeFile === "base" ? {} : { file: volume.activeFile }),
    },
  };
}

/** What the request leaves out is as in the source; clients drop `isThin: false`, so an absent one inherits too. */
function inherited({ volume, bus, slot }: VmDisk, request: DiskRequest): DiskRequest {
  const PCI_TYPE = { virtio: "VIRTIO", scsi: "SCSI", ide: "IDE" } as const;
  return {
    ...request,
    sequenceNum: slot,
    pciType: request.pciType || PCI_TYPE[bus],
    datastoreUrn: request.datastoreUrn || `urn:sites:00000000:datastores:${volume.datastoreId}`,
    isThin: request.isThin ?? volume.provisioning === "thin",
    volType: request.volType ?? (volume.provisioning === "lazy" ? 1 : 0),
  };
}

/** First-boot settings of a new VM, for cloud-init; null when nothing is to be customized. */
export function seedFor(
  request: Pick<CloneVmRequest, "vmCustomization" | "publickey">,
  os: VmOs,
  nics: readonly Nic[],
): GuestSeed | null {
  const custom = request.vmCustomization;
  if (!custom && !request.publickey) return null;
  if (custom?.osType && custom.osType !== os.type) {
    throw vmErrors.seedUnsupported(`The customization is for ${custom.osType}, the VM is ${os.type}.`);
  }
  const specs = (custom?.nicSpecification ?? []).toSorted((a, b) => a.sequenceNum - b.sequenceNum);
  if (specs.length > nics.length) {
    throw vmErrors.seedUnsupported(
      `The customization names ${specs.length} NICs, the VM has ${nics.length}.`,
    );
  }
  return {
    hostname: custom?.hostname || null,
    // Absent with the update flag means nothing is changed: one SDK drops both.
    password: custom?.isUpdateVmPassword === false ? null : custom?.password || null,
    sshKeys: request.publickey ? [request.publickey.trim()] : [],
    nics: nics.map((nic, index) => ({ mac: nic.mac, ...addressing(specs[index]) })),
    userData: null,
  };
}

type NicSpecification = NonNullable<CustomizationRequest["nicSpecification"]>[number];

function addressing(spec: NicSpecification | undefined): Omit<GuestSeed["nics"][number], "mac"> {
  if (!spec?.ip) return { address: null, gateway: null, dns: [] };
  const prefix = prefixOf(spec.netmask ?? "");
  if (!isIPv4(spec.ip) || prefix === undefined) {
    throw vmErrors.seedUnsupported(`"${spec.ip}/${spec.netmask ?? ""}" is not an address and mask.`);
  }
  if (spec.gateway && !isIPv4(spec.gateway))
    throw vmErrors.seedUnsupported(`"${spec.gateway}" is not a gateway address.`);
  const dns = [spec.setdns, spec.adddns].filter((server): server is string => !!server);
  for (const server of dns) {
    if (!isIPv4(server)) throw vmErrors.seedUnsupported(`"${server}" is not a DNS server's address.`);
  }
  return { address: `${spec.ip}/${prefix}`, gateway: spec.gateway || null, dns };
}

/** Length of a dotted or plain mask; undefined when it is none. */
export function prefixOf(mask: string): number | undefined {
  if (/^\d{1,2}$/.test(mask) && Number(mask) <= 32) return Number(mask);
  if (!isIPv4(mask)) return undefined;
  const bits = mask
    .split(".")
    .map((part) => Number(part).toString(2).padStart(8, "0"))
    .join("");
  return /^1*0*$/.test(bits) ? (bits.indexOf("0") === -1 ? 32 : bits.indexOf("0")) : undefined;
}
