import type { VmState } from "@sinter/rules";
import type { GuestObservation, VncEndpoint } from "@sinter/southbound";
import type { DiskBus, Volume } from "../storage/volume.ts";

/** CPU of a VM: what it gets and how it competes (CMP-10). Clock figures in MHz. */
export interface VmCpu {
  readonly count: number;
  readonly coresPerSocket: number;
  readonly shares: number;
  readonly reservationMhz: number;
  /** 0 = unlimited. */
  readonly limitMhz: number;
  readonly affinity: readonly number[];
  readonly hotPlug: 0 | 1 | 2;
}

export interface VmMemory {
  readonly sizeMiB: number;
  readonly shares: number;
  readonly reservationMiB: number;
  readonly hotPlug: 0 | 1;
}

export type OsType = "Windows" | "Linux" | "Other";

export interface VmOs {
  readonly type: OsType;
  /** Any integer of the contract's list or of a client's own. */
  readonly version: number;
  readonly guestOsName: string;
}

export interface VmProperties {
  readonly bootOption: "disk" | "pxe" | "cdrom";
  readonly firmware: "bios" | "uefi";
  readonly onGuestCrash: "notprocess" | "ha" | "reboot";
  readonly isHaEnabled: boolean;
  readonly clockMode: "freeClock" | "synchClock";
  /** Number of the contract's keyboard table; 7 is en-us. */
  readonly keymap: number;
  /** The contract's other properties, kept and returned. */
  readonly others: Readonly<Record<string, string | number | boolean>>;
}

export interface NicSettings {
  readonly model: "virtio" | "e1000";
  /** As the client sent it: 0 or 1. */
  readonly virtIo: number;
  /** Id in the client's own system; returned, never used. */
  readonly portId: string;
}

/** What lies in a VM's CD drive. */
export type VmCdrom = VmIso | VmBrowserMedium;

export interface VmIso {
  readonly kind: "iso";
  readonly datastoreId: number;
  readonly name: string;
  /** ISO 8601, UTC. */
  readonly attachedAt: string;
}

/** A file that stays with somebody's browser (CMP-29). */
export interface VmBrowserMedium {
  readonly kind: "browser";
  readonly mediaId: string;
  readonly name: string;
  readonly sizeBytes: number;
  readonly attachedAt: string;
  /** The browser is gone for good: the guest's reads fail until the medium is detached. */
  readonly isLost: boolean;
}

export interface Vm {
  readonly id: number;
  readonly uuid: string;
  readonly name: string;
  readonly description: string;
  readonly groupLabel: string;
  readonly externalUuid: string;
  readonly clusterId: number | null;
  /** Where its definition lies and, unless stopped, where it runs. */
  readonly hostId: number | null;
  readonly isBoundToHost: boolean;
  readonly isTemplate: boolean;
  /** Its first disk lies on a disk of another VM. */
  readonly isLinkClone: boolean;
  readonly state: VmState;
  /** Why it is in that state, for a person; empty when there is nothing to say. */
  readonly stateReason: string;
  readonly cpu: VmCpu;
  readonly memory: VmMemory;
  readonly properties: VmProperties;
  readonly os: VmOs;
  readonly vncPassword: string;
  readonly cdrom: VmCdrom | null;
  readonly params: Record<string, string>;
  readonly generation: number;
  readonly guest: GuestObservation | null;
  /** Where VNC clients may connect to for the time being. */
  readonly vnc: VncEndpoint | null;
  readonly observedAt: Date | null;
  readonly createdAt: Date;
}

export interface Nic {
  readonly vmId: number;
  readonly index: number;
  readonly uuid: string;
  readonly name: string;
  readonly mac: string;
  readonly portGroupId: number;
  readonly settings: NicSettings;
}

export interface VmDisk {
  readonly volume: Volume;
  readonly bus: DiskBus;
  readonly slot: number;
}

/** A VM with all that belongs to it. */
export interface WholeVm {
  readonly vm: Vm;
  readonly nics: readonly Nic[];
  readonly disks: readonly VmDisk[];
}

/** What a list shows of a VM: of what is stored as JSON only the parts that appear there. */
export interface VmSummary
  extends Pick<
    Vm,
    | "id"
    | "uuid"
    | "name"
    | "description"
    | "groupLabel"
    | "clusterId"
    | "hostId"
    | "isBoundToHost"
    | "isTemplate"
    | "isLinkClone"
    | "state"
    | "stateReason"
    | "createdAt"
  > {
  /** Null while nobody has looked into the guest. */
  readonly guest: Pick<GuestObservation, "agent" | "agentVersion" | "addresses"> | null;
  readonly secureVmType: string;
  readonly hasCd: boolean;
  readonly nics: readonly Pick<Nic, "index" | "mac">[];
}

export function summaryOf({ vm, nics }: WholeVm): VmSummary {
  const secureVmType = String(vm.properties.others.secureVmType ?? "");
  return { ...vm, secureVmType, hasCd: vm.cdrom !== null, nics };
}

/** States in which the VM holds memory and CPU of its host, or is about to. */
export const OCCUPYING_STATES: readonly VmState[] = [
  "creating",
  "starting",
  "running",
  "stopping",
  "rebooting",
  "pausing",
  "paused",
  "resuming",
  "hibernating",
  "migrating",
  "unknown",
];
