import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";

const WAITING_BYTES_MAX = 1024 * 1024;

/**
 * Joins a WebSocket and a stream of bytes: binary messages are its bytes, both ways, and each side's end is the
 * other's. A side that reads slowly holds the other back instead of filling our memory. `onEnd` runs once.
 */
export function joinSocket(client: WebSocket, stream: Duplex, onEnd: () => void = () => {}): void {
  stream.on("data", (chunk: Buffer) => {
    client.send(chunk, () => {
      if (stream.isPaused() && client.bufferedAmount < WAITING_BYTES_MAX / 2) stream.resume();
    });
    if (client.bufferedAmount >= WAITING_BYTES_MAX) stream.pause();
  });
  stream.on("end", () => client.close(1000, "the other side has ended"));
  stream.on("error", () => client.close(1011, "the other side was lost"));
  stream.on("close", () => client.close(1011, "the other side was lost"));
  stream.on("drain", () => client.resume());
  client.on("message", (data: Buffer) => {
    if (!stream.destroyed && !stream.write(data)) client.pause();
  });
  client.on("close", () => {
    stream.destroy();
    onEnd();
  });
}
