import type { ServerResponse } from "node:http";
import type { Log } from "@sinter/kit";
import type { AgentEvent } from "@sinter/southbound";
import type { AgentEventSource } from "./served-agent.ts";

/**
 * What may wait for a reader that does not read, beyond what the kernel holds. Events only say "look again", so a
 * reader that is dropped loses nothing: it connects anew and reads everything.
 */
export const STREAM_BACKLOG_BYTES_MAX = 256 * 1024;

/** Writes hello, then events and heartbeats until the response closes. Returns the way to end it. */
export function writeEventStream(
  response: ServerResponse,
  source: AgentEventSource,
  options: { heartbeatMs: number; log: Log },
): () => void {
  const write = (event: AgentEvent): void => {
    if (response.writableLength > STREAM_BACKLOG_BYTES_MAX) {
      options.log.warn(
        { backlogBytes: response.writableLength },
        "dropped an event stream that nobody reads",
      );
      response.destroy();
      return;
    }
    response.write(`${JSON.stringify(event)}\n`);
  };
  response.writeHead(200, { "content-type": "application/x-ndjson", "cache-control": "no-store" });
  // A process that is stopped says nothing at all, not even who it is.
  let hasGreeted = false;
  const beat = (): void => {
    if (source.isStalled?.() === true) return;
    write(hasGreeted ? { type: "heartbeat", at: Date.now() } : { type: "hello", ...source.hello() });
    hasGreeted = true;
  };
  beat();
  const unsubscribe = source.subscribe(write);
  const timer = setInterval(beat, options.heartbeatMs);
  timer.unref();
  response.on("close", () => {
    clearInterval(timer);
    unsubscribe();
  });
  return () => response.end();
}
