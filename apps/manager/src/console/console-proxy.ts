import { once } from "node:events";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import type { SecureContextOptions } from "node:tls";
import type { Log } from "@sinter/kit";
import { CONNECTION_LIMITS, refuseBytes } from "../http/server.ts";
import type { Upgrades } from "../http/upgrades.ts";

/** As the product whose clients we serve has them (CON-02). */
export const DEFAULT_CONSOLE_PORT = 6083;
export const DEFAULT_CONSOLE_PUBLIC_PORT = 6084;

export interface ConsoleProxyOptions {
  readonly upgrades: Upgrades;
  readonly tls: SecureContextOptions;
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** The port in the URLs that clients are told. */
  readonly publicPort: number;
  /** False: a proxy in front listens there and passes on to `port`. */
  readonly servesPublicPort: boolean;
  readonly log: Log;
}

export interface ConsoleProxy {
  /** Never fails: a port that cannot be had is logged, and consoles are then told at the API's port. */
  listen(): Promise<void>;
  /** For URLs; undefined while nobody would answer there. */
  publicPort(): number | undefined;
  /** Ports that are served, and those that could not be had. */
  ports(): { readonly served: readonly number[]; readonly missing: readonly number[] };
  renew(tls: SecureContextOptions): void;
  close(): Promise<void>;
}

const NOTHING_HERE = JSON.stringify({
  errorCode: "10000008",
  errorDes: "Consoles are opened here by WebSocket, with a ticket.",
});

/**
 * The ports of the console proxy: nothing but WebSockets with a ticket. Cookies say nothing here, since these ports are
 * not the portal's.
 */
export function createConsoleProxy(options: ConsoleProxyOptions): ConsoleProxy {
  const { upgrades, log } = options;
  const wanted = [options.port, ...(options.servesPublicPort ? [options.publicPort] : [])];
  const servers = wanted.map((port) => ({ port, server: makeServer(options.tls), isServed: false }));
  for (const { server } of servers) upgrades.attach(server, "api");

  return {
    listen: async () => {
      for (const each of servers) {
        try {
          each.server.listen({ host: options.host, port: each.port });
          await once(each.server, "listening");
          each.port = (each.server.address() as AddressInfo).port; // a TCP server that listens
          each.isServed = true;
        } catch (error) {
          log.warn(
            { err: error, port: each.port },
            "this port for consoles cannot be had; they are served at the API's port",
          );
        }
      }
    },
    publicPort: () => {
      const [own, ofPublic] = servers;
      if (!options.servesPublicPort) return own?.isServed ? options.publicPort : undefined;
      return ofPublic?.isServed ? ofPublic.port : undefined;
    },
    ports: () => ({
      served: servers.filter(({ isServed }) => isServed).map(({ port }) => port),
      missing: servers.filter(({ isServed }) => !isServed).map(({ port }) => port),
    }),
    renew: (tls) => {
      for (const { server } of servers) server.setSecureContext({ ...tls, minVersion: "TLSv1.2" });
    },
    close: async () => {
      for (const { server } of servers) {
        if (!server.listening) continue;
        const closed = once(server, "close");
        server.close();
        // WebSockets are closed by their registry; what is left has nothing to say.
        server.closeAllConnections();
        await closed;
      }
    },
  };
}

function makeServer(tls: SecureContextOptions): Server {
  const server = createServer({ ...tls, minVersion: "TLSv1.2", ...CONNECTION_LIMITS });
  server.on("clientError", refuseBytes);
  server.on("request", (request, response) => {
    request.resume();
    response
      .writeHead(404, {
        "content-type": "application/json;charset=UTF-8",
        "content-length": Buffer.byteLength(NOTHING_HERE),
        connection: "close",
      })
      .end(NOTHING_HERE);
  });
  return server;
}
