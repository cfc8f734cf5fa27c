import { setTimeout as delay } from "node:timers/promises";
import { type AppError, type Clock, type Log, type SerializedError, toAppError } from "@sinter/kit";
import type { Pool } from "pg";
import { isDatabaseAway, isSerializationFailure } from "./database-errors.ts";
import type { AnyTask, Step, StepContext, TaskTx } from "./definition.ts";
import { taskErrors } from "./errors.ts";
import type { FaultHook, FaultPoint } from "./fault.ts";
import { ProgressScale, Throttle } from "./progress-meter.ts";
import { Interrupted, type Reign } from "./reign.ts";
import { type RetryPolicies, delayAfter, isRetryable } from "./retry-policy.ts";
import { deepFreeze, toStoredJson, toStoredText } from "./stored-json.ts";
import type { Claim, StepWrite, TaskStore, Transition } from "./task-store.ts";
import { type StepRecord, type TaskRecord, type TaskState, type TaskView, hasEnded } from "./task-view.ts";

/** What a run needs of its engine. */
export interface RunParts {
  readonly reign: Reign;
  readonly store: TaskStore;
  readonly pool: Pool;
  readonly ports: unknown;
  readonly clock: Clock;
  readonly log: Log;
  readonly policies: RetryPolicies;
  readonly fault: FaultHook | undefined;
  /** Lets a bounded number of database steps hold a connection at a time. */
  readonly withConnection: <T>(work: () => Promise<T>) => Promise<T>;
  readonly publish: (view: TaskView) => void;
  readonly onStuck: (view: TaskView) => void;
  /** Makes the engine vanish, as a fault asks. */
  readonly crash: () => void;
}

const MESSAGE_LENGTH_MAX = 500;
const LOG_LINES_MAX = 100;
const DATABASE_RETRY_MS = 100;

type Change = Partial<Pick<Transition, "to" | "currentStep" | "message" | "reason" | "stuckReason">>;
type Patches = ReadonlyMap<number, Partial<Omit<StepRecord, "position" | "name">>>;
/** What a failed attempt threw; an attempt that was recorded leaves nothing to say. */
type Failure = { readonly error: unknown } | undefined;

/** The life of one task in one term of an engine: forward, and when need be back. */
export class TaskRun {
  readonly taskId: number;
  readonly #parts: RunParts;
  readonly #definition: AnyTask;
  readonly #openSecret: () => unknown;
  readonly #input: unknown;
  readonly #scale: ProgressScale;
  readonly #throttle: Throttle;
  readonly #log: Log;
  /** Ends runs and undos: the engine stops. */
  readonly #halt = new AbortController();
  /** Ends runs only: the engine stops or the task is cancelled. */
  readonly #forward = new AbortController();
  #secret: unknown;
  #task: TaskRecord;
  #steps: StepRecord[];
  #progress: number;
  #message: string;

  constructor(parts: RunParts, definition: AnyTask, claim: Claim, openSecret: () => unknown) {
    const { task, steps, input } = claim;
    this.taskId = task.view.id;
    this.#parts = parts;
    this.#definition = definition;
    this.#task = task;
    this.#steps = steps;
    this.#input = deepFreeze(input);
    this.#openSecret = openSecret;
    this.#progress = task.view.progress;
    this.#message = task.view.message;
    this.#scale = new ProgressScale(definition.steps.map(({ weight }) => weight));
    this.#throttle = new Throttle(parts.clock, () => this.#writeProgress());
    this.#log = parts.log.child({ taskId: this.taskId, task: definition.type });
  }

  /** Tells the step under way that the task is cancelled. The database already says so. */
  cancel(): void {
    this.#forward.abort(taskErrors.cancelled(this.taskId, ""));
  }

  /** Tells the step under way that the engine stops. Nothing is taken back. */
  interrupt(): void {
    this.#forward.abort(taskErrors.engineStopping());
    this.#halt.abort(taskErrors.engineStopping());
  }

