import { type Clock, type Log, systemClock } from "@sinter/kit";
import type { Pool } from "pg";
import { isDatabaseAway } from "./database-errors.ts";
import type { AnyTask, PortsOf, TaskDefinition } from "./definition.ts";
import { cancelReason, taskErrors } from "./errors.ts";
import type { FaultHook } from "./fault.ts";
import { createGate } from "./gate.ts";
import { Leadership } from "./leadership.ts";
import { Reign } from "./reign.ts";
import { DEFAULT_RETRY_POLICIES, type RetryPolicies } from "./retry-policy.ts";
import { type Executor, type Order, type Sealer, insertTask } from "./submission.ts";
import { createTaskQueries, type TaskQueries } from "./task-list.ts";
import type { RunParts } from "./run-parts.ts";
import { TaskRun } from "./task-run.ts";
import { type Claim, createTaskStore } from "./task-store.ts";
import { type TaskState, type TaskView, hasEnded } from "./task-view.ts";

/*
 * What happens at the same time, and what makes each pair safe:
 *
 * | this               | and this                    | are safe because                                                |
 * |--------------------|-----------------------------|-----------------------------------------------------------------|
 * | submit             | submit for the same object  | The lock's primary key lets one through; locks are inserted in  |
 * |                    |                             | sorted order, so two submissions never wait for each other.     |
 * | submit             | its own rollback            | Task, steps, locks and the notification are one transaction.    |
 * | end of a task      | submit for the same object  | Locks are deleted in the statement that ends the task.          |
 * | cancel             | a step that just succeeds   | Both update the task's row `where state = …`; whoever comes     |
 * |                    |                             | second matches nothing and reads the row again.                 |
 * | cancel             | the point of no return      | The same: it is passed by the statement that ends the step      |
 * |                    |                             | before it, and cancel asks for `not no_return`.                 |
 * | cancel             | a task still waiting        | It becomes `cancelling` in the row; claimed so, it only unwinds.|
 * | cancel elsewhere   | the engine that runs it     | The notification aborts the step; the poll finds missed ones.   |
 * | progress           | end of the step             | Writes wait for each other in one run; a late one matches no    |
 * |                    |                             | row of the step it names. Both take the task's row first.       |
 * | engine             | engine (two processes)      | An advisory lock on a connection elects one; each write names   |
 * |                    |                             | the epoch of its election. What may overlap is the body of a    |
 * |                    |                             | step, for at most `graceMs`, and bodies may be repeated.        |
 * | loss of the lock   | steps under way             | They go on while the lock may come back. Their records are      |
 * |                    |                             | fenced by the epoch; once deposed, they are told to end.        |
 * | a task taken over  | its run of an earlier term  | A new run in this process waits until the old one has settled.  |
 * | stop               | steps under way             | They are told to end and waited for before the lock is given    |
 * |                    |                             | back; what they did is recorded, or repeated after the start.   |
 * | commit of a db step| loss of the connection      | Its record is in the same transaction: the rows tell which.     |
 * | claim              | claim                       | One at a time in an engine; the epoch in its condition between  |
 * |                    |                             | engines.                                                        |
 */

export interface TaskEngineOptions<Definitions extends readonly AnyTask[]> {
  /** Steps of kind `dbStep` use up to half of it at a time; the engine's lock has a connection of its own. */
  readonly pool: Pool;
  readonly definitions: Definitions;
  readonly ports: PortsOf<Definitions>;
  readonly log: Log;
  /** Of the times that are written and the pauses between attempts; default the system's. */
  readonly clock?: Clock;
  /** SQL sequence that gives task ids; default the engine's own. */
  readonly idSequence?: string;
  /** Tasks at work at the same time; default 64. More wait, the oldest first. */
  readonly concurrency?: number;
  readonly retry?: Partial<RetryPolicies>;
  /** Seals what is given as `secret`; without it secrets lie readable in their own table until the task ends. */
  readonly sealer?: Sealer;
  /**
   * A task could not go on and keeps its locks; raise an alarm. Called again for the same task when it is stuck again
   * and when an engine begins to lead.
   */
  readonly onStuck?: (task: TaskView) => void;
  /** How long a leader that lost its database connection works on in the hope of getting its lock back; default 3,000 ms. */
  readonly graceMs?: number;
  /** How often the engine looks for work nobody told it about; default 1,000 ms. */
  readonly pollMs?: number;
  /** How long `stop` waits for steps that do not heed their signal; default 10,000 ms. */
  readonly stopMs?: number;
  /** Tests interfere here. */
  readonly fault?: FaultHook;
}

