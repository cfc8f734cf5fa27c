import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { AppError, type Log } from "@sinter/kit";
import { type WebSocket, WebSocketServer } from "ws";
import type { AccessLevel, Actor } from "../identity/user.ts";
import { callerOf, isOwnOrigin } from "./caller.ts";
import type { Door } from "./doors.ts";
import { allows, NOBODY, normalizeUrl } from "./server.ts";
import type { WireErrors } from "./wire-errors.ts";

/*
 * WebSockets of all domains: one place decides who may open one, refuses in the contract's form and closes them all
 * when the manager stops.
 *
 * | at the same time                          | what makes it safe                                              |
 * |-------------------------------------------|-----------------------------------------------------------------|
 * | the client goes while `open` still works  | `onGone` runs then, or at once when it is called too late        |
 * | the manager stops while `open` works      | its server no longer upgrades, and the socket is destroyed       |
 * | a client that is gone without a word      | a ping every 30 s; who leaves one unanswered is cut              |
 */

export interface UpgradeContext {
  readonly request: IncomingMessage;
  /** By the names in `path`. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly door: Door;
  /** Who asks. With access "public": who the credentials name, or nobody. */
  readonly actor: Actor;
  readonly clientAddress: string;
  /** Runs `cleanup` once when the connection has ended, for whatever reason; at once when it has already. */
  onGone(cleanup: () => void): void;
}

export interface UpgradeDefinition {
  /** Like a route's: `/sinter/v1/vms/:vmId/console`; a name stands for one segment. */
  readonly path: string;
  /** "public": `open` decides by itself, for example by a ticket in the path. */
  readonly access: AccessLevel;
  /** Agreed upon when the client offers it. */
  readonly subprotocol?: string;
  /** A client that sends a longer message is cut. */
  readonly messageBytesMax: number;
  /**
   * Everything that may be refused: what it throws is answered as a route's failure would be. What it returns gets
   * the open socket.
   */
  open(context: UpgradeContext): Promise<(client: WebSocket) => void>;
}

/** A server of either version of HTTP. */
export interface UpgradingServer {
  on(event: "upgrade", listener: (request: IncomingMessage, socket: Duplex, head: Buffer) => void): unknown;
}

export type Upgrades = ReturnType<typeof createUpgrades>;

const PING_EVERY_MS = 30_000;
/** So long a client may take to say good-bye when the manager stops. */
const GOODBYE_MS = 1_000;

