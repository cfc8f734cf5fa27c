/**
 * Writes a small ISO 9660 image with Joliet names, for first-boot settings. All files are in the root. Layout after
 * ECMA-119 and the Joliet specification: 16 sectors of nothing, the primary and the supplementary volume descriptor,
 * the terminator, two path tables in both byte orders, two root directories, then the files.
 */
export interface IsoFile {
  /** At most 64 characters (Joliet). */
  readonly name: string;
  readonly content: Buffer;
}

const SECTOR = 2048;
const PRIMARY_LBA = 16;
const PATH_TABLE_LBA = 19;
const ROOT_LBA = 23;
const FILES_LBA = 25;
const SIZE_BYTES_MIN = 512 * 1024;

export function buildIso(volumeId: string, files: readonly IsoFile[]): Buffer {
  let lba = FILES_LBA;
  const placed = files.map(({ name, content }, index) => {
    const entry = { name, content, lba, shortName: `FILE${index}.;1` };
    lba += Math.max(sectorsOf(content.length), 1);
    return entry;
  });
  // Some probes (busybox among them) give up on a medium that ends before the places of larger file systems' marks.
  const image = Buffer.alloc(Math.max(lba * SECTOR, SIZE_BYTES_MIN));
  const put = (sector: number, bytes: Buffer): void => void bytes.copy(image, sector * SECTOR);

  const plain = {
    encode: (text: string) => Buffer.from(text, "latin1"),
    name: (one: Placed) => one.shortName,
  };
  const joliet = { encode: ucs2, name: (one: Placed) => one.name };
  put(
    PRIMARY_LBA,
    descriptor({ type: 1, volumeId, sectors: lba, pathTable: PATH_TABLE_LBA, root: ROOT_LBA }),
  );
  put(
    PRIMARY_LBA + 1,
    descriptor({ type: 2, volumeId, sectors: lba, pathTable: PATH_TABLE_LBA + 2, root: ROOT_LBA + 1 }),
  );
  put(PRIMARY_LBA + 2, Buffer.from([255, ...Buffer.from("CD001"), 1]));
  for (const [index, root] of [ROOT_LBA, ROOT_LBA + 1].entries()) {
    put(PATH_TABLE_LBA + 2 * index, pathTable(root, "little"));
    put(PATH_TABLE_LBA + 2 * index + 1, pathTable(root, "big"));
  }
  put(ROOT_LBA, directory(ROOT_LBA, placed, plain));
  put(ROOT_LBA + 1, directory(ROOT_LBA + 1, placed, joliet));
  for (const file of placed) put(file.lba, file.content);
  return image;
}

interface Placed extends IsoFile {
  readonly lba: number;
  readonly shortName: string;
}

interface Naming {
  readonly encode: (text: string) => Buffer;
  readonly name: (file: Placed) => string;
}

/** Numbers stand in both byte orders, one after the other. */
function both16(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt16LE(value, 0);
  bytes.writeUInt16BE(value, 2);
  return bytes;
}

function both32(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE(value, 0);
  bytes.writeUInt32BE(value, 4);
  return bytes;
}

function descriptor(volume: {
  type: 1 | 2;
  volumeId: string;
  sectors: number;
  pathTable: number;
  root: number;
}): Buffer {
  const isJoliet = volume.type === 2;
  const bytes = Buffer.alloc(SECTOR);
  const text = (offset: number, length: number, value: string): void => {
    const filler = isJoliet ? ucs2(" ".repeat(length / 2)) : Buffer.alloc(length, " ");
    filler.copy(bytes, offset);
    (isJoliet ? ucs2(value) : Buffer.from(value, "latin1")).copy(bytes, offset, 0, length);
  };
  bytes[0] = volume.type;
  bytes.write("CD001", 1, "latin1");
  bytes[6] = 1;
  text(8, 32, "");
  text(40, 32, volume.volumeId);
  both32(volume.sectors).copy(bytes, 80);
  if (isJoliet) bytes.write("%/E", 88, "latin1"); // UCS-2 level 3
  both16(1).copy(bytes, 120);
  both16(1).copy(bytes, 124);
  both16(SECTOR).copy(bytes, 128);
  both32(PATH_TABLE_BYTES).copy(bytes, 132);
  bytes.writeUInt32LE(volume.pathTable, 140);
  bytes.writeUInt32BE(volume.pathTable + 1, 148);
  record(Buffer.from([0]), { lba: volume.root, size: SECTOR, isDirectory: true }).copy(bytes, 156);
  for (const [offset, length] of [
    [190, 128],
    [318, 128],
    [446, 128],
    [574, 128],
    [702, 36],
    [740, 36],
    [776, 36],
  ] as const) {
    text(offset, length, "");
  }
  // Four times of day: sixteen zeros as digits and a zero mean "not given".
  for (const offset of [813, 830, 847, 864]) bytes.write("0".repeat(16), offset, "latin1");
  bytes[881] = 1;
  return bytes;
}

const PATH_TABLE_BYTES = 10;

/** The root alone. */
function pathTable(root: number, order: "little" | "big"): Buffer {
  const bytes = Buffer.alloc(PATH_TABLE_BYTES);
  bytes[0] = 1;
  if (order === "little") {
    bytes.writeUInt32LE(root, 2);
    bytes.writeUInt16LE(1, 6);
  } else {
    bytes.writeUInt32BE(root, 2);
    bytes.writeUInt16BE(1, 6);
  }
  return bytes;
}

function directory(self: number, files: readonly Placed[], naming: Naming): Buffer {
  const own = { lba: self, size: SECTOR, isDirectory: true };
  const entries = files.map((file) => ({ id: naming.encode(naming.name(file)), file }));
  const records = [
    record(Buffer.from([0]), own),
    record(Buffer.from([1]), own), // the parent of the root is the root
    ...entries
      .toSorted((a, b) => Buffer.compare(a.id, b.id))
      .map(({ id, file }) => record(id, { lba: file.lba, size: file.content.length, isDirectory: false })),
  ];
  const bytes = Buffer.concat(records);
  if (bytes.length > SECTOR) throw new RangeError("Too many files for one directory sector.");
  return bytes;
}

function record(id: Buffer, entry: { lba: number; size: number; isDirectory: boolean }): Buffer {
  const length = 33 + id.length + (id.length % 2 === 0 ? 1 : 0);
  const bytes = Buffer.alloc(length);
  bytes[0] = length;
  both32(entry.lba).copy(bytes, 2);
  both32(entry.size).copy(bytes, 10);
  bytes.set([70, 1, 1, 0, 0, 0, 0], 18); // a fixed date, so that equal settings are equal bytes
  bytes[25] = entry.isDirectory ? 2 : 0;
  both16(1).copy(bytes, 28);
  bytes[32] = id.length;
  id.copy(bytes, 33);
  return bytes;
}

/** Joliet's names: two bytes a character, the higher one first. */
function ucs2(text: string): Buffer {
  return Buffer.from(text, "utf16le").swap16();
}

function sectorsOf(bytes: number): number {
  return Math.ceil(bytes / SECTOR);
}
