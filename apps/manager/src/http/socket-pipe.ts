import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";

const WAITING_BYTES_MAX = 1024 * 1024;

/**
 * Joins a WebSocket and a stream of bytes: binary messages are its bytes, both ways, and each side's end is the
 * other's. A side that reads slowly holds the other back instead of filling our memory. `onEnd` runs once; so does
 * `onStreamEnd`, which then closes the client in place of what is done here.
 */
export function joinSocket(
  client: WebSocket,
  stream: Duplex,
  onEnd: () => void = () => {},
  onStreamEnd?: () => void,
): void {
  let isStreamOver = false;
  const over = (code: number, reason: string): void => {
    if (isStreamOver) return;
    isStreamOver = true;
    if (onStreamEnd) onStreamEnd();
    else client.close(code, reason);
  };
  stream.on("data", (chunk: Buffer) => {
    client.send(chunk, () => {
      if (stream.isPaused() && client.bufferedAmount < WAITING_BYTES_MAX / 2) stream.resume();
    });
    if (client.bufferedAmount >= WAITING_BYTES_MAX) stream.pause();
  });
  stream.on("end", () => over(1000, "the other side has ended"));
  stream.on("error", () => over(1011, "the other side was lost"));
  stream.on("close", () => over(1011, "the other side was lost"));
  stream.on("drain", () => client.resume());
  client.on("message", (data: Buffer) => {
    if (!stream.destroyed && !stream.write(data)) client.pause();
  });
  client.on("close", () => {
    isStreamOver = true;
    stream.destroy();
    onEnd();
  });
}
