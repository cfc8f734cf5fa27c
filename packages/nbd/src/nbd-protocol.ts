/**
 * Numbers and messages of the Network Block Device protocol, as far as a read-only server needs them. After
 * doc/proto.md of https://github.com/NetworkBlockDevice/nbd, "fixed newstyle negotiation". All numbers are big-endian.
 */

export const INIT_MAGIC = 0x4e42444d41474943n; // "NBDMAGIC"
export const OPTION_MAGIC = 0x49484156454f5054n; // "IHAVEOPT"
const OPTION_REPLY_MAGIC = 0x0003e889045565a9n;
export const REQUEST_MAGIC = 0x25609513;
const REPLY_MAGIC = 0x67446698;

export const HANDSHAKE_FLAGS = { fixedNewstyle: 1, noZeroes: 2 } as const;
export const OPTION = { exportName: 1, abort: 2, list: 3, info: 6, go: 7 } as const;
export const OPTION_REPLY = {
  ack: 1,
  server: 2,
  info: 3,
  unsupported: 0x80000001,
  invalid: 0x80000003,
  unknown: 0x80000006,
  tooBig: 0x80000009,
} as const;
const INFO = { export: 0, blockSize: 3 } as const;
const TRANSMISSION_FLAGS = { hasFlags: 1, readOnly: 2, canMultiConn: 256 } as const;
export const COMMAND = { read: 0, write: 1, disconnect: 2, flush: 3, trim: 4, writeZeroes: 6 } as const;
/** Linux's errno numbers, by the protocol's own list. */
export const NBD_ERROR = { perm: 1, io: 5, inval: 22 } as const;

/** Longest read that is answered; QEMU and the kernel ask for less. */
export const READ_BYTES_MAX = 32 * 1024 * 1024;
/** Longest data of an option; names have at most 4096 bytes. */
export const OPTION_BYTES_MAX = 64 * 1024;
const BLOCK_BYTES = { minimum: 1, preferred: 64 * 1024, maximum: READ_BYTES_MAX } as const;
/** Several connections see the same unchanging bytes. */
const EXPORT_FLAGS =
  TRANSMISSION_FLAGS.hasFlags | TRANSMISSION_FLAGS.readOnly | TRANSMISSION_FLAGS.canMultiConn;

export function greeting(): Buffer {
  const bytes = Buffer.alloc(18);
  bytes.writeBigUInt64BE(INIT_MAGIC, 0);
  bytes.writeBigUInt64BE(OPTION_MAGIC, 8);
  bytes.writeUInt16BE(HANDSHAKE_FLAGS.fixedNewstyle | HANDSHAKE_FLAGS.noZeroes, 16);
  return bytes;
}

export function optionReply(option: number, type: number, data: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(20);
  head.writeBigUInt64BE(OPTION_REPLY_MAGIC, 0);
  head.writeUInt32BE(option, 8);
  head.writeUInt32BE(type, 12);
  head.writeUInt32BE(data.length, 16);
  return Buffer.concat([head, data]);
}

/** Answer to the oldest way of choosing an export, which has no reply header. */
export function exportNameReply(sizeBytes: number, hasZeroes: boolean): Buffer {
  const bytes = Buffer.alloc(hasZeroes ? 134 : 10);
  bytes.writeBigUInt64BE(BigInt(sizeBytes), 0);
  bytes.writeUInt16BE(EXPORT_FLAGS, 8);
  return bytes;
}

export function exportInfo(sizeBytes: number): Buffer {
  const bytes = Buffer.alloc(12);
  bytes.writeUInt16BE(INFO.export, 0);
  bytes.writeBigUInt64BE(BigInt(sizeBytes), 2);
  bytes.writeUInt16BE(EXPORT_FLAGS, 10);
  return bytes;
}

export function blockSizeInfo(): Buffer {
  const bytes = Buffer.alloc(14);
  bytes.writeUInt16BE(INFO.blockSize, 0);
  bytes.writeUInt32BE(BLOCK_BYTES.minimum, 2);
  bytes.writeUInt32BE(BLOCK_BYTES.preferred, 6);
  bytes.writeUInt32BE(BLOCK_BYTES.maximum, 10);
  return bytes;
}

/** Entry of a list of exports: its name. */
export function listEntry(name: string): Buffer {
  const text = Buffer.from(name, "utf8");
  const bytes = Buffer.alloc(4 + text.length);
  bytes.writeUInt32BE(text.length, 0);
  text.copy(bytes, 4);
  return bytes;
}

/** Name that an INFO or GO option asks for; undefined when its lengths do not fit its data. */
export function readGoName(data: Buffer): string | undefined {
  if (data.length < 6) return undefined;
  const length = data.readUInt32BE(0);
  if (length > data.length - 6) return undefined;
  const requests = data.readUInt16BE(4 + length);
  return data.length === 6 + length + 2 * requests ? data.toString("utf8", 4, 4 + length) : undefined;
}

export const REQUEST_BYTES = 28;

export interface NbdRequest {
  readonly type: number;
  /** The client's own number of the request. */
  readonly handle: bigint;
  readonly offset: bigint;
  readonly length: number;
}

/** Undefined for what is no request: the connection cannot go on. */
export function readRequest(bytes: Buffer): NbdRequest | undefined {
  if (bytes.readUInt32BE(0) !== REQUEST_MAGIC) return undefined;
  return {
    type: bytes.readUInt16BE(6),
    handle: bytes.readBigUInt64BE(8),
    offset: bytes.readBigUInt64BE(16),
    length: bytes.readUInt32BE(24),
  };
}

/** Head of a simple reply; a read that went well is followed by its bytes. */
export function replyHead(handle: bigint, error = 0): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt32BE(REPLY_MAGIC, 0);
  bytes.writeUInt32BE(error, 4);
  bytes.writeBigUInt64BE(handle, 8);
  return bytes;
}
