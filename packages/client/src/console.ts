import type { Duplex } from "node:stream";
import type { ConnectionOptions } from "node:tls";
import { ApiError, clientErrors } from "./wire-error.ts";

/** How long the manager and the VM's host may take to join a console. */
const HANDSHAKE_MS_MAX = 20_000;

/** Close codes of an end that somebody wanted: done, going away, none given. */
const CLEAN_CODES = new Set([1000, 1001, 1005]);

/**
 * A VM's console as a stream of bytes both ways, over a WebSocket: its serial line, or RFB. Ends when the VM stops or
 * either side closes, and fails with `unavailable` CONSOLE_LOST when the connection breaks. Throws ApiError with the
 * manager's refusal when the console cannot be had.
 */
export async function openConsole(options: {
  readonly url: URL;
  /** Below it. */
  readonly path: string;
  /** Absent: a ticket in the path says enough. */
  readonly token?: string;
  readonly tls: ConnectionOptions;
}): Promise<Duplex> {
  const { WebSocket, createWebSocketStream } = await import("ws");
  const target = new URL(options.path, options.url);
  target.protocol = options.url.protocol === "http:" ? "ws:" : "wss:";
  const socket = new WebSocket(target, {
    ...options.tls,
    ...(options.token === undefined ? {} : { headers: { "x-auth-token": options.token } }),
    handshakeTimeout: HANDSHAKE_MS_MAX,
    perMessageDeflate: false,
  });
  // Made before the handshake ends: what the console says in the same packet must not be lost.
  const stream = createWebSocketStream(socket);
  await new Promise<void>((resolve, reject) => {
    socket.once("open", resolve);
    socket.once("unexpected-response", (_request, response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.once("end", () => {
        reject(refusal(response.statusCode ?? 500, Buffer.concat(chunks).toString("utf8")));
        socket.terminate();
      });
    });
    stream.once("error", (error) => {
      reject(clientErrors.unreachable(options.url.origin, error.message, error));
    });
  });
  stream.removeAllListeners("error");
  // The stream takes a lost connection for an end; whoever reads must be able to tell them apart.
  socket.once("close", (code, reason) => {
    if (CLEAN_CODES.has(code)) return;
    const why = reason.length > 0 ? reason.toString("utf8") : "the connection was lost";
    stream.destroy(clientErrors.consoleLost(why));
  });
  return stream;
}

function refusal(status: number, text: string): ApiError {
  try {
    const { errorCode, errorDes } = JSON.parse(text) as { errorCode?: string; errorDes?: string };
    return new ApiError(status, errorCode ?? "", errorDes ?? `The console was refused with ${status}.`);
  } catch {
    // Not the manager's own answer: the status says all there is.
    return new ApiError(status, "", `The console was refused with ${status}.`);
  }
}
