import type { Socket } from "node:net";
import type { CallArguments } from "./caller.ts";
import { AuthenticationError, LibvirtError, NotConnectedError } from "./errors.ts";
import {
  DOMAIN_EVENTS,
  type DomainEventName,
  type DomainEvents,
  EventHub,
  type EventOptions,
  readEvent,
  type Subscription,
} from "./events.ts";
import { Hypervisor } from "./hypervisor.ts";
import { REMOTE_PROGRAM } from "./protocol/generated/protocol.ts";
import {
  type Args,
  PROCEDURES,
  type Procedure,
  type ProcedureName,
  type Reply,
  type StreamProcedureName,
} from "./protocol/procedures.ts";
import { dial, type Endpoint, nameOf } from "./rpc/dial.ts";
import type { Frame } from "./rpc/frame.ts";
import type { KeepaliveOptions } from "./rpc/keepalive.ts";
import { type CallOptions, RpcClient } from "./rpc/rpc-client.ts";
import type { RpcStream } from "./rpc/rpc-stream.ts";
import { resolveTarget, type Target } from "./uri.ts";

export interface ConnectOptions {
  /** Where and what: a libvirt URI, or an endpoint and a driver. Default "qemu:///system". */
  readonly uri?: string;
  readonly endpoint?: Endpoint;
  /** What the daemon is asked to open, e.g. "qemu:///system" or "test:///default"; with `endpoint`. */
  readonly driver?: string;
  readonly readOnly?: boolean;
  /** For connecting, authentication and opening together, in ms. Default 10 000. */
  readonly connectTimeoutMs?: number;
  /** For calls that name none, in ms. Default 0: wait for ever. */
  readonly callTimeoutMs?: number;
  readonly keepalive?: KeepaliveOptions;
  /** Ordinary calls under way at a time; see RpcClientOptions. Default 4. */
  readonly inFlightMax?: number;
  readonly signal?: AbortSignal;
}

const CONNECT_TIMEOUT_MS = 10_000;
const CLOSE_TIMEOUT_MS = 1000;
const OPEN_READ_ONLY = 1;
const AUTH = { none: 0, sasl: 1, polkit: 2 } as const;

/**
 * Connects, authenticates and opens the driver. Rejects with NotConnectedError, AuthenticationError, or the
 * daemon's LibvirtError when it cannot open that driver.
 */
export async function connect(options: ConnectOptions | string = {}): Promise<Connection> {
  const given = typeof options === "string" ? { uri: options } : options;
  const target = await resolveTarget(given);
  const deadline = AbortSignal.timeout(given.connectTimeoutMs ?? CONNECT_TIMEOUT_MS);
  const signal = given.signal ? AbortSignal.any([given.signal, deadline]) : deadline;
  try {
    const socket = await dial(target.endpoint, signal);
    return await Connection.open(socket, target, given, signal);
  } catch (cause) {
    if (cause !== deadline.reason) throw cause;
    throw new NotConnectedError(`${nameOf(target.endpoint)} did not answer in time.`, { cause });
  }
}

/** An open connection to one driver of one daemon. Disposing of it closes it. */
export class Connection extends Hypervisor implements AsyncDisposable {
  readonly #rpc: RpcClient;
  readonly #events: EventHub;
  readonly #callbackIds = new Map<DomainEventName, number>();
  readonly #ended: Promise<Error | undefined>;

