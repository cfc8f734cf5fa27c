import type { Log } from "@sinter/kit";
import { Client, type Pool, type QueryResult, type QueryResultRow } from "pg";
import { isDatabaseAway } from "./database-errors.ts";
import { CHANNEL } from "./submission.ts";

export interface LeadershipOptions {
  /** Only its connection settings are used; the connection that holds the lock is our own. */
  readonly pool: Pool;
  readonly log: Log;
  /** How long a leader that lost its connection may hope to get the lock back before it stops working. */
  readonly graceMs: number;
  readonly onElected: (epoch: number) => void;
  /** The lock is lost for good: whatever is under way must end. */
  readonly onDeposed: () => void;
  /** The connection was lost and the lock regained with nobody in between: notifications may have been missed. */
  readonly onReinstated: () => void;
  readonly onNotification: (payload: string) => void;
}

/** "SINT" and 1: the advisory lock, within this database. */
const LOCK = [0x53494e54, 1];
const STANDBY_POLL_MS = 250;
const RECONNECT_MS = 200;
const HEARTBEAT_MS = 1_000;
const ANSWER_MS_MAX = 5_000;

/**
 * Lets one engine per database work at a time: the one whose connection holds an advisory lock, which PostgreSQL
 * releases when that connection is gone, however it went. Each election has a number, the epoch; every write of an
 * engine names its own, so that one that has not yet noticed its fall writes nothing.
 */
export class Leadership {
  readonly #options: LeadershipOptions;
  readonly #ended = new AbortController();
  #client: Client | undefined;
  #epoch: number | undefined;
  #doubt: NodeJS.Timeout | undefined;
  #campaign: Promise<void> | undefined;
  #hasVanished = false;

  constructor(options: LeadershipOptions) {
    this.#options = options;
  }

  get epoch(): number | undefined {
    return this.#epoch;
  }

  /** Begins to try for the lock, for as long as it takes. */
  start(): void {
    this.#campaign ??= this.#run();
  }

  /** Gives the lock back. To be called when nothing is under way any more. */
  async resign(): Promise<void> {
    this.#ended.abort();
    clearTimeout(this.#doubt);
    await this.#campaign;
    this.#epoch = undefined;
  }

  /** Goes silent at once, as a killed process does. */
  vanish(): void {
    this.#hasVanished = true;
    this.#ended.abort();
    clearTimeout(this.#doubt);
    this.#epoch = undefined;
    this.#client?.connection.stream.destroy();
  }

  async #run(): Promise<void> {
    while (!this.#ended.signal.aborted) {
      try {
        await this.#serve();
      } catch (error) {
        const level = isDatabaseAway(error) ? "debug" : "error";
        this.#options.log[level]({ err: error }, "the connection of the task engine's lock was lost");
      }
      if (this.#epoch !== undefined) this.#doubtIfNotYet();
      await this.#pause(RECONNECT_MS);
    }
  }

  /** One connection, from its opening to its loss. */
  async #serve(): Promise<void> {
    const lost = new AbortController();
    const client = new Client(this.#options.pool.options);
    this.#client = client;
    client.on("error", () => lost.abort());
    client.on("end", () => lost.abort());
    client.on("notification", ({ payload }) => this.#options.onNotification(payload ?? ""));
    const ends = AbortSignal.any([lost.signal, this.#ended.signal]);
    try {
      await this.#answered(client, client.connect());
      // A server that is cut off from us shall find out, and release the lock, within some 15 s.
      await this.#query(
        client,
        "set tcp_keepalives_idle = 5; set tcp_keepalives_interval = 3; set tcp_keepalives_count = 3",
      );
      while (!ends.aborted && !(await this.#tryLock(client))) {
        await this.#checkClaim(client);
        await this.#pause(STANDBY_POLL_MS, ends);
      }
      if (ends.aborted) return;
      await this.#query(client, `listen ${CHANNEL}`);
      await this.#takeOffice(client);
      while (!ends.aborted) {
        await this.#pause(HEARTBEAT_MS, ends);
        if (!ends.aborted) await this.#query(client, "select 1");
      }
    } finally {
      await this.#close(client, lost.signal.aborted);
    }
  }

  async #tryLock(client: Client): Promise<boolean> {
    const text = "select pg_try_advisory_lock($1, $2) as locked";
    const { rows } = await this.#query<{ locked: boolean }>(client, text, LOCK);
    return rows[0]?.locked === true;
  }

  async #takeOffice(client: Client): Promise<void> {
    if (this.#epoch !== undefined && (await this.#currentEpoch(client)) === this.#epoch) {
      clearTimeout(this.#doubt);
      this.#doubt = undefined;
      this.#options.log.info({ epoch: this.#epoch }, "the task engine has its lock back");
      return this.#options.onReinstated();
    }
    this.#depose("another engine has worked meanwhile");
    const text = "update task_engine set epoch = epoch + 1 returning epoch";
    const { rows } = await this.#query<{ epoch: string }>(client, text);
    if (this.#ended.signal.aborted) return;
    this.#epoch = Number(rows[0]?.epoch);
    this.#options.log.info({ epoch: this.#epoch }, "the task engine leads");
    this.#options.onElected(this.#epoch);
  }

  /** While another connection holds the lock: it may be a remnant of our own, unless somebody has been elected. */
  async #checkClaim(client: Client): Promise<void> {
    if (this.#epoch !== undefined && (await this.#currentEpoch(client)) !== this.#epoch) {
      this.#depose("another engine was elected");
    }
  }

  async #currentEpoch(client: Client): Promise<number> {
    const { rows } = await this.#query<{ epoch: string }>(client, "select epoch from task_engine");
    return Number(rows[0]?.epoch);
  }

  #doubtIfNotYet(): void {
    this.#doubt ??= setTimeout(
      () => this.#depose(`the lock did not come back within ${this.#options.graceMs} ms`),
      this.#options.graceMs,
    );
  }

  #depose(why: string): void {
    clearTimeout(this.#doubt);
    this.#doubt = undefined;
    if (this.#epoch === undefined) return;
    this.#options.log.warn({ epoch: this.#epoch, why }, "the task engine no longer leads");
    this.#epoch = undefined;
    this.#options.onDeposed();
  }

  async #query<Row extends QueryResultRow>(
    client: Client,
    text: string,
    values: unknown[] = [],
  ): Promise<QueryResult<Row>> {
    return await this.#answered(
      client,
      values.length === 0 ? client.query<Row>(text) : client.query<Row>(text, values),
    );
  }

  /** A connection that does not answer in time is as good as lost. */
  async #answered<T>(client: Client, answer: Promise<T>): Promise<T> {
    const timer = setTimeout(() => client.connection.stream.destroy(), ANSWER_MS_MAX);
    try {
      return await answer;
    } finally {
      clearTimeout(timer);
    }
  }

  async #close(client: Client, isLost: boolean): Promise<void> {
    if (isLost || this.#hasVanished) return void client.connection.stream.destroy();
    try {
      // Explicitly, since the server may take its time to notice that the connection has ended.
      await this.#query(client, "select pg_advisory_unlock_all()");
      await this.#answered(client, client.end());
    } catch {
      client.connection.stream.destroy();
    }
  }

  async #pause(ms: number, until: AbortSignal = this.#ended.signal): Promise<void> {
    if (until.aborted) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        until.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      until.addEventListener("abort", done);
    });
  }
}
