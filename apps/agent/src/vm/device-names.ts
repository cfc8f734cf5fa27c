import type { DiskBus } from "@sinter/southbound";

const PREFIX = { virtio: "vd", scsi: "sd", ide: "hd" } as const satisfies Record<DiskBus, string>;

/** Name of a disk's place as libvirt counts: slot 1 on virtio is vda, slot 27 vdaa. The guest mostly agrees. */
export function diskTarget(bus: DiskBus, slot: number): string {
  return PREFIX[bus] + letters(slot - 1);
}

/** Slots of an IDE machine: two channels with two drives each, of which the last is the CD drive's. */
export const IDE_SLOTS_MAX = 3;
/** The CD drive on SATA or virtio-scsi, and that of the first-boot settings: beyond every slot, in no disk's way. */
export const CDROM_TARGET = "sdzzy";
export const SEED_TARGET = "sdzzz";
export const IDE_CDROM_TARGET = "hdd";
/** For the first-boot settings, while no disk has the slot. */
export const IDE_SEED_TARGET = "hdc";

/** Targets on one virtio-scsi controller; the last one is that of CDs. */
const SCSI_TARGETS = 255;

/** Where on the virtio-scsi controller a slot is. Said outright, since libvirt would begin a second controller at slot 16. */
export function scsiAddress(slot: number): { controller: number; bus: string; target: number; unit: number } {
  const index = slot - 1;
  return { controller: 0, bus: "0", target: index % SCSI_TARGETS, unit: Math.floor(index / SCSI_TARGETS) };
}

/** Place of a CD on the virtio-scsi controller: unit 0 or 1. */
export function scsiCdAddress(unit: 0 | 1): {
  controller: number;
  bus: string;
  target: number;
  unit: number;
} {
  return { controller: 0, bus: "0", target: SCSI_TARGETS, unit };
}

/** 0 → a, 25 → z, 26 → aa: no zero, like the columns of a spreadsheet. */
function letters(index: number): string {
  const last = String.fromCodePoint(97 + (index % 26));
  return index < 26 ? last : letters(Math.floor(index / 26) - 1) + last;
}
