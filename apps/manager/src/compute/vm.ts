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
  readonly keymap: number;
  /** Everything else of the contract's `properties`, kept and returned. */
  readonly others: Readonly<Record<string, string | number | boolean>>;
}

export interface NicSettings {
  readonly model: "virtio" | "e1000";
  /** As the client sent it: 0 or 1. */
  readonly virtIo: number;
  /** Id in the client's own system; returned, never used. */
  readonly portId: string;
}
