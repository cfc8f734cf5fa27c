import type { Duplex } from "node:stream";
import { AppError, type Log, reviveError } from "@sinter/kit";
import {
  agentName,
  type AgentEvent,
  type AgentPort,
  type CallName,
  type CallOptions,
  CALLS,
  CONSOLE_PATH,
  EVENTS_PATH,
  HEARTBEAT_MS,
  type MediaChannel,
  OPERATION_HEADER,
  SCREEN_PASSWORD_HEADER,
  SCREEN_PATH,
} from "@sinter/southbound";
import { Client, type Dispatcher } from "undici";
import { bodyOf, CALL_NAMES, isRaw, pathOf } from "./call-input.ts";
import { awayReason, isLostSocket } from "./client-errors.ts";
import { openStreamSocket, type StreamRequest } from "./client-stream.ts";
import { openMediaSocket } from "./client-media.ts";
import { agentConnector } from "./connector.ts";
import { type AgentAddress, type AwayReason, linkErrors } from "./errors.ts";
import { Lane } from "./lane.ts";
import { NdjsonDecoder } from "./ndjson.ts";
import { readText } from "./reply-body.ts";
import type { TlsIdentity } from "./server.ts";

export interface ConnectAgentOptions extends AgentAddress {
  /** Read at each new connection, so that a rotation needs no reconnect. Give the same object while it is the same. */
  readonly tls: TlsIdentity | (() => TlsIdentity);
  readonly log: Log;
  /** Silence on the event stream after which the agent counts as away; default four heartbeats. */
  readonly silenceMsMax?: number;
}

/** One agent as the manager holds it. Nothing is connected until the first call. */
export interface AgentClient extends AgentPort {
  readonly agent: AgentAddress;
  /**
   * One connection's worth of events, beginning with hello; heartbeats included. Ends quietly when `signal` aborts,
   * and by throwing `unavailable` AGENT_AWAY when the agent goes away. Connecting again is the caller's decision.
   */
  events(signal: AbortSignal): AsyncIterable<AgentEvent>;
  /** The serial line of a running VM, bytes both ways. Fails as calls do. */
  openConsole(vmUuid: string): Promise<Duplex>;
  /** The screen of a running VM: bytes of an RFB server that asks for this password, once. Fails as calls do. */
  openScreen(vmUuid: string, password: string): Promise<Duplex>;
  /** The way to hand a browser's medium out to a drive of that host, see MEDIA_PATH. Fails as calls do. */
  openMedia(mediaId: string, sizeBytes: number): Promise<MediaChannel>;
  /** Breaks off what is under way; calls fail with AGENT_AWAY. */
  close(): Promise<void>;
}

/** Calls that may last minutes or hours have connections of their own, so that they never hold up the quick ones. */
const QUICK_MS_MAX = 30_000;
const CONNECTIONS_MAX = { quick: 4, long: 64 } as const;

/**
 * Idle connections are closed after this; below the server's own limit, so that a request never meets a closing door.
 * Keeping them from one look at a host to the next (20 s) was measured: a connection more to each of 1,250 hosts takes
 * 100 MB, and the handshakes that it spares hardly show.
 */
const KEEP_ALIVE_MS = 4_000;
/** Far above any honest answer (20,000 volumes are some 6 MiB). */
const REPLY_BYTES_MAX = 64 * 1024 * 1024;
const EVENT_TYPES = new Set<unknown>([
  "hello",
  "heartbeat",
  "vmChanged",
  "hostChanged",
  "datastoreChanged",
  "progress",
]);

class Link {
  readonly agent: AgentAddress;
  readonly #log: Log;
  readonly #tls: () => TlsIdentity;
  readonly #silenceMsMax: number;
  readonly #lanes: { quick?: Lane; long?: Lane } = {};
  readonly #streams = new Set<Client>();
  #closed = false;

  constructor(options: ConnectAgentOptions) {
    const { hostUuid, address, port, tls } = options;
    this.agent = { hostUuid: hostUuid.toLowerCase(), address, port };
    this.#log = options.log;
    this.#tls = typeof tls === "function" ? tls : () => tls;
    this.#silenceMsMax = options.silenceMsMax ?? 4 * HEARTBEAT_MS;
  }

