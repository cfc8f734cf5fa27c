import type { Clock } from "@sinter/kit";
import type { CallName } from "@sinter/southbound";

export type FaultTarget = CallName | "*";

/** A fault that waits for its call. */
export interface PlannedFault {
  readonly call: FaultTarget;
  readonly kind: "fail" | "delay" | "stall";
  /** before: nothing happens; after: the effect happens and the answer is lost. */
  readonly when: "before" | "after";
  /** How many calls it still meets. */
  readonly timesLeft: number;
}

interface Fault extends PlannedFault {
  timesLeft: number;
  readonly error?: Error;
  readonly delayMs?: number;
}

/** Faults on demand: planned ahead, met by calls in the order in which they were planned. */
export class FaultPlan {
  #faults: Fault[] = [];
  #stalled: { promise: Promise<void>; resolve: () => void } | undefined;
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The next `times` calls (default 1) fail with this error. */
  fail(call: FaultTarget, error: Error, options: { times?: number; when?: "before" | "after" } = {}): void {
    this.#faults.push({
      call,
      kind: "fail",
      when: options.when ?? "before",
      timesLeft: options.times ?? 1,
      error,
    });
  }

  /** The next `times` calls (default all) begin so much later, on the host's clock. */
  delay(call: FaultTarget, delayMs: number, options: { times?: number } = {}): void {
    const timesLeft = options.times ?? Infinity;
    this.#faults.push({ call, kind: "delay", when: "before", timesLeft, delayMs });
  }

  /** The next `times` calls (default all) do not answer until `release`, or until their callers give up. */
  stall(call: FaultTarget, options: { times?: number; when?: "before" | "after" } = {}): void {
    this.#stalled ??= Promise.withResolvers<void>();
    const timesLeft = options.times ?? Infinity;
    this.#faults.push({ call, kind: "stall", when: options.when ?? "before", timesLeft });
  }

  /** Lets stalled calls go on and plans no further stalls. */
  release(): void {
    this.#faults = this.#faults.filter(({ kind }) => kind !== "stall");
    this.#stalled?.resolve();
    this.#stalled = undefined;
  }

  /** Forgets every plan and releases what is stalled. */
  clear(): void {
    this.release();
    this.#faults = [];
  }

  /** What is planned and not yet used up. */
  plan(): PlannedFault[] {
    return this.#faults.map(({ call, kind, when, timesLeft }) => ({ call, kind, when, timesLeft }));
  }

  /** Meets what is planned for this point of this call; throws, waits or does nothing. */
  async meet(call: CallName, when: "before" | "after", signal: AbortSignal): Promise<void> {
    if (this.#faults.length === 0) return;
    // Of failures and stalls the one planned first, so that two planned are two calls that suffer.
    const matching = this.#faults.filter((fault) => fault.when === when && meets(fault, call));
    const met = [
      matching.find(({ kind }) => kind === "delay"),
      matching.find(({ kind }) => kind !== "delay"),
    ].filter((fault) => fault !== undefined);
    for (const fault of met) fault.timesLeft--;
    this.#faults = this.#faults.filter(({ timesLeft }) => timesLeft > 0);
    for (const fault of met) {
      if (fault.delayMs !== undefined) await this.#clock.sleep(fault.delayMs, signal);
      if (fault.kind === "stall") await orAborted(this.#stalled?.promise, signal);
      if (fault.error) throw fault.error;
    }
  }
}

function meets(fault: Fault, call: CallName): boolean {
  return fault.call === call || fault.call === "*";
}

function orAborted(promise: Promise<void> | undefined, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort, { once: true });
    void (promise ?? Promise.resolve()).then(() => {
      signal.removeEventListener("abort", abort);
      return resolve();
    });
  });
}
