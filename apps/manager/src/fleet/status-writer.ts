import type { Clock, Log } from "@sinter/kit";
import type { Db } from "../database/database.ts";
import { hostStore } from "../host/host.store.ts";
import { HOST_STATUSES, type HostStatus } from "../host/host.ts";

export interface Observation {
  readonly status: "normal" | "fault";
  readonly reason: string;
}

/** Statuses that an observation replaces: a host that was ordered to power off and is silent is no fault. */
const REPLACEABLE: Record<Observation["status"], readonly HostStatus[]> = {
  normal: HOST_STATUSES.filter((status) => status !== "normal"),
  fault: ["initial", "normal"],
};
const RETRY_MS = 1_000;

/**
 * Writes observed statuses to the database, many hosts with one statement, because when the manager starts they all
 * come at once. Keeps only the last observation of each host, and keeps it until PostgreSQL has taken it.
 */
export class StatusWriter {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #onWritten: (hostId: number, status: HostStatus) => void;
  readonly #pending = new Map<number, Observation>();
  #isWriting = false;

  constructor(options: {
    db: Db;
    clock: Clock;
    log: Log;
    /** Called for each observation once the database agrees with it. */
    onWritten: (hostId: number, status: HostStatus) => void;
  }) {
    this.#db = options.db;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#onWritten = options.onWritten;
  }

  observe(hostId: number, observation: Observation, signal: AbortSignal): void {
    this.#pending.set(hostId, observation);
    if (!this.#isWriting) void this.#write(signal);
  }

  forget(hostId: number): void {
    this.#pending.delete(hostId);
  }

  async #write(signal: AbortSignal): Promise<void> {
    this.#isWriting = true;
    try {
      // What arrives in this turn of the event loop goes into the same statement.
      await new Promise((resolve) => setImmediate(resolve));
      while (this.#pending.size > 0 && !signal.aborted) {
        const batch = new Map(this.#pending);
        try {
          await this.#writeBatch(batch);
        } catch (error) {
          if (signal.aborted) return;
          this.#log.warn({ err: error, hosts: batch.size }, "writing host statuses failed; trying again");
          await this.#clock.sleep(RETRY_MS, signal).catch(() => {});
          continue;
        }
        for (const [hostId, observation] of batch) {
          // A newer one may have come meanwhile; it is written next.
          if (this.#pending.get(hostId) === observation) this.#pending.delete(hostId);
          this.#onWritten(hostId, observation.status);
        }
      }
    } finally {
      this.#isWriting = false;
    }
  }

  async #writeBatch(batch: ReadonlyMap<number, Observation>): Promise<void> {
    const store = hostStore(this.#db);
    const groups = Map.groupBy(batch, ([, { status, reason }]) => `${status}\n${reason}`);
    for (const members of groups.values()) {
      const observation = members[0]?.[1];
      if (!observation) continue;
      const { status, reason } = observation;
      const changed = await store.setStatus(
        members.map(([hostId]) => hostId),
        REPLACEABLE[status],
        status,
        { reason, at: new Date(this.#clock.now()) },
      );
      for (const hostId of changed) this.#log.info({ hostId, status, reason }, "host status changed");
    }
  }
}