  async call(name: CallName, input: Record<string, unknown>, options: CallOptions = {}): Promise<unknown> {
    const timeoutMs = options.timeoutMs ?? CALLS[name].timeoutMs;
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(linkErrors.away(this.agent, "timeout")), timeoutMs);
    const signal = options.signal ? AbortSignal.any([limit.signal, options.signal]) : limit.signal;
    try {
      return await this.#exchange(name, input, signal, options.operationId);
    } catch (error) {
      if (options.signal?.aborted && !limit.signal.aborted) throw cancelled(name, options.signal);
      throw limit.signal.aborted ? limit.signal.reason : this.#failure(error);
    } finally {
      clearTimeout(timer);
    }
  }

  async *events(signal: AbortSignal): AsyncGenerator<AgentEvent> {
    if (signal.aborted) return;
    const client = new Client(this.#origin, {
      connect: agentConnector(this.agent, this.#tls),
      headersTimeout: this.#silenceMsMax,
      // Between two pieces of the body: silence of the agent.
      bodyTimeout: this.#silenceMsMax,
    });
    this.#streams.add(client);
    const decoder = new NdjsonDecoder((start) => {
      this.#log.warn({ hostUuid: this.agent.hostUuid, start }, "skipped a line that is no event");
    });
    try {
      if (this.#closed) throw linkErrors.away(this.agent, "closed");
      const response = await client.request({ method: "GET", path: EVENTS_PATH, signal });
      if (response.statusCode !== 200)
        throw reviveError(parse(await readText(response.body, REPLY_BYTES_MAX)));
      for await (const chunk of response.body as AsyncIterable<Buffer>) {
        // Types this side does not know come from a newer agent and are passed over.
        for (const value of decoder.push(chunk)) if (isEvent(value)) yield value;
        if (signal.aborted) return;
      }
      throw linkErrors.away(this.agent, "reset");
    } catch (error) {
      if (signal.aborted) return;
      throw this.#failure(error);
    } finally {
      this.#streams.delete(client);
      await client.destroy();
    }
  }

  openConsole(vmUuid: string): Promise<Duplex> {
    return this.#openStream({ path: CONSOLE_PATH, vmUuid });
  }

  openScreen(vmUuid: string, password: string): Promise<Duplex> {
    return this.#openStream({ path: SCREEN_PATH, vmUuid, headers: { [SCREEN_PASSWORD_HEADER]: password } });
  }

  async openMedia(mediaId: string, sizeBytes: number): Promise<MediaChannel> {
    if (this.#closed) throw linkErrors.away(this.agent, "closed");
    try {
      return await openMediaSocket(this.agent, this.#tls(), { mediaId, sizeBytes });
    } catch (error) {
      throw this.#failure(error);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    const away = linkErrors.away(this.agent, "closed");
    const lanes = [this.#lanes.quick, this.#lanes.long].filter((lane) => lane !== undefined);
    await Promise.all([...lanes, ...this.#streams].map((part) => part.destroy(away)));
  }

  async #openStream(request: StreamRequest): Promise<Duplex> {
    if (this.#closed) throw linkErrors.away(this.agent, "closed");
    try {
      return await openStreamSocket(this.agent, this.#tls(), request);
    } catch (error) {
      throw this.#failure(error);
    }
  }

  async #exchange(
    name: CallName,
    input: Record<string, unknown>,
    signal: AbortSignal,
    operationId: string | undefined,
  ): Promise<unknown> {
    const json = bodyOf(name, input);
    const body = isRaw(name) ? (input.data as Uint8Array) : json === undefined ? null : JSON.stringify(json);
    const request: Dispatcher.RequestOptions = {
      method: CALLS[name].method,
      path: pathOf(name, input),
      headers: {
        ...(body === null
          ? {}
          : { "content-type": isRaw(name) ? "application/octet-stream" : "application/json" }),
        ...(operationId === undefined ? {} : { [OPERATION_HEADER]: operationId }),
      },
      body,
      signal,
    };
    const lane = CALLS[name].timeoutMs <= QUICK_MS_MAX ? "quick" : "long";
    try {
      return await this.#lane(lane).exchange(request, readReply);
    } catch (error) {
      // An idle connection may have died unnoticed. Every call is idempotent, so asking once more is safe.
      if (!isLostSocket(error) || signal.aborted) throw error;
      return this.#lane(lane).exchange(request, readReply);
    }
  }

  #lane(name: keyof typeof CONNECTIONS_MAX): Lane {
    if (this.#closed) throw linkErrors.away(this.agent, "closed");
    this.#lanes[name] ??= new Lane(CONNECTIONS_MAX[name], () => {
      return new Client(this.#origin, {
        connect: agentConnector(this.agent, this.#tls),
        keepAliveTimeout: KEEP_ALIVE_MS,
        keepAliveMaxTimeout: KEEP_ALIVE_MS,
        // The time limit is that of the call, see CALLS.
        headersTimeout: 0,
        bodyTimeout: 0,
      });
    });
    return this.#lanes[name];
  }

  get #origin(): string {
    return `https://${agentName(this.agent.hostUuid)}:${this.agent.port}`;
  }

  #failure(error: unknown): AppError {
    if (error instanceof AppError) return error;
    const reason: AwayReason = this.#closed ? "closed" : awayReason(error);
    return linkErrors.away(this.agent, reason, error);
  }
}

// Calls live on the prototype, since a manager holds thousands of links.
for (const name of CALL_NAMES) {
  Object.defineProperty(Link.prototype, name, {
    value(this: Link, input: Record<string, unknown>, options?: CallOptions) {
      return this.call(name, input, options);
    },
  });
}

/** How the manager reaches one agent. See AgentClient; failures of the network are `unavailable` AGENT_AWAY. */
export function connectAgent(options: ConnectAgentOptions): AgentClient {
  return new Link(options) as Link & AgentPort; // the loop above gave it the calls
}

function cancelled(name: CallName, signal: AbortSignal): AppError {
  return signal.reason instanceof AppError ? signal.reason : linkErrors.cancelled(name, signal.reason);
}

async function readReply(response: Dispatcher.ResponseData): Promise<unknown> {
  const text = await readText(response.body, REPLY_BYTES_MAX);
  if (response.statusCode !== 200) throw reviveError(parse(text));
  return JSON.parse(text);
}

function isEvent(value: unknown): value is AgentEvent {
  return typeof value === "object" && value !== null && "type" in value && EVENT_TYPES.has(value.type);
}

/** Undefined for what is no JSON; reviveError then says that the answer was malformed. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
