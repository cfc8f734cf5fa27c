import type { AgentEvent, AgentPort } from "@sinter/southbound";
import type { Duplex } from "node:stream";

/** What the manager needs of one agent: its calls, its events, its consoles. */
export interface AgentConnection extends AgentPort {
  /** Yields until the stream ends or `signal` aborts; ends by throwing when the agent goes away. */
  events(signal: AbortSignal): AsyncIterable<AgentEvent>;
  openConsole(vmUuid: string): Promise<Duplex>;
  close(): Promise<void>;
}

export interface AgentAddress {
  readonly hostUuid: string;
  readonly address: string;
  readonly port: number;
}

/** Makes connections; the real one speaks mutual TLS, tests hand out simulated agents. */
export type ConnectAgent = (address: AgentAddress) => AgentConnection;

/** All agents that this manager knows, by host id. */
export interface Fleet {
  /** The agent of a host. Throws notFound HOST_NOT_FOUND for a host that is not enrolled; its calls throw `unavailable` AGENT_AWAY while it is silent. */
  agent(hostId: number): AgentConnection;
  /** Whether events arrive from it. */
  isConnected(hostId: number): boolean;
}
