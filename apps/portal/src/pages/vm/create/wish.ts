import type { CloneVmRequest, CreateVmRequest, CustomizationRequest, WireVm } from "@sinter/northbound";
import { readMac } from "../mac.ts";
import { type Provisioning, provisioningOf, provisioningOnWire } from "../provisioning.ts";

/** What the wizard's form holds. It mirrors the form; what is sent is made of it at the end. */
export interface Wish {
  /** URN of a template or a stopped VM to copy; `""`: a VM from nothing. */
  from: string;
  /** The first disk stays with the source, which must then stay as it is. */
  isLinked: boolean;
  name: string;
  description: string;
  /** URN of a cluster or a host. */
  location: string;
  osType: "Linux" | "Windows" | "Other";
  osVersion: number;
  firmware: "BIOS" | "UEFI";
  cpus: number;
  coresPerSocket: number;
  memoryMiB: number;
  disks: DiskWish[];
  /** Id of an image of the library, to boot from. */
  isoId?: string | undefined;
  nics: NicWish[];
  isCustomized: boolean;
  hostname: string;
  password: string;
  sshKey: string;
  autoBoot: boolean;
}

export interface DiskWish {
  sizeGiB: number;
  datastoreUrn: string;
  provisioning: Provisioning;
  /** File in the datastore's image library to start from. */
  image?: string | undefined;
  /** Slot of the source's disk that this is a copy of. */
  copyOf?: number;
}

export interface NicWish {
  portGroupUrn: string;
  mac: string;
  addressing: "dhcp" | "static";
  ip?: string;
  netmask?: string;
  gateway?: string;
  dns?: string;
  secondDns?: string;
}

export const NEW_DISK: DiskWish = { sizeGiB: 20, datastoreUrn: "", provisioning: "thin" };
export const NEW_NIC: NicWish = { portGroupUrn: "", mac: "", addressing: "dhcp" };

export const EMPTY_WISH: Wish = {
  from: "",
  isLinked: false,
  name: "",
  description: "",
  location: "",
  osType: "Linux",
  osVersion: 302,
  firmware: "BIOS",
  cpus: 1,
  coresPerSocket: 1,
  memoryMiB: 2048,
  disks: [NEW_DISK],
  nics: [NEW_NIC],
  isCustomized: false,
  hostname: "",
  password: "",
  sshKey: "",
  autoBoot: true,
};

/** The part of a wish that a source of a copy decides. */
export function wishFrom(source: WireVm): Partial<Wish> {
  const { cpu, memory, disks, nics, properties } = source.vmConfig ?? {};
  const osType = source.osOptions?.osType;
  return {
    osType: osType === "Windows" || osType === "Other" ? osType : "Linux",
    osVersion: source.osOptions?.osVersion ?? EMPTY_WISH.osVersion,
    firmware: properties?.["bootFirmware"] === "UEFI" ? "UEFI" : "BIOS",
    cpus: cpu?.quantity ?? 1,
    coresPerSocket: Math.max(1, cpu?.coresPerSocket ?? 1),
    memoryMiB: memory?.quantityMB ?? EMPTY_WISH.memoryMiB,
    disks: (disks ?? []).map((disk) => ({
      sizeGiB: disk.quantityGB,
      datastoreUrn: disk.datastoreUrn,
      provisioning: provisioningOf(disk),
      copyOf: disk.sequenceNum,
    })),
    // A copy has MACs of its own.
    nics: (nics ?? []).map((nic) => ({ ...NEW_NIC, portGroupUrn: nic.portGroupUrn ?? "" })),
    isoId: undefined,
  };
}

export interface IsoChoice {
  readonly datastoreId: string;
  readonly name: string;
}

