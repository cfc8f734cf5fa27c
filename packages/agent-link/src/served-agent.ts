import type { Duplex } from "node:stream";
import type { AgentApi, AgentEvent, MediaChannel } from "@sinter/southbound";

/** What an agent hands to the server that speaks for it. */
export interface ServedAgent {
  readonly api: AgentApi;
  readonly events: AgentEventSource;
  /** The serial line of a running VM; absent: UNKNOWN_CALL. Throws as calls do. */
  openConsole?(vmUuid: string): Duplex | Promise<Duplex>;
  /** The screen of a running VM: an RFB server that asks for this password, once. Absent: UNKNOWN_CALL. Throws as calls do. */
  openScreen?(vmUuid: string, password: string): Duplex | Promise<Duplex>;
  /** Somebody hands a browser's medium out over the channel (MEDIA_PATH). Absent: UNKNOWN_CALL. Throws as calls do. */
  openMedia?(mediaId: string, sizeBytes: number, channel: MediaChannel): void | Promise<void>;
}

export interface AgentEventSource {
  /** For the first line of a stream; read anew for each. */
  hello(): { hostUuid: string; bootId: string; agentStartedAt: number };
  /** Calls the listener from now on with every event but hello and heartbeat. Returns the way to end that. */
  subscribe(listener: (event: AgentEvent) => void): () => void;
  /** A simulated agent that has stalled answers true, and its streams stop beating. */
  isStalled?(): boolean;
}
