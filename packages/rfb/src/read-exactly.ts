import type { Readable } from "node:stream";
import { RfbError } from "./protocol.ts";

/**
 * The next `length` bytes of a stream that nobody else reads; what comes after them stays in it, so that it may be
 * piped later. Throws RfbError when the stream ends before, and the signal's reason when that aborts.
 */
export function readExactly(stream: Readable, length: number, signal?: AbortSignal): Promise<Buffer> {
  if (length === 0) return Promise.resolve(Buffer.alloc(0));
  return new Promise((resolve, reject) => {
    const settle = (end: () => void): void => {
      stream.off("readable", attempt).off("end", onEnd).off("close", onEnd).off("error", onEnd);
      signal?.removeEventListener("abort", onAbort);
      end();
    };
    const onEnd = (): void => settle(() => reject(new RfbError("The other side has closed the connection.")));
    const onAbort = (): void => settle(() => reject(signal?.reason));
    const attempt = (): void => {
      const chunk = stream.read(length) as Buffer | null; // no encoding is set
      // At the end of a stream, less than asked for is given.
      if (chunk?.length === length) settle(() => resolve(chunk));
      else if (chunk !== null || stream.readableEnded || stream.destroyed) onEnd();
    };
    stream.on("readable", attempt).on("end", onEnd).on("close", onEnd).on("error", onEnd);
    signal?.addEventListener("abort", onAbort);
    if (signal?.aborted) onAbort();
    else attempt();
  });
}
