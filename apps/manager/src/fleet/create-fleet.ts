import { AppError, type Clock, type Log, systemClock } from "@sinter/kit";
import { type AgentEvent, HEARTBEAT_MS } from "@sinter/southbound";
import type { Database } from "../database/database.ts";
import { hostStore } from "../host/host.store.ts";
import type { EnrolledHost, HostStatus } from "../host/host.ts";
import type { ConnectAgent, HostListener, ManagedFleet } from "./fleet.ts";
import { Gate } from "./gate.ts";
import { asAgent } from "./guarded-agent.ts";
import { HostLink } from "./host-link.ts";
import { ReportReader, whyIncompatible } from "./report-reader.ts";
import { StatusWriter } from "./status-writer.ts";

/** Two connections a millisecond are more than the database and TLS can take at a start with 1,250 hosts. */
const CONNECTS_AT_ONCE = 32;
export const GRACE_MS = 10_000;
const SEEN_EVERY_MS = 30_000;
const REPORT_EVERY_MS = 3_600_000;

export interface FleetOptions {
  readonly database: Database;
  readonly connect: ConnectAgent;
  readonly log: Log;
  readonly clock?: Clock;
  /** Every event of every host but its heartbeats, in the order of each host. */
  readonly onEvent?: (hostId: number, event: AgentEvent) => void;
  /** How long a host may be silent before it counts as faulty; default 10 s. */
  readonly graceMs?: number;
}

/**
 * Keeps a connection to every enrolled host.
 *
 * | what happens at once           | what makes it safe                                                        |
 * |--------------------------------|---------------------------------------------------------------------------|
 * | host lost / host back          | one link per host notices both; the last observation is the one written    |
 * | status write / PostgreSQL away | observations wait in the writer, the newest of each host                   |
 * | removal / events under way     | the link leaves the map first; what comes from it afterwards is dropped    |
 * | enrolment again / old link     | per-host queue: the old link is closed before the new one begins           |
 * | manager stalled / heartbeats   | the watchdog sees its own lateness and forgives everybody's silence        |
 */
export function createFleet(options: FleetOptions): ManagedFleet {
  const { database, log } = options;
  const clock = options.clock ?? systemClock;
  const links = new Map<number, HostLink>();
  const listeners = new Set<HostListener>();
  const gate = new Gate(CONNECTS_AT_ONCE);
  const life = new AbortController();
  const nextReportAt = new Map<number, number>();
  let watching: Promise<void> = Promise.resolve();

  const announce = (hostId: number, status: HostStatus): void => {
    if (!links.has(hostId)) return;
    for (const listener of listeners) {
      try {
        listener(hostId, status);
      } catch (error) {
        log.error({ err: error, hostId }, "a listener to host changes failed");
      }
    }
  };

  const writer = new StatusWriter({ db: database.db, clock, log, onWritten: announce });
  const reports = new ReportReader({ db: database.db, clock, log });

  const isCurrent = (link: HostLink): boolean => links.get(link.hostId) === link;

  const readReport = async (link: HostLink): Promise<void> => {
    nextReportAt.set(link.hostId, clock.now() + REPORT_EVERY_MS * (0.75 + Math.random() / 2));
    try {
      const refusal = whyIncompatible(await reports.read(link.hostId, link.agent));
      if (refusal && isCurrent(link)) {
        writer.observe(link.hostId, { status: "fault", reason: refusal.message }, life.signal);
      }
    } catch (error) {
      if (life.signal.aborted || !isCurrent(link)) return;
      log.warn({ err: error, hostId: link.hostId }, "a host did not say what it is; asking again soon");
      nextReportAt.set(link.hostId, clock.now() + 30_000);
    }
  };

  const add = (host: EnrolledHost): void => {
    const link = new HostLink({
      hostId: host.id,
      address: { hostUuid: host.uuid, address: host.address, port: host.port },
      connect: options.connect,
      gate,
      graceMs: options.graceMs ?? GRACE_MS,
      clock,
      log,
      onConnected: (self) => {
        if (!isCurrent(self)) return;
        writer.observe(self.hostId, { status: "normal", reason: "" }, life.signal);
        void readReport(self);
      },
      onEvent: (self, event) => {
        if (!isCurrent(self)) return;
        if (event.type === "hostChanged") void readReport(self);
        options.onEvent?.(self.hostId, event);
      },
      onLost: (self, reason) => {
        if (!isCurrent(self)) return;
        writer.observe(self.hostId, { status: "fault", reason: lostReason(reason) }, life.signal);
      },
    });
    links.set(host.id, link);
  };

  const remove = async (hostId: number): Promise<void> => {
    const link = links.get(hostId);
    links.delete(hostId);
    nextReportAt.delete(hostId);
    writer.forget(hostId);
    reports.forget(hostId);
    await link?.close();
  };

  const touchConnected = async (): Promise<void> => {
    const connected = [...links.values()].filter((link) => link.isConnected).map((link) => link.hostId);
    await hostStore(database.db)
      .touch(connected, new Date(clock.now()))
      .catch((error: unknown) => log.warn({ err: error }, "writing when hosts were last seen failed"));
  };

  const watch = async (): Promise<void> => {
    let expectedAt = clock.now() + HEARTBEAT_MS;
    let seenAt = clock.now();
    while (!life.signal.aborted) {
      await clock.sleep(HEARTBEAT_MS, life.signal).catch(() => {});
      if (life.signal.aborted) return;
      const now = clock.now();
      const isLate = now - expectedAt > HEARTBEAT_MS;
      expectedAt = now + HEARTBEAT_MS;
      if (isLate) log.warn("the manager was not running for a while; hosts get their grace anew");
      for (const link of links.values()) {
        if (isLate) link.forgiveSilence(now);
        else link.check(now);
        if (link.isConnected && (nextReportAt.get(link.hostId) ?? Infinity) <= now) void readReport(link);
      }
      if (now - seenAt >= SEEN_EVERY_MS) {
        seenAt = now;
        await touchConnected();
        // What a slow database takes is no lateness of ours.
        expectedAt = clock.now() + HEARTBEAT_MS;
      }
    }
  };

  const get = (hostId: number): HostLink => {
    const link = links.get(hostId);
    if (!link) throw new AppError("notFound", "HOST_NOT_FOUND", `There is no host ${hostId}.`);
    return link;
  };

  return {
    start: async () => {
      for (const host of await hostStore(database.db).enrolled()) if (!links.has(host.id)) add(host);
      watching = watch();
    },
    stop: async () => {
      life.abort();
      const all = [...links.values()];
      links.clear();
      await Promise.all([watching, ...all.map((link) => link.close())]);
    },
    agent: (hostId) => asAgent(get(hostId).agent),
    isConnected: (hostId) => links.get(hostId)?.isConnected ?? false,
    onEnrolled: async (hostId) => {
      const [host] = await hostStore(database.db).enrolled([hostId]);
      if (!host || life.signal.aborted) return;
      await remove(hostId);
      // Somebody else may have enrolled it again while the old link closed.
      if (!links.has(hostId)) add(host);
    },
    onRemoved: remove,
    onHostChanged: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    connectedHosts: () => [...links.values()].filter((link) => link.isConnected).map((link) => link.hostId),
    refresh: (hostId) => reports.read(hostId, get(hostId).agent),
  };
}

function lostReason(failure: string): string {
  return failure === "" ? "The host does not answer." : `The host does not answer: ${failure}`;
}
