import { AppError, type Clock, type Log, systemClock } from "@sinter/kit";

export interface ReconcilerOptions<K> {
  readonly name: string;
  /** What there is to look at; asked once per round. */
  readonly keys: () => Promise<readonly K[]> | readonly K[];
  /** Brings one thing in line. The same work each time; a failure is logged, and the next round is the retry. */
  readonly reconcile: (key: K, signal: AbortSignal) => Promise<void>;
  /** A round begins so often; its keys are spread over the time until the next. */
  readonly everyMs: number;
  /** How many keys at once; default 8. */
  readonly width?: number;
  readonly log: Log;
  readonly clock?: Clock;
}

export interface Reconciler<K> {
  start(): void;
  /** Waits for what is under way, which is told to end. */
  stop(): Promise<void>;
  /** Look at this one soon. Cheap; while it is being looked at, it is looked at once more afterwards. */
  signal(key: K): void;
  /** A whole round now, or one key; resolves when it is over. Failures are thrown, all keys are tried. For tests. */
  runOnce(key?: K): Promise<void>;
}

/**
 * Keeps things as they should be: periodically, and when somebody says "look".
 *
 * | what happens at once      | what makes it safe                                                |
 * |---------------------------|-------------------------------------------------------------------|
 * | signal / work on same key | one at a time per key; the signal is kept and the work repeated    |
 * | round / signal            | both only put keys into one queue                                  |
 * | round / slow round before | a key that still waits is not put in twice                         |
 */
export function createReconciler<K>(options: ReconcilerOptions<K>): Reconciler<K> {
  const { name, log, everyMs } = options;
  const clock = options.clock ?? systemClock;
  const width = options.width ?? 8;
  const waiting = new Set<K>();
  const working = new Map<K, Promise<void>>();
  let life = new AbortController();
  let running: Promise<void> | undefined;

  const work = async (key: K): Promise<void> => {
    // Never two at once for a key: a direct call waits for what the queue has begun.
    while (working.has(key)) await working.get(key)?.catch(() => {});
    const task = options.reconcile(key, life.signal);
    working.set(key, task);
    try {
      await task;
    } finally {
      working.delete(key);
      // Somebody may wait for this key, or for room.
      queueMicrotask(pump);
    }
  };

  const pump = (): void => {
    if (life.signal.aborted) return;
    for (const key of waiting) {
      if (working.size >= width) return;
      if (working.has(key)) continue;
      waiting.delete(key);
      work(key).catch((error: unknown) => {
        if (!life.signal.aborted) logFailure(log, name, key, error);
      });
    }
  };

  const enqueue = (key: K): void => {
    waiting.add(key);
    // Signals come in bursts; the first turn of the event loop after them begins.
    queueMicrotask(pump);
  };

  const rounds = async (): Promise<void> => {
    const { signal } = life;
    while (!signal.aborted) {
      const startedAt = clock.now();
      try {
        const keys = await options.keys();
        await spread(keys, enqueue, { clock, signal, overMs: everyMs * 0.8 });
      } catch (error) {
        if (!signal.aborted) log.warn({ err: error, reconciler: name }, "a round could not begin");
      }
      const restMs = Math.max(0, everyMs * (0.9 + Math.random() / 5) - (clock.now() - startedAt));
      await clock.sleep(restMs, signal).catch(() => {});
    }
  };

  return {
    start: () => {
      if (running) return;
      life = new AbortController();
      running = rounds();
    },
    stop: async () => {
      life.abort();
      waiting.clear();
      await running;
      await Promise.allSettled(working.values());
      running = undefined;
    },
    signal: enqueue,
    runOnce: async (key) => {
      const keys = key === undefined ? await options.keys() : [key];
      const results = await Promise.allSettled(keys.map((each) => work(each)));
      const failures = results.filter((result) => result.status === "rejected");
      if (failures.length === 1) throw failures[0]?.reason;
      if (failures.length > 1) {
        throw new AggregateError(
          failures.map((failure) => failure.reason as unknown),
          `${failures.length} of ${keys.length} could not be reconciled.`,
        );
      }
    },
  };
}

/** Hands keys out evenly over the time, in a few portions, so that 1,250 hosts are not asked in the same moment. */
async function spread<K>(
  keys: readonly K[],
  hand: (key: K) => void,
  options: { clock: Clock; signal: AbortSignal; overMs: number },
): Promise<void> {
  const portions = Math.min(keys.length, 40);
  if (portions === 0) return;
  const size = Math.ceil(keys.length / portions);
  for (let start = 0; start < keys.length && !options.signal.aborted; start += size) {
    for (const key of keys.slice(start, start + size)) hand(key);
    const isLast = start + size >= keys.length;
    if (!isLast) await options.clock.sleep(options.overMs / portions, options.signal).catch(() => {});
  }
}

/** A host that is away is ordinary; what else goes wrong is not. */
function logFailure(log: Log, name: string, key: unknown, error: unknown): void {
  const isAway = error instanceof AppError && error.kind === "unavailable";
  log[isAway ? "debug" : "warn"](
    { err: error, reconciler: name, key },
    "reconciling failed; the next round is the retry",
  );
}
