import { open, readFile, truncate } from "node:fs/promises";
import { join } from "node:path";
import { KiB, MiB, run } from "@sinter/kit";
import type { GuestTree } from "./root-tree.ts";

/**
 * | from | to | what |
 * | --- | --- | --- |
 * | 0 | 512 B | master boot record: starts the active partition |
 * | 1 MiB | 33 MiB | FAT16, active: SYSLINUX, kernel, initial RAM disk |
 * | 33 MiB | 256 MiB | ext4 "sinterguest": the system |
 *
 * File systems are made inside the image file by their own tools. Nothing is mounted and no loop device is used, so
 * that nothing can be left behind.
 */
const DISK_BYTES = 256 * MiB;
const BOOT = { offset: 1 * MiB, bytes: 32 * MiB };
const ROOT = { offset: BOOT.offset + BOOT.bytes, bytes: DISK_BYTES - BOOT.offset - BOOT.bytes };
const SECTOR = 512;
const BOOT_CODE = "/usr/lib/syslinux/mbr/mbr.bin";

export async function buildBootDisk(work: string, { rootDir, bootDir }: GuestTree): Promise<string> {
  const raw = join(work, "disk.raw");
  const file = await open(raw, "wx", 0o644);
  try {
    await truncate(raw, DISK_BYTES);
    await file.write(await masterBootRecord(), 0, SECTOR, 0);
  } finally {
    await file.close();
  }

  const bootSector = String(BOOT.offset / SECTOR);
  const fat = ["-F", "16", "-n", "BOOT", "-h", bootSector, `--offset=${bootSector}`];
  await run("mkfs.vfat", [...fat, raw, String(BOOT.bytes / KiB)]);
  const inBoot = `${raw}@@${BOOT.offset}`;
  for (const name of ["vmlinuz", "initrd", "syslinux.cfg"]) {
    await run("mcopy", ["-i", inBoot, join(bootDir, name), `::${name}`]);
  }
  await run("syslinux", ["--install", "--offset", String(BOOT.offset), raw]);

  // No 64-bit block numbers or checksums: nothing needs them, and old tools can read the disk as well.
  const features = ["-O", "^64bit,^metadata_csum", "-m", "0", "-L", "sinterguest"];
  const extended = ["-E", `offset=${ROOT.offset},root_owner=0:0,lazy_itable_init=0`];
  await run("mke2fs", [
    "-q",
    "-t",
    "ext4",
    ...features,
    ...extended,
    "-d",
    rootDir,
    raw,
    `${ROOT.bytes / KiB}k`,
  ]);

  const disk = join(work, "disk.qcow2");
  await run("qemu-img", ["convert", "-f", "raw", "-O", "qcow2", raw, disk]);
  return disk;
}

/** The table of partitions (at 446, 16 bytes each) behind SYSLINUX's code that starts the active one. */
async function masterBootRecord(): Promise<Buffer> {
  const record = Buffer.alloc(SECTOR);
  (await readFile(BOOT_CODE)).copy(record, 0, 0, 440);
  writePartition(record, 0, { active: true, type: 0x0e, ...BOOT });
  writePartition(record, 1, { active: false, type: 0x83, ...ROOT });
  record.writeUInt16LE(0xaa55, 510);
  return record;
}

function writePartition(
  record: Buffer,
  slot: number,
  partition: { active: boolean; type: number; offset: number; bytes: number },
): void {
  const at = 446 + slot * 16;
  record[at] = partition.active ? 0x80 : 0;
  // The cylinder fields say "beyond what cylinders can count": the sector numbers hold.
  record.fill(0xff, at + 1, at + 8);
  record[at + 4] = partition.type;
  record.writeUInt32LE(partition.offset / SECTOR, at + 8);
  record.writeUInt32LE(partition.bytes / SECTOR, at + 12);
}
