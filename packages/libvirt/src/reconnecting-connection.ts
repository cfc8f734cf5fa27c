import { setTimeout as delay } from "node:timers/promises";
import type { CallArguments } from "./caller.ts";
import { type Connection, type ConnectOptions, connect } from "./connection.ts";
import { ConnectionLostError, NotConnectedError } from "./errors.ts";
import {
  type DomainEventName,
  type DomainEvents,
  EventHub,
  type EventOptions,
  type Subscription,
} from "./events.ts";
import { Hypervisor } from "./hypervisor.ts";
import type { Args, ProcedureName, Reply, StreamProcedureName } from "./protocol/procedures.ts";
import type { CallOptions } from "./rpc/rpc-client.ts";
import type { RpcStream } from "./rpc/rpc-stream.ts";

export interface ReconnectingOptions extends Omit<ConnectOptions, "signal"> {
  /** First pause between attempts; each further one is twice as long. Default 100 ms. */
  readonly backoffMinMs?: number;
  /** Longest pause. Default 5 s. */
  readonly backoffMaxMs?: number;
}

/** Begins to connect at once and does not wait for it: see {@link ReconnectingConnection.connected}. */
export function openReconnecting(options: ReconnectingOptions | string = {}): ReconnectingConnection {
  return new ReconnectingConnection(typeof options === "string" ? { uri: options } : options);
}

/**
 * A connection that comes back. Domains and event subscriptions made through it stay good.
 *
 * While it is down every call fails with NotConnectedError, and one under way when it breaks fails with
 * ConnectionLostError: nothing is ever sent a second time, since only the caller knows whether that is safe.
 * Events of the time in between are lost. "connected" comes after all event kinds are registered again, so
 * whoever then looks at everything misses nothing.
 *
 * | while …      | call              | on, unsubscribe                  | close                  |
 * | ------------ | ----------------- | -------------------------------- | ---------------------- |
 * | connecting   | NotConnectedError | kept, registered before "connected" | ends the attempt    |
 * | connected    | sent              | registered at once               | goodbye, then closed   |
 * | closed       | NotConnectedError | kept for nothing                 | nothing                |
 */
export class ReconnectingConnection extends Hypervisor implements AsyncDisposable {
  readonly #options: ReconnectingOptions;
  readonly #stop = new AbortController();
  readonly #hub: EventHub;
  readonly #running: Promise<void>;
  readonly #onConnected = new Set<() => void>();
  readonly #onLost = new Set<(reason: Error) => void>();
  /** Set exactly while calls may be made. */
  #connection: Connection | undefined;
  /** Of the connection at hand, or of the one being prepared. */
  #subscriptions = new Map<DomainEventName, Promise<Subscription>>();
  #lastError: Error | undefined;

