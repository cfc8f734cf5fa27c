import type { Clock, Log } from "@sinter/kit";
import { type AgentEvent, HEARTBEAT_MS } from "@sinter/southbound";
import type { AgentAddress, AgentConnection, ConnectAgent } from "./fleet.ts";
import type { Gate } from "./gate.ts";
import { GuardedAgent } from "./guarded-agent.ts";

/** A stream that says nothing for so long is dead, whatever TCP thinks. */
export const STREAM_SILENCE_MS = 4 * HEARTBEAT_MS;
const BACKOFF_MS = { first: 500, max: 10_000 };
/** A host that is off would otherwise keep its place until its stream counts as dead. */
const GATE_MS_MAX = 2_000;

export interface HostLinkParts {
  readonly hostId: number;
  readonly address: AgentAddress;
  readonly connect: ConnectAgent;
  /** How many links may be without their first event at once. */
  readonly gate: Gate;
  readonly graceMs: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly onConnected: (link: HostLink, hello: Hello) => void;
  readonly onEvent: (link: HostLink, event: AgentEvent) => void;
  /** Silent for longer than the grace; said once per silence. */
  readonly onLost: (link: HostLink, reason: string) => void;
}

export type Hello = Extract<AgentEvent, { type: "hello" }>;

/** The tie to one host: reads its events, begins anew whenever they end, and notices silence. */
export class HostLink {
  readonly hostId: number;
  readonly address: AgentAddress;
  readonly agent: GuardedAgent;
  readonly #parts: HostLinkParts;
  readonly #connection: AgentConnection;
  #stream: AbortController | undefined;
  #isClosed = false;
  #isConnected = false;
  #lastHeardAt: number;
  #streamStartedAt = 0;
  #lastFailure = "";
  readonly #life = new AbortController();
  readonly #running: Promise<void>;

  constructor(parts: HostLinkParts) {
    this.hostId = parts.hostId;
    this.address = parts.address;
    this.#parts = parts;
    this.#connection = parts.connect(parts.address);
    this.agent = new GuardedAgent(this.#connection, parts.address);
    this.#lastHeardAt = parts.clock.now();
    this.#running = this.#run();
  }

  get isConnected(): boolean {
    return this.#isConnected;
  }

  /** Called once per heartbeat: ends a stream that is silent, gives the host up after the grace. */
  check(now: number): void {
    // Still at the gate: a host that nobody has called yet is not silent. At a start with 1,250 hosts on a slow machine
    // the last of them wait there for longer than any grace.
    if (this.#isClosed || this.#streamStartedAt === 0) return;
    const heardAt = Math.max(this.#lastHeardAt, this.#streamStartedAt);
    if (this.#stream && now - heardAt > STREAM_SILENCE_MS) {
      this.#isConnected = false;
      this.#lastFailure ||= "Its event stream is silent.";
      this.#stream.abort();
    }
    if (now - this.#lastHeardAt > this.#parts.graceMs && !this.agent.isGivenUp) {
      this.#isConnected = false;
      this.agent.giveUp();
      this.#parts.onLost(this, this.#lastFailure);
    }
  }

  /** The manager itself was not running for a while: nobody's silence counts. */
  forgiveSilence(now: number): void {
    this.#lastHeardAt = now;
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#isConnected = false;
    this.#life.abort();
    this.#stream?.abort();
    this.agent.giveUp();
    await this.#running;
    await this.#connection.close();
  }

  async #run(): Promise<void> {
    let backoffMs = BACKOFF_MS.first;
    while (!this.#isClosed) {
      const hadHello = await this.#readOneStream();
      if (this.#isClosed) return;
      if (hadHello) backoffMs = BACKOFF_MS.first;
      // Spread, so that hosts that went away together do not come back in step.
      await this.#parts.clock.sleep(backoffMs * (0.5 + Math.random()), this.#life.signal).catch(() => {});
      backoffMs = Math.min(backoffMs * 2, BACKOFF_MS.max);
    }
  }

  /** Whether the stream got as far as its first event. */
  async #readOneStream(): Promise<boolean> {
    const { clock, gate, log } = this.#parts;
    const leaveGate = await gate.enter();
    if (this.#isClosed) {
      leaveGate();
      return false;
    }
    let hadHello = false;
    const stream = new AbortController();
    this.#stream = stream;
    // The grace begins with the first attempt.
    if (this.#streamStartedAt === 0) this.#lastHeardAt = clock.now();
    this.#streamStartedAt = clock.now();
    const attemptOver = new AbortController();
    clock.sleep(GATE_MS_MAX, attemptOver.signal).then(leaveGate, () => {});
    try {
      for await (const event of this.#connection.events(stream.signal)) {
        if (stream.signal.aborted) break;
        if (event.type === "hello") {
          if (event.hostUuid !== this.address.hostUuid) {
            throw new Error(`There answers another host, ${event.hostUuid}.`);
          }
          hadHello = true;
          attemptOver.abort();
          leaveGate();
          this.#heard(event);
        } else if (hadHello) {
          this.#lastHeardAt = clock.now();
          if (event.type !== "heartbeat") this.#parts.onEvent(this, event);
        }
      }
      this.#lastFailure = "Its event stream ended.";
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      if (!stream.signal.aborted) this.#lastFailure = why;
      if (!this.#isClosed) log.debug({ hostId: this.hostId, err: error }, "an event stream ended");
    } finally {
      attemptOver.abort();
      leaveGate();
      this.#isConnected = false;
      this.#stream = undefined;
    }
    return hadHello;
  }

  #heard(hello: Hello): void {
    this.#lastHeardAt = this.#parts.clock.now();
    this.#isConnected = true;
    this.#lastFailure = "";
    this.agent.restore();
    this.#parts.onConnected(this, hello);
  }
}