export function createUpgrades(parts: {
  authenticate: (token: string) => Promise<Actor | undefined>;
  errors: WireErrors;
  log: Log;
}) {
  const definitions: { pattern: RegExp; definition: UpgradeDefinition; sockets: WebSocketServer }[] = [];
  const opening = new Set<Duplex>();
  const heard = new WeakSet<WebSocket>();
  let isClosed = false;

  const pinging = setInterval(() => {
    for (const client of openClients()) {
      if (!heard.delete(client)) client.terminate();
      else client.ping();
    }
  }, PING_EVERY_MS).unref();

  function* openClients(): Generator<WebSocket> {
    for (const { sockets } of definitions) yield* sockets.clients;
  }

  async function open(request: IncomingMessage, socket: Duplex, head: Buffer, door: Door): Promise<void> {
    const [path = "", query = ""] = normalizeUrl(request.url ?? "/").split("?", 2);
    const match = find(path);
    if (!match)
      throw new AppError("notFound", "PATH_UNKNOWN", "There is nothing to connect to at this path.");
    const { definition, sockets, params } = match;
    const actor = await admit(request, door, definition.access);
    const stopWatching = watch(socket);
    const connect = await definition.open({
      request,
      params,
      query: new URLSearchParams(query),
      door,
      actor,
      clientAddress: request.socket.remoteAddress ?? "",
      onGone: (cleanup) => {
        if (socket.destroyed) cleanup();
        else socket.once("close", cleanup);
      },
    });
    stopWatching();
    if (isClosed || socket.destroyed) {
      socket.destroy();
      return;
    }
    sockets.handleUpgrade(request, socket, head, (client) => {
      heard.add(client);
      client.on("pong", () => heard.add(client));
      // A message that is too long or malformed: ws closes the connection, and `onGone` says so.
      client.on("error", (error) =>
        parts.log.debug({ err: error, path: definition.path }, "a WebSocket failed"),
      );
      connect(client);
    });
  }

  function find(path: string) {
    for (const { pattern, definition, sockets } of definitions) {
      const groups = pattern.exec(path);
      if (groups) return { definition, sockets, params: decodeAll(groups.groups ?? {}) };
    }
    return undefined;
  }

  async function admit(request: IncomingMessage, door: Door, needs: AccessLevel): Promise<Actor> {
    const caller = callerOf(request, door);
    // Browsers open WebSockets to any site, with its cookies: the page must be ours, and say so.
    const isOwn = isOwnOrigin(request);
    if (door === "portal" && (isOwn === false || (caller.isCookie && isOwn === undefined)))
      throw new AppError("forbidden", "ORIGIN_FOREIGN", "Another site's page may not connect.");
    const actor = caller.token === "" ? undefined : await parts.authenticate(caller.token);
    if (needs === "public") return actor ?? NOBODY;
    if (!actor) {
      throw new AppError(
        "unauthenticated",
        "NOT_LOGGED_IN",
        "You are not logged in, or the session has timed out.",
      );
    }
    if (!allows(actor.access, needs)) {
      throw new AppError("forbidden", "NO_PERMISSION", `This needs the right to ${needs}.`);
    }
    return actor;
  }

  return {
    /** Throws when the path has been taken. */
    register(definition: UpgradeDefinition): void {
      if (definitions.some((other) => other.definition.path === definition.path))
        throw new Error(`Two handlers of WebSockets at ${definition.path}.`);
      const { subprotocol } = definition;
      const sockets = new WebSocketServer({
        noServer: true,
        maxPayload: definition.messageBytesMax,
        handleProtocols: (offered) =>
          subprotocol !== undefined && offered.has(subprotocol) ? subprotocol : false,
      });
      definitions.push({ pattern: patternOf(definition.path), definition, sockets });
    },

    /** Takes the upgrades of a server; one of another port counts as "api" unless cookies shall be heard there. */
    attach(server: UpgradingServer, door: Door): void {
      server.on("upgrade", (request, socket, head) => {
        socket.on("error", () => socket.destroy());
        if (isClosed) return socket.destroy();
        opening.add(socket);
        open(request, socket, head, door)
          .catch((error: unknown) => {
            const failure = parts.errors.describe(error);
            if (failure.isOurFault) parts.log.error({ err: error }, "opening a WebSocket failed");
            refuse(socket, failure.http, { errorCode: failure.errorCode, errorDes: failure.errorDes });
          })
          .finally(() => opening.delete(socket));
        return undefined;
      });
    },

    /** Says good-bye to everybody and takes nobody in any more. */
    close(): void {
      isClosed = true;
      clearInterval(pinging);
      for (const socket of opening) socket.destroy();
      for (const client of openClients()) {
        client.close(1001, "the manager stops");
        const cut = setTimeout(() => client.terminate(), GOODBYE_MS);
        client.once("close", () => clearTimeout(cut));
      }
    },
  };
}

/**
 * Notices that the client goes before it has its answer, which a socket that nobody reads does not. It has nothing to
 * say until then: who does is no WebSocket client. Gives the way to stop that.
 */
function watch(socket: Duplex): () => void {
  const end = (): void => void socket.destroy();
  socket.on("data", end);
  socket.on("end", end);
  return () => {
    socket.off("data", end);
    // It goes on flowing: ws takes over in the same turn, and would not wake a paused one.
    socket.off("end", end);
  };
}

function patternOf(path: string): RegExp {
  const segments = path
    .split("/")
    .map((segment) =>
      segment.startsWith(":") ? `(?<${segment.slice(1)}>[^/]+)` : segment.replaceAll(/[^\w-]/g, "\\$&"),
    );
  return new RegExp(`^${segments.join("/")}$`);
}

function decodeAll(groups: Readonly<Record<string, string>>): Record<string, string> {
  try {
    return Object.fromEntries(Object.entries(groups).map(([name, text]) => [name, decodeURIComponent(text)]));
  } catch {
    throw new AppError("invalid", "PATH_MALFORMED", "The path is not properly encoded.");
  }
}

function refuse(socket: Duplex, status: number, body: { errorCode: string; errorDes: string }): void {
  const text = JSON.stringify(body);
  socket.end(
    `HTTP/1.1 ${status} Refused\r\nContent-Type: application/json;charset=UTF-8\r\nContent-Length: ${Buffer.byteLength(text)}\r\nConnection: close\r\n\r\n${text}`,
  );
}
