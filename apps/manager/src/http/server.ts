import type { ServerOptions } from "node:https";
import type { Socket } from "node:net";
import { AppError, type Log } from "@sinter/kit";
import { COMMON_ERRORS } from "@sinter/northbound";
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { ACCESS_LEVELS, type AccessLevel, type Actor } from "../identity/user.ts";
import { type Caller, callerOf, CSRF_HEADER, isCsrfOf, isOwnOrigin } from "./caller.ts";
import { doorOf } from "./doors.ts";
import type { WireErrors } from "./wire-errors.ts";

/** Of bodies that routes read as they come. */
const BYTES = "application/octet-stream";
/** Largest request body: a VM of 60 disks and 12 NICs takes some 30 kB. */
const BODY_BYTES_MAX = 1024 * 1024;

export interface ServerParts {
  readonly siteId: () => string;
  /**
   * Who holds the token; undefined when it is unknown or expired. Asking in the background does not prolong the
   * session.
   */
  readonly authenticate: (token: string, isBackground?: boolean) => Promise<Actor | undefined>;
  readonly errors: WireErrors;
  readonly log: Log;
  readonly tls?: ServerOptions;
  /**
   * Called once per request that was meant to change something, refused ones included, when its answer is decided
   * and before it is sent: no change is answered without a record of it.
   */
  readonly onMutation: (
    request: FastifyRequest,
    reply: FastifyReply,
    actor: Actor | undefined,
  ) => Promise<void>;
}

/** Sent with refreshes that nobody asked for: a page left open must not keep its user logged in for ever. */
const BACKGROUND_HEADER = "x-sinter-background";
/** Whole-request and idle limits: a client that sends a byte a minute must not hold a connection. */
export const CONNECTION_LIMITS = { requestTimeout: 60_000, keepAliveTimeout: 75_000 } as const;

export const NOBODY: Actor = { userId: "", userName: "", roles: [], access: "public" };

/**
 * The northbound server with the contract's transport rules: any content type is read as JSON, GET and DELETE may
 * carry a body that nobody looks at, every answer has a Content-Length, a wrong token is 401.
 */
export function createHttpServer(parts: ServerParts): FastifyInstance {
  const app = fastify({
    ...(parts.tls ? { https: parts.tls } : {}),
    bodyLimit: BODY_BYTES_MAX,
    ...CONNECTION_LIMITS,
    routerOptions: { maxParamLength: 256 },
    logger: false,
    clientErrorHandler: refuseBytes,
    rewriteUrl: (request) => normalizeUrl(request.url ?? "/"),
    // Paths that cannot be decoded or hold an endless id never reach the error handler below.
    frameworkErrors: (error, request, reply) => {
      const failure = parts.errors.describe(error);
      sendFailure(request, reply, failure.http, failure.errorCode, failure.errorDes);
    },
  }) as unknown as FastifyInstance;

  app.decorate("routeRecords", []);
  app.decorateRequest("actor", null as unknown as Actor);
  app.decorateRequest("caller", null as unknown as Caller);

  // Clients misspell the content type or leave it out: whatever comes is text, and read where a route wants a body.
  // One that is no media type at all would be refused before any parser is asked.
  app.addHook("onRequest", async (request) => {
    const { headers } = request.raw;
    if (request.routeOptions.config.streamsBody === true) headers["content-type"] = BYTES;
    else if (headers["content-type"] !== undefined) headers["content-type"] = "text/plain";
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "string" }, (_request, body, done) => done(null, body));
  app.addContentTypeParser(BYTES, (_request, stream, done) => done(null, stream));

  // Forgetting it would open the route to everybody, since the check below lets through what needs nothing.
  app.addHook("onRoute", ({ config, method, url }) => {
    if (config?.access === undefined)
      throw new Error(`The route ${String(method)} ${url} says no access level.`);
  });

  app.addHook("onRequest", async (request) => {
    request.actor = NOBODY;
    request.caller = callerOf(request.raw, doorOf(request.raw));
    const { access: needs, isBackground } = request.routeOptions.config;
    if (needs === undefined || needs === "public") {
      // Routes that look at the session by themselves: without its proof a cookie is none.
      if (isForged(request)) request.caller = { token: "", isCookie: false };
      return;
    }
    const { token } = request.caller;
    const actor =
      token === ""
        ? undefined
        : await parts.authenticate(
            token,
            isBackground === true || request.headers[BACKGROUND_HEADER] !== undefined,
          );
    if (!actor) {
      throw new AppError(
        "unauthenticated",
        "NOT_LOGGED_IN",
        "You are not logged in, or the session has timed out.",
      );
    }
    if (isForged(request)) {
      throw new AppError(
        "forbidden",
        "REQUEST_FORGED",
        "The request does not come from the portal's own page; load the page again.",
      );
    }
    request.actor = actor;
    if (!allows(actor.access, needs)) {
      throw new AppError(
        "forbidden",
        "NO_PERMISSION",
        `Your roles do not allow this; it needs the right to ${needs}.`,
      );
    }
    const { siteId } = request.params as { siteId?: string };
    if (siteId !== undefined && siteId.toUpperCase() !== parts.siteId()) {
      throw new AppError("invalid", "SITE_UNKNOWN", `There is no site ${siteId.slice(0, 32)} here.`);
    }
  });

  app.addHook("onSend", async (request, reply) => {
    if (request.method === "GET" || request.method === "HEAD") return;
    // Questions that are too long for a URL, as those for figures, which pages ask by themselves.
    if (request.routeOptions.config.access === "read") return;
    if (reply.isPiece === true && reply.statusCode < 400) return;
    try {
      await parts.onMutation(request, reply, request.actor?.userId ? request.actor : undefined);
    } catch (error) {
      parts.log.error(
        { err: error, method: request.method, url: request.routeOptions.url },
        "recording a call failed",
      );
    }
  });

  app.setErrorHandler((thrown, request, reply) => {
    const failure = parts.errors.describe(thrown);
    if (failure.isOurFault) {
      parts.log.error(
        { err: thrown, method: request.method, url: request.routeOptions.url },
        "a request failed",
      );
    }
    return sendFailure(request, reply, failure.http, failure.errorCode, failure.errorDes);
  });

  app.setNotFoundHandler((request, reply) => {
    const failure = parts.errors.describe(
      new AppError("notFound", "PATH_UNKNOWN", `There is no operation ${request.method} at this path.`),
    );
    return sendFailure(request, reply, failure.http, failure.errorCode, failure.errorDes);
  });
  return app;
}

