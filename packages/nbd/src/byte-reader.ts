import type { Socket } from "node:net";

/** Reads a socket in pieces of known length. What was not asked for stays in the socket, which is then not read on. */
export class ByteReader {
  readonly #socket: Socket;
  #wake: (() => void) | undefined;
  #isOver = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    const wake = (): void => {
      this.#wake?.();
      this.#wake = undefined;
    };
    socket.on("readable", wake);
    for (const event of ["end", "close"]) {
      socket.on(event, () => {
        this.#isOver = true;
        wake();
      });
    }
    socket.on("error", () => socket.destroy());
  }

  /** Exactly so many bytes; undefined when the peer has left before. One caller at a time. */
  async take(length: number): Promise<Buffer | undefined> {
    if (length === 0) return Buffer.alloc(0);
    const parts: Buffer[] = [];
    let missing = length;
    while (missing > 0) {
      const part = this.#socket.read(
        Math.min(missing, Math.max(this.#socket.readableLength, 1)),
      ) as Buffer | null;
      if (part !== null) {
        parts.push(part);
        missing -= part.length;
        continue;
      }
      if (this.#isOver) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return parts.length === 1 ? parts[0] : Buffer.concat(parts);
  }
}
