import { setMaxListeners } from "node:events";
import type { Duplex } from "node:stream";
import { AppError } from "@sinter/kit";
import {
  CALLS,
  type CallInput,
  type CallName,
  type CallOptions,
  type MediaChannel,
} from "@sinter/southbound";
import type { Agent, AgentAddress, AgentConnection } from "./fleet.ts";

/**
 * An agent whose calls do not outlive the belief that its host is there. A call may take hours (copying a disk), and a
 * host that lost its power leaves a connection that says nothing for as long: what is under way ends as soon as the
 * fleet gives the host up, and until it is back nothing new begins.
 */
export class GuardedAgent {
  readonly #connection: AgentConnection;
  readonly #address: AgentAddress;
  #loss = freshLoss();

  constructor(connection: AgentConnection, address: AgentAddress) {
    this.#connection = connection;
    this.#address = address;
  }

  get isGivenUp(): boolean {
    return this.#loss.signal.aborted;
  }

  giveUp(): void {
    this.#loss.abort();
  }

  /** The host is back: calls go through again. */
  restore(): void {
    if (this.isGivenUp) this.#loss = freshLoss();
  }

  async call(name: CallName, input: CallInput<CallName>, options: CallOptions = {}): Promise<unknown> {
    const loss = this.#loss.signal;
    if (loss.aborted) throw this.#away();
    const signal = options.signal ? AbortSignal.any([options.signal, loss]) : loss;
    // Name and input belong together; the type of a table entry picked by a variable cannot say so.
    const call = this.#connection[name] as (input: unknown, options: CallOptions) => Promise<unknown>;
    try {
      return await call.call(this.#connection, input, { ...options, signal });
    } catch (error) {
      if (loss.aborted && options.signal?.aborted !== true) throw this.#away(error);
      throw error;
    }
  }

  openConsole(vmUuid: string): Promise<Duplex> {
    return this.#openLine(() => this.#connection.openConsole(vmUuid));
  }

  openScreen(vmUuid: string, password: string): Promise<Duplex> {
    return this.#openLine(() => this.#connection.openScreen(vmUuid, password));
  }

  async openMedia(mediaId: string, sizeBytes: number): Promise<MediaChannel> {
    if (this.isGivenUp) throw this.#away();
    return this.#connection.openMedia(mediaId, sizeBytes);
  }

  /** A line to a host that has lost its power says nothing either: whoever looks at it must be told. */
  async #openLine(open: () => Promise<Duplex>): Promise<Duplex> {
    const loss = this.#loss.signal;
    if (loss.aborted) throw this.#away();
    const line = await open();
    const end = (): void => void line.destroy();
    loss.addEventListener("abort", end);
    line.once("close", () => loss.removeEventListener("abort", end));
    if (loss.aborted) end();
    return line;
  }

  #away(cause?: unknown): AppError {
    const { hostUuid, address, port } = this.#address;
    return new AppError(
      "unavailable",
      "AGENT_AWAY",
      `The host at ${address}:${port} has stopped answering. Check that it has power and network and that its agent runs.`,
      { params: { hostUuid, address, port, reason: "silent" }, cause },
    );
  }
}

function freshLoss(): AbortController {
  const loss = new AbortController();
  // Every call under way listens.
  setMaxListeners(0, loss.signal);
  return loss;
}

// One function per call on the prototype rather than per host: 1,250 hosts share them.
for (const name of Object.keys(CALLS) as CallName[]) {
  Object.defineProperty(GuardedAgent.prototype, name, {
    value(this: GuardedAgent, input: CallInput<CallName>, options?: CallOptions) {
      return this.call(name, input, options);
    },
  });
}

/** The same object with the calls that the loop above has given it. */
export function asAgent(agent: GuardedAgent): Agent {
  return agent as unknown as Agent;
}
