import type { Duplex } from "node:stream";
import {
  type AgentAddress,
  type AgentClient,
  type AwayReason,
  CALL_NAMES,
  linkErrors,
  readInput,
} from "@sinter/agent-link";
import { AppError, reviveError, toAppError } from "@sinter/kit";
import {
  type AgentEvent,
  type CallName,
  type CallOptions,
  CALLS,
  HEARTBEAT_MS,
  type MediaChannel,
} from "@sinter/southbound";
import { channelPair } from "./media-calls.ts";
import type { SimHost } from "./sim-host.ts";

export interface SimPortOptions {
  /** On the host's clock; default HEARTBEAT_MS of the contract. */
  readonly heartbeatMs?: number;
}

/**
 * A simulated agent without any network, with the behaviour of the client over TLS: inputs are checked the same way,
 * values are copied as JSON would, broken connections and silence show as `unavailable` AGENT_AWAY.
 */
export function simPort(sim: SimHost, options: SimPortOptions = {}): AgentClient {
  return new SimLink(sim, options) as SimLink & AgentClient; // the loop below gave it the calls
}

class SimLink {
  readonly agent: AgentAddress;
  readonly #sim: SimHost;
  readonly #heartbeatMs: number;
  readonly #close = new AbortController();

  constructor(sim: SimHost, options: SimPortOptions) {
    this.#sim = sim;
    this.agent = { hostUuid: sim.hostUuid, address: sim.address, port: 0 };
    this.#heartbeatMs = options.heartbeatMs ?? HEARTBEAT_MS;
  }

  async call(name: CallName, input: Record<string, unknown>, options: CallOptions = {}): Promise<unknown> {
    this.#requireReachable();
    const broken = Promise.withResolvers<never>();
    // Ends the call on both sides: the agent's signal aborts and the caller gets the reason.
    const gone = new AbortController();
    const end = (reason: AppError): void => {
      gone.abort(linkErrors.cancelled(name));
      broken.reject(reason);
    };
    const onAbort = (): void => end(cancelled(name, options.signal));
    const onClose = (): void => end(this.#away("closed"));
    const stopListening = this.#sim.onDrop(() => end(this.#away("reset")));
    const timer = setTimeout(() => end(this.#away("timeout")), options.timeoutMs ?? CALLS[name].timeoutMs);
    options.signal?.addEventListener("abort", onAbort, { once: true });
    this.#close.signal.addEventListener("abort", onClose, { once: true });
    try {
      if (options.signal?.aborted) onAbort();
      return await Promise.race([this.#deliver(name, input, options, gone.signal), broken.promise]);
    } catch (error) {
      throw reviveError(copy(toAppError(error)));
    } finally {
      clearTimeout(timer);
      stopListening();
      options.signal?.removeEventListener("abort", onAbort);
      this.#close.signal.removeEventListener("abort", onClose);
      broken.promise.catch(() => {}); // nobody waits for it any more
    }
  }

  async *events(signal: AbortSignal): AsyncGenerator<AgentEvent> {
    if (signal.aborted) return;
    this.#requireReachable();
    const sim = this.#sim;
    // A process that is stopped says nothing at all, not even who it is.
    const queue: (AgentEvent | AppError)[] = this.#isStalled ? [] : [this.#hello()];
    let wake: (() => void) | undefined;
    const push = (item: AgentEvent | AppError): void => {
      queue.push(item);
      wake?.();
    };
    const over = new AbortController();
    const onAbort = (): void => wake?.();
    const onClose = (): void => push(this.#away("closed"));
    const unsubscribe = sim.events.subscribe((event) => push(copy(event)));
    const stopListening = sim.onDrop(() => push(this.#away("reset")));
    signal.addEventListener("abort", onAbort, { once: true });
    this.#close.signal.addEventListener("abort", onClose, { once: true });
    void this.#beat(push, over.signal);
    try {
      for (;;) {
        const item = queue.shift();
        if (signal.aborted) return;
        if (item instanceof AppError) throw item;
        if (item) yield item;
        else await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      over.abort();
      unsubscribe();
      stopListening();
      signal.removeEventListener("abort", onAbort);
      this.#close.signal.removeEventListener("abort", onClose);
    }
  }

  async openConsole(vmUuid: string): Promise<Duplex> {
    this.#requireReachable();
    return this.#breaking(this.#sim.openConsole(vmUuid));
  }

  async openScreen(vmUuid: string, password: string): Promise<Duplex> {
    this.#requireReachable();
    return this.#breaking(this.#sim.openScreen(vmUuid, password));
  }

  async openMedia(mediaId: string, sizeBytes: number): Promise<MediaChannel> {
    this.#requireReachable();
    const [ours, theirs] = channelPair();
    this.#sim.openMedia(mediaId, sizeBytes, theirs);
    return ours;
  }

  async close(): Promise<void> {
    this.#close.abort();
  }

  #breaking(line: Duplex): Duplex {
    const stopListening = this.#sim.onDrop(() => line.destroy());
    line.once("close", stopListening);
    return line;
  }

  async #deliver(
    name: CallName,
    input: Record<string, unknown>,
    options: CallOptions,
    signal: AbortSignal,
  ): Promise<unknown> {
    const { data, ...plain } = input;
    const isRaw = data instanceof Uint8Array;
    const sent = copy(isRaw ? plain : input);
    const params = Object.fromEntries(
      Object.keys(CALLS[name].params.properties).map((key) => [key, sent[key]]),
    );
    const { operationId } = options;
    const context = { signal, ...(operationId === undefined ? {} : { operationId }) };
    // One function for all calls: the table ties input to name, the compiler cannot.
    const call = this.#sim.api[name] as (input: unknown, context: object) => Promise<unknown>;
    return copy(await call(readInput(name, params, isRaw ? Buffer.from(data) : sent), context));
  }

  /** Heartbeats while the agent beats; after four that did not come, what a client on the network would say. */
  async #beat(push: (item: AgentEvent | AppError) => void, over: AbortSignal): Promise<void> {
    const { clock } = this.#sim;
    let hasGreeted = !this.#isStalled;
    for (let missed = 0; !over.aborted; ) {
      await clock.sleep(this.#heartbeatMs, over).catch(() => {});
      if (over.aborted) return;
      if (!this.#isStalled) {
        missed = 0;
        push(hasGreeted ? { type: "heartbeat", at: clock.now() } : this.#hello());
        hasGreeted = true;
      } else if (++missed === 4) {
        return push(this.#away("silent"));
      }
    }
  }

  get #isStalled(): boolean {
    return this.#sim.events.isStalled?.() === true;
  }

  #hello(): AgentEvent {
    return { type: "hello", ...this.#sim.events.hello() };
  }

  #requireReachable(): void {
    if (this.#close.signal.aborted) throw this.#away("closed");
    if (!this.#sim.isReachable) throw this.#away("unreachable");
  }

  #away(reason: AwayReason): AppError {
    return linkErrors.away(this.agent, reason);
  }
}

for (const name of CALL_NAMES) {
  Object.defineProperty(SimLink.prototype, name, {
    value(this: SimLink, input: Record<string, unknown>, options?: CallOptions) {
      return this.call(name, input, options);
    },
  });
}

/** What JSON makes of a value, as on the wire: no shared objects, no undefined fields. */
function copy<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

function cancelled(name: CallName, signal: AbortSignal | undefined): AppError {
  return signal?.reason instanceof AppError ? signal.reason : linkErrors.cancelled(name);
}