/** A VM from nothing. */
export function createRequestOf(wish: Wish, iso?: IsoChoice): CreateVmRequest {
  return {
    name: wish.name.trim(),
    ...(wish.description === "" ? {} : { description: wish.description }),
    location: wish.location,
    vmConfig: {
      cpu: { quantity: wish.cpus, coresPerSocket: wish.coresPerSocket },
      memory: { quantityMB: wish.memoryMiB },
      disks: wish.disks.map((disk, index) => ({
        sequenceNum: index + 1,
        quantityGB: disk.sizeGiB,
        datastoreUrn: disk.datastoreUrn,
        ...provisioningOnWire(disk.provisioning),
        ...(disk.image ? { sourceImage: disk.image } : {}),
      })),
      nics: nicsOf(wish),
      properties: {
        bootFirmware: wish.firmware,
        // An empty disk does not boot, so that the CD comes first until something is installed.
        bootOption: iso === undefined ? "disk" : "cdrom",
      },
    },
    osOptions: { osType: wish.osType, osVersion: wish.osVersion },
    autoBoot: wish.autoBoot,
    ...(iso === undefined
      ? {}
      : { cdRomProtocol: "file", cdRomDevicePath: `${iso.datastoreId}@${iso.name}` }),
    ...customizationOf(wish),
  };
}

/** A copy of `wish.from`. */
export function cloneRequestOf(wish: Wish): CloneVmRequest {
  const copied = wish.disks.map((disk) => disk.copyOf ?? 0);
  let free = Math.max(0, ...copied);
  return {
    name: wish.name.trim(),
    ...(wish.description === "" ? {} : { description: wish.description }),
    location: wish.location,
    vmConfig: {
      cpu: { quantity: wish.cpus, coresPerSocket: wish.coresPerSocket },
      memory: { quantityMB: wish.memoryMiB },
      disks: wish.disks.map((disk) => ({
        // Disks are told apart by slot: those beyond the source's are new and empty.
        sequenceNum: disk.copyOf ?? ++free,
        isDataCopy: disk.copyOf !== undefined,
        quantityGB: disk.sizeGiB,
        datastoreUrn: disk.datastoreUrn,
        ...provisioningOnWire(disk.provisioning),
      })),
      nics: nicsOf(wish),
    },
    autoBoot: wish.autoBoot,
    ...(wish.isLinked ? { isLinkClone: true } : {}),
    ...customizationOf(wish),
  };
}

function nicsOf(wish: Wish) {
  return wish.nics.map((nic, index) => {
    const { mac } = readMac(nic.mac);
    return { sequenceNum: index, portGroupUrn: nic.portGroupUrn, ...(mac === undefined ? {} : { mac }) };
  });
}

function customizationOf(wish: Wish): { vmCustomization?: CustomizationRequest; publickey?: string } {
  if (!wish.isCustomized) return {};
  const text = (value: string | undefined): string => value?.trim() ?? "";
  return {
    vmCustomization: {
      osType: wish.osType,
      ...(text(wish.hostname) === "" ? {} : { hostname: text(wish.hostname) }),
      // Blanks around a password are part of it.
      ...(wish.password === "" ? {} : { password: wish.password, isUpdateVmPassword: true }),
      nicSpecification: wish.nics.map((nic, index) => ({
        sequenceNum: index + 1,
        ...(nic.addressing === "dhcp"
          ? {}
          : {
              ip: text(nic.ip),
              netmask: text(nic.netmask),
              ...(text(nic.gateway) === "" ? {} : { gateway: text(nic.gateway) }),
              ...(text(nic.dns) === "" ? {} : { setdns: text(nic.dns) }),
              ...(text(nic.secondDns) === "" ? {} : { adddns: text(nic.secondDns) }),
            }),
      })),
    },
    ...(text(wish.sshKey) === "" ? {} : { publickey: text(wish.sshKey) }),
  };
}

/** Room that new disks take at once, by datastore: thin ones take theirs as they are written. */
export function roomNeeded(disks: readonly (Partial<DiskWish> | undefined)[]): Map<string, number> {
  const needed = new Map<string, number>();
  for (const disk of disks) {
    if (!disk?.datastoreUrn || disk.provisioning === "thin") continue;
    needed.set(disk.datastoreUrn, (needed.get(disk.datastoreUrn) ?? 0) + (disk.sizeGiB ?? 0));
  }
  return needed;
}