/**
 * Whether another site may have made a browser send this. A browser adds the cookie by itself; what only our page
 * knows is the word that the session's answer told it (CSRF).
 */
function isForged({ method, raw, caller }: FastifyRequest): boolean {
  if (!caller.isCookie || method === "GET" || method === "HEAD") return false;
  return isOwnOrigin(raw) === false || !isCsrfOf(caller.token, raw.headers[CSRF_HEADER]);
}

function sendFailure(
  request: FastifyRequest,
  reply: FastifyReply,
  status: number,
  errorCode: string,
  errorDes: string,
): FastifyReply {
  reply.sinterErrorCode = errorCode;
  // One archived OpenStack driver logs in again only when a 401 has no body (contract, token use).
  if (status === 401 && request.headers["user-agent"]?.startsWith("VRM-HTTP-Client for OpenStack")) {
    return reply.code(401).header("content-length", "0").send("");
  }
  return reply
    .code(status)
    .type("application/json;charset=UTF-8")
    .send(JSON.stringify({ errorCode, errorDes, ...reply.sinterErrorFields }));
}

/** Whether someone with `has` may do what needs `needs`. */
export function allows(has: AccessLevel, needs: AccessLevel): boolean {
  return ACCESS_LEVELS.indexOf(has) >= ACCESS_LEVELS.indexOf(needs);
}

/**
 * Paths arrive with blanks at the end of a segment, with doubled or trailing slashes. Blanks and bytes above 0x7F that
 * are not percent-encoded never get here: Node's parser refuses them, and MALFORMED is the answer.
 */
export function normalizeUrl(raw: string): string {
  const cut = raw.indexOf("?");
  const path = cut < 0 ? raw : raw.slice(0, cut);
  const clean = path
    .split("/")
    .map((segment) => segment.replace(/(?:%20|\s)+$/i, ""))
    .join("/")
    .replace(/\/{2,}/g, "/");
  const trimmed = clean.length > 1 ? clean.replace(/\/$/, "") : clean;
  return cut < 0 ? trimmed : trimmed + raw.slice(cut);
}

/** Answer to bytes that are no HTTP request, in the contract's form. */
const MALFORMED = JSON.stringify({
  errorCode: COMMON_ERRORS.formatInvalid.code,
  errorDes: "The request is malformed.",
});

export function refuseBytes(error: Error & { code?: string }, socket: Socket): void {
  // The client has gone: nobody would read it.
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy(error);
    return;
  }
  const length = Buffer.byteLength(MALFORMED);
  socket.end(
    `HTTP/1.1 400 Bad Request\r\nContent-Type: application/json;charset=UTF-8\r\nContent-Length: ${length}\r\nConnection: close\r\n\r\n${MALFORMED}`,
  );
}

declare module "fastify" {
  interface FastifyReply {
    sinterErrorCode?: string;
    /** What an answer of ours tells beside the contract's two fields when it fails. */
    sinterErrorFields?: Readonly<Record<string, string>>;
  }
}
