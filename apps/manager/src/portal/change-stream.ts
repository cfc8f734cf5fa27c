import type { ServerResponse } from "node:http";
import { AppError, type Log } from "@sinter/kit";
import { ChangeBatch, CHANGE_KINDS } from "./change-batch.ts";
import type { Change } from "./change-listener.ts";

/*
 * Changes to many browsers, as server-sent events.
 *
 * | at the same time                      | what makes it safe                                                       |
 * |---------------------------------------|--------------------------------------------------------------------------|
 * | a burst of changes                    | gathered for 200 ms; more than 100 objects of a kind are "look at all"   |
 * | a browser that does not read          | cut at 64 kB unread; it connects again and looks at everything           |
 * | a session that ends while it streams  | asked at each ping, without prolonging it; the stream ends with it       |
 * | a user with many windows              | 32 streams; the next is refused                                          |
 */

const GATHER_MS = 200;
const PING_EVERY_MS = 15_000;
const UNREAD_BYTES_MAX = 64 * 1024;
const STREAMS_PER_USER = 32;
/** A browser that lost the stream comes back after so long. */
const RETRY_MS = 1_000;

interface Stream {
  readonly response: ServerResponse;
  readonly userId: string;
  readonly isStillAllowed: () => Promise<boolean>;
}

/** Of either version of HTTP: a response has no socket any more when it is over. */
function isOver(response: ServerResponse): boolean {
  return response.writableEnded || (response.socket?.destroyed ?? true);
}

export type ChangeStream = ReturnType<typeof createChangeStream>;

export function createChangeStream(parts: {
  siteId: () => string;
  log: Log;
  gatherMs?: number;
  pingEveryMs?: number;
}) {
  const streams = new Set<Stream>();
  const batch = new ChangeBatch();
  let flushing: NodeJS.Timeout | undefined;

  const pinging = setInterval(() => {
    for (const stream of streams) void ping(stream);
  }, parts.pingEveryMs ?? PING_EVERY_MS).unref();

  async function ping(stream: Stream): Promise<void> {
    // A database that does not answer just now says nothing about the session.
    if (!(await stream.isStillAllowed().catch(() => true))) stream.response.end();
    else send(stream, "event: ping\ndata: {}\n\n");
  }

  function flush(): void {
    flushing = undefined;
    const changes = batch.take(parts.siteId());
    const text = changes.map((change) => `event: change\ndata: ${JSON.stringify(change)}\n\n`).join("");
    for (const stream of streams) send(stream, text);
  }

  function send(stream: Stream, text: string): void {
    const { response } = stream;
    if (isOver(response)) {
      streams.delete(stream);
      return;
    }
    response.write(text);
    if (response.writableLength <= UNREAD_BYTES_MAX) return;
    parts.log.info({ userId: stream.userId }, "a browser that does not read its changes was cut");
    response.destroy();
  }

  return {
    announce(change: Change): void {
      batch.add(change);
      flushing ??= setTimeout(flush, parts.gatherMs ?? GATHER_MS);
    },

    /** Something was missed: everybody looks at everything. */
    announceAll(): void {
      for (const kind of CHANGE_KINDS) this.announce({ kind, ids: null });
    },

    /** Throws TOO_MANY_STREAMS. Begins the answer and keeps it open until either side ends it. */
    open(response: ServerResponse, reader: { userId: string; isStillAllowed: () => Promise<boolean> }): void {
      const mine = [...streams].filter((stream) => stream.userId === reader.userId);
      if (mine.length >= STREAMS_PER_USER) {
        throw new AppError(
          "unavailable",
          "TOO_MANY_STREAMS",
          `You have ${STREAMS_PER_USER} windows open that wait for changes; close one.`,
        );
      }
      const stream: Stream = { response, ...reader };
      streams.add(stream);
      response.on("close", () => streams.delete(stream));
      response.on("error", () => response.destroy());
      response.writeHead(200, {
        "content-type": "text/event-stream; charset=utf-8",
        "cache-control": "no-store",
        // nginx and others would keep it back to send it compressed or whole.
        "x-accel-buffering": "no",
      });
      send(stream, `retry: ${RETRY_MS}\n: open\n\n`);
    },

    count: (): number => streams.size,

    /** Ends all streams; browsers try again by themselves. */
    close(): void {
      clearInterval(pinging);
      clearTimeout(flushing);
      for (const { response } of streams) response.end();
    },
  };
}