export type CancelOutcome = "ok" | "notFound" | "finished" | "notCancellable" | "alreadyCancelled";

export interface TaskEngine extends TaskQueries {
  /**
   * Writes a task in the caller's transaction; nothing is there if that rolls back. Gives the task's id.
   * `tx` is the client of a transaction; a pool will do only for an order without locks.
   * Throws `conflict` OBJECT_BUSY with `params { urn, taskId }` when one of the locks is taken.
   */
  submit<Input, Secret>(
    tx: Executor,
    definition: TaskDefinition<Input, any, Secret>,
    order: Order<NoInfer<Input>, NoInfer<Secret>>,
  ): Promise<number>;
  /** Looks for new tasks now. Not needed for promptness: a committed submission notifies the engine by itself. */
  kick(): void;
  /** Asks for the end of a task and the unwinding of what it has done. `ok` means that it will end as cancelled. */
  cancel(taskId: number, user: string): Promise<CancelOutcome>;
  /** Lets a stuck task go on where it was; false when it is not stuck. */
  retryStuck(taskId: number): Promise<boolean>;
  /** Ends a stuck task as failed and releases its locks, when a person has cleaned up; false when it is not stuck. */
  abandonStuck(taskId: number, user: string): Promise<boolean>;
  /** Hears of every change and every progress of tasks that run in this process. Gives back how to stop listening. */
  onChange(listener: (task: TaskView) => void): () => void;
  /** The task once it has ended or is stuck. Throws `notFound` TASK_NOT_FOUND; rejects with the signal's reason. */
  whenEnded(taskId: number, signal?: AbortSignal): Promise<TaskView>;
  /** Begins to work as soon as no other engine does. */
  start(): void;
  /** Stops working without taking anything back; the next start goes on. */
  stop(): Promise<void>;
  readonly isLeading: boolean;
  /** Resolves when a fault has made this engine vanish. */
  readonly crashed: Promise<void>;
}

