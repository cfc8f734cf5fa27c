import { createHash } from "node:crypto";
import { AppError, type Clock, type Log } from "@sinter/kit";
import { CONTRACT_VERSION, type HostReport } from "@sinter/southbound";
import type { Db } from "../database/database.ts";
import { hostStore } from "../host/host.store.ts";
import { Gate } from "./gate.ts";
import type { GuardedAgent } from "./guarded-agent.ts";

const READS_AT_ONCE = 16;

/** Asks hosts what they are, a few at a time, and writes down what has changed. */
export class ReportReader {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #gate = new Gate(READS_AT_ONCE);
  readonly #known = new Map<number, string>();
  readonly #reading = new Map<number, Promise<HostReport>>();
  readonly #following = new Map<number, Promise<HostReport>>();

  constructor(options: { db: Db; clock: Clock; log: Log }) {
    this.#db = options.db;
    this.#clock = options.clock;
    this.#log = options.log;
  }

  /**
   * Whoever asks while an answer is awaited gets the one after it: the host may have answered before it changed. All
   * who ask meanwhile share that one.
   */
  read(hostId: number, agent: GuardedAgent): Promise<HostReport> {
    const following = this.#following.get(hostId);
    if (following) return following;
    const under = this.#reading.get(hostId);
    if (!under) return this.#begin(hostId, agent);
    const next = under
      .catch(() => {})
      .then(() => {
        this.#following.delete(hostId);
        return this.#begin(hostId, agent);
      });
    this.#following.set(hostId, next);
    return next;
  }

  #begin(hostId: number, agent: GuardedAgent): Promise<HostReport> {
    const reading = this.#gate
      .run(() => this.#readNow(hostId, agent))
      .finally(() => {
        if (this.#reading.get(hostId) === reading) this.#reading.delete(hostId);
      });
    this.#reading.set(hostId, reading);
    return reading;
  }

  forget(hostId: number): void {
    this.#known.delete(hostId);
  }

  async #readNow(hostId: number, agent: GuardedAgent): Promise<HostReport> {
    // The reply of `getHost` by the table of calls.
    const report = (await agent.call("getHost", {})) as HostReport;
    const digest = createHash("sha256").update(JSON.stringify(report)).digest("base64");
    if (this.#known.get(hostId) !== digest) {
      await hostStore(this.#db).saveReport(hostId, report, new Date(this.#clock.now()));
      this.#known.set(hostId, digest);
      this.#log.debug({ hostId }, "the report of a host has changed");
    }
    return report;
  }
}

/** Why this manager cannot work with an agent; undefined when it can. */
export function whyIncompatible(report: HostReport): AppError | undefined {
  const [ours] = CONTRACT_VERSION.split(".");
  const [theirs] = report.contractVersion.split(".");
  if (ours === theirs) return undefined;
  return new AppError(
    "conflict",
    "AGENT_INCOMPATIBLE",
    `The agent (version ${report.agentVersion}) speaks contract ${report.contractVersion}, this manager ${CONTRACT_VERSION}; upgrade the older one.`,
  );
}
