import type { AddressInfo } from "node:net";
import { createSecureContext, type SecureContext, type TLSSocket } from "node:tls";
import type { Log } from "@sinter/kit";
import { BODY_BYTES_MAX } from "@sinter/southbound";
import Fastify from "fastify";
import { errorReply, fromFastify, registerAgentRoutes } from "./agent-routes.ts";
import { linkErrors } from "./errors.ts";
import type { ServedAgent } from "./served-agent.ts";
import { createStreamUpgrade } from "./stream-upgrade.ts";

/** Key, certificate and the authority whose other certificates are trusted; all PEM. */
export interface TlsIdentity {
  readonly key: string;
  readonly cert: string;
  readonly ca: string;
}

interface ServerOptions {
  /** Address to listen on. */
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Read at start and at each `reloadTls`. */
  readonly tls: () => TlsIdentity;
  /** The only name that may call: it must stand in the client certificate's alternative names. */
  readonly managerName: string;
  readonly log: Log;
  /** Default HEARTBEAT_MS of the contract. */
  readonly heartbeatMs?: number;
  /** Text of `GET /metrics`; absent: no such path. */
  readonly metrics?: () => Promise<{ contentType: string; body: string }>;
}

export type ServeAgentOptions = ServerOptions & ServedAgent;

/** For many agents behind one port, told apart by the name that the client asks for in its handshake. */
export interface ServeAgentsOptions extends ServerOptions {
  /** Undefined: such a host is off, and its connections are dropped. */
  readonly agentNamed: (serverName: string) => ServedAgent | undefined;
  /** The identity under that name; undefined refuses the handshake. */
  readonly identityOf: (serverName: string) => Promise<SecureContext | undefined>;
}

export interface AgentServer {
  readonly port: number;
  /** New connections get the identity that `tls()` gives now; those that stand are left alone. */
  reloadTls(): void;
  /** Breaks connections off at once: all, or those made to one name. */
  drop(serverName?: string): void;
  /** Ends streams and consoles, lets calls in flight finish for `graceMs` (default 2,000), then breaks them off. */
  close(graceMs?: number): Promise<void>;
}

/**
 * Serves the southbound contract over mutual TLS 1.3. Whoever has no certificate of our authority ends in the
 * handshake; whoever has one but is not the manager gets `forbidden` NOT_THE_MANAGER.
 */
export function serveAgent(options: ServeAgentOptions): Promise<AgentServer> {
  return listen(options, () => options);
}

/** Serves many agents at one port (see agent-sim). */
export function serveAgents(options: ServeAgentsOptions): Promise<AgentServer> {
  const agentOf = (socket: TLSSocket): ServedAgent | undefined =>
    typeof socket.servername === "string" ? options.agentNamed(socket.servername) : undefined;
  return listen(options, agentOf, options.identityOf);
}

/** An unauthenticated client holds a socket no longer than this. */
const HANDSHAKE_MS_MAX = 15_000;
/** Longer than any client of ours keeps an idle connection, so that the client is the one who closes. */
const KEEP_ALIVE_MS = 90_000;

async function listen(
  options: ServerOptions,
  agentOf: (socket: TLSSocket) => ServedAgent | undefined,
  identityOf?: ServeAgentsOptions["identityOf"],
): Promise<AgentServer> {
  const { log } = options;
  const streams = new Set<() => void>();
  const sockets = new Set<TLSSocket>();
  const mayCall = createManagerCheck(options.managerName);
  const answerSni = identityOf && sniCallback(identityOf);

  const app = Fastify({
    https: {
      ...options.tls(),
      minVersion: "TLSv1.3",
      requestCert: true,
      rejectUnauthorized: true,
      handshakeTimeout: HANDSHAKE_MS_MAX,
      ...(answerSni === undefined ? {} : { SNICallback: (name, done) => void answerSni(name, done) }),
    },
    bodyLimit: BODY_BYTES_MAX,
    keepAliveTimeout: KEEP_ALIVE_MS,
    // While closing, what still arrives is answered; Fastify's own refusal would be no ErrorReply.
    return503OnClosing: false,
    routerOptions: { maxParamLength: 256 },
    logger: false,
    // Paths that cannot be decoded never reach a route.
    frameworkErrors: (error, _request, reply) => {
      const { status, body } = errorReply(fromFastify(error));
      reply.hijack();
      reply.raw.writeHead(status, { "content-type": "application/json" }).end(body);
    },
  });
  app.addHook("onRequest", async (request, reply) => {
    const socket = request.raw.socket as TLSSocket; // the server speaks TLS only
    if (mayCall(socket)) return undefined;
    log.warn({ peer: socket.remoteAddress }, "refused a caller that is not the manager");
    const { status, body } = errorReply(linkErrors.notTheManager());
    return reply.code(status).headers({ "content-type": "application/json", connection: "close" }).send(body);
  });
  registerAgentRoutes(app, {
    agentOf,
    log,
    streams,
    ...(options.heartbeatMs === undefined ? {} : { heartbeatMs: options.heartbeatMs }),
    ...(options.metrics === undefined ? {} : { metrics: options.metrics }),
  });

  const consoles = createStreamUpgrade({ agentOf, mayCall, log });
  app.server.on("upgrade", (request, socket, head) => consoles.handle(request, socket, head));
  app.server.on("secureConnection", (socket: TLSSocket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  app.server.on("tlsClientError", (error: Error, socket: TLSSocket) => {
    log.info({ err: error, peer: socket.remoteAddress }, "a handshake failed");
  });

  await app.listen({ host: options.host, port: options.port });
  const drop = (serverName?: string): void => {
    for (const socket of sockets) {
      if (serverName === undefined || socket.servername === serverName) socket.destroy();
    }
  };
  return {
    port: (app.server.address() as AddressInfo).port, // a TCP server that listens has an address of this kind
    // setSecureContext forgets what is not given again.
    reloadTls: () => app.server.setSecureContext({ ...options.tls(), minVersion: "TLSv1.3" }),
    drop,
    async close(graceMs = 2_000) {
      for (const end of streams) end();
      consoles.close();
      const deadline = setTimeout(drop, graceMs);
      await app.close();
      clearTimeout(deadline);
    },
  };
}

/** Whether the peer of a connection is the manager; looked at once per connection. */
function createManagerCheck(managerName: string): (socket: TLSSocket) => boolean {
  const known = new WeakMap<TLSSocket, boolean>();
  return (socket) => {
    let answer = known.get(socket);
    if (answer === undefined) {
      const certificate = socket.authorized ? socket.getPeerX509Certificate() : undefined;
      answer = certificate?.checkHost(managerName, { subject: "never", wildcards: false }) !== undefined;
      known.set(socket, answer);
    }
    return answer;
  };
}

type SniDone = (error: Error | null, context?: SecureContext) => void;

/** Node takes the answer by callback. */
function sniCallback(identityOf: ServeAgentsOptions["identityOf"]) {
  return async (serverName: string, done: SniDone): Promise<void> => {
    try {
      const context = await identityOf(serverName);
      if (context === undefined) done(new Error(`no agent is named ${serverName}`));
      else done(null, context);
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)));
    }
  };
}

/** A context as the server itself would use, for `identityOf`. */
export function agentSecureContext(identity: TlsIdentity): SecureContext {
  return createSecureContext({ ...identity, minVersion: "TLSv1.3" });
}
