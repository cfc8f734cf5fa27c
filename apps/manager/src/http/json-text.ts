import { Readable } from "node:stream";

/** More than this goes out in pieces, so that a large list is not in memory several times. */
const PIECE_BYTES = 256 * 1024;

/** An answer that is JSON already, in parts that follow each other. */
export class JsonText {
  readonly #parts: readonly Buffer[];
  /** Of all parts, in bytes. */
  readonly size: number;

  constructor(parts: readonly Buffer[]) {
    this.#parts = parts;
    this.size = parts.reduce((sum, part) => sum + part.length, 0);
  }

  /** One buffer when it is small, else a stream of pieces. */
  body(): Buffer | Readable {
    return this.size <= PIECE_BYTES ? Buffer.concat(this.#parts) : Readable.from(this.#pieces());
  }

  toString(): string {
    return Buffer.concat(this.#parts).toString();
  }

  *#pieces(): Generator<Buffer> {
    let piece: Buffer[] = [];
    let size = 0;
    for (const part of this.#parts) {
      piece.push(part);
      size += part.length;
      if (size < PIECE_BYTES) continue;
      yield Buffer.concat(piece, size);
      piece = [];
      size = 0;
    }
    if (size > 0) yield Buffer.concat(piece, size);
  }
}
