import type { Duplex } from "node:stream";
import type { AgentEvent, AgentPort, HostReport, MediaChannel } from "@sinter/southbound";
import type { HostStatus } from "../host/host.ts";

/** What the manager needs of one agent: its calls, its events, its consoles. */
export interface AgentConnection extends AgentPort {
  /** Yields until the stream ends or `signal` aborts; ends by throwing when the agent goes away. */
  events(signal: AbortSignal): AsyncIterable<AgentEvent>;
  openConsole(vmUuid: string): Promise<Duplex>;
  openScreen(vmUuid: string, password: string): Promise<Duplex>;
  openMedia(mediaId: string, sizeBytes: number): Promise<MediaChannel>;
  close(): Promise<void>;
}

export interface AgentAddress {
  readonly hostUuid: string;
  readonly address: string;
  readonly port: number;
}

/** Makes connections; the real one speaks mutual TLS, tests hand out simulated agents. */
export type ConnectAgent = (address: AgentAddress) => AgentConnection;

/** What one may ask of an agent: everything but ending its connection, which is the fleet's. */
export type Agent = Omit<AgentConnection, "close" | "events">;

/** All agents that this manager knows, by host id. */
export interface Fleet {
  /**
   * The agent of a host. Throws notFound HOST_NOT_FOUND for a host that is not enrolled. Once the host has been
   * silent for longer than the grace its calls, also those under way, fail at once with `unavailable` AGENT_AWAY.
   */
  agent(hostId: number): Agent;
  /** Whether events arrive from it. */
  isConnected(hostId: number): boolean;
}

/**
 * Called when the status of a host has changed, and each time its event stream has begun anew, since events may have
 * been missed meanwhile: read what you need of the host again.
 */
export type HostListener = (hostId: number, status: HostStatus) => void;

/** The fleet as those see it who start, feed and stop it. */
export interface ManagedFleet extends Fleet {
  /** Takes up the connections to all enrolled hosts and resolves when that has begun, not when it has succeeded. */
  start(): Promise<void>;
  /** Ends all connections. Calls under way fail. */
  stop(): Promise<void>;
  /** A host was enrolled, or again under another address. */
  onEnrolled(hostId: number): Promise<void>;
  /** A host was removed from the site. */
  onRemoved(hostId: number): Promise<void>;
  onHostChanged(listener: HostListener): () => void;
  connectedHosts(): number[];
  /** Asks the host what it is and writes it down. `unavailable` AGENT_AWAY when it does not answer. */
  refresh(hostId: number): Promise<HostReport>;
}
