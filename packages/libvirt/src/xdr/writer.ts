import { padding } from "./reader.ts";

/** Collects XDR values into one growing buffer. */
export class XdrWriter {
  #buffer: Buffer;
  #length: number;

  /** `reserve` bytes are left free at the front, for a header that is known only at the end. */
  constructor(reserve = 0) {
    this.#buffer = Buffer.alloc(Math.max(256, reserve));
    this.#length = reserve;
  }

  get length(): number {
    return this.#length;
  }

  u32(value: number): void {
    this.#buffer.writeUInt32BE(value, this.#grow(4));
  }

  i32(value: number): void {
    this.#buffer.writeInt32BE(value, this.#grow(4));
  }

  u64(value: bigint): void {
    this.#buffer.writeBigUInt64BE(value, this.#grow(8));
  }

  i64(value: bigint): void {
    this.#buffer.writeBigInt64BE(value, this.#grow(8));
  }

  f64(value: number): void {
    this.#buffer.writeDoubleBE(value, this.#grow(8));
  }

  /** The bytes and their padding; a length word, where there is one, is the caller's. */
  opaque(bytes: Uint8Array): void {
    this.#buffer.set(bytes, this.#grow(bytes.length + padding(bytes.length)));
  }

  /** What was written, without a copy: the writer is not to be used afterwards. */
  finish(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  #grow(by: number): number {
    const start = this.#length;
    const end = start + by;
    if (end > this.#buffer.length) {
      // Fresh memory is zeroed, which also makes the padding right.
      const larger = Buffer.alloc(Math.max(end, this.#buffer.length * 2));
      larger.set(this.#buffer.subarray(0, start));
      this.#buffer = larger;
    }
    this.#length = end;
    return start;
  }
}