  /** Resolves when the task has ended, is stuck or was interrupted; never rejects. */
  async drive(): Promise<void> {
    try {
      this.#publish();
      this.#checkSteps();
      this.#secret = deepFreeze(this.#openSecret());
      while (!hasEnded(this.#state) && this.#state !== "stuck") {
        if (this.#state === "running") await this.#goForward();
        else await this.#unwind();
      }
    } catch (error) {
      if (error instanceof Interrupted) return;
      this.#log.error({ err: error }, "a task cannot go on");
      // When even that cannot be written, the task stays as it is and the next start tries again.
      await this.#getStuck(toAppError(error), new Map()).catch(() => {});
    } finally {
      await this.#throttle.quiet();
    }
  }

  get #state(): TaskState {
    return this.#task.view.state;
  }

  // ── forward ────────────────────────────────────────────────────────────────────────────────────────────────────

  async #goForward(): Promise<void> {
    let position = this.#steps.findIndex(({ state }) => state !== "done");
    if (position < 0) return void (await this.#record({ to: "succeeded", currentStep: "" }, new Map()));
    let failures = 0;
    if (!(await this.#begin(position))) return;
    while (this.#state === "running") {
      const failure = await this.#attempt(position);
      if (failure === undefined) {
        position += 1;
        failures = 0;
      } else if (!(await this.#isWorthRepeating(position, failure.error, ++failures))) return;
    }
  }

  async #begin(position: number): Promise<boolean> {
    return await this.#record({ currentStep: this.#step(position).name, message: "" }, this.#begun(position));
  }

  #begun(position: number): Patches {
    const { attempts, startedAt } = this.#row(position);
    const now = this.#parts.clock.now();
    return new Map([
      [
        position,
        { state: "running", attempts: attempts + 1, startedAt: startedAt ?? now, finishedAt: undefined },
      ],
    ]);
  }

  /** Runs a step once. When that succeeds it is recorded together with the beginning of the next. */
  async #attempt(position: number): Promise<Failure> {
    const step = this.#step(position);
    const { attempts } = this.#row(position);
    return await this.#withContext(position, attempts, this.#forward.signal, async (context) => {
      if (step.kind === "database") {
        return await this.#inTransaction(position, "done", "run", attempts, async (tx) => {
          const output = await step.run(context, tx);
          return () => this.#afterRun(position, output);
        });
      }
      const output = await this.#surrounded(step, "run", attempts, () => step.run(context, NO_TX));
      const { change, patches } = this.#afterRun(position, output);
      await this.#record(change, patches);
      return undefined;
    });
  }

  #afterRun(position: number, output: unknown): { change: Change; patches: Patches } {
    const next = position + 1;
    const now = this.#parts.clock.now();
    const done = {
      state: "done",
      output: fromJson(toStoredJson(output)),
      error: undefined,
      finishedAt: now,
    } as const;
    if (next === this.#steps.length) {
      return {
        change: { to: "succeeded", currentStep: "", message: "" },
        patches: new Map([[position, done]]),
      };
    }
    // The end of one step and the beginning of the next are one write, which halves what a step costs.
    const patches = new Map([...this.#begun(next), [position, done]]);
    return { change: { currentStep: this.#step(next).name, message: "" }, patches };
  }

  /** Decides after a failed run: again (true, after the pause), or the task's state has changed (false). */
  async #isWorthRepeating(position: number, error: unknown, failures: number): Promise<boolean> {
    this.#assertNotHalted();
    if (this.#forward.signal.aborted) {
      await this.#refresh();
      return false;
    }
    const step = this.#step(position);
    const policies = { ...this.#parts.policies, ...this.#definition.options.retry };
    const policy = step.retry ?? (this.#task.noReturn ? policies.noReturn : policies.run);
    const reason = toAppError(error);
    this.#log.warn({ err: error, step: step.name, failures }, "a step failed");
    const patch = this.#failed(position, reason);
    if (failures < policy.attempts && (this.#task.noReturn || isRetryable(error))) {
      const patches = new Map([[position, patch]]);
      if (!(await this.#record({ message: reason.message }, patches))) return false;
      return (
        (await this.#sleep(delayAfter(failures, policy), this.#forward.signal)) &&
        (await this.#begin(position))
      );
    }
    const patches = new Map([
      [position, { ...patch, state: "failed", finishedAt: this.#parts.clock.now() } as const],
    ]);
    if (this.#task.noReturn) await this.#getStuck(reason, patches);
    else await this.#record({ to: "unwinding", reason: serialize(reason), message: reason.message }, patches);
    return false;
  }

  // ── back ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Takes back from the newest step that has begun to the first, which is taken back even if it never began. */
  async #unwind(): Promise<void> {
    const newest = Math.max(
      this.#steps.findLastIndex(({ state }) => state !== "pending"),
      0,
    );
    const targets = this.#steps
      .slice(0, newest + 1)
      .filter(({ position, state }) => state !== "undone" && this.#step(position).undo !== undefined)
      .map(({ position }) => position)
      .toReversed();
    const first = targets[0];
    if (first === undefined) return void (await this.#record(this.#ending(), this.#leftovers()));
    if (!(await this.#beginUndo(first))) return;
    for (const [index, position] of targets.entries()) {
      for (let failures = 1; ; failures++) {
        const failure = await this.#attemptUndo(position, targets[index + 1]);
        if (failure === undefined) break;
        if (!(await this.#isUndoWorthRepeating(position, failure.error, failures))) return;
      }
      if (this.#state !== "unwinding" && this.#state !== "cancelling") return;
    }
  }

  async #beginUndo(position: number): Promise<boolean> {
    return await this.#record({ currentStep: this.#step(position).name }, this.#undoBegun(position));
  }

  #undoBegun(position: number): Patches {
    return new Map([[position, { state: "undoing", undoAttempts: this.#row(position).undoAttempts + 1 }]]);
  }

  async #attemptUndo(position: number, next: number | undefined): Promise<Failure> {
    const step = this.#step(position);
    const { undoAttempts } = this.#row(position);
    const undo = step.undo ?? (() => undefined);
    return await this.#withContext(position, undoAttempts, this.#halt.signal, async (context) => {
      if (step.kind === "database") {
        return await this.#inTransaction(position, "undone", "undo", undoAttempts, async (tx) => {
          await undo(context, tx);
          return () => this.#afterUndo(position, next);
        });
      }
      await this.#surrounded(step, "undo", undoAttempts, () => undo(context, NO_TX));
      const { change, patches } = this.#afterUndo(position, next);
      await this.#record(change, patches);
      return undefined;
    });
  }

  #afterUndo(position: number, next: number | undefined): { change: Change; patches: Patches } {
    const undone = { state: "undone", finishedAt: this.#parts.clock.now() } as const;
    if (next === undefined) {
      return { change: this.#ending(), patches: new Map([...this.#leftovers(), [position, undone]]) };
    }
    const patches = new Map([...this.#undoBegun(next), [position, undone]]);
    return { change: { currentStep: this.#step(next).name }, patches };
  }

  async #isUndoWorthRepeating(position: number, error: unknown, failures: number): Promise<boolean> {
    this.#assertNotHalted();
    const policy = { ...this.#parts.policies, ...this.#definition.options.retry }.undo;
    const reason = toAppError(error);
    this.#log.warn({ err: error, step: this.#step(position).name, failures }, "taking back a step failed");
    const patches = new Map([[position, this.#failed(position, reason, "undo ")]]);
    if (failures >= policy.attempts) {
      await this.#getStuck(reason, patches);
      return false;
    }
    if (!(await this.#record({}, patches))) return false;
    await this.#sleep(delayAfter(failures, policy), this.#halt.signal);
    return await this.#beginUndo(position);
  }

  #ending(): Change {
    return { to: this.#state === "cancelling" ? "cancelled" : "failed", currentStep: "" };
  }

  /** Steps without an undo that were interrupted. */
  #leftovers(): Patches {
    const running = this.#steps.filter(({ state }) => state === "running");
    return new Map(
      running.map(({ position }) => [position, { state: "failed", finishedAt: this.#parts.clock.now() }]),
    );
  }

  // ── around a body ──────────────────────────────────────────────────────────────────────────────────────────────

  async #withContext(
    position: number,
    attempt: number,
    signal: AbortSignal,
    work: (context: StepContext<never, never, never, never>) => Promise<Failure>,
  ): Promise<Failure> {
    const step = this.#step(position);
    let isCurrent = true;
    const { view } = this.#task;
    const before = this.#steps.slice(0, position);
    const context: StepContext<unknown, unknown, unknown, unknown> = {
      taskId: this.taskId,
      operationId: `${this.taskId}:${step.name}`,
      attempt,
      entity: view.entity,
      user: view.user,
      input: this.#input,
      secret: this.#secret,
      done: deepFreeze(Object.fromEntries(before.map(({ name, output }) => [name, output]))),
      ports: this.#parts.ports,
      signal,
      log: this.#log.child({ step: step.name }),
      progress: (fraction, message) => {
        if (isCurrent) this.#progressed(position, fraction, message);
      },
      note: (line) => {
        if (isCurrent) this.#noted(position, line);
      },
    };
    try {
      // The definition's types were checked where it was written; here they are unknown.
      return await work(context as StepContext<never, never, never, never>);
    } catch (error) {
      if (error instanceof Interrupted) throw error;
      return { error };
    } finally {
      isCurrent = false;
    }
  }

  /** The body with the places around it at which a test may interfere. */
  async #surrounded<T>(
    step: Step,
    what: "run" | "undo",
    attempt: number,
    body: () => T,
  ): Promise<Awaited<T>> {
    this.#assertNotHalted();
    const before = await this.#fault({ step: step.name, phase: `before-${what}`, attempt });
    let result = await body();
    if (before === "twice") result = await body();
    await this.#fault({ step: step.name, phase: `after-${what}`, attempt });
    return result;
  }

  /** Runs a database step and writes its record in one transaction. */
  async #inTransaction(
    position: number,
    achieved: "done" | "undone",
    what: "run" | "undo",
    attempt: number,
    body: (tx: TaskTx) => Promise<() => { change: Change; patches: Patches }>,
  ): Promise<Failure> {
    this.#assertNotHalted();
    const { reign, pool, store } = this.#parts;
    const step = this.#step(position).name;
    await this.#throttle.quiet();
    try {
      const before = await this.#fault({ step, phase: `before-${what}`, attempt });
      const written = await this.#parts.withConnection(() =>
        reign.transaction(pool, async (tx) => {
          if (before === "twice") {
            await tx.query("savepoint first_time");
            await body(tx);
            await tx.query("rollback to savepoint first_time");
          }
          const { change, patches } = (await body(tx))();
          await this.#fault({ step, phase: `after-${what}`, attempt });
          const record = await store.record(this.#transition(change, patches), tx);
          return record && { record, patches };
        }),
      );
      if (written === undefined) await this.#refresh();
      else this.#adopt(written.record, written.patches);
      return undefined;
    } catch (error) {
      if (!isDatabaseAway(error)) throw error;
      // Whether the commit arrived is unknown; the rows tell.
      await this.#reload();
      if (this.#row(position).state === achieved) return undefined;
      throw error;
    }
  }

  async #fault(point: Pick<FaultPoint, "step" | "phase" | "attempt">): Promise<"twice" | undefined> {
    const fault = await this.#parts.fault?.({ taskId: this.taskId, type: this.#definition.type, ...point });
    if (fault === undefined || fault === "twice") return fault;
    if (fault === "fail") throw taskErrors.injectedFault(point.step, point.phase);
    if (fault !== "crash") throw fault;
    this.#parts.crash();
    throw new Interrupted("The engine has crashed.");
  }

  // ── what is written ────────────────────────────────────────────────────────────────────────────────────────────

  /** Writes a transition. False: the task is in another state than thought, which is now known. */
  async #record(change: Change, patches: Patches): Promise<boolean> {
    await this.#throttle.quiet();
    const transition = this.#transition(change, patches);
    const record = await this.#patiently(() => this.#parts.store.record(transition));
    if (record === undefined) {
      await this.#refresh();
      return false;
    }
    this.#adopt(record, patches);
    return true;
  }

  #transition(change: Change, patches: Patches): Transition {
    const { view } = this.#task;
    const to = change.to ?? view.state;
    const steps = this.#steps.map((step) => ({ ...step, ...patches.get(step.position) }));
    const firstOpen = steps.findIndex(({ state }) => state !== "done");
    const percent = to === "running" && firstOpen >= 0 ? this.#scale.percent(firstOpen, 0) : 0;
    const noReturnAt = this.#definition.noReturnAt ?? Number.POSITIVE_INFINITY;
    return {
      taskId: this.taskId,
      epoch: this.#parts.reign.epoch,
      from: view.state,
      to,
      progress: hasEnded(to) ? 100 : Math.max(percent, this.#progress),
      currentStep: change.currentStep ?? view.currentStep,
      message: toStoredText(change.message ?? this.#message, MESSAGE_LENGTH_MAX),
      noReturn: firstOpen >= noReturnAt,
      reason: change.reason,
      stuckReason: change.stuckReason,
      finishedAt: hasEnded(to) ? this.#parts.clock.now() : undefined,
      steps: steps.filter(({ position }) => patches.has(position)).map(toStepWrite),
    };
  }

  #adopt(record: TaskRecord, patches: Patches): void {
    this.#task = record;
    this.#steps = this.#steps.map((step) => ({ ...step, ...patches.get(step.position) }));
    this.#progress = record.view.progress;
    this.#message = record.view.message;
    this.#publish();
    if (record.view.state === "stuck") this.#parts.onStuck(record.view);
    if (hasEnded(record.view.state)) this.#log.info({ state: record.view.state }, "a task has ended");
  }

  async #getStuck(reason: AppError, patches: Patches): Promise<void> {
    const stuckReason = serialize(reason);
    await this.#record({ to: "stuck", stuckReason, message: stuckReason.message }, patches);
  }

  #progressed(position: number, fraction: number, message: string | undefined): void {
    const isRunning = this.#state === "running";
    const percent = isRunning && Number.isFinite(fraction) ? this.#scale.percent(position, fraction) : 0;
    const text = message === undefined ? this.#message : toStoredText(message, MESSAGE_LENGTH_MAX);
    if (percent <= this.#progress && text === this.#message) return;
    this.#progress = Math.max(this.#progress, percent);
    this.#message = text;
    this.#patch(position, { message: text });
    this.#publish();
    this.#throttle.request();
  }

  #noted(position: number, line: string): void {
    this.#patch(position, { log: this.#logWith(position, line) });
    this.#throttle.request();
  }

  /** What a failure leaves in the step's row. */
  #failed(position: number, reason: AppError, prefix = ""): Partial<StepRecord> {
    const { attempts, undoAttempts } = this.#row(position);
    const attempt = prefix === "" ? attempts : undoAttempts;
    const line = `${prefix}attempt ${attempt} failed: ${reason.message}`;
    return { error: serialize(reason), log: this.#logWith(position, line) };
  }

  #logWith(position: number, line: string): StepRecord["log"] {
    const text = toStoredText(line, MESSAGE_LENGTH_MAX);
    return [...this.#row(position).log, { at: this.#parts.clock.now(), text }].slice(-LOG_LINES_MAX);
  }

  async #writeProgress(): Promise<void> {
    const { reign, store } = this.#parts;
    const step = this.#steps.find(({ state }) => state === "running" || state === "undoing");
    if (step === undefined) return;
    try {
      reign.assertMayWrite();
      await store.recordProgress({
        taskId: this.taskId,
        epoch: reign.epoch,
        step: step.name,
        stepState: step.state,
        progress: this.#progress,
        message: this.#message,
        log: step.log,
      });
    } catch (error) {
      // Only how far it is; the next transition writes it again.
      this.#log.debug({ err: error }, "progress was not written");
    }
  }

  // ── reading, waiting ───────────────────────────────────────────────────────────────────────────────────────────

  /** Reads the task's state again, after a write that met another one. */
  async #refresh(): Promise<void> {
    const { store, reign } = this.#parts;
    const task = await this.#patiently(() => store.find(this.taskId));
    if (task === undefined || task.epoch !== reign.epoch)
      throw new Interrupted("Another engine has the task.");
    this.#task = task;
    this.#progress = Math.max(this.#progress, task.view.progress);
    this.#publish();
  }

  async #reload(): Promise<void> {
    await this.#refresh();
    this.#steps = await this.#patiently(() => this.#parts.store.steps(this.taskId));
  }

  /** Repeats a query while PostgreSQL is away, for as long as the engine lives. */
  async #patiently<T>(query: () => Promise<T>): Promise<T> {
    for (;;) {
      this.#parts.reign.assertMayWrite();
      try {
        return await query();
      } catch (error) {
        if (!isDatabaseAway(error) && !isSerializationFailure(error)) throw error;
        this.#assertNotHalted();
      }
      // Real time: this waits for a server, not for an hour of the task's clock.
      await delay(DATABASE_RETRY_MS, undefined, { signal: this.#halt.signal }).catch(() => {});
    }
  }

  /** False when the task was cancelled meanwhile. */
  async #sleep(ms: number, signal: AbortSignal): Promise<boolean> {
    try {
      signal.throwIfAborted();
      await this.#parts.clock.sleep(ms, signal);
      return true;
    } catch {
      this.#assertNotHalted();
      await this.#refresh();
      return false;
    }
  }

  #assertNotHalted(): void {
    this.#parts.reign.assertMayWrite();
    if (this.#halt.signal.aborted) throw new Interrupted("The engine stops.");
  }

  /** A task whose steps are not those of this version must not guess which of them it has done. */
  #checkSteps(): void {
    const stored = this.#steps.map(({ name }) => name);
    const known = this.#definition.steps.map(({ name }) => name);
    if (known.length === 0) throw taskErrors.unknownType(this.#definition.type);
    if (stored.join("\n") !== known.join("\n"))
      throw taskErrors.stepsChanged(this.#definition.type, stored, known);
  }

  #publish(): void {
    this.#parts.publish({ ...this.#task.view, progress: this.#progress, message: this.#message });
  }

  #patch(position: number, patch: Partial<StepRecord>): void {
    this.#steps = this.#steps.map((step) => (step.position === position ? { ...step, ...patch } : step));
  }

  #step(position: number): Step {
    return at(this.#definition.steps, position);
  }

  #row(position: number): StepRecord {
    return at(this.#steps, position);
  }
}

/** What stands in place of a transaction for steps that were not promised one. */
const NO_TX = undefined as unknown as TaskTx;

const fromJson = (text: string): unknown => (JSON.parse(text) as unknown) ?? undefined;

/** Bounded and without what PostgreSQL refuses. */
function serialize(error: AppError): SerializedError {
  const { kind, code, message, params } = error.toJSON();
  return { kind, code, message: toStoredText(message, MESSAGE_LENGTH_MAX), params };
}

const toStepWrite = ({ output, ...step }: StepRecord): StepWrite => ({
  ...step,
  output: toStoredJson(output),
});

function at<T>(items: readonly T[], position: number): T {
  const item = items[position];
  if (item === undefined) throw new Error(`There is no step ${position}.`);
  return item;
}
