import { Duplex } from "node:stream";
import { STREAM_CHUNK_MAX_BYTES } from "./frame.ts";

/** How a stream reaches its connection. */
export interface StreamPort {
  /** Sends data; calls back when the socket took it. */
  send(chunk: Uint8Array, done: (error?: Error | null) => void): void;
  /** Asks the daemon to end the stream in order; it confirms or answers with what went wrong. */
  finish(): void;
  /** Tells the daemon to drop the stream. */
  abort(): void;
  /** The stream needs no more packets. */
  forget(): void;
}

/** What a slow reader may leave unread before its stream is dropped, in bytes. */
export const STREAM_BUFFER_MAX_BYTES = 64 * 1024 * 1024;

/**
 * A libvirt stream as a Duplex: console, channel, screenshot.
 *
 * Ending the writable side finishes the whole stream, in both directions, since libvirt knows no half-closed
 * ones; `finish` comes after the daemon confirmed. Destroying it earlier aborts it. All streams of a connection
 * share one socket, so one cannot be held back alone: a reader that leaves more than
 * {@link STREAM_BUFFER_MAX_BYTES} unread gets an error instead.
 */
export class RpcStream extends Duplex {
  readonly #port: StreamPort;
  #confirm: ((error?: Error | null) => void) | undefined;
  /** "finishing": the daemon was asked to end it, so that there is nothing left to abort. */
  #state: "open" | "finishing" | "over" = "open";

  constructor(port: StreamPort) {
    super({ allowHalfOpen: false, emitClose: true });
    this.#port = port;
  }

  /** A data packet came; an empty one says that the daemon has no more. For the connection only. */
  receive(chunk: Buffer): void {
    if (this.readableEnded || this.destroyed) return;
    if (chunk.length === 0) {
      this.push(null);
    } else if (this.readableLength + chunk.length > STREAM_BUFFER_MAX_BYTES) {
      this.destroy(new Error(`The stream was dropped: ${this.readableLength} bytes were left unread.`));
    } else {
      this.push(chunk);
    }
  }

  /** The daemon confirmed the end, or failed. For the connection only. */
  settle(error?: Error): void {
    this.#state = "over";
    this.#port.forget();
    if (error) {
      this.destroy(error);
      return;
    }
    if (!this.readableEnded && !this.destroyed) this.push(null);
    this.#confirm?.();
    this.#confirm = undefined;
  }

  override _read(): void {
    // Packets arrive when the daemon sends them; there is nothing to ask for.
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#send(chunk, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    if (this.#state === "over") {
      done();
      return;
    }
    this.#state = "finishing";
    this.#confirm = done;
    this.#port.finish();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (this.#state === "open") {
      this.#state = "over";
      this.#port.abort();
    }
    this.#confirm?.(error);
    this.#confirm = undefined;
    done(error);
  }

  #send(chunk: Buffer, done: (error?: Error | null) => void): void {
    if (this.#state !== "open") {
      done(new Error("The daemon has ended the stream."));
    } else if (chunk.length <= STREAM_CHUNK_MAX_BYTES) {
      this.#port.send(chunk, done);
    } else {
      this.#port.send(chunk.subarray(0, STREAM_CHUNK_MAX_BYTES), (error) => {
        if (error) done(error);
        else this.#send(chunk.subarray(STREAM_CHUNK_MAX_BYTES), done);
      });
    }
  }
}
