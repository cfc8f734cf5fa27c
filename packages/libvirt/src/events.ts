import type { DomainRef } from "./domain.ts";
import { REMOTE_EVENTS } from "./protocol/generated/protocol.ts";
import {
  AGENT_REASONS,
  AGENT_STATES,
  BLOCK_JOB_STATUSES,
  BLOCK_JOB_TYPES,
  IO_ERROR_ACTIONS,
  LIFECYCLE_DETAILS,
  LIFECYCLE_EVENTS,
  type LifecycleDetail,
  type LifecycleEvent,
  TRAY_CHANGES,
  WATCHDOG_ACTIONS,
  wordOf,
} from "./protocol/states.ts";
import { toPlainParams } from "./protocol/typed-params.ts";
import { type Codec, decode } from "./xdr/codec.ts";

/** A kind of event: libvirt's id to ask for it, the message it comes in, and what we make of that. */
interface EventKind<T> {
  readonly eventId: number;
  readonly procedure: number;
  readonly read: (payload: Buffer) => T;
}

function kind<M, T extends { domain: DomainRef }>(
  eventId: number,
  { number, message }: { number: number; message: Codec<M> },
  see: (message: M) => T,
): EventKind<T> {
  return { eventId, procedure: number, read: (payload) => see(decode(message, payload)) };
}

/** Every event one can subscribe to. Numbers are virDomainEventID. */
export const DOMAIN_EVENTS = {
  domainLifecycle: kind(0, REMOTE_EVENTS.domainEventCallbackLifecycle, ({ msg }) => {
    const event: LifecycleEvent | "unknown" = LIFECYCLE_EVENTS[msg.event] ?? "unknown";
    const details = event === "unknown" ? [] : LIFECYCLE_DETAILS[event];
    return { domain: msg.dom, event, detail: wordOf<LifecycleDetail>(details, msg.detail, "unknown") };
  }),
  /** The guest rebooted itself. */
  domainReboot: kind(1, REMOTE_EVENTS.domainEventCallbackReboot, ({ msg }) => ({ domain: msg.dom })),
  domainWatchdog: kind(3, REMOTE_EVENTS.domainEventCallbackWatchdog, ({ msg }) => ({
    domain: msg.dom,
    action: wordOf<(typeof WATCHDOG_ACTIONS)[number] | "unknown">(WATCHDOG_ACTIONS, msg.action, "unknown"),
  })),
  /** A disk failed; `reason` is "enospc" when its storage is full, else mostly empty. */
  domainIoError: kind(6, REMOTE_EVENTS.domainEventCallbackIoErrorReason, ({ msg }) => ({
    domain: msg.dom,
    sourcePath: msg.srcPath,
    deviceAlias: msg.devAlias,
    action: wordOf<(typeof IO_ERROR_ACTIONS)[number] | "unknown">(IO_ERROR_ACTIONS, msg.action, "unknown"),
    reason: msg.reason,
  })),
  /** libvirt can no longer speak with QEMU's monitor. */
  domainControlError: kind(7, REMOTE_EVENTS.domainEventCallbackControlError, ({ msg }) => ({
    domain: msg.dom,
  })),
  domainTrayChange: kind(10, REMOTE_EVENTS.domainEventCallbackTrayChange, ({ msg }) => ({
    domain: msg.dom,
    deviceAlias: msg.devAlias,
    change: wordOf<(typeof TRAY_CHANGES)[number] | "unknown">(TRAY_CHANGES, msg.reason, "unknown"),
  })),
  domainBalloonChange: kind(13, REMOTE_EVENTS.domainEventCallbackBalloonChange, ({ msg }) => ({
    domain: msg.dom,
    actualKiB: Number(msg.actual),
  })),
  domainDeviceRemoved: kind(15, REMOTE_EVENTS.domainEventCallbackDeviceRemoved, ({ msg }) => ({
    domain: msg.dom,
    deviceAlias: msg.devAlias,
  })),
  /** `disk` is the target, such as "vda". */
  domainBlockJob: kind(16, REMOTE_EVENTS.domainEventBlockJob2, ({ dom, dst, type, status }) => ({
    domain: dom,
    disk: dst,
    type: wordOf(BLOCK_JOB_TYPES, type, "unknown"),
    status: wordOf<(typeof BLOCK_JOB_STATUSES)[number] | "unknown">(BLOCK_JOB_STATUSES, status, "unknown"),
  })),
  domainAgentLifecycle: kind(
    18,
    REMOTE_EVENTS.domainEventCallbackAgentLifecycle,
    ({ dom, state, reason }) => ({
      domain: dom,
      state: wordOf(AGENT_STATES, state, "unknown"),
      reason: wordOf(AGENT_REASONS, reason, "unknown"),
    }),
  ),
  domainDeviceAdded: kind(19, REMOTE_EVENTS.domainEventCallbackDeviceAdded, ({ dom, devAlias }) => ({
    domain: dom,
    deviceAlias: devAlias,
  })),
  domainMigrationIteration: kind(
    20,
    REMOTE_EVENTS.domainEventCallbackMigrationIteration,
    ({ dom, iteration }) => ({
      domain: dom,
      iteration,
    }),
  ),
  domainJobCompleted: kind(21, REMOTE_EVENTS.domainEventCallbackJobCompleted, ({ dom, params }) => ({
    domain: dom,
    stats: toPlainParams(params),
  })),
  domainDeviceRemovalFailed: kind(
    22,
    REMOTE_EVENTS.domainEventCallbackDeviceRemovalFailed,
    ({ dom, devAlias }) => ({
      domain: dom,
      deviceAlias: devAlias,
    }),
  ),
  domainMetadataChange: kind(23, REMOTE_EVENTS.domainEventCallbackMetadataChange, ({ dom, type, nsuri }) => ({
    domain: dom,
    type,
    uri: nsuri,
  })),
  /** A disk was written beyond the mark set with domainSetBlockThreshold. */
  domainBlockThreshold: kind(
    24,
    REMOTE_EVENTS.domainEventBlockThreshold,
    ({ dom, dev, path, threshold, excess }) => ({
      domain: dom,
      device: dev,
      path,
      thresholdBytes: Number(threshold),
      excessBytes: Number(excess),
    }),
  ),
} as const;

