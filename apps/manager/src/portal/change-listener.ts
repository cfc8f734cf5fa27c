import { type Log, systemClock } from "@sinter/kit";
import pg from "pg";

/*
 * Hears what triggers in the database announce (migration `change_feed`), on a connection of its own.
 *
 * | at the same time                       | what makes it safe                                                      |
 * |----------------------------------------|-------------------------------------------------------------------------|
 * | a change while the connection is away  | `onLost` when it is back: whoever listens looks at everything           |
 * | a connection that died without a word  | a question every 15 s; one without an answer in 5 s is the end of it    |
 * | closing while it connects              | the connection is ended as soon as it is there, 5 s later at the latest |
 */

/** What changed in one statement. */
export interface Change {
  readonly kind: string;
  /** Numbers in the database; null: many, or unknown which. */
  readonly ids: readonly string[] | null;
}

export interface ChangeListenerOptions {
  readonly url: string;
  readonly log: Log;
  readonly onChange: (change: Change) => void;
  /** Changes may have been missed. */
  readonly onLost: () => void;
  /** Default 15,000. */
  readonly probeEveryMs?: number;
  /** So long the server may take to answer; default 5,000. */
  readonly answerMs?: number;
}

/** The channel that the triggers write to. */
const CHANNEL = "sinter_changes";
const PROBE_EVERY_MS = 15_000;
const ANSWER_MS = 5_000;
const GOODBYE_MS = 1_000;
const RETRY_MS_MIN = 200;
const RETRY_MS_MAX = 5_000;

export class ChangeListener implements AsyncDisposable {
  readonly #options: ChangeListenerOptions;
  readonly #ended = new AbortController();
  #running: Promise<void> | undefined;

  constructor(options: ChangeListenerOptions) {
    this.#options = options;
  }

  /** Keeps listening until disposed of. Resolves when it listens for the first time, or that failed. */
  async start(): Promise<void> {
    const first = Promise.withResolvers<void>();
    this.#running ??= this.#run(first.resolve);
    await first.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort();
    await this.#running;
  }

  async #run(onTried: () => void): Promise<void> {
    let failures = 0;
    let hasMissed = false;
    while (!this.#ended.signal.aborted) {
      const error = await this.#listen(() => {
        failures = 0;
        if (hasMissed) this.#options.onLost();
        onTried();
      });
      hasMissed = true;
      onTried();
      if (this.#ended.signal.aborted) return;
      this.#options.log.warn({ err: error }, "the connection that hears of changes was lost");
      const pauseMs = Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** failures++);
      // Cut short by the end, which the loop looks at.
      await systemClock.sleep(pauseMs, this.#ended.signal).catch(() => {});
    }
  }

  /** One connection's life; gives what ended it. */
  async #listen(onListening: () => void): Promise<unknown> {
    const answerMs = this.#options.answerMs ?? ANSWER_MS;
    const client = new pg.Client({
      connectionString: this.#options.url,
      application_name: "sinter-changes",
      connectionTimeoutMillis: answerMs,
      query_timeout: answerMs,
      keepAlive: true,
    });
    const lost = Promise.withResolvers<unknown>();
    client.on("error", (error) => lost.resolve(error));
    client.on("end", () => lost.resolve(new Error("The connection has ended.")));
    client.on("notification", ({ payload }) => this.#take(payload));
    const onEnd = (): void => lost.resolve(undefined);
    this.#ended.signal.addEventListener("abort", onEnd);
    let probe: NodeJS.Timeout | undefined;
    try {
      await client.connect();
      await client.query(`listen ${CHANNEL}`);
      let isAsking = false;
      probe = setInterval(() => {
        if (isAsking) return;
        isAsking = true;
        client
          .query("select 1")
          .catch((error: unknown) => lost.resolve(error))
          .finally(() => {
            isAsking = false;
          });
      }, this.#options.probeEveryMs ?? PROBE_EVERY_MS).unref();
      onListening();
      if (this.#ended.signal.aborted) return undefined;
      return await lost.promise;
    } catch (error) {
      return error;
    } finally {
      clearInterval(probe);
      this.#ended.signal.removeEventListener("abort", onEnd);
      await endOf(client);
    }
  }

  #take(payload: string | undefined): void {
    try {
      const { kind, ids } = JSON.parse(payload ?? "") as { kind?: unknown; ids?: unknown };
      if (typeof kind !== "string") throw new Error("no kind");
      this.#options.onChange({ kind, ids: Array.isArray(ids) ? ids.map(String) : null });
    } catch (error) {
      // Whoever else may write to the database may write to the channel.
      this.#options.log.warn({ err: error }, "an announcement of a change makes no sense");
    }
  }
}

/** Says good-bye to a server that answers, and waits a second for one that may be gone. */
async function endOf(client: pg.Client): Promise<void> {
  const late = new AbortController();
  const gone = client.end().catch(() => {});
  await Promise.race([gone, systemClock.sleep(GOODBYE_MS, late.signal).catch(() => {})]);
  late.abort();
}
