import { XdrError } from "./error.ts";

/**
 * Reads XDR (RFC 4506) values off one buffer, in order.
 *
 * Every read checks that the bytes are there first, so a length taken from the wire never makes us allocate:
 * variable parts are slices of the buffer, and arrays are bounded by what is left in it.
 */
export class XdrReader {
  readonly #buffer: Buffer;
  #offset = 0;

  constructor(buffer: Buffer) {
    this.#buffer = buffer;
  }

  /** Bytes not read yet. */
  get remaining(): number {
    return this.#buffer.length - this.#offset;
  }

  u32(): number {
    return this.#buffer.readUInt32BE(this.#take(4));
  }

  i32(): number {
    return this.#buffer.readInt32BE(this.#take(4));
  }

  u64(): bigint {
    return this.#buffer.readBigUInt64BE(this.#take(8));
  }

  i64(): bigint {
    return this.#buffer.readBigInt64BE(this.#take(8));
  }

  f64(): number {
    return this.#buffer.readDoubleBE(this.#take(8));
  }

  /** `length` bytes and the padding to the next multiple of four. The result shares the reader's memory. */
  opaque(length: number): Buffer {
    const start = this.#take(length + padding(length));
    return this.#buffer.subarray(start, start + length);
  }

  /** A length word, refused when it is over `max`. */
  length(max: number, what: string): number {
    const length = this.u32();
    if (length > max) throw new XdrError(`${what} of ${length} exceeds the limit of ${max}`);
    return length;
  }

  /** Fails unless everything was read: trailing bytes mean that the two ends disagree about the layout. */
  end(): void {
    if (this.remaining > 0) throw new XdrError(`${this.remaining} bytes are left after the last field`);
  }

  #take(length: number): number {
    if (length > this.remaining) {
      throw new XdrError(`${length} bytes wanted where ${this.remaining} are left`);
    }
    const start = this.#offset;
    this.#offset += length;
    return start;
  }
}

/** XDR keeps everything on multiples of four bytes. */
export function padding(length: number): number {
  return (4 - (length % 4)) % 4;
}