  constructor(options: ReconnectingOptions) {
    super();
    this.#options = options;
    this.#hub = new EventHub({
      register: async (name) => {
        if (this.#connection) await this.#subscribe(this.#connection, name).catch(ignoreLoss);
      },
      deregister: async (name) => {
        const subscription = this.#subscriptions.get(name);
        this.#subscriptions.delete(name);
        await (await subscription)?.unsubscribe();
      },
    });
    this.#running = this.#run();
  }

  get isConnected(): boolean {
    return this.#connection !== undefined;
  }

  /** Why there is no connection: what the last attempt said, or how the last connection ended. */
  get lastError(): Error | undefined {
    return this.#lastError;
  }

  /** Resolves once connected. Rejects with the signal's reason, or NotConnectedError when closed meanwhile. */
  async connected(signal?: AbortSignal): Promise<void> {
    if (this.#connection) return;
    signal?.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const stopped = () => reject(this.#notConnected());
    const aborted = () => reject(signal?.reason as Error);
    const waiting = this.onConnected(resolve);
    this.#stop.signal.addEventListener("abort", stopped);
    signal?.addEventListener("abort", aborted);
    try {
      if (this.#stop.signal.aborted) stopped();
      await promise;
    } finally {
      waiting[Symbol.dispose]();
      this.#stop.signal.removeEventListener("abort", stopped);
      signal?.removeEventListener("abort", aborted);
    }
  }

  /** Called each time the connection is there (again), events registered. */
  onConnected(handler: () => void): Disposable {
    this.#onConnected.add(handler);
    return { [Symbol.dispose]: () => void this.#onConnected.delete(handler) };
  }

  /** Called each time a connection broke; not for our own close. */
  onLost(handler: (reason: Error) => void): Disposable {
    this.#onLost.add(handler);
    return { [Symbol.dispose]: () => void this.#onLost.delete(handler) };
  }

  override call<N extends ProcedureName>(name: N, ...rest: CallArguments<N>): Promise<Reply<N>> {
    return this.#connection?.call(name, ...rest) ?? Promise.reject(this.#notConnected());
  }

  override openStream<N extends StreamProcedureName>(
    name: N,
    args: Args<N>,
    options?: CallOptions,
  ): Promise<{ stream: RpcStream; reply: Reply<N> }> {
    return this.#connection?.openStream(name, args, options) ?? Promise.reject(this.#notConnected());
  }

  override on<E extends DomainEventName>(
    name: E,
    handler: (event: DomainEvents[E]) => void,
    options?: EventOptions,
  ): Promise<Subscription> {
    return this.#hub.on(name, handler, options);
  }

  /** Closes for good. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #run(): Promise<void> {
    const stop = this.#stop.signal;
    let attempt = 0;
    while (!stop.aborted) {
      try {
        await using connection = await connect({ ...this.#options, signal: stop });
        await this.#prepare(connection);
        attempt = 0;
        const stopped = Promise.withResolvers<undefined>();
        stop.addEventListener("abort", () => stopped.resolve(undefined), { once: true });
        this.#connection = connection;
        notify(this.#onConnected, undefined);
        const reason = await Promise.race([connection.ended, stopped.promise]);
        this.#connection = undefined;
        if (reason && !stop.aborted) {
          this.#lastError = reason;
          notify(this.#onLost, reason);
        }
      } catch (error) {
        this.#lastError = error as Error;
      }
      await delay(this.#pauseMs(attempt++), undefined, { signal: stop }).catch(() => {
        // Closed: the loop's condition sees it.
      });
    }
  }

  /** Registers every kind somebody listens to, also those that come up meanwhile. */
  async #prepare(connection: Connection): Promise<void> {
    this.#subscriptions = new Map();
    for (;;) {
      const missing = this.#hub.names.filter((name) => !this.#subscriptions.has(name));
      if (missing.length === 0) break;
      await Promise.all(missing.map((name) => this.#subscribe(connection, name)));
    }
    // No await from here until #connection is set, or a kind could slip through between.
  }

  async #subscribe(connection: Connection, name: DomainEventName): Promise<void> {
    const subscription = connection.on(name, (event) => this.#hub.emit(name, event));
    this.#subscriptions.set(name, subscription);
    await subscription;
  }

  #pauseMs(attempt: number): number {
    const { backoffMinMs = 100, backoffMaxMs = 5000 } = this.#options;
    const full = Math.min(backoffMaxMs, backoffMinMs * 2 ** Math.min(attempt, 16));
    // Half fixed, half random, so that many clients do not come back in step.
    return full / 2 + (Math.random() * full) / 2;
  }

  #notConnected(): NotConnectedError {
    if (this.#stop.signal.aborted) return new NotConnectedError("The connection to libvirt was closed.");
    const why = this.#lastError ? `: ${this.#lastError.message}` : " yet.";
    return new NotConnectedError(`There is no connection to libvirt${why}`, { cause: this.#lastError });
  }
}

function notify<T>(handlers: ReadonlySet<(value: T) => void>, value: T): void {
  for (const handler of handlers) {
    try {
      handler(value);
    } catch (error) {
      // A listener's fault must not end the loop that reconnects.
      queueMicrotask(() => {
        throw error;
      });
    }
  }
}

/** What was not registered now is registered with the next connection. */
function ignoreLoss(error: unknown): void {
  if (!(error instanceof ConnectionLostError || error instanceof NotConnectedError)) throw error;
}
