import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server, type ServerOptions } from "node:https";
import type { AddressInfo } from "node:net";
import type { Log } from "@sinter/kit";
import type { FastifyInstance } from "fastify";
import { markPortal } from "../http/doors.ts";
import { CONNECTION_LIMITS, normalizeUrl, refuseBytes } from "../http/server.ts";
import { setSecurityHeaders } from "./security-headers.ts";
import { createStaticFiles } from "./static-files.ts";

export const DEFAULT_PORTAL_PORT = 8443;

export interface PortalDoor {
  readonly server: Server;
  /** Gives the address, as a browser is told it. */
  listen(): Promise<string>;
  /** Ends what is idle at once, and what is under way when it is over or after a second. */
  close(): Promise<void>;
}

/** So long a request that is under way may go on when the door closes. */
const LAST_REQUESTS_MS = 1_000;

/**
 * The portal's port: its files, and the very same API with the session in a cookie. What comes in here is marked, so
 * that a cookie counts nowhere else.
 */
export function createPortalDoor(parts: {
  app: FastifyInstance;
  tls: ServerOptions;
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
  const server = createServer({ ...parts.tls, ...CONNECTION_LIMITS });

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    setSecurityHeaders(response);
    const [path = "/"] = normalizeUrl(request.url ?? "/").split("?", 1);
    const isReading = request.method === "GET" || request.method === "HEAD";
    if (isReading && !app.hasRoute({ method: "GET", url: path })) {
      if (await files.answer(request, response, path)) return;
    }
    markPortal(request);
    app.routing(request, response);
  }

  server.on("clientError", refuseBytes);
  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
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
      const cut = setTimeout(() => server.closeAllConnections(), LAST_REQUESTS_MS);
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
      });
      clearTimeout(cut);
    },
  };
}