  private constructor(socket: Socket, options: ConnectOptions) {
    super();
    const ended = Promise.withResolvers<Error | undefined>();
    this.#ended = ended.promise;
    this.#rpc = new RpcClient(socket, {
      keepalive: options.keepalive ?? {},
      inFlightMax: options.inFlightMax ?? 4,
      timeoutMs: options.callTimeoutMs ?? 0,
      onMessage: (frame) => this.#message(frame),
      onClose: ended.resolve,
    });
    this.#events = new EventHub({
      register: (name) => this.#register(name),
      deregister: (name) => this.#deregister(name),
    });
  }

  /** Authenticates and opens on a socket that is connected. Most callers want {@link connect}. */
  static async open(
    socket: Socket,
    target: Target,
    options: ConnectOptions,
    signal: AbortSignal,
  ): Promise<Connection> {
    const connection = new Connection(socket, options);
    try {
      await connection.#authenticate(target, signal);
      const flags = options.readOnly ? OPEN_READ_ONLY : 0;
      await connection.call("connectOpen", { name: target.driver, flags }, { signal });
      return connection;
    } catch (error) {
      connection.#rpc.close();
      throw error;
    }
  }

  /** Resolves when the connection is over: with the reason, or with undefined when we closed it. Never rejects. */
  get ended(): Promise<Error | undefined> {
    return this.#ended;
  }

  get closed(): boolean {
    return this.#rpc.closed;
  }

  override call<N extends ProcedureName>(name: N, ...[args, options]: CallArguments<N>): Promise<Reply<N>> {
    return this.#rpc.call(name, procedure(name), args as Args<N>, options);
  }

  /** A procedure that is not in our table. */
  invoke<A, R>(one: Procedure<A, R>, args: A, options?: CallOptions): Promise<R> {
    return this.#rpc.call(`procedure ${one.number}`, one, args, options);
  }

  override openStream<N extends StreamProcedureName>(
    name: N,
    args: Args<N>,
    options?: CallOptions,
  ): Promise<{ stream: RpcStream; reply: Reply<N> }> {
    return this.#rpc.openStream(name, procedure(name), args, options);
  }

  override on<E extends DomainEventName>(
    name: E,
    handler: (event: DomainEvents[E]) => void,
    options?: EventOptions,
  ): Promise<Subscription> {
    return this.#events.on(name, handler, options);
  }

  /** Says goodbye and closes; calls still waiting fail. Closing twice is fine. */
  async close(): Promise<void> {
    if (this.#rpc.closed) return;
    try {
      await this.call("connectClose", undefined, { timeoutMs: CLOSE_TIMEOUT_MS });
    } catch {
      // A daemon that no longer answers is left without goodbye.
    }
    this.#rpc.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #authenticate(target: Target, signal: AbortSignal): Promise<void> {
    const name = nameOf(target.endpoint);
    const { types } = await this.call("authList", undefined, { signal });
    if (types.length === 0 || types.includes(AUTH.none)) return;
    if (!types.includes(AUTH.polkit)) {
      const wanted = types.includes(AUTH.sasl) ? "SASL" : `method ${types.join(", ")}`;
      throw new AuthenticationError(
        `${name} asks for ${wanted}, which this client does not speak. Use the unix socket as root, or TLS with certificates.`,
      );
    }
    try {
      await this.call("authPolkit", undefined, { signal });
    } catch (cause) {
      if (!(cause instanceof LibvirtError)) throw cause;
      throw new AuthenticationError(
        `${name} asks polkit, which did not allow this user: ${cause.message}. Run as root or add a polkit rule.`,
        { cause },
      );
    }
  }

  #message(frame: Frame): void {
    if (frame.program !== REMOTE_PROGRAM) return;
    const read = readEvent(frame.procedure, frame.payload);
    if (read) this.#events.emit(read.name, read.event);
  }

  async #register(name: DomainEventName): Promise<void> {
    const { eventId } = DOMAIN_EVENTS[name];
    const { callbackId } = await this.call("connectDomainEventCallbackRegisterAny", { eventId, dom: null });
    this.#callbackIds.set(name, callbackId);
  }

  async #deregister(name: DomainEventName): Promise<void> {
    const callbackId = this.#callbackIds.get(name);
    if (callbackId === undefined) return;
    this.#callbackIds.delete(name);
    await this.call("connectDomainEventCallbackDeregisterAny", { callbackId });
  }
}

function procedure<N extends ProcedureName>(name: N): Procedure<Args<N>, Reply<N>> {
  return PROCEDURES[name] as unknown as Procedure<Args<N>, Reply<N>>; // Args and Reply are read off this very entry
}
