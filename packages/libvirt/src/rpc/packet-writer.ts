import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";

type Done = (error?: Error | null) => void;

/**
 * Sends packets in order.
 *
 * Over TLS each goes into records of its own, and waits until the one before it is out: Node would join several
 * writes to one record, and libvirtd (9.0 at least), having answered the first packets of a record, forgets
 * that there are more in it until something new arrives, which may be the next ping seconds later.
 */
export class PacketWriter {
  readonly #socket: Socket;
  readonly #oneByOne: boolean;
  readonly #queue: { packet: Uint8Array; done: Done | undefined }[] = [];
  #writing = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#oneByOne = socket instanceof TLSSocket;
  }

  /** `done` is called when the packet has left, or cannot. */
  write(packet: Uint8Array, done?: Done): void {
    if (!this.#oneByOne) {
      this.#socket.write(packet, done);
      return;
    }
    this.#queue.push({ packet, done });
    if (!this.#writing) this.#next();
  }

  #next(): void {
    const next = this.#queue.shift();
    this.#writing = next !== undefined;
    if (!next) return;
    this.#socket.write(next.packet, (error) => {
      next.done?.(error);
      this.#next();
    });
  }
}
