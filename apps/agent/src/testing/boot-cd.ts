import { BOOT_CODE } from "./echo-guest.ts";

const SECTOR = 2048;
const CATALOG = 20;
const CODE = 21;

/**
 * A CD that starts the guest of echo-guest.ts: the boot record and catalog of the El Torito specification, "no
 * emulation", and one sector of code. There is no file system on it.
 */
export function bootCd(): Buffer {
  const image = Buffer.alloc(64 * SECTOR);
  image.set([1, ...Buffer.from("CD001"), 1], 16 * SECTOR);
  const record = 17 * SECTOR;
  image.set([0, ...Buffer.from("CD001"), 1, ...Buffer.from("EL TORITO SPECIFICATION")], record);
  image.writeUInt32LE(CATALOG, record + 0x47);
  image.set([255, ...Buffer.from("CD001"), 1], 18 * SECTOR);
  const validation = Buffer.alloc(32);
  validation[0] = 1;
  validation.set([0x55, 0xaa], 30);
  // All words of the entry add up to zero.
  let sum = 0;
  for (let at = 0; at < 32; at += 2) sum += validation.readUInt16LE(at);
  validation.writeUInt16LE(-sum & 0xffff, 28);
  validation.copy(image, CATALOG * SECTOR);
  const entry = CATALOG * SECTOR + 32;
  image[entry] = 0x88;
  image.writeUInt16LE(4, entry + 6); // sectors of 512 bytes to load
  image.writeUInt32LE(CODE, entry + 8);
  image.write(BOOT_CODE, CODE * SECTOR, "hex");
  return image;
}