export type DomainEventName = keyof typeof DOMAIN_EVENTS;
/** What each handler is given. */
export type DomainEvents = {
  [E in DomainEventName]: (typeof DOMAIN_EVENTS)[E] extends EventKind<infer T> ? T : never;
};

export interface EventOptions {
  /** Only of the domain with this UUID. */
  readonly domain?: string;
}

export interface Subscription extends AsyncDisposable {
  /** Stops the handler at once; resolves when the daemon knows. Never rejects. */
  unsubscribe(): Promise<void>;
}

/** How a hub asks for events of a kind and says that they are no longer wanted. */
export interface EventSource {
  register(name: DomainEventName): Promise<void>;
  deregister(name: DomainEventName): Promise<void>;
}

interface Kept {
  readonly handler: (event: never) => void;
  readonly domain: string | undefined;
}

/**
 * Handlers by kind of event. The source is asked once per kind, for all domains: handlers are in place before
 * it is asked, so that no event can fall between its answer and ours.
 */
export class EventHub {
  readonly #source: EventSource;
  readonly #kept = new Map<DomainEventName, { handlers: Set<Kept>; registered: Promise<void> }>();

  constructor(source: EventSource) {
    this.#source = source;
  }

  /** The kinds somebody listens to. */
  get names(): DomainEventName[] {
    return [...this.#kept.keys()];
  }

  async on<E extends DomainEventName>(
    name: E,
    handler: (event: DomainEvents[E]) => void,
    options: EventOptions = {},
  ): Promise<Subscription> {
    const one: Kept = { handler, domain: options.domain?.toLowerCase() };
    let kept = this.#kept.get(name);
    if (kept) {
      kept.handlers.add(one);
    } else {
      kept = { handlers: new Set([one]), registered: this.#source.register(name) };
      this.#kept.set(name, kept);
    }
    try {
      await kept.registered;
    } catch (error) {
      if (this.#kept.get(name) === kept) this.#kept.delete(name);
      throw error;
    }
    const unsubscribe = () => this.#remove(name, one);
    return { unsubscribe, [Symbol.asyncDispose]: unsubscribe };
  }

  emit<E extends DomainEventName>(name: E, event: DomainEvents[E]): void {
    const about: { domain: DomainRef } = event;
    for (const { handler, domain } of this.#kept.get(name)?.handlers ?? []) {
      if (domain !== undefined && domain !== about.domain.uuid) continue;
      try {
        handler(event as never); // kept under the name whose events it takes
      } catch (error) {
        // A handler's fault is neither the connection's nor the other handlers'.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }

  async #remove(name: DomainEventName, one: Kept): Promise<void> {
    const kept = this.#kept.get(name);
    if (!kept?.handlers.delete(one) || kept.handlers.size > 0) return;
    this.#kept.delete(name);
    await this.#source.deregister(name).catch(() => {
      // Only a lost connection refuses, and with it the registration is gone as well.
    });
  }
}

const BY_PROCEDURE = new Map(
  (Object.keys(DOMAIN_EVENTS) as DomainEventName[]).map((name) => [DOMAIN_EVENTS[name].procedure, name]),
);

/** Reads an event message of libvirt's main program; undefined for a kind we do not know. */
export function readEvent(
  procedure: number,
  payload: Buffer,
): { name: DomainEventName; event: DomainEvents[DomainEventName] } | undefined {
  const name = BY_PROCEDURE.get(procedure);
  return name && { name, event: DOMAIN_EVENTS[name].read(payload) };
}
