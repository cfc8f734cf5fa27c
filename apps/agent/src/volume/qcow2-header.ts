import { open } from "node:fs/promises";

/**
 * What the first bytes of a disk image say, read by ourselves: before QEMU's tools may open a file that somebody gave
 * us, and cheaply for volumes that are in use. qcow2's layout is docs/interop/qcow2.txt of QEMU.
 */
export type DiskFormatName = "qcow2" | "raw" | "vmdk" | "vhdx" | "vdi";

export interface ImageHead {
  readonly format: DiskFormatName | "vmdkDescriptor";
  /** Of qcow2 alone. */
  readonly qcow2?: Qcow2Head;
}

export interface Qcow2Head {
  readonly virtualSizeBytes: number;
  /** The content depends on another file: a backing file, or an external data file. */
  readonly needsOtherFile: boolean;
  readonly encrypted: boolean;
}

const HEAD_BYTES = 512;
/** Incompatible feature bit 2: the data is in another file. */
const EXTERNAL_DATA = 1n << 2n;

/** Throws what the file system says. A file that is none of the others is raw. */
export async function readImageHead(path: string): Promise<ImageHead> {
  const head = Buffer.alloc(HEAD_BYTES);
  const file = await open(path, "r");
  try {
    await file.read(head, 0, HEAD_BYTES, 0);
  } finally {
    await file.close();
  }
  return parseImageHead(head);
}

/** The length of such a name is at most this in the format. */
const BACKING_NAME_MAX = 1023;

/** The file that a qcow2 names as the one below it, as it stands there; null when it stands alone. Reads no lock. */
export async function readBackingName(path: string): Promise<string | null> {
  const head = Buffer.alloc(HEAD_BYTES);
  const file = await open(path, "r");
  try {
    await file.read(head, 0, HEAD_BYTES, 0);
    if (parseImageHead(head).format !== "qcow2") return null;
    const offset = Number(head.readBigUInt64BE(8));
    const length = Math.min(head.readUInt32BE(16), BACKING_NAME_MAX);
    if (offset === 0 || length === 0) return null;
    const name = Buffer.alloc(length);
    await file.read(name, 0, length, offset);
    return name.toString("utf8");
  } finally {
    await file.close();
  }
}

export function parseImageHead(head: Buffer): ImageHead {
  if (head.subarray(0, 4).equals(Buffer.from("QFI\xfb", "latin1")))
    return { format: "qcow2", qcow2: qcow2Head(head) };
  const magic = head.toString("latin1");
  if (magic.startsWith("KDMV") || magic.startsWith("COWD")) return { format: "vmdk" };
  if (
    /^\s*(#.*\n\s*)*(version|CID|createType)\s*=/.test(magic) ||
    magic.startsWith("# Disk DescriptorFile")
  ) {
    return { format: "vmdkDescriptor" };
  }
  if (magic.startsWith("vhdxfile")) return { format: "vhdx" };
  if (head.readUInt32LE(0x40) === 0xbeda107f) return { format: "vdi" };
  return { format: "raw" };
}

function qcow2Head(head: Buffer): Qcow2Head {
  const version = head.readUInt32BE(4);
  const backingFileOffset = head.readBigUInt64BE(8);
  // Version 2 ends before the feature bits.
  const incompatible = version >= 3 ? head.readBigUInt64BE(72) : 0n;
  return {
    virtualSizeBytes: Number(head.readBigUInt64BE(24)),
    needsOtherFile: backingFileOffset !== 0n || (incompatible & EXTERNAL_DATA) !== 0n,
    encrypted: head.readUInt32BE(32) !== 0,
  };
}
