import type { AgentEvent } from "@sinter/southbound";

export type PlainEvent = Exclude<AgentEvent, { type: "hello" } | { type: "heartbeat" }>;

/** Tells everybody who listens (each event stream of the manager, and parts of the agent itself). */
export class EventHub {
  readonly #listeners = new Set<(event: PlainEvent) => void>();

  /** Returns the way to end it. */
  subscribe(listener: (event: PlainEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  emit(event: PlainEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  vmChanged(vmUuid: string): void {
    this.emit({ type: "vmChanged", vmUuid });
  }
}

/** Progress of one call, thinned out: the manager writes each to its database. */
export class ProgressReporter {
  readonly #hub: EventHub;
  readonly #operationId: string | undefined;
  #lastPercent = -1;
  #lastAtMs = 0;

  constructor(hub: EventHub, operationId: string | undefined) {
    this.#hub = hub;
    this.#operationId = operationId;
  }

  /** `percent` 0 to 100; steps below one percent, and more than four a second, are not told. */
  report(percent: number, message: string): void {
    if (this.#operationId === undefined) return;
    const now = performance.now();
    const isEnd = percent >= 100;
    if (percent - this.#lastPercent < 1 || (!isEnd && now - this.#lastAtMs < 250)) return;
    this.#lastPercent = percent;
    this.#lastAtMs = now;
    this.#hub.emit({
      type: "progress",
      operationId: this.#operationId,
      percent: Math.min(percent, 100),
      message,
    });
  }
}
