import type { TLSSocket } from "node:tls";
import { AppError, ERROR_KINDS, type Log, toAppError } from "@sinter/kit";
import {
  type AgentApi,
  CALLS,
  type CallContext,
  type CallName,
  EVENTS_PATH,
  HEARTBEAT_MS,
  OPERATION_HEADER,
} from "@sinter/southbound";
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { CALL_NAMES, readInput } from "./call-input.ts";
import { linkErrors, southboundError } from "./errors.ts";
import { writeEventStream } from "./event-stream.ts";
import type { ServedAgent } from "./served-agent.ts";

export interface AgentRoutesOptions {
  /** Whose request this is; undefined drops the connection, as a host without power would. */
  readonly agentOf: (socket: TLSSocket) => ServedAgent | undefined;
  readonly log: Log;
  /** Open event streams, so that the server can end them when it closes. */
  readonly streams: Set<() => void>;
  readonly heartbeatMs?: number;
  readonly metrics?: () => Promise<{ contentType: string; body: string }>;
}

/** One route per entry of CALLS, the event stream, and failures as ErrorReply. */
export function registerAgentRoutes(app: FastifyInstance, options: AgentRoutesOptions): void {
  const { agentOf, log } = options;
  app.addContentTypeParser("application/octet-stream", { parseAs: "buffer" }, (_request, body, done) =>
    done(null, body),
  );

  for (const name of CALL_NAMES) {
    app.route({
      method: CALLS[name].method,
      url: CALLS[name].path,
      handler: async (request, reply) => {
        const agent = agentOf(tlsSocket(request));
        if (agent === undefined) return dropConnection(reply);
        return answer(agent.api, name, request, reply);
      },
    });
  }

  app.get(EVENTS_PATH, async (request, reply) => {
    const agent = agentOf(tlsSocket(request));
    if (agent === undefined) return dropConnection(reply);
    reply.hijack();
    const end = writeEventStream(reply.raw, agent.events, {
      heartbeatMs: options.heartbeatMs ?? HEARTBEAT_MS,
      log,
    });
    options.streams.add(end);
    reply.raw.on("close", () => options.streams.delete(end));
  });

  const { metrics } = options;
  if (metrics) {
    app.get("/metrics", async (_request, reply) => {
      const { contentType, body } = await metrics();
      return reply.header("content-type", contentType).send(body);
    });
  }

  app.setNotFoundHandler(async (request) => {
    throw linkErrors.unknownCall(request.method, request.url.split("?")[0] ?? "");
  });
  app.setErrorHandler(async (error, request, reply) => {
    const failure = fromFastify(error);
    if (failure.kind === "internal")
      log.error({ err: error, url: request.url }, "a call failed unexpectedly");
    return reply.code(ERROR_KINDS[failure.kind].http).send(failure.toJSON());
  });
}

/** How a failure leaves this server where Fastify is not at hand (a refused upgrade). */
export function errorReply(thrown: unknown): { status: number; body: string } {
  const failure = toAppError(thrown);
  return { status: ERROR_KINDS[failure.kind].http, body: JSON.stringify(failure) };
}

async function answer(
  api: AgentApi,
  name: CallName,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<unknown> {
  const input = readInput(name, request.params, request.body);
  const operationId = readOperationId(name, request);
  const gone = new AbortController();
  reply.raw.once("close", () => {
    if (!reply.raw.writableFinished) gone.abort(linkErrors.cancelled(name));
  });
  const context: CallContext = { signal: gone.signal, ...(operationId === undefined ? {} : { operationId }) };
  // The table ties input to name; the compiler cannot follow that through a variable.
  const call = api[name] as (input: unknown, context: CallContext) => Promise<unknown>;
  return (await call(input, context)) ?? {};
}

function readOperationId(name: CallName, request: FastifyRequest): string | undefined {
  const value = request.headers[OPERATION_HEADER];
  if (value === undefined) return undefined;
  if (typeof value !== "string" || !/^[\x21-\x7e]{1,256}$/.test(value)) {
    throw linkErrors.badRequest(name, OPERATION_HEADER, "must be 1 to 256 visible characters");
  }
  return value;
}

/** Errors of Fastify itself (unreadable JSON, a body too large) in the contract's words. */
export function fromFastify(thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown;
  const { statusCode, code, message } = thrown as Partial<FastifyError>; // only read, each field may be absent
  if (code === "FST_ERR_CTP_BODY_TOO_LARGE") {
    return southboundError("BODY_TOO_LARGE", "The body of the call is too large.");
  }
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return southboundError("BAD_REQUEST", message ?? "The request cannot be read.", {
      params: { call: "", field: "" },
    });
  }
  return toAppError(thrown);
}

function dropConnection(reply: FastifyReply): void {
  reply.hijack();
  reply.raw.destroy();
}

/** The server speaks TLS only, so its sockets are TLS sockets. */
function tlsSocket(request: FastifyRequest): TLSSocket {
  return request.raw.socket as TLSSocket;
}
