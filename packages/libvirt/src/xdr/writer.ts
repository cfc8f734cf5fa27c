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
    const at = this.#grow(4);
    this.#buffer.writeUInt32BE(value, at);
  }

  i32(value: number): void {
    const at = this.#grow(4);
    this.#buffer.writeInt32BE(value, at);
  }

  u64(value: bigint): void {
    const at = this.#grow(8);
    this.#buffer.writeBigUInt64BE(value, at);
  }

  i64(value: bigint): void {
    const at = this.#grow(8);
    this.#buffer.writeBigInt64BE(value, at);
  }

  f64(value: number): void {
    const at = this.#grow(8);
    this.#buffer.writeDoubleBE(value, at);
  }

  /** The bytes and their padding; a length word, where there is one, is the caller's. */
  opaque(bytes: Uint8Array): void {
    const at = this.#grow(bytes.length + padding(bytes.length));
    this.#buffer.set(bytes, at);
  }

  /** What was written, without a copy: the writer is not to be used afterwards. */
  finish(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Where the next `by` bytes go. May put another buffer in place, so it is called before that is looked at. */
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
