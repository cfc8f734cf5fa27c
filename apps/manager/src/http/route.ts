import { readBody } from "@sinter/northbound";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Static, TSchema } from "typebox";
import type { AccessLevel, Actor } from "../identity/user.ts";
import type { Caller } from "./caller.ts";
import { JsonText } from "./json-text.ts";
import { Query } from "./query.ts";

export interface RouteContext<Body> {
  readonly params: Readonly<Record<string, string>>;
  readonly query: Query;
  readonly body: Body;
  readonly actor: Actor;
  readonly request: FastifyRequest;
  /** For headers; status and body are the route's. */
  readonly reply: FastifyReply;
}

export interface RouteDefinition<Body extends TSchema> {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly url: string;
  /** What the caller must be allowed; the table of unauthorized access is made from it. */
  readonly access: AccessLevel;
  /** One sentence for the API document. */
  readonly summary: string;
  /** Asked by open pages over and over: it does not prolong the session. */
  readonly isBackground?: boolean;
  /** Read tolerantly; absent: the request's body is ignored, whatever it is. */
  readonly body?: Body;
  /** Hands the parsed body over as it came, for a body that the handler checks strictly itself. */
  readonly readsBodyRaw?: boolean;
  /** The body is bytes of any length, which the handler reads off `request.body`, a stream, and limits itself. */
  readonly streamsBody?: boolean;
  /** Query parameters for the API document; reading is by `query`. */
  readonly query?: Readonly<Record<string, string>>;
  readonly reply: TSchema;
  /** Default JSON. Of another type the handler takes the reply over itself and gives TAKEN_OVER. */
  readonly replyType?: string;
  readonly handle: (context: RouteContext<Static<Body>>) => Promise<object>;
}

/** Every route as registered, for openapi.json and for tests. */
export interface RouteRecord extends Omit<RouteDefinition<TSchema>, "handle"> {}

/** What a handler gives that has hijacked its reply. */
export const TAKEN_OVER = {};

/** Routes of one site start so; the site id is checked once, in any case. */
export const SITE = "/service/sites/:siteId";

/**
 * Registers routes in the contract's manner: tolerant reading, status 200, compact JSON, access by level.
 * A list one can read, in the order of the contract.
 */
export function registerRoute<Body extends TSchema>(
  app: FastifyInstance,
  route: RouteDefinition<Body>,
): void {
  app.routeRecords.push(route);
  app.route({
    method: route.method,
    url: route.url,
    config: {
      access: route.access,
      ...(route.isBackground === true ? { isBackground: true } : {}),
      ...(route.streamsBody === true ? { streamsBody: true } : {}),
    },
    handler: async (request, reply) => {
      const body =
        route.body === undefined
          ? undefined
          : route.readsBodyRaw === true
            ? parsedBody(request)
            : readBody(route.body, parsedBody(request));
      const answer = await route.handle({
        params: request.params as Record<string, string>,
        query: new Query(request.query as Record<string, string | string[]>),
        body: body as Static<Body>,
        actor: request.actor,
        request,
        reply,
      });
      if (answer === TAKEN_OVER) return reply;
      if ("taskUrn" in answer && typeof answer.taskUrn === "string") reply.sinterTaskUrn = answer.taskUrn;
      reply.code(200).type("application/json;charset=UTF-8");
      // The contract's clients need the length, which a stream does not tell by itself.
      if (answer instanceof JsonText) return reply.header("content-length", answer.size).send(answer.body());
      return reply.send(JSON.stringify(answer));
    },
  });
}

/** The raw text that the content-type parser kept; empty, `null` and `{}` are the same. */
function parsedBody(request: FastifyRequest): unknown {
  const text = typeof request.body === "string" ? request.body.trim() : "";
  return text === "" ? undefined : JSON.parse(text);
}

declare module "fastify" {
  interface FastifyInstance {
    routeRecords: RouteRecord[];
  }
  interface FastifyRequest {
    actor: Actor;
    /** How the request says who sends it. */
    caller: Caller;
  }
  interface FastifyReply {
    /** Task that the request began, for the audit record. */
    sinterTaskUrn?: string;
    /** A piece of a change whose begin and end are recorded; when it went well it is not. */
    isPiece?: boolean;
  }
  interface FastifyContextConfig {
    access?: AccessLevel;
    streamsBody?: boolean;
    isBackground?: boolean;
  }
}
