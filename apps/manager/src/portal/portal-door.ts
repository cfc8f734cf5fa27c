import type { IncomingMessage, ServerResponse } from "node:http";
import { createSecureServer, type Http2SecureServer, type SecureServerOptions } from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import type { Log } from "@sinter/kit";
import type { FastifyInstance } from "fastify";
import { markPortal } from "../http/doors.ts";
import { CONNECTION_LIMITS, normalizeUrl, refuseBytes } from "../http/server.ts";
import { setSecurityHeaders } from "./security-headers.ts";
import { createStaticFiles } from "./static-files.ts";

export const DEFAULT_PORTAL_PORT = 8443;

export interface PortalDoor {
  readonly server: Http2SecureServer;
  /** Gives the address, as a browser is told it. */
  listen(): Promise<string>;
  /** Ends what is idle at once, and what is under way when it is over or after a second. */
  close(): Promise<void>;
}

/** So long a request that is under way may go on when the door closes; WebSockets are done before. */
const LAST_REQUESTS_MS = 1_500;
/** A connection on which nothing happens; streams of changes are pinged more often. */
const IDLE_MS_MAX = 120_000;
/** Of HTTP/2, of which each stream may hold a request's body. */
const SETTINGS = { maxConcurrentStreams: 128, initialWindowSize: 1024 * 1024 } as const;

/**
 * The portal's port: its files, and the very same API with the session in a cookie. What comes in here is marked, so
 * that a cookie counts nowhere else.
 *
 * It speaks HTTP/2, because a browser opens no more than six connections to one host with HTTP/1.1, and each window of
 * the portal holds one for its stream of changes: the seventh would wait for ever. WebSockets come by HTTP/1.1.
 */
export function createPortalDoor(parts: {
  app: FastifyInstance;
  tls: SecureServerOptions;
  host: string;
  /** 0: any free one. */
  port: number;
  /** Folder of the built portal. */
  directory: string;
  /** Name or address to print; default the one it listens on. */
  advertisedAddress?: string;
  log: Log;
}): PortalDoor {
  const { app, log } = parts;
  const files = createStaticFiles({ directory: parts.directory, log });
  const server = createSecureServer({
    ...parts.tls,
    ...CONNECTION_LIMITS,
    allowHTTP1: true,
    settings: SETTINGS,
  });
  server.setTimeout(IDLE_MS_MAX);
  const sockets = new Set<Socket>();
  server.on("secureConnection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    setSecurityHeaders(response);
    const [path = "/"] = normalizeUrl(request.url ?? "/").split("?", 1);
    const isReading = request.method === "GET" || request.method === "HEAD";
    if (isReading && !app.hasRoute({ method: "GET", url: path })) {
      if (await files.answer(request, response, path)) return;
    }
    // HTTP/2 needs neither length nor type to send a body, and Fastify looks for one of them before it reads any.
    if (request.httpVersionMajor === 2 && !isReading) request.headers["content-type"] ??= "text/plain";
    markPortal(request);
    app.routing(request, response);
  }

  server.on("clientError", refuseBytes);
  server.on("request", (given, answer) => {
    // Node's HTTP/2 has the same methods as its HTTP/1.1; Fastify and we use nothing else.
    const request = given as unknown as IncomingMessage;
    const response = answer as unknown as ServerResponse;
    serve(request, response).catch((error: unknown) => {
      // A browser that went away before the end is nobody's fault.
      if (!response.destroyed) log.warn({ err: error, url: request.url }, "serving a file failed");
      if (response.headersSent) response.destroy();
      else response.writeHead(500, { "content-length": 0 }).end();
    });
  });

  return {
    server,
    listen: async () => {
      if (!(await files.isBuilt()))
        log.warn({ directory: parts.directory }, "the portal's folder holds no index.html");
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen({ host: parts.host, port: parts.port }, () => {
          server.off("error", reject);
          resolve();
        });
      });
      const { address, port } = server.address() as AddressInfo; // a TCP server that listens
      const name = parts.advertisedAddress ?? (/^(?:::|0\.0\.0\.0)$/.test(address) ? "127.0.0.1" : address);
      return `https://${name.includes(":") ? `[${name}]` : name}:${port}`;
    },
    close: async () => {
      if (!server.listening) return;
      const cut = setTimeout(() => {
        for (const socket of sockets) socket.destroy();
      }, LAST_REQUESTS_MS);
      await new Promise<void>((resolve) => server.close(() => resolve()));
      clearTimeout(cut);
    },
  };
}