/** Runs tasks of the given definitions on the tables of TASK_TABLES_SQL. Started once and stopped once. */
export function createTaskEngine<const Definitions extends readonly AnyTask[]>(
  options: TaskEngineOptions<Definitions>,
): TaskEngine {
  const {
    pool,
    log,
    clock = systemClock,
    concurrency = 64,
    pollMs = 1_000,
    stopMs = 10_000,
    sealer,
  } = options;
  const definitions = indexByType(options.definitions);
  const store = createTaskStore(pool);
  const queries = createTaskQueries(pool);
  const listeners = new Set<(task: TaskView) => void>();
  const active = new Map<number, { readonly run: TaskRun; readonly settled: Promise<void> }>();
  const withConnection = createGate(Math.max(Math.floor((pool.options.max ?? 10) / 2), 1));
  const crash = Promise.withResolvers<void>();
  let reign: Reign | undefined;
  let poll: NodeJS.Timeout | undefined;
  let hasEndedWork = false;
  let isLooking = false;
  /** Whether more may be waiting than could be taken at the last look. */
  let hasBacklog = false;
  /** Whether the alarm of stuck tasks is to be raised again, since a crash may have come between row and alarm. */
  let mustAnnounceStuck = false;
  /** What is asked of the next round: to claim new work, or also to check what this engine should have at hand. */
  let wanted: "nothing" | "claim" | "inspect" = "nothing";

  const leadership = new Leadership({
    pool,
    log,
    graceMs: options.graceMs ?? 3_000,
    onElected: (epoch) => {
      reign = new Reign(epoch);
      mustAnnounceStuck = true;
      look("claim");
    },
    onDeposed: () => {
      reign?.end();
      reign = undefined;
      for (const { run } of active.values()) run.interrupt();
    },
    onReinstated: () => look("inspect"),
    onNotification: (payload) => {
      const cancelled = /^cancel:(\d+)$/.exec(payload)?.[1];
      if (cancelled !== undefined) active.get(Number(cancelled))?.run.cancel();
      look("claim");
    },
  });

  function look(what: "claim" | "inspect"): void {
    if (wanted !== "inspect") wanted = what;
    if (isLooking) return;
    isLooking = true;
    void lookWhileWanted();
  }

  async function lookWhileWanted(): Promise<void> {
    for (let current = reigning(); wanted !== "nothing" && current !== undefined; current = reigning()) {
      const isInspection = wanted === "inspect";
      wanted = "nothing";
      try {
        if (mustAnnounceStuck) await announceStuck();
        if (isInspection) await inspect(current);
        const free = Math.max(concurrency - active.size, 0);
        const claims = await store.claim(current.epoch, free, clock.now());
        hasBacklog = claims.length >= free;
        launch(current, claims);
      } catch (error) {
        // The next poll looks again, and finds as well what was claimed without our hearing of it.
        log[isDatabaseAway(error) ? "debug" : "error"](
          { err: error },
          "the task engine could not look for work",
        );
      }
    }
    // In the same turn as the last check, so that no wish falls between.
    isLooking = false;
  }

  const reigning = (): Reign | undefined => (hasEndedWork ? undefined : reign);

  async function inspect(current: Reign): Promise<void> {
    const mine = await store.openOf(current.epoch);
    for (const { id, state } of mine) if (state === "cancelling") active.get(id)?.run.cancel();
    const lost = mine.map(({ id }) => id).filter((id) => !active.has(id));
    if (lost.length > 0) launch(current, await store.load(lost, current.epoch));
  }

  async function announceStuck(): Promise<void> {
    for (const view of await queries.stuck()) raiseAlarm(view);
    mustAnnounceStuck = false;
  }

  function launch(current: Reign, claims: readonly Claim[]): void {
    for (const claim of claims.toSorted((a, b) => a.task.view.id - b.task.view.id)) {
      const { id, type } = claim.task.view;
      const definition = definitions.get(type) ?? { type, options: {}, steps: [], noReturnAt: undefined };
      const run = new TaskRun(partsOf(current), definition, claim, () => openSecret(claim.sealedSecret));
      active.set(id, { run, settled: drive(id, run, active.get(id)?.settled) });
    }
  }

  /** Waits for the run of an earlier term, so that a task is never worked on twice in this process. */
  async function drive(id: number, run: TaskRun, before: Promise<void> | undefined): Promise<void> {
    await before;
    await run.drive();
    if (active.get(id)?.run === run) active.delete(id);
    if (hasBacklog) look("claim");
  }

  const partsOf = (current: Reign): RunParts => ({
    reign: current,
    store,
    pool,
    ports: options.ports,
    clock,
    log,
    policies: { ...DEFAULT_RETRY_POLICIES, ...options.retry },
    fault: options.fault,
    withConnection,
    publish,
    onStuck: raiseAlarm,
    crash: vanish,
  });

  function raiseAlarm(view: TaskView): void {
    log.error({ taskId: view.id, reason: view.stuckReason }, "a task is stuck");
    guarded(() => options.onStuck?.(view));
  }

  function openSecret(sealed: string | undefined): unknown {
    if (sealed === undefined) return undefined;
    return JSON.parse(sealer === undefined ? sealed : sealer.open(sealed)) as unknown;
  }

  function publish(view: TaskView): void {
    // What goes on in a body after a crash or the end is nobody's news.
    if (hasEndedWork && reign === undefined) return;
    for (const listener of listeners) guarded(() => listener(view));
  }

  function guarded(call: () => void): void {
    try {
      call();
    } catch (error) {
      log.error({ err: error }, "a listener of the task engine failed");
    }
  }

  function vanish(): void {
    hasEndedWork = true;
    clearInterval(poll);
    reign?.end();
    reign = undefined;
    leadership.vanish();
    crash.resolve();
  }

  const engine: TaskEngine = {
    ...queries,

    submit: async (tx, definition, order) => {
      if (definitions.get(definition.type)?.steps !== definition.steps) {
        throw new Error(`The engine was not given the task ${definition.type}.`);
      }
      const idSequence = options.idSequence ?? "task_id_seq";
      return await insertTask(tx, definition, order, { idSequence, sealer, now: clock.now() });
    },

    kick: () => look("claim"),

    cancel: async (taskId, user) => {
      if (await store.requestCancel(taskId, user, cancelReason(taskId, user), clock.now())) {
        active.get(taskId)?.run.cancel();
        return "ok";
      }
      const task = await queries.find(taskId);
      if (task === undefined) return "notFound";
      if (hasEnded(task.state)) return "finished";
      return task.isCancelRequested ? "alreadyCancelled" : "notCancellable";
    },

    retryStuck: (taskId) => store.resume(taskId),

    abandonStuck: (taskId, user) => store.abandon(taskId, cancelReason(taskId, user), clock.now()),

    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },

    whenEnded: async (taskId, signal) => {
      for (;;) {
        signal?.throwIfAborted();
        const changed = Promise.withResolvers<void>();
        const stopListening = engine.onChange(({ id, state }) => {
          if (id === taskId && isAtRest(state)) changed.resolve();
        });
        // The task may run in another process, whose changes are not heard here.
        const timer = setTimeout(() => changed.resolve(), pollMs);
        const onAbort = (): void => changed.resolve();
        signal?.addEventListener("abort", onAbort);
        try {
          const task = await queries.find(taskId);
          if (task === undefined) throw taskErrors.notFound(taskId);
          if (isAtRest(task.state)) return task;
          await changed.promise;
        } catch (error) {
          if (!isDatabaseAway(error)) throw error;
          await changed.promise;
        } finally {
          stopListening();
          clearTimeout(timer);
          signal?.removeEventListener("abort", onAbort);
        }
      }
    },

    start: () => {
      if (hasEndedWork || poll !== undefined) throw new Error("A task engine is started once.");
      poll = setInterval(() => look("inspect"), pollMs);
      leadership.start();
    },

    stop: async () => {
      hasEndedWork = true;
      clearInterval(poll);
      for (const { run } of active.values()) run.interrupt();
      await settledWithin(
        [...active.values()].map(({ settled }) => settled),
        stopMs,
      );
      if (active.size > 0)
        log.warn({ tasks: [...active.keys()] }, "steps did not heed the end of the engine");
      reign?.end();
      reign = undefined;
      await leadership.resign();
    },

    get isLeading() {
      return reign !== undefined;
    },

    crashed: crash.promise,
  };
  return engine;
}

const isAtRest = (state: TaskState): boolean => hasEnded(state) || state === "stuck";

function indexByType(definitions: readonly AnyTask[]): Map<string, AnyTask> {
  const index = new Map<string, AnyTask>();
  for (const definition of definitions) {
    if (definition.steps.length === 0) throw new Error(`The task ${definition.type} has no steps.`);
    if (index.has(definition.type)) throw new Error(`There are two tasks of the type ${definition.type}.`);
    index.set(definition.type, definition);
  }
  return index;
}

async function settledWithin(promises: readonly Promise<unknown>[], ms: number): Promise<void> {
  const deadline = Promise.withResolvers<void>();
  const timer = setTimeout(deadline.resolve, ms);
  await Promise.race([Promise.all(promises), deadline.promise]);
  clearTimeout(timer);
}
